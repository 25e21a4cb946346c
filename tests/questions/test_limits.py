"""Limits as a gate: what holds, what fails, and why."""

from __future__ import annotations

import json
from math import inf

import pytest
from click.testing import CliRunner

from separatrix import Program, Server, Source, Work, check
from separatrix.cli import main
from separatrix.model.files import loads
from separatrix.model.limits import as_limit
from separatrix.questions.limits import gate, kept_limits
from separatrix.questions.tipping_curve import tipping_curve

STORM = """separatrix: 1
name: storm
servers:
  s: {qsize: 60, apis: {get: {processing_rate: 10/s}}}
sources:
  c: {server: s, api: get, arrival_rate: 6.5/s, timeout: 3s, retries: 1}
limits:
"""


PLAIN = STORM.removesuffix("limits:\n")


def kept_program() -> Program:
    return loads(PLAIN)


def judged(*limits: str, rate: float = 6.5, retries: int = 1):
    program = Program("p", limits=map(as_limit, limits))
    program.add_server(Server("s", {"get": Work(10.0)}, qsize=60))
    program.add_source(Source("c", "get", rate, timeout=3.0, retries=retries))
    program.connect("c", "s")
    return kept_limits(check(program))


def test_times_and_goodput_are_the_verdicts():
    fails, holds, good, rare = judged(
        "recovery_p99 < 5min", "recovery_p99 < 100y", "goodput > 0.9", "collapse_mean > 1h"
    )
    assert (fails.outcome, holds.outcome, good.outcome, rare.outcome) == (
        "fails", "holds", "holds", "holds",
    )  # fmt: skip
    assert fails.value == holds.value
    assert fails.value > 300
    assert 0.99 < good.value <= 1
    assert gate((fails, holds)) == "fails"
    assert gate((holds, good)) == "holds"
    assert gate(()) == "holds"


def test_where_nothing_is_healthy_nothing_recovers():
    back, lasts, good = judged(
        "recovery_mean < 1h", "collapse_mean > 1s", "goodput > 0.5", rate=15.0, retries=0
    )
    assert (back.value, lasts.value, good.value) == (inf, 0.0, 0.0)
    assert {k.outcome for k in (back, lasts, good)} == {"fails"}
    assert back.to_dict()["value"] == "inf"


def test_a_service_without_a_stuck_state_keeps_what_is_promised_of_one():
    lasts, spike = judged(
        "collapse_mean > 1000y", "tipping_spike > 5x for 60s", rate=4.0, retries=0
    )
    assert (lasts.value, lasts.outcome) == (inf, "holds")
    assert spike.outcome == "holds"


def test_a_tipping_limit_is_tried_at_its_bound():
    # at 6.5 of 10/s: twice the rate for 20 s fills the queue, for 1 s it does not
    short, long, slow = judged(
        "tipping_spike > 2x for 1s", "tipping_spike > 2x for 20s", "tipping_slowdown > 4x for 20s"
    )
    assert (short.outcome, long.outcome, slow.outcome) == ("holds", "fails", "fails")
    assert "a spike of 2x for 20 s traps it with probability" in long.reason
    # the fluid knows its own tipping factor: a longer spike may be smaller
    assert 1 < long.value < 2 < short.value
    assert 1 < slow.value < 4


def test_limit_curve_and_command_name_the_same_number():
    (kept,) = judged("tipping_spike > 2x for 20s")
    (point,) = tipping_curve(kept_program(), durations=[20.0]).points
    three = tipping_curve(kept_program(), durations=[5.0, 10.0, 20.0]).points
    run = CliRunner().invoke(main, ["tipping", "-", "--for", "20s", "--json"], input=PLAIN)
    assert kept.value == point.factor == three[-1].factor
    assert kept.value == json.loads(run.output)["points"][0]["factor"]


@pytest.mark.parametrize(
    ("limits", "code"),
    [("  - recovery_p99 < 5min\n  - goodput > 0.5\n", 10), ("  - goodput > 0.5\n", 0)],
)
def test_limits_decide_the_exit_code(limits, code):
    result = CliRunner().invoke(main, ["check", "-"], input=STORM + limits)
    assert result.exit_code == code, result.output
    assert "limit:" in result.output
    data = json.loads(
        CliRunner().invoke(main, ["check", "-", "--json"], input=STORM + limits).output
    )
    assert data["verdict"] == "can get stuck"
    assert ("fails" in [k["outcome"] for k in data["limits"]]) == (code == 10)


def test_a_wrong_limit_is_wrong_input():
    result = CliRunner().invoke(main, ["check", "-"], input=STORM + "  - goodput < 0.5\n")
    assert result.exit_code == 3
    assert "is bounded with '>'" in result.output
