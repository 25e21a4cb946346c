"""Smallest faults: monotone, where they must be, and confirmed by runs."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from click.testing import CliRunner

from separatrix import Program, Server, Source, Work
from separatrix.cli import main
from separatrix.errors import ModelError
from separatrix.questions.tipping import confirmed, tipping_curve


def storm(rate=80.0, retries=3):
    program = Program("storm")
    program.add_server(Server("db", {"read": Work(10.0)}, qsize=200, thread_pool=10))
    program.add_source(Source("web", "read", rate, timeout=1.0, retries=retries))
    program.connect("web", "db")
    return program


def test_longer_spikes_need_smaller_factors():
    curve = tipping_curve(storm())
    factors = [point.factor for point in curve.points]
    assert len(factors) == 20
    assert all(a >= b for a, b in pairwise(factors))
    # no spike below capacity can fill a queue, however long
    assert min(factors) > 100 / 80


def test_higher_load_tips_sooner():
    (low,) = tipping_curve(storm(60.0), durations=[2.0]).points
    (high,) = tipping_curve(storm(90.0), durations=[2.0]).points
    assert high.factor < low.factor


def test_half_a_timeouts_outage_brings_nobody_back():
    (point,) = tipping_curve(storm(), kind="outage").points
    # nobody waits longer than the outage and its backlog: 80/s over D, worked off at 100/s
    assert 0.5 < point.duration < 1.2


def test_without_retries_nothing_traps():
    curve = tipping_curve(storm(retries=0), durations=[1.0, 10.0])
    assert [point.factor for point in curve.points] == [float("inf")] * 2
    assert "No spike" in curve.finding()
    assert curve.to_dict()["points"][0]["factor"] is None


def test_stuck_without_any_fault_is_said():
    curve = tipping_curve(storm(rate=130.0))
    assert curve.status == "inconclusive"
    assert "without any fault" in curve.finding()


def test_runs_tip_about_where_the_fluid_does():
    program = storm()
    curve = tipping_curve(program, durations=[4.0])
    (point,) = confirmed(program, curve, runs=16).points
    assert point.seen is not None
    assert point.seen.low < point.seen.high
    assert 0.75 * point.factor < point.seen.middle < 1.3 * point.factor


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "flood"},
        {"place": "nobody"},
        {"durations": [0.0]},
        {"kind": "outage", "place": "web"},
    ],
)
def test_what_cannot_be_is_refused(wrong):
    with pytest.raises(ModelError):
        tipping_curve(storm(), **wrong)


def test_command_prints_the_curve():
    run = CliRunner().invoke(
        main, ["tipping", "examples/retry_storm.yaml", "--for", "4s", "--json"]
    )
    assert run.exit_code == 0, run.output
    (point,) = json.loads(run.output)["points"]
    assert point["factor"] == pytest.approx(1.53, abs=0.05)
    run = CliRunner().invoke(main, ["tipping", "examples/retry_storm.yaml", "--for", "4s"])
    assert "traps the service" in run.output
