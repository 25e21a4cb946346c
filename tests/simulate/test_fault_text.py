from __future__ import annotations

import pytest

from separatrix.errors import ModelError
from separatrix.model import Outage, Slowdown, Spike
from separatrix.simulate.fault_text import (
    parse_outage,
    parse_slowdown,
    parse_spike,
    with_faults,
)


def test_faults_in_one_word():
    assert parse_spike("client:3x@600s+60s") == Spike("client", 3.0, 600.0, 60.0)
    assert parse_spike(" a:b c:0.5@1h+1.5min ") == Spike("a:b c", 0.5, 3600.0, 90.0)
    assert parse_slowdown("db:4x@10min+90s") == Slowdown("db", 4.0, 600.0, 90.0)
    assert parse_outage("db@10min+200ms") == Outage("db", 600.0, 0.2)


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (parse_spike, "client@600s+60s"),
        (parse_spike, "client:3x"),
        (parse_spike, ""),
        (parse_outage, "db:3x@1s+1s"),
        (parse_slowdown, "db:3x@1s"),
    ],
)
def test_what_is_none_is_said_with_an_example(parse, text):
    with pytest.raises(ModelError, match=r"is not a \w+; write '.*@.*\+.*'"):
        parse(text)


@pytest.mark.parametrize("text", ["c:3x@-1s+2s", "c:0x@1s+2s", "c:3x@1s+0s", "c:3x@nan+1s"])
def test_bad_numbers_are_told_by_the_model(text):
    with pytest.raises(ModelError, match="Spike"):
        parse_spike(text)


def test_faults_are_added_and_names_checked(one_server):
    program = one_server([0.0], faults=(Outage("s", 0.0, 1.0),))
    more = with_faults(program, [parse_spike("c:2x@5s+1s")])
    assert len(more.faults.faults) == 2
    assert len(program.faults.faults) == 1
    assert more.connections == program.connections
    with pytest.raises(ModelError, match="did you mean 'c'"):
        with_faults(program, [parse_spike("cc:2x@5s+1s")])
