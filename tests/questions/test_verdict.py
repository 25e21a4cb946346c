"""Verdicts whose truth is known, and their monotonicity."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from separatrix import Program, Server, Source, Work, check, lower
from separatrix.errors import ModelError, NotConverged, Unsupported
from separatrix.markov.hitting import hitting_times
from separatrix.model import AdaptiveLifo
from separatrix.questions.regimes import box, regimes


def service(rate=8.0, retries=1, timeout=3.0, qsize=60, mu=10.0, threads=1, orbit=None) -> Program:
    program = Program("service")
    program.add_server(
        Server("s", {"get": Work(mu)}, qsize=qsize, orbit_size=orbit, thread_pool=threads)
    )
    program.add_source(Source("c", "get", rate, timeout=timeout, retries=retries))
    program.connect("c", "s")
    return program


def test_a_light_load_without_retries_is_safe():
    verdict = check(service(rate=5.0, retries=0))
    assert verdict.word == "safe"
    assert verdict.collapse is None
    assert [r.name for r in verdict.regimes] == ["healthy"]
    # from full, the queue falls by 5/s: 60 attempts take about 12 s
    assert verdict.recovery is not None
    assert verdict.recovery.mean == pytest.approx(12, rel=0.1)
    assert verdict.recovery.p50 <= verdict.recovery.p99


def test_more_load_than_capacity_is_always_stuck():
    verdict = check(service(rate=15.0, retries=0))
    assert verdict.word == "always stuck"
    assert verdict.recovery is None
    # a full M/M/1/K answers nearly nobody within half the time that the queue takes
    assert verdict.regimes[0].goodput_share < 0.1


def test_a_retry_storm_can_get_stuck():
    verdict = check(service())
    assert verdict.word == "can get stuck"
    assert verdict.recovery is not None
    assert verdict.collapse is not None
    well, ill = verdict.regimes
    assert well.goodput_share > 0.99
    assert ill.goodput_share < 0.05
    assert verdict.status == "ok"
    assert "Can get stuck" in verdict.sentence


def test_few_requests_and_a_short_queue_do_not_hold():
    verdict = check(service(rate=5.0, retries=1, timeout=0.4, qsize=5))
    assert verdict.word == "safe"


def test_two_slow_exits_make_the_gap():
    # for two metastable sets the gap is the sum of the two exit rates
    verdict = check(service(rate=8.0, retries=1, timeout=3.0, qsize=40))
    assert verdict.word == "can get stuck"
    rates = 1 / verdict.recovery.mean + 1 / verdict.collapse.mean
    assert verdict.spectrum.gap == pytest.approx(rates, rel=0.05)


def test_slow_exits_are_exponential():
    verdict = check(service())
    recovery = verdict.recovery
    assert recovery.p50 == pytest.approx(math.log(2) * recovery.mean, rel=1e-3)
    assert recovery.p99 == pytest.approx(math.log(100) * recovery.mean, rel=1e-3)
    assert recovery.std == pytest.approx(recovery.mean, rel=1e-3)


def test_what_our_bounds_cut_is_negligible_also_when_stuck():
    for retries in (1, 2):
        verdict = check(service(qsize=30, retries=retries, rate=6.0, timeout=1.5))
        assert 0 < verdict.population.cut <= 1e-9
        for regime in verdict.regimes:
            assert regime.at_bound < 1e-9
    bounded = check(service(orbit=10))
    assert all(regime.at_bound == 0 for regime in bounded.regimes)


def test_an_orbit_that_we_cut_too_short_gives_no_verdict(monkeypatch):
    def short(mean: float, mass: float) -> tuple[int, float]:
        return int(mean), mass

    monkeypatch.setattr("separatrix.population.assembly.poisson_bound", short)
    verdict = check(service())
    assert verdict.word == verdict.status == "inconclusive"
    assert "give the server an orbit_size above 24" in verdict.reason
    # the same bound, given by the user, is part of the model
    assert check(service(orbit=24)).status == "ok"


def test_sets_can_be_given():
    verdict = check(service(), healthy={"queue": (0, 10)}, stuck={"queue": (50, 60)})
    assert verdict.word == "can get stuck"
    with pytest.raises(ModelError, match="give both"):
        check(service(), healthy={"queue": (0, 10)})
    with pytest.raises(ModelError, match="no state lies"):
        check(service(), healthy={"queue": (90, 99)}, stuck={"queue": (50, 60)})
    with pytest.raises(ModelError, match="no axis counts 'tokens'"):
        check(service(), healthy={"tokens": (0, 1)}, stuck={"queue": (50, 60)})


def test_to_dict_is_json_with_a_schema():
    text = json.dumps(check(service(qsize=30)).to_dict())
    data = json.loads(text)
    assert data["schema"] == "separatrix.verdict/1"
    assert data["recovery_s"]["mean"] > 0
    assert data["verdict"] in ("safe", "can get stuck", "always stuck")


def test_what_the_reading_cannot_carry_is_refused():
    program = Program("p")
    program.add_server(Server("s", {"get": Work(1.0)}, qsize=5, discipline=AdaptiveLifo(1)))
    program.add_source(Source("c", "get", 0.5))
    program.connect("c", "s")
    with pytest.raises(Unsupported, match="adaptive"):
        check(program)


def test_the_sets_are_where_the_chain_settles():
    found = regimes(lower(service()))
    assert found.healthy[0, 0]
    assert found.stuck[-1, 24]
    assert not (found.healthy & found.stuck).any()
    # more queue, more orbit: never more likely to settle on the healthy side
    odds = found.committor.probability
    assert np.all(np.diff(odds, axis=0) <= 1e-9)
    assert np.all(np.diff(odds, axis=1) <= 1e-9)


def recovery(*, orbit: int = 1, **changes) -> float:
    population = lower(service(qsize=25, orbit=12, **changes), "geometric")
    times = hitting_times(population, box(population, queue=(0, 3), orbit=(0, orbit)))
    return float(times.mean[25, 11])


@settings(max_examples=15)
@given(
    rate=st.floats(2, 9),
    timeout=st.floats(0.5, 2.5),
    retries=st.integers(1, 4),
)
def test_more_retries_never_recover_sooner(rate, timeout, retries):
    fewer = recovery(rate=rate, timeout=timeout, retries=retries)
    more = recovery(rate=rate, timeout=timeout, retries=retries + 1)
    assert more >= fewer * (1 - 1e-9)


@settings(max_examples=15)
@given(
    rate=st.floats(2, 9),
    timeout=st.floats(0.5, 2.5),
    retries=st.integers(1, 3),
    mu=st.floats(6, 14),
    factor=st.floats(1.01, 1.5),
)
def test_more_capacity_never_recovers_later(rate, timeout, retries, mu, factor):
    # of the queue: who was refused waits out a time-out, which no capacity shortens
    slow = recovery(rate=rate, timeout=timeout, retries=retries, mu=mu, orbit=12)
    fast = recovery(rate=rate, timeout=timeout, retries=retries, mu=mu * factor, orbit=12)
    assert fast <= slow * (1 + 1e-9)


def test_a_population_beyond_memory_is_refused_before_it_is_made():
    program = service(rate=9.5, retries=4, qsize=100)
    with pytest.raises(NotConverged, match=r"would take .* GB.*geometric closure"):
        check(program, closure="staged")


def test_an_orbit_of_one_value_is_no_orbit_and_chance_delays_are_no_trap():
    verdict = check(service(orbit=1, rate=9.5))
    assert verdict.regimes[0].goodput_share < 0.9
    assert verdict.population.shape == (61, 1)
    assert verdict.word == "safe"
