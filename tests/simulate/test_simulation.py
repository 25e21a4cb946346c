from __future__ import annotations

import json
import math

import numpy as np
import pytest

from separatrix.errors import ModelError
from separatrix.model import Program, Schedule, Server, Source, Spike, Work
from separatrix.simulate import simulate


def queue(rate: float = 5.0, faults=(), **source) -> Program:
    program = Program("queue", faults=Schedule(tuple(faults)))
    program.add_server(Server("s", {"a": Work(10.0)}, qsize=1000))
    program.add_source(Source("c", "a", rate, **{"timeout": 1e6, **source}))
    program.connect("c", "s")
    return program


def test_an_m_m_1_queue_within_its_interval():
    result = simulate(queue(), horizon=2000.0, runs=40, seed=1)
    assert result.status == "ok"
    server, client = result.servers["s"], result.streams["c"]
    for estimate, exact in (
        (server["queue"], 0.5),
        (server["in_service"], 0.5),
        (server["time_at_server"], 0.2),
        (client["goodput"], 5.0),
        (client["latency"], 0.2),
        (client["latency_p50"], 0.2 * math.log(2)),
        (client["latency_p99"], 0.2 * math.log(100)),
    ):
        # 99.9 % instead of 95 %: seven estimates must all hold
        assert abs(estimate.mean - exact) < 1.8 * estimate.half_width + 0.005 * exact


def test_it_is_plain_numbers_for_json():
    told = simulate(queue(), horizon=50.0, runs=2).to_dict()
    again = json.loads(json.dumps(told, allow_nan=False))
    assert again["streams"]["c"]["goodput"]["unit"] == "1/s"
    assert again["status"] == "ok"


def test_one_run_is_inconclusive():
    result = simulate(queue(), horizon=50.0, runs=1)
    assert (result.status, result.runs) == ("inconclusive", 1)
    assert "ask for 2 runs or more" in result.reason


def test_it_stops_when_the_interval_is_narrow_enough():
    result = simulate(queue(), horizon=500.0, runs=500, precision=0.05)
    assert result.status == "ok"
    assert 16 <= result.runs < 500
    for name, estimate in (
        ("goodput", result.streams["c"]["goodput"]),
        ("queue", result.servers["s"]["queue"]),
    ):
        assert estimate.half_width <= 0.05 * max(estimate.mean, 1.0), name


def test_it_says_when_that_was_not_reached():
    result = simulate(queue(9.9), horizon=100.0, runs=20, precision=1e-4)
    assert (result.status, result.runs) == ("inconclusive", 20)
    assert "asked for" in result.reason


def test_the_warm_up_is_found_unless_there_are_faults():
    cold = simulate(queue(9.7), horizon=4000.0, runs=10)
    assert cold.warmup > 0
    spiked = simulate(queue(9.7, faults=[Spike("c", 2.0, 5.0, 5.0)]), horizon=4000.0, runs=3)
    assert spiked.warmup == 0
    assert simulate(queue(), horizon=100.0, runs=2, warmup=30.0).warmup == 30.0


def test_a_run_that_never_settles_is_told():
    result = simulate(queue(15.0), horizon=50.0, runs=10)
    assert result.status == "inconclusive"
    assert "the start still shows at half time" in result.reason


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"horizon": 0.0}, "horizon: must be a finite time > 0 s, got 0"),
        ({"horizon": math.nan}, "horizon: must be a finite time"),
        ({"horizon": math.inf}, "horizon: must be a finite time"),
        ({"runs": 0}, "runs: must be at least 1"),
        ({"seed": -1}, "seed: must be >= 0"),
        ({"step": 0.0}, "step: must be > 0 s"),
        ({"step": 200.0}, "step: must be > 0 s and at most the horizon"),
        ({"step": math.nan}, "step: must be > 0 s"),
        ({"warmup": 100.0}, "warmup: must leave something"),
        ({"step": 1e-6}, "step: .* would take .* MB; sample every"),
    ],
)
def test_bad_settings_are_named(settings, message):
    with pytest.raises(ModelError, match=message):
        simulate(queue(), **{"horizon": 100.0, **settings})


def test_several_bad_settings_are_told_at_once():
    with pytest.raises(ModelError) as caught:
        simulate(queue(), horizon=-1.0, runs=0, seed=-3)
    assert len(caught.value.problems) == 3


def test_progress_is_told():
    seen: list[tuple[int, int]] = []
    simulate(queue(), horizon=10.0, runs=5, progress=lambda n, of: seen.append((n, of)))
    assert seen[-1] == (5, 5)
    assert [n for n, _ in seen] == sorted(n for n, _ in seen)


def test_conservation_and_little_s_law_in_every_run():
    result = simulate(queue(8.0, timeout=1.0, retries=1), horizon=2000.0, runs=5, keep=True)
    d = result.to_xarray(runs=True)
    per_step = result.step
    came = (d.arrivals.sum("time") * per_step).values
    left = ((d.throughput + d.expired + d.cache_hits).sum("time") * per_step).values
    left = left + (d.drops.sum(("time", "reason")) * per_step).values
    here = (d.queue + d.in_service).isel(time=-1).values
    assert np.allclose(came, left + here)
    server = result.servers["s"]
    flow = server["throughput"].mean
    present = server["queue"].mean + server["in_service"].mean
    assert present == pytest.approx(flow * server["time_at_server"].mean, rel=0.02)
