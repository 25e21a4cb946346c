"""Smallest faults: monotone, where they must be, and confirmed by runs."""

from __future__ import annotations

import json
from itertools import pairwise
from math import inf

import pytest
from click.testing import CliRunner

from separatrix import Program, Server, Source, Work
from separatrix.cli import main
from separatrix.errors import ModelError
from separatrix.questions.long_outage import longest_outage
from separatrix.questions.odds import Odds
from separatrix.questions.tipping import (
    MOST_FACTOR,
    exact_tipping,
    fault_of,
    fluid_tipping,
    seen_tipping,
    smallest,
)
from separatrix.questions.tipping_curve import confirmed, tipping_curve
from separatrix.questions.trapped import exact_trapped


def storm(rate=80.0, retries=3):
    program = Program("storm")
    program.add_server(Server("db", {"read": Work(10.0)}, qsize=200, thread_pool=10))
    program.add_source(Source("web", "read", rate, timeout=1.0, retries=retries))
    program.connect("web", "db")
    return program


def small(retries=1):
    program = Program("p")
    program.add_server(Server("s", {"get": Work(10.0)}, qsize=40))
    program.add_source(Source("c", "get", 7.0, timeout=2.0, retries=retries))
    program.connect("c", "s")
    return program


def test_three_engines_name_about_the_same_spike():
    exact = exact_tipping(small(), 4.0)
    seen = seen_tipping(small(), 4.0, runs=100)
    odds = exact_trapped(small(), fault_of(small(), "spike", None, exact.factor, 4.0))
    assert odds.probability == pytest.approx(0.5, abs=0.03)
    for closure in (None, "staged"):
        mean = fluid_tipping(small(), 4.0, closure=closure)
        assert mean.factor == pytest.approx(exact.factor, rel=0.2)
    assert seen.low * 0.85 < exact.factor < seen.high * 1.15
    assert seen.low < seen.factor < seen.high < inf


def test_where_nothing_traps_there_is_no_tipping_point():
    found = fluid_tipping(small(retries=0), 4.0)
    assert found.factor == inf
    assert found.to_dict()["factor"] is None
    assert str(found) == "> 100x for 4 s"
    assert str(fluid_tipping(small(retries=0), kind="outage")) == "no outage"


def test_the_fault_hits_all_sources_unless_one_is_named():
    program = small()
    program.add_source(Source("d", "get", 0.5, timeout=2.0))
    program.connect("d", "s")
    assert {f.source for f in fault_of(program, "spike", None, 2.0, 5.0)} == {"c", "d"}
    (one,) = fault_of(program, "spike", "d", 2.0, 5.0)
    assert one.source == "d"
    assert tipping_curve(program, durations=[4.0]).where == "all sources"


def test_the_grid_makes_the_answer_independent_of_the_bounds():
    def traps(size):
        return size >= 3.3

    alone = smallest(traps, 100.0, 1.0)
    assert smallest(traps, 100.0, 1.0, bound=smallest(lambda s: s >= 40, 100.0, 1.0)) == alone
    assert 3.3 <= alone < 3.3 * 1.002
    assert smallest(lambda _: False, 100.0, 1.0) == inf


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


@pytest.mark.parametrize("kind", ["spike", "outage"])
@pytest.mark.parametrize(
    "seen", [(0.3, 0.7), (0.0, 0.2), (0.8, 1.0)], ids=["undecided", "never", "always"]
)
def test_runs_are_never_asked_about_sizes_past_the_largest(monkeypatch, kind, seen):
    program = storm()
    asked = []

    def judged(_, faults, **__):
        (fault,) = faults
        asked.append(fault.duration if kind == "outage" else fault.factor)
        return Odds(sum(seen) / 2, *seen, "simulation", "")

    monkeypatch.setattr("separatrix.questions.tipping_curve.seen_trapped", judged)
    curve = tipping_curve(program, kind=kind, durations=None if kind == "outage" else [4.0])
    (point,) = confirmed(program, curve).points
    most = longest_outage(program) if kind == "outage" else MOST_FACTOR
    assert max(asked) <= most
    assert min(asked) > (0.0 if kind == "outage" else 1.0)
    assert len(set(asked)) == len(asked)
    if seen == (0.0, 0.2):
        assert point.seen.low == most
    if seen == (0.8, 1.0):
        assert point.seen.high == min(asked)


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
