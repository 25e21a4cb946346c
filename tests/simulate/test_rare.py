from __future__ import annotations

import json
import math

import numpy as np
import pytest

from separatrix.errors import ModelError, NotConverged, Unsupported
from separatrix.model import Outage, Program, Schedule, Server, Source, StateMachine, Trace, Work
from separatrix.simulate.rare import RarePassage, rare_passage


def queue(rate: float, qsize: int = 1000, **source) -> Program:
    program = Program("queue")
    program.add_server(Server("s", {"a": Work(10.0)}, qsize=qsize))
    program.add_source(
        Source("c", "a", rate, **{"timeout": 1e9, "retries": 0, **source}),
    )
    program.connect("c", "s")
    return program


def rise(rate: float, goal: int) -> float:
    """Mean time of M/M/1 from empty to `goal`: one step up takes 1/rate + mu/rate as long again."""
    step, total = 1 / rate, 1 / rate
    for _ in range(1, goal):
        step = (1 + 10 * step) / rate
        total += step
    return total


def fall(rate: float, size: int, goal: int) -> float:
    """Mean time of M/M/1/size from full to `goal`."""
    step, total = 0.1, 0.1
    for _ in range(size - 1, goal, -1):
        step = (1 + rate * step) / 10
        total += step
    return total


def agrees(found: RarePassage, exact: float) -> bool:
    """Within 4 standard errors; seeds are fixed."""
    error = found.rate.sd / math.sqrt(found.rate.runs)
    return abs(found.rate.mean - 1 / exact) < 4 * error < 1 / exact


def test_a_rare_rise_takes_as_long_as_theory_says():
    found = rare_passage(queue(7.0), "collapse", healthy=0, stuck=50, trials=300, seed=1)
    exact = rise(7.0, 50)
    assert exact > 6e7
    assert agrees(found, exact)
    assert found.status == "ok"
    assert found.levels[0] == 0
    assert found.levels[-1] == 50
    # the flux is exact, too: once a cycle of idle and busy period
    assert found.flux == pytest.approx(1 / (1 / 7 + 1 / 3), rel=0.1)


def test_a_rare_fall_takes_as_long_as_theory_says():
    program = queue(15.0, qsize=40)
    found = rare_passage(program, "recovery", healthy=1, stuck=38, trials=300, seed=4)
    exact = fall(15.0, 40, 1)
    assert exact > 1e5
    assert agrees(found, exact)
    assert 38 < found.levels[0] <= 40  # where the full queue is half of the time
    assert found.levels[-1] == 1


def test_a_passage_that_is_not_rare_is_counted_as_it_comes():
    found = rare_passage(queue(7.0), "collapse", healthy=0, stuck=2, trials=300, seed=2)
    assert agrees(found, rise(7.0, 2))


def test_faults_do_not_count_and_threads_change_nothing():
    program = queue(7.0)
    hit = program.under(Schedule((Outage("s", 1.0, 5.0),)))
    settings = {"healthy": 0, "stuck": 15, "trials": 50, "runs": 4, "seed": 3}
    one = rare_passage(program, "collapse", threads=1, **settings)
    assert np.array_equal(one.rates, rare_passage(hit, "collapse", threads=3, **settings).rates)


def test_weights_scale_the_score():
    program = queue(7.0)
    plain = rare_passage(program, "collapse", healthy=0, stuck=12, trials=200)
    double = rare_passage(program, "collapse", healthy=0, stuck=24, trials=200, weights={"s": 2.0})
    for found in (plain, double):
        assert agrees(found, rise(7.0, 12))


def test_it_is_plain_numbers_for_json():
    found = rare_passage(queue(7.0), "collapse", healthy=0, stuck=10, trials=50, runs=3)
    told = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert told["goal"] == "collapse"
    assert len(told["rates"]) == 3


def test_an_interval_too_wide_is_told():
    found = rare_passage(queue(7.0), "collapse", healthy=0, stuck=20, trials=20, runs=2)
    assert found.status == "inconclusive"
    assert "factor of 2" in found.reason


def test_trials_too_few_for_so_many_steps_are_told():
    with pytest.raises(NotConverged, match=r"none of 2 runs reached 90; .* ask for more trials"):
        rare_passage(queue(7.0), "collapse", healthy=0, stuck=90, trials=10, runs=2)


def test_a_goal_out_of_reach_is_told():
    with pytest.raises(NotConverged, match="no step beyond a score of 5"):
        rare_passage(queue(7.0, qsize=5), "collapse", healthy=0, stuck=6, trials=50)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"healthy": 5.0, "stuck": 5.0}, "must be 0 <= healthy < stuck, got 5 and 5"),
        ({"healthy": -1.0}, "must be 0 <= healthy < stuck"),
        ({"stuck": math.inf}, "must be 0 <= healthy < stuck"),
        ({"healthy": math.nan}, "must be 0 <= healthy < stuck"),
        ({"runs": 1}, "runs: must be at least 2, got 1"),
        ({"trials": 0}, "trials: must be at least 10, got 0"),
        ({"threads": 0}, "threads: must be at least 1, got 0"),
        ({"weights": {"nobody": 2.0}}, "no server, source or call is called 'nobody'"),
    ],
)
def test_bad_settings_are_named(settings, message):
    with pytest.raises(ModelError, match=message):
        rare_passage(queue(7.0), "collapse", **{"healthy": 0.0, "stuck": 9.0, **settings})


def test_a_trace_ends_and_cannot_be_split():
    program = queue(7.0, arrivals=Trace(times=(0.0, 1.0)))
    with pytest.raises(Unsupported, match="arrivals from a trace"):
        rare_passage(program, "collapse", healthy=0, stuck=9)


def test_a_modulated_source_is_watched_over_its_own_memory():
    machine = StateMachine(((0.0, 0.01), (0.03, 0.0)), (2.0, 9.0))
    program = queue(machine.natural_rate, arrivals=machine)
    found = rare_passage(program, "collapse", healthy=0, stuck=12, trials=100, runs=3)
    assert found.flux > 0
    assert found.mean > rise(9.0, 12)
