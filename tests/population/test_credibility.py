"""What the doomed say of the chances of those who wait: against Poisson sums without normal laws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import gammaincc
from scipy.stats import poisson

from separatrix.population.credibility import chances


def behind(n, at):
    """P(no more than n others served) in a time in which `at` are in the mean; 0 for one that has left."""
    return np.where(np.asarray(n) >= 0, gammaincc(np.maximum(n, 0.0) + 1.0, at), 0.0)


def by_poisson_sums(queue, at):
    """m, m_D, C and C_D: the younger of two stands behind q - 1 less Poisson others, the older before it."""
    nodes, weights = np.polynomial.legendre.leggauss(80)
    age, weights = 0.5 * (nodes + 1.0), 0.5 * weights
    after = np.arange(queue)
    n = queue - 1.0 - after
    came = poisson.pmf(after, at * age[:, None])
    late = behind(n, at * (1.0 - age[:, None]))
    gain = late - behind(n - 1.0, at * (1.0 - age[:, None]))
    # the older: one place further ahead, and less what came between; with all that is served by its end
    older = behind(n - 1.0, at * (1.0 - age[:, None]))
    older_gain = older - behind(n - 2.0, at * (1.0 - age[:, None]))
    p, d = behind(queue - 1.0, at), behind(queue - 1.0, at) - behind(queue - 2.0, at)

    def mean(values, weight):
        return float(weight @ (came * values).sum(axis=1))

    two = weights * (1.0 - age)
    return (
        mean(late**2, weights),
        mean(late * gain, weights),
        2.0 * mean(late * older, two) - p**2,
        mean(gain * older + late * older_gain, two) - p * d,
    )


@pytest.mark.parametrize("at", [8.0, 24.0, 100.0])
def test_moments_are_those_of_poisson_streams(at):
    for queue in np.unique(np.linspace(0.5 * at, 1.6 * at, 9).astype(int)):
        found = chances(*(behind(queue - 1.0 - k, at) for k in range(3)))
        own, own_gain, shared, shared_gain = by_poisson_sums(queue, at)
        assert found.own == pytest.approx(own, rel=0.03, abs=1e-4)
        assert found.own_gain == pytest.approx(own_gain, rel=0.03, abs=1e-4)
        assert found.shared == pytest.approx(shared, rel=0.08, abs=1e-3)
        assert found.shared_gain == pytest.approx(shared_gain, rel=0.08, abs=3e-4)


def test_at_even_odds_the_normal_integrals_are_closed():
    # Phi_2(0, 0; rho) = 1/4 + asin(rho) / (2 pi), of one and of two in the same place
    half = np.array(0.5)
    found = chances(half, half, half)
    assert found.own == pytest.approx(0.25 + (np.pi / 2 - 1) / (2 * np.pi), rel=1e-9)
    assert found.shared == pytest.approx((3 * np.pi / 8 - 1) / np.pi, rel=1e-9)
    assert found.gain == found.own_gain == 0.0


def test_in_a_queue_of_one_a_service_takes_all():
    slopes = chances(np.array(1e-3), np.array(0.0), np.array(0.0)).slopes(np.array(5.0))
    assert slopes.taken == pytest.approx(slopes.chances, rel=1e-12)


@given(
    late=st.lists(st.floats(0.0, 1.0), min_size=3, max_size=3).map(sorted),
    waiting=st.floats(0.0, 1e4),
)
def test_slopes_are_finite_and_those_of_a_share(late, waiting):
    two_less, one_less, all_there = map(np.array, late)
    slopes = chances(all_there, one_less, two_less).slopes(np.array(waiting))
    assert 0.0 <= slopes.chances <= 1.0
    assert np.isfinite(slopes.taken)
    assert np.isfinite(slopes.worse)
    assert slopes.worse <= slopes.taken + 1e-9
