from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from separatrix.weights.nonnegative import minimise_quadratic


@given(st.integers(0, 10_000), st.integers(1, 7), st.integers(0, 7))
@settings(deadline=None)
def test_conditions_of_karush_kuhn_and_tucker(seed, n, n_free):
    n_free = min(n_free, n)
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(2 * n, n))
    H, b = A.T @ A, rng.normal(size=n)
    x = minimise_quadratic(H, b, n_free)
    gradient = H @ x - b
    assert np.allclose(gradient[:n_free], 0.0, atol=1e-7)
    assert np.all(x[n_free:] >= 0.0)
    assert np.all(gradient[n_free:] >= -1e-7)
    assert np.allclose(x[n_free:] * gradient[n_free:], 0.0, atol=1e-7)


def test_units_do_not_matter():
    A = np.random.default_rng(0).normal(size=(9, 3))
    H, b = A.T @ A, A.T @ np.ones(9)
    size = np.array([1e-8, 1.0, 1e8])
    x = minimise_quadratic(H, b, 1)
    assert minimise_quadratic(H * np.outer(size, size), b * size, 1) * size == pytest.approx(x)


def test_two_equal_columns_share_or_take_the_cost():
    H = np.ones((2, 2))
    x = minimise_quadratic(H, np.array([3.0, 3.0]), 0)
    assert x.sum() == pytest.approx(3.0, rel=1e-5)
    assert np.all(x >= 0.0)
