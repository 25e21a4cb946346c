"""Lowerings: conservation, hand-computed entries, sizing, and refusals that name the feature."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import pdtrc
from small_chains import averages, dense

from separatrix.errors import ModelError, Unsupported
from separatrix.markov import as_chain, stationary
from separatrix.model import (
    AdaptiveLifo,
    Backoff,
    CoDel,
    ConcurrencyLimit,
    Deterministic,
    Lifo,
    Program,
    Server,
    Source,
    ThresholdAdmission,
    Trace,
    Work,
)
from separatrix.population import lower
from separatrix.population.sojourn import sojourn_tail


def program(server=None, **source) -> Program:
    made = Program("p")
    settings_ = {"qsize": 12, **(server or {})}
    made.add_server(Server("s", {"get": Work(10.0)}, **settings_))
    made.add_source(Source("c", "get", **{"arrival_rate": 8.0, "timeout": 0.4, **source}))
    made.connect("c", "s")
    return made


def law_of(made: Program):
    """Stationary law of the staged chain, by state."""
    population = lower(made, "staged")
    return stationary(as_chain(population)).pi.reshape(population.shape)


CASES = [
    ({}, {"retries": 0}),
    ({}, {"retries": 1}),
    ({"orbit_size": 4}, {"retries": 2}),
    ({"orbit_size": 4, "fail_fast": True}, {"retries": 2}),
    ({"orbit_size": 4, "thread_pool": 3, "admission": ThresholdAdmission(5, 0.5)}, {"retries": 2}),
    ({"orbit_size": 4, "fail_fast": True, "admission": ThresholdAdmission(5, 0.5)}, {"retries": 2}),
    ({"orbit_size": 5, "admission": ConcurrencyLimit(6)}, {"retries": 2}),
    ({"orbit_size": 5}, {"retries": 2, "backoff": Backoff(base=0.1, multiplier=2.0)}),
]


@pytest.mark.parametrize("closure", ["staged", "geometric"])
@pytest.mark.parametrize(("server", "source"), CASES)
def test_every_request_is_answered_or_given_up_and_every_accepted_attempt_served(
    closure, server, source
):
    found = averages(lower(program(server, **source), closure))
    assert found["goodput"] + found["failures"] == pytest.approx(8.0, rel=1e-10)
    assert found["accepted"] == pytest.approx(found["throughput"], rel=1e-10)
    assert found["attempts"] - found["drops"] == pytest.approx(found["throughput"], rel=1e-10)


@settings(max_examples=25)
@given(
    rate=st.floats(0.1, 30),
    timeout=st.floats(0.05, 3),
    retries=st.integers(0, 2),
    threads=st.integers(1, 3),
    qsize=st.integers(3, 8),
    fail_fast=st.booleans(),
    closure=st.sampled_from(["staged", "geometric"]),
)
def test_lowered_chains_conserve_requests(
    rate, timeout, retries, threads, qsize, fail_fast, closure
):
    made = program(
        {"qsize": qsize, "thread_pool": threads, "orbit_size": 4, "fail_fast": fail_fast},
        arrival_rate=rate,
        timeout=timeout,
        retries=retries,
    )
    found = averages(lower(made, closure))
    assert found["goodput"] + found["failures"] == pytest.approx(rate, rel=1e-8)
    assert found["accepted"] == pytest.approx(found["throughput"], rel=1e-8)


def test_staged_with_one_retry_entry_by_entry():
    population = lower(program({"orbit_size": 3}, retries=1), "staged")
    Q = dense(population)
    p = float(sojourn_tail(5, 0.4, 10.0, 1))
    here = population.index((5, 1))
    # what turns is said in test_turns: to the worse on its own, to the better with a service
    assert Q[here, population.index((5, 2))] > 0.0
    assert 0.0 < Q[here, population.index((4, 0))] < 10.0
    services = Q[here, population.index((4, 1))] + Q[here, population.index((4, 0))]
    assert services == pytest.approx(10.0)
    assert Q[here, population.index((6, 1))] == pytest.approx(8 * (1 - p))
    assert Q[here, population.index((6, 2))] == pytest.approx(8 * p)
    assert Q[here, population.index((6, 0))] == pytest.approx(1 / 0.4)
    full = population.index((12, 1))
    means = dense(lower(program({"orbit_size": 3}, retries=1), "staged", means_only=True))
    assert means[full, population.index((12, 2))] == pytest.approx(8.0)
    assert Q[full, population.index((12, 0))] == pytest.approx(1 / 0.4)
    edge = population.index((5, 2))
    assert Q[edge, population.index((6, 2))] == pytest.approx(8.0)


def test_geometric_entry_by_entry():
    population = lower(program({"orbit_size": 5}, retries=3), "geometric")
    Q = dense(population)
    p = float(sojourn_tail(5, 0.4, 10.0, 1))
    here = population.index((5, 2))
    retry, leave = 2 * 3 / (4 * 0.4), 2 / (4 * 0.4)
    assert Q[here, population.index((6, 2))] == pytest.approx(8 * (1 - p) + retry * p)
    assert Q[here, population.index((6, 3))] == pytest.approx(8 * p)
    assert Q[here, population.index((6, 1))] == pytest.approx(retry * (1 - p))
    assert Q[here, population.index((5, 1))] == pytest.approx(leave)


def test_like_sources_are_merged_and_their_measures_shared_out():
    made = Program("p")
    made.add_server(Server("s", {"get": Work(10.0), "put": Work(10.0)}, qsize=8))
    for name, api, rate in (("a", "get", 2.0), ("b", "put", 6.0)):
        made.add_source(Source(name, api, rate, timeout=0.4, retries=1))
        made.connect(name, "s")
    merged = lower(made, "staged")
    single = lower(program({"qsize": 8}, retries=1), "staged")
    assert merged.shape == single.shape
    np.testing.assert_allclose(dense(merged), dense(single))
    found = averages(merged)
    assert found["goodput[a]"] == pytest.approx(found["goodput"] / 4)
    assert [s.name for s in merged.sojourns] == ["get", "put"]


def test_different_sources_have_their_own_orbits():
    made = Program("p")
    made.add_server(Server("s", {"get": Work(10.0)}, qsize=5, orbit_size=3))
    for name, timeout in (("a", 0.3), ("b", 0.6)):
        made.add_source(Source(name, "get", 3.0, timeout=timeout, retries=1))
        made.connect(name, "s")
    for closure in ("staged", "geometric"):
        population = lower(made, closure)
        assert population.shape == (6, 3, 3)
        found = averages(population)
        assert found["goodput"] + found["failures"] == pytest.approx(6.0, rel=1e-9)
        assert found["goodput[a]"] + found["failures[a]"] == pytest.approx(3.0, rel=1e-9)


def test_orbit_is_sized_by_a_poisson_bound_and_says_what_it_cuts():
    population = lower(program(retries=2), "staged")
    for axis in population.axes[1:]:
        assert pdtrc(axis.size - 1, 8 * 0.4) == pytest.approx(axis.cut)
        assert pdtrc(axis.size - 2, 8 * 0.4) > 1e-10 / 2
    assert 0 < population.cut <= 1e-10
    # the bound really bounds: the mass on the outermost values of the solved chain is below it
    Q = dense(lower(program({"qsize": 6}, retries=1), "staged"))
    pi = np.linalg.lstsq(
        np.vstack([Q.T, np.ones(len(Q))]), np.append(np.zeros(len(Q)), 1), rcond=None
    )[0]
    assert pi.reshape(7, -1)[:, -1].sum() < 1e-8


@pytest.mark.parametrize(
    ("threads", "rate", "timeout"), [(4, 32.0, 0.2), (1, 6.0, 0.2), (1, 0.1, 0.05)]
)
def test_hardly_more_waits_beyond_the_bound_though_fates_turn(threads, rate, timeout):
    server, source = {"qsize": 20, "thread_pool": threads}, {"arrival_rate": rate, "retries": 1}
    bound = lower(program(server, timeout=timeout, **source), "staged").axes[1]
    wide = program({**server, "orbit_size": 2 * bound.size + 4}, timeout=timeout, **source)
    law = law_of(wide)
    assert law.sum(axis=0)[bound.size :].sum() < 1.2 * bound.cut


def test_auto_is_staged_where_affordable():
    assert lower(program(retries=2)).closure == "staged"
    assert lower(program({"qsize": 200}, retries=3, arrival_rate=80.0, timeout=1.0)).closure == (
        "geometric"
    )


@pytest.mark.parametrize(
    ("server", "source", "feature"),
    [
        ({"discipline": Lifo()}, {"retries": 1}, "lifo"),
        ({"discipline": AdaptiveLifo(4)}, {}, "adaptive_lifo"),
        ({"drop_expired": True}, {}, "drop_expired"),
        ({"admission": CoDel()}, {}, "codel"),
        ({}, {"arrivals": Trace((0.0, 1.0))}, "trace"),
    ],
)
def test_what_cannot_be_carried_is_refused_by_name_with_a_remedy(server, source, feature):
    with pytest.raises(Unsupported, match=f"(?s){feature}.*simulate.*, or "):
        lower(program(server, **source))


def test_service_laws_without_phases_are_refused():
    made = Program("p")
    made.add_server(Server("s", {"get": Work(10.0, law=Deterministic())}, qsize=5))
    made.add_source(Source("c", "get", 1.0))
    made.connect("c", "s")
    with pytest.raises(Unsupported, match=r"servers\.s\.apis\.get\.law.*deterministic.*erlang"):
        lower(made)


def test_metafor_needs_an_orbit_and_unknown_closures_are_named():
    with pytest.raises(ModelError, match="orbit_size"):
        lower(program(), "metafor")
    with pytest.raises(ModelError, match="unknown closure 'exact'"):
        lower(program(), "exact")  # type: ignore[arg-type]


@settings(max_examples=30)
@given(q=st.floats(0, 12), o=st.floats(0, 4))
def test_rates_are_continuous_between_integers_and_match_at_them(q, o):
    population = lower(program({"orbit_size": 5}, retries=2), "geometric")
    eps = 1e-7
    for transition in population.transitions:
        a = float(transition.rate((np.array(q), np.array(o))))
        b = float(transition.rate((np.array(min(q + eps, 12.0)), np.array(o))))
        assert a >= 0
        assert abs(a - b) < 1e-3


def test_drift_is_the_row_mean_of_the_generator():
    population = lower(program({"orbit_size": 4}, retries=1), "staged", means_only=True)
    Q = dense(population)
    x = population.grid()
    for velocity, coordinate in zip(population.drift(x), x, strict=True):
        value = np.broadcast_to(coordinate, population.shape).ravel()
        np.testing.assert_allclose(velocity.ravel(), Q @ value, atol=1e-9)
