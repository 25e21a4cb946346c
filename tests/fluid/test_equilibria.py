"""Resting points against closed forms and against each other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from separatrix import Program, Server, Source, Work, lower
from separatrix.errors import NotConverged
from separatrix.fluid.equilibria import equilibria, fixed_points
from separatrix.fluid.reduced import rested_orbits
from separatrix.fluid.rest import rest_from


def population(rate=8.0, retries=1, timeout=3.0, qsize=60, threads=1, closure="staged"):
    program = Program("service")
    program.add_server(Server("s", {"get": Work(10.0)}, qsize=qsize, thread_pool=threads))
    program.add_source(Source("c", "get", rate, timeout=timeout, retries=retries))
    program.connect("c", "s")
    return lower(program, closure)


def test_no_retries_rest_where_service_meets_arrivals():
    # fluid M/M/c: mu * q = lambda below c
    (point,) = fixed_points(population(rate=35.0, retries=0, threads=5))
    assert point.stable
    assert point.state[0] == pytest.approx(3.5)


def test_overload_rests_within_the_last_place_of_the_queue():
    # admitted = lambda * room(q) = mu: q = K - mu / lambda
    (point,) = fixed_points(population(rate=25.0, retries=0))
    assert point.state[0] == pytest.approx(60 - 10 / 25)


def test_bistable_service_has_two_attractors_and_a_saddle_between():
    low, saddle, high = fixed_points(population())
    assert low.stable
    assert high.stable
    assert not saddle.stable
    assert low.state[0] < saddle.state[0] < high.state[0]
    # every doomed request waits one time-out: lambda * T in the orbit
    assert high.state[1] == pytest.approx(24.0, rel=1e-3)
    assert max(p.residual for p in (low, saddle, high)) < 1e-9


def test_dynamics_from_empty_and_full_reach_the_outer_fixed_points():
    pop = population()
    low, _, high = fixed_points(pop)
    np.testing.assert_allclose(rest_from(pop, np.zeros(2)).state, low.state, atol=1e-6)
    np.testing.assert_allclose(
        rest_from(pop, np.array(pop.shape) - 1.0).state, high.state, atol=1e-5
    )


@settings(max_examples=30)
@given(
    rate=st.floats(0.5, 30),
    retries=st.integers(0, 3),
    timeout=st.floats(0.05, 5),
    threads=st.integers(1, 4),
    closure=st.sampled_from(["staged", "geometric"]),
)
def test_fixed_points_are_odd_in_number_and_alternate(rate, retries, timeout, threads, closure):
    # where first attempts alone, or all attempts, just fill the server, every long queue is at rest
    assume(all(abs(n * rate - 10.0 * threads) > 1e-6 * rate for n in (1, retries + 1)))
    pop = population(rate, retries, timeout, 40, threads, closure)
    points = fixed_points(pop)
    assert len(points) % 2 == 1
    for i, point in enumerate(points):
        assert point.residual < 1e-6 * (1 + rate)
        assert point.stable == (i % 2 == 0)


def test_orbits_rest_where_their_drift_is_zero():
    pop = population(retries=2)
    q = np.linspace(0, 60, 13)
    orbits = rested_orbits(pop, q)
    drift = pop.drift((q, *orbits.T))
    for velocity in drift[1:]:
        np.testing.assert_allclose(velocity, 0, atol=1e-9)


def test_an_orbit_that_is_lost_in_rounding_is_said_to_be():
    with pytest.raises(NotConverged, match="lost in rounding"):
        rested_orbits(population(80.0, 3, 1e15, 100, 10, "geometric"), np.linspace(0, 100, 301))


@pytest.mark.parametrize("closure", ["geometric", "staged"])
def test_an_orbit_that_presses_against_its_bound_rests_just_below_it(closure):
    program = Program("bounded orbit")
    program.add_server(Server("52", {"insert": Work(10.0)}, qsize=100, orbit_size=20))
    program.add_source(Source("client", "insert", 9.5, timeout=3.0, retries=4))
    program.connect("client", "52")
    found = equilibria(lower(program, closure))
    assert (found.status, found.degree, len(found.points)) == ("ok", 1, 3)
    stuck = found.points[-1]
    assert stuck.stable
    assert stuck.imbalance < 1e-9
    assert np.all((stuck.state[1:] > 18.0) & (stuck.state[1:] < 19.0))


@pytest.mark.parametrize(
    ("rate", "threads", "qsize"), [(20.0, 2, 40), (10.0, 1, 60), (50.0, 5, 3000)]
)
def test_at_a_load_of_exactly_one_every_queue_length_rests(rate, threads, qsize):
    # lambda = c mu: from c threads at work to the last place but one
    found = equilibria(population(rate, 0, 1.0, qsize, threads))
    (stretch,) = found.marginal
    assert found.status == "inconclusive"
    assert (stretch.low, stretch.high) == pytest.approx((threads, qsize - 1), abs=0.01)
    assert [p.index for p in found.points] == [0, 0]
    assert "every queue[s] from" in found.reason
    assert found.to_dict()["marginal"][0]["queue"] == "queue[s]"
    with pytest.raises(NotConverged):
        fixed_points(population(rate, 0, 1.0, qsize, threads))


def test_retries_that_bring_the_load_to_one_leave_a_stretch_above_a_healthy_point():
    # once everybody times out, (1 + r) lambda = mu
    found = equilibria(population(5.0, 1, 3.0, 200, 1))
    (stretch,) = found.marginal
    assert stretch.high == pytest.approx(199.0, abs=1e-2)
    healthy, *_ = found.points
    assert healthy.stable
    assert healthy.index == 1
    assert healthy.state[0] == pytest.approx(0.5, abs=1e-6)


def test_a_load_close_to_one_is_not_marginal():
    assert equilibria(population(9.999, 0, 3.0, 60, 1)).marginal == ()
    (point,) = fixed_points(population(10.001, 0, 3.0, 60, 1))
    assert point.state[0] == pytest.approx(60 - 10 / 10.001, rel=1e-9)


def test_one_server_of_two_may_be_marginal():
    program = Program("two")
    for name, rate in (("a", 10.0), ("b", 5.0)):
        program.add_server(Server(name, {"get": Work(10.0)}, qsize=50))
        program.add_source(Source(f"c{name}", "get", rate, timeout=3.0, retries=0))
        program.connect(f"c{name}", name)
    (stretch,) = equilibria(lower(program)).marginal
    assert (stretch.queue, stretch.low) == ("queue[a]", pytest.approx(1.0, abs=1e-3))
