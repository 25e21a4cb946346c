"""Limits: read, written, refused, reached by path."""

from __future__ import annotations

import pytest

from separatrix.errors import ModelError
from separatrix.model import Limit
from separatrix.model.edits import Document
from separatrix.model.files import loads
from separatrix.model.limits import QUANTITIES, as_limit
from separatrix.model.parameters import parameter, with_parameter

MODEL = """separatrix: 1
name: p
servers: {db: {qsize: 9, apis: {get: {processing_rate: 1}}}}
sources: {web: {server: db, api: get, arrival_rate: 0.5}}
# what we promise
limits:
  - recovery_p99 < 5min   # the page must not ring twice
  - goodput > 0.99
"""


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("recovery_p99 < 5min", Limit("recovery_p99", 300.0)),
        ("tipping_spike > 2x for 60s", Limit("tipping_spike", 2.0, 60.0)),
        ("goodput > 0.99", Limit("goodput", 0.99)),
    ],
)
def test_the_three_of_the_documentation(text, limit):
    assert as_limit(text) == limit
    assert as_limit(str(limit)) == limit
    assert as_limit(limit) is limit


def test_a_limit_holds_on_the_good_side_only():
    short, much = as_limit("recovery_p99 < 5min"), as_limit("goodput > 99%")
    assert short.holds(299.0)
    assert not short.holds(300.0)
    assert not short.holds(float("inf"))
    assert much.holds(0.991)
    assert not much.holds(0.99)


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_the_wrong_side_is_refused(quantity):
    known = QUANTITIES[quantity]
    wrong = ">" if known.sign == "<" else "<"
    with pytest.raises(ValueError, match="is bounded with"):
        as_limit(f"{quantity} {wrong} 0.5")


def test_a_limit_in_python_is_checked_too():
    with pytest.raises(ModelError, match="for how long"):
        Limit("tipping_spike", 2.0)
    with pytest.raises(ModelError, match="did you mean 'goodput'"):
        Limit("godput", 0.5)
    with pytest.raises(ModelError, match="must be > 0 s, got nan"):
        Limit("recovery_p99", float("nan"))
    for factor in (0.5, 1.0):
        with pytest.raises(ModelError, match=r"makes nothing worse.*give one > 1"):
            Limit("tipping_spike", factor, 60.0)


def test_paths_and_edits_reach_limits():
    program = loads(MODEL)
    assert parameter(program, "limits.0") == Limit("recovery_p99", 300.0)
    changed = with_parameter(program, "limits.1", "goodput > 0.9")
    assert changed.limits[1] == Limit("goodput", 0.9)
    assert with_parameter(program, "limits.1", Limit("goodput", 0.9)) == changed
    with pytest.raises(ModelError, match=r"did you mean 'limits\.1'"):
        parameter(program, "limits.2")
    document = Document(MODEL)
    document.set("limits.0", "recovery_p99 < 2min")
    assert "  - recovery_p99 < 2min   # the page must not ring twice" in document.text


def test_a_list_of_limits_is_a_list():
    with pytest.raises(ModelError, match="must be a list of limits"):
        loads(MODEL.split("limits:")[0] + "limits: goodput > 0.9\n")
