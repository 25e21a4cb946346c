"""The spike that a report supposes where the model names no fault: just past the tipping point, else 3x."""

from __future__ import annotations

import pytest

from separatrix import Program, Server, Source, Work
from separatrix.questions.supposed_spike import PAST, PATIENCES, STANDARD, supposed_spike
from separatrix.questions.tipping import fluid_tipping
from separatrix.questions.trapped import fluid_trapped


def storm(retries):
    program = Program("storm")
    program.add_server(Server("db", {"read": Work(10.0)}, qsize=200, thread_pool=10))
    program.add_source(Source("web", "read", 80.0, timeout=1.0, retries=retries))
    program.connect("web", "db")
    return program


def test_it_is_just_past_the_smallest_that_traps():
    program = storm(3)
    found = supposed_spike(program)
    (fault,) = found.program.faults.faults
    tipping = fluid_tipping(program, PATIENCES * 1.0).factor
    assert fault.duration == PATIENCES * 1.0
    assert fault.factor == pytest.approx(PAST * tipping, rel=0.05)
    assert fault.factor > tipping
    assert fluid_trapped(program, [fault])
    assert f"{tipping:.3g}x is the smallest" in found.reason
    assert not program.faults.faults


def test_where_nothing_traps_it_is_the_standard_one_and_says_so():
    found = supposed_spike(storm(0))
    (fault,) = found.program.faults.faults
    assert fault.factor == STANDARD
    assert "none up to 100x traps it" in found.reason
