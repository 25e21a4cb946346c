"""Sojourn tails against 40-digit integration and known laws."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import erlang

from separatrix.population.sojourn import sojourn_moments, sojourn_tail


def reference_tail(n: float, t: float, rate: float, threads: int) -> float:
    """P(Erlang(n - c + 1, c mu) + Exp(mu) > t) by convolution in 40-digit arithmetic."""
    with mpmath.workdps(40):
        k, a, mu, t = mpmath.mpf(max(n - threads + 1, 0)), threads * rate, mpmath.mpf(rate), t
        if k == 0:
            return float(mpmath.exp(-mu * t))
        peak = min(max((k - 1) / a, 0), t)

        def integrand(w):
            log_density = k * mpmath.log(a) + (k - 1) * mpmath.log(w) - a * w - mpmath.loggamma(k)
            return mpmath.exp(log_density - mu * (t - w))

        width = mpmath.sqrt(k) / a
        knots = sorted({0, *(min(max(peak + i * width, 0), t) for i in (-6, -2, 0, 2, 6)), t})
        tail = mpmath.gammainc(k, a * t, regularized=True)
        return float(tail + mpmath.quad(integrand, knots))


@pytest.mark.parametrize(
    ("n", "t", "rate", "threads"),
    [
        (0, 1, 1.0, 1),
        (5, 1, 3.0, 1),
        (3, 0.5, 2.0, 4),
        (20, 3, 2.0, 4),
        (30, 3, 2.0, 4),
        (100, 3, 10.0, 3),
        (2000, 1, 1000.0, 2),
        (4.5, 1, 2.0, 4),
        (200, 1, 10.0, 10),
    ],
)
def test_tail_matches_forty_digit_integration(n, t, rate, threads):
    assert sojourn_tail(n, t, rate, threads) == pytest.approx(
        reference_tail(n, t, rate, threads), rel=1e-12
    )


def test_one_thread_is_erlang():
    n = np.arange(60)
    expected = erlang.sf(3.0, n + 1, scale=0.1)
    np.testing.assert_allclose(sojourn_tail(n, 3.0, 10.0, 1), expected, rtol=1e-11)


@given(
    t=st.floats(1e-3, 50),
    rate=st.floats(0.05, 50),
    threads=st.integers(1, 20),
)
def test_tail_is_a_probability_that_grows_with_the_queue_and_falls_with_time(t, rate, threads):
    n = np.linspace(0, 150, 301)
    tail = sojourn_tail(n, t, rate, threads)
    assert np.all((tail >= 0) & (tail <= 1))
    assert np.all(np.diff(tail) >= -1e-12)
    assert np.all(sojourn_tail(n, 2 * t, rate, threads) <= tail + 1e-12)


@settings(max_examples=8)
@given(n=st.integers(0, 80), rate=st.floats(0.1, 20), threads=st.integers(1, 8))
def test_moments_are_those_of_the_tail(n, rate, threads):
    mean, second = sojourn_moments(n, rate, threads)
    times = np.linspace(0, float(mean + 40 * np.sqrt(second - mean**2)), 401)
    tail = np.array([float(sojourn_tail(n, t, rate, threads)) for t in times])
    step = times[1]
    assert np.trapezoid(tail, dx=step) == pytest.approx(float(mean), rel=3e-3)
    assert np.trapezoid(2 * times * tail, dx=step) == pytest.approx(float(second), rel=3e-3)


def test_no_time_has_passed():
    assert np.all(sojourn_tail([0, 5, 50], 0.0, 1.0, 2) == 1.0)


def test_a_time_that_no_queue_fills_is_told_at_once():
    # before, the sum that no state needed was made until its first term was small: for minutes
    assert np.all(sojourn_tail(np.arange(200.0), 1e9, 10.0, 10) == 0.0)
