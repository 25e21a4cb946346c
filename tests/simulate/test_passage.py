from __future__ import annotations

import math

import numpy as np
import pytest

from separatrix.errors import ModelError
from separatrix.model import Program, Schedule, Server, Source, Spike, Work
from separatrix.simulate.passage import passage_times, recovery_times


def queue(rate: float, *, faults=(), **source) -> Program:
    program = Program("queue", faults=Schedule(tuple(faults)))
    program.add_server(Server("s", {"a": Work(10.0)}, qsize=200))
    program.add_source(Source("c", "a", rate, **{"timeout": 1e6, **source}))
    program.connect("c", "s")
    return program


def test_time_to_climb_is_that_of_the_birth_and_death_chain():
    # mean time from n to n+1: h_n = (1 + mu h_{n-1}) / lambda
    lam, mu, level = 7.0, 10.0, 8
    h = [1 / lam]
    for _ in range(1, level):
        h.append((1 + mu * h[-1]) / lam)
    found = passage_times(queue(lam), high=level, runs=2000, longest=1e5)
    assert found.status == "ok"
    assert found.mean.low <= sum(h) <= found.mean.high


def test_time_to_empty_after_a_spike():
    # from n, an M/M/1 queue needs n / (mu - lambda) to empty
    spike = Spike("c", 10.0, 0.0, 4.0)
    found = recovery_times(queue(5.0, faults=[spike]), healthy=0, runs=1500, longest=1e4)
    # 4 s at 50/s against 10/s leave 160 (the server is never idle but for the first moments)
    assert found.since == 4.0
    assert found.mean.mean == pytest.approx(160 / 5, rel=0.03)
    assert found.median <= found.p99


def test_a_stuck_service_is_told_as_such():
    spike = Spike("c", 10.0, 10.0, 30.0)
    program = queue(9.0, faults=[spike], timeout=3.0, retries=4)
    found = recovery_times(program, healthy=5, runs=20, longest=60.0)
    assert found.status == "inconclusive"
    assert "runs did not get there in 60 s" in found.reason
    assert found.share < 0.5
    assert found.mean.mean == math.inf
    assert found.mean.low > 30
    assert found.to_dict()["median"] is None


def test_a_healthy_service_has_recovered_at_once():
    spike = Spike("c", 1.1, 1.0, 0.1)
    found = recovery_times(queue(1.0, faults=[spike]), healthy=50, runs=5)
    assert np.all(found.times == 0.0)


def test_times_do_not_depend_on_threads():
    a = passage_times(queue(7.0), high=8, runs=20, threads=1)
    b = passage_times(queue(7.0), high=8, runs=20, threads=3)
    assert np.array_equal(a.times, b.times)


@pytest.mark.parametrize(
    "settings",
    [{}, {"high": 5, "runs": 0}, {"high": 5, "longest": 0.0}, {"low": 5, "high": 5},
     {"high": 5, "after": math.nan}],
)  # fmt: skip
def test_settings_that_make_no_sense(settings):
    with pytest.raises(ModelError):
        passage_times(queue(7.0), **settings)


def test_recovery_needs_a_fault():
    with pytest.raises(ModelError, match="no fault to recover from; add a spike"):
        recovery_times(queue(7.0), healthy=5)
