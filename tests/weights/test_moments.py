from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from separatrix.weights.moments import Moments, Total

ROWS = arrays.arrays(
    np.float64,
    st.tuples(st.integers(0, 20), st.just(3)),
    elements=st.floats(0, 1e6, allow_subnormal=False),
)


def close(a: Moments, b: Moments) -> bool:
    assert a.n == b.n
    if a.n == 0:
        return True
    size = 1.0 + np.abs(a.mean).max() ** 2
    return np.allclose(a.mean, b.mean, rtol=1e-12) and np.allclose(
        a.gram, b.gram, rtol=1e-9, atol=1e-12 * size * a.n
    )


@given(ROWS, ROWS, ROWS)
@settings(deadline=None)
def test_merging_is_associative_and_equals_one_pass(a, b, c):
    x, y, z = (Moments.of(part) for part in (a, b, c))
    whole = Moments.of(np.concatenate([a, b, c]))
    assert close(x.merge(y).merge(z), whole)
    assert close(x.merge(y.merge(z)), whole)


def test_gram_is_the_covariance():
    rows = np.random.default_rng(1).normal(1e6, 1.0, (500, 3))
    found = Moments.of(rows[:200]).merge(Moments.of(rows[200:]))
    assert np.allclose(found.gram / 499, np.cov(rows.T), rtol=1e-8)
    r = found.correlation(np.array([1.0, 2.0, 0.0]), np.array([0.0, 0.0, 1.0]))
    assert math.isclose(r, np.corrcoef(rows[:, 0] + 2 * rows[:, 1], rows[:, 2])[0, 1], rel_tol=1e-6)


def test_correlation_of_a_constant_is_not_a_number():
    found = Moments.of(np.ones((5, 2)))
    assert math.isnan(found.correlation(np.array([1.0, 0.0]), np.array([0.0, 1.0])))


@given(st.lists(st.floats(0, 1e15), max_size=40), st.integers(0, 40))
@settings(deadline=None)
def test_total_is_right_to_an_ulp_however_it_is_grouped(values, cut):
    def added(some: list[float]) -> Total:
        total = Total()
        for value in some:
            total = total.plus(value)
        return total

    exact = float(sum(map(Fraction, values)))
    for found in (added(values), added(values[:cut]).plus(added(values[cut:]))):
        assert abs(found.value - exact) <= 2 * math.ulp(exact)


def test_total_does_not_drift():
    total = Total(1e15, 0.0)
    for _ in range(10_000):
        total = total.plus(0.001)
    assert total.value == 1e15 + 10
