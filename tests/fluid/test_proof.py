"""The interval test: enclosures against closed forms and mpmath, and programs with one and three fixed points."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from separatrix import Program, Server, Source, Work
from separatrix.fluid.equilibria import equilibria
from separatrix.fluid.field import mean_field
from separatrix.fluid.interval import Interval, exact, falling, rising
from separatrix.fluid.proof import proved
from separatrix.fluid.reduced import reduced
from separatrix.fluid.tail_slope import tail_slope
from separatrix.model import LoadSlowdown, RetryBudget

numbers = st.integers(-(10**9), 10**9).map(lambda n: n / 997)


def contains(interval, value):
    return mpmath.mpf(float(interval.low)) <= value <= mpmath.mpf(float(interval.high))


@settings(max_examples=40)
@given(a=numbers, b=numbers, c=numbers, d=numbers)
def test_operations_hold_the_exact_results_of_all_members(a, b, c, d):
    x, y = (Interval(np.array(min(p)), np.array(max(p))) for p in ((a, b), (c, d)))
    for u in (a, b):
        for v in (c, d):
            m, n = mpmath.mpf(u), mpmath.mpf(v)
            with mpmath.workdps(60):
                assert contains(x + y, m + n)
                assert contains(x - y, m - n)
                assert contains(x * y, m * n)
                if min(c, d) > 0:
                    assert contains(x / y, m / n)


def test_a_divisor_that_holds_nought_is_refused():
    with pytest.raises(ZeroDivisionError, match="must be > 0"):
        exact(1.0) / Interval(np.array(-1.0), np.array(1.0))


def test_sums_of_tenths_hold_the_true_sum():
    total = exact(np.full(1000, 0.1)).total()
    with mpmath.workdps(40):
        assert contains(total, 1000 * mpmath.mpf(0.1))
    assert float(total.high - total.low) < 1e-9


def test_monotone_functions_are_enclosed_by_their_ends():
    x = Interval(np.array(1.0), np.array(2.0))
    assert contains(rising(np.exp, x), mpmath.e**1.5)
    assert contains(falling(lambda v: np.exp(-v), x), mpmath.e**-1.5)


@pytest.mark.parametrize("threads", [1, 4, 30])
@pytest.mark.parametrize(("x", "k"), [(3.0, 0.4), (3.0, 2.5), (30.0, 24.0), (80.0, 99.0)])
def test_the_slope_of_the_tail_is_that_of_mpmath(threads, x, k):
    def late(shape):
        c = mpmath.mpf(threads)

        def density(u):
            return u ** (shape - 1) * mpmath.exp(-u - (x - u) / c) / mpmath.gamma(shape)

        upper = mpmath.gammainc(shape, x, mpmath.inf, regularized=True)
        return upper + mpmath.quad(density, [0, x / 2, x])

    with mpmath.workdps(25):
        true = mpmath.diff(late, mpmath.mpf(k), h=mpmath.mpf("1e-6"))
    found = tail_slope(exact(np.array(k)), x, threads)
    assert float(found.low) - 1e-12 <= true <= float(found.high) + 1e-12
    assert float(found.high) < 2.0 * float(true) + 1e-9


def service(rate=8.0, retries=1, timeout=3.0, qsize=60, threads=1, **more):
    program = Program("service")
    program.add_server(Server("s", {"get": Work(10.0)}, qsize=qsize, thread_pool=threads, **more))
    program.add_source(Source("c", "get", rate, timeout=timeout, retries=retries))
    program.connect("c", "s")
    return program


@pytest.mark.parametrize(
    ("program", "rests"),
    [
        # c mu room = lambda without retries: known in closed form
        (service(35.0, 0, 3.0, 60, 5), [3.5]),
        (service(25.0, 0), [60 - 10 / 25]),
        (service(8.0, 1), [0.8, None, None]),
        (service(65.0, 2, 1.0, 300, 10), [6.5, None, None]),
        (service(14.0, 1), [None]),
    ],
)
@pytest.mark.parametrize("closure", ["staged", "geometric"])
def test_programs_with_one_and_three_fixed_points(program, rests, closure):
    proof = proved(program, closure)
    assert proof is not None
    assert len(proof.isolated) == len(rests)
    for (low, high), rest in zip(proof.isolated, rests, strict=True):
        assert rest is None or low <= rest <= high + 1e-12
    found = equilibria(mean_field(program, closure), program)
    assert (found.status, found.certificate) == ("ok", "interval")
    assert found.to_dict()["certificate"] == "interval"


@settings(max_examples=20, deadline=None)
@given(
    rate=st.floats(0.5, 30),
    retries=st.integers(0, 4),
    timeout=st.floats(0.05, 5),
    threads=st.integers(1, 4),
    closure=st.sampled_from(["staged", "geometric"]),
)
def test_between_two_proved_intervals_the_reduced_drift_keeps_its_sign(
    rate, retries, timeout, threads, closure
):
    program = service(rate, retries, timeout, 40, threads)
    proof = proved(program, closure)
    if proof is None:  # a load of one: nothing is claimed
        assert equilibria(mean_field(program, closure), program).certificate != "interval"
        return
    assert len(proof.isolated) % 2 == 1
    edges = [0.0, *(end for interval in proof.isolated for end in interval), 40.0]
    population = mean_field(program, closure)
    # between the intervals nothing is at rest, and across each the queue turns round
    for i, (low, high) in enumerate(zip(edges[::2], edges[1::2], strict=True)):
        g = reduced(population, np.linspace(low, high, 500))
        assert np.all(g > 0) if i % 2 == 0 else np.all(g < 0)


def test_what_is_no_plain_server_gets_no_interval_of_its_queue():
    slow = service(slowdown=LoadSlowdown(1.0, 100.0))
    assert proved(slow) is None
    assert equilibria(mean_field(slow), slow).certificate == "isolated"
    assert equilibria(mean_field(service())).certificate == "degree"
    budget = Program("b")
    budget.add_server(Server("s", {"get": Work(10.0)}, qsize=60))
    budget.add_source(Source("c", "get", 8.0, timeout=3.0, retries=1, budget=RetryBudget(0.1)))
    budget.connect("c", "s")
    assert proved(budget) is None


def test_a_load_of_one_is_not_proved():
    program = service(10.0, 0)
    assert proved(program) is None
    assert equilibria(mean_field(program), program).certificate == "none"


def test_a_missed_point_is_told_by_the_test(monkeypatch):
    import separatrix.fluid.equilibria as module

    program = service()
    population = mean_field(program)
    states = module.resting_states(population)
    # saddle and stuck state left out: their indices cancel, and the degree sees nothing
    monkeypatch.setattr(module, "resting_states", lambda *_, **__: states[:1])
    assert equilibria(population).certificate == "degree"
    found = equilibria(population, program)
    assert (found.status, found.certificate) == ("inconclusive", "none")
    assert found.reason == "3 points exist, not 1"


def test_a_bounded_orbit_is_not_what_the_test_speaks_of():
    from separatrix import lower

    program = Program("bounded")
    program.add_server(Server("52", {"insert": Work(10.0)}, qsize=100, orbit_size=20))
    program.add_source(Source("client", "insert", 9.5, timeout=3.0, retries=4))
    program.connect("client", "52")
    assert equilibria(lower(program, "staged"), program).certificate == "degree"
