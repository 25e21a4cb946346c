import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from separatrix.errors import ModelError
from separatrix.markov.generator import as_chain, chain_from_matrix
from separatrix.markov.hitting import hitting_times
from separatrix.markov.starts import start_law


def mp_birth_death_moments(up, down):
    """Mean and variance of the time from state 0 to the top state, step by step, in 60 digits."""
    with mpmath.workdps(60):
        up, down = [mpmath.mpf(v) for v in up], [mpmath.mpf(v) for v in down]
        m, s = [], []  # first and second moment of the step i -> i+1
        for i, u in enumerate(up):
            d = down[i - 1] if i else mpmath.mpf(0)
            back1 = m[i - 1] if i else mpmath.mpf(0)
            back2 = s[i - 1] if i else mpmath.mpf(0)
            mean = (1 + d * back1) / u
            # T = E/(u+d) + [down] (T_back + T'), solved for the second moment
            second = (
                (
                    2 / (u + d) ** 2
                    + 2 / (u + d) * d / (u + d) * (back1 + mean)
                    + d / (u + d) * (back2 + 2 * back1 * mean)
                )
                * (u + d)
                / u
            )
            m.append(mean)
            s.append(second)
        total = mpmath.fsum(m)
        variance = mpmath.fsum(b - a * a for a, b in zip(m, s, strict=True))
        return total, variance


@settings(deadline=None, max_examples=25)
@given(
    n=st.integers(1, 60),
    ratio=st.sampled_from([0.3, 0.02, 1.0, 5.0]),
    seed=st.integers(0, 2**32 - 1),
)
def test_birth_death_escape_times(known, n, ratio, seed):
    rng = np.random.default_rng(seed)
    up, down = ratio * rng.uniform(0.5, 2.0, n), rng.uniform(0.5, 2.0, n)
    target = np.arange(n + 1) == n
    found = hitting_times(known.birth_death(up, down), target).at(0)
    mean, variance = mp_birth_death_moments(up, down)
    assert found.mean == pytest.approx(float(mean), rel=1e-12)
    assert found.std == pytest.approx(float(mpmath.sqrt(variance)), rel=1e-11)
    assert found.log_mean == pytest.approx(float(mpmath.log(mean)), rel=1e-13, abs=1e-13)


@pytest.mark.parametrize(("n", "ratio"), [(30, 1e-1), (100, 1e-1), (60, 1e-5), (200, 1e-3)])
def test_escape_times_from_1e30_to_1e600(known, n, ratio):
    chain = known.birth_death(np.full(n, ratio), np.ones(n))
    found = hitting_times(chain, np.arange(n + 1) == n).at(0)
    mean, variance = mp_birth_death_moments([ratio] * n, [1.0] * n)
    assert found.log_mean == pytest.approx(float(mpmath.log(mean)), rel=1e-15)
    if mean < mpmath.mpf("1e308"):
        assert found.mean == pytest.approx(float(mean), rel=1e-12)
        assert found.std == pytest.approx(float(mpmath.sqrt(variance)), rel=1e-12)
    else:
        assert found.mean == np.inf
        assert found.std == np.inf


@pytest.mark.parametrize(
    ("shape", "arrival", "timeout", "recovery", "escape"),
    [
        ((100, 20), 9.5, 9.0, 464.28353780106454, 2907.6711844080464),
        ((100, 20), 9.0, 4.5, 1494763.5141440313, 973.717741974148),
        ((200, 50), 8.5, 9.0, 5414287993831.893, 8583203.622399677),
    ],
)
def test_benchmark_table(known, shape, arrival, timeout, recovery, escape):
    chain = as_chain(known.retry_chain(*shape, arrival, timeout))
    empty = np.zeros(shape, bool)
    empty[0, 0] = True
    times = hitting_times(chain, empty, certify=True)
    assert times.at((shape[0] - 1, shape[1] - 1)).mean == pytest.approx(recovery, rel=1e-13)
    assert times.error < 1e-13
    high = np.indices(shape)[1] >= shape[1] // 2
    found = hitting_times(chain, high).at((0, 0))
    assert found.mean == pytest.approx(escape, rel=1e-13)


def test_times_that_hardly_vary(known):
    n, rate = 3000, 3.0
    chain = known.birth_death(np.full(n, rate), np.full(n, 1e-12))
    found = hitting_times(chain, np.arange(n + 1) == n)
    np.testing.assert_allclose(found.at(0).mean, n / rate, rtol=1e-9)
    np.testing.assert_allclose(found.at(0).std, np.sqrt(n) / rate, rtol=1e-9)
    assert found.std_error.max() < 1e-9


def test_start_may_be_a_law(known):
    chain = known.birth_death(np.full(5, 1.0), np.full(5, 2.0))
    target = np.arange(6) == 5
    times = hitting_times(chain, target)
    law = np.array([0.25, 0.0, 0.75, 0.0, 0.0, 0.0])
    mixed = times.at(law)
    a, b = times.at(0), times.at((2,))
    mean = 0.25 * a.mean + 0.75 * b.mean
    second = 0.25 * (a.variance + a.mean**2) + 0.75 * (b.variance + b.mean**2)
    assert mixed.mean == pytest.approx(mean, rel=1e-14)
    assert mixed.variance == pytest.approx(second - mean**2, rel=1e-13)
    inside = times.at(np.eye(6)[5])
    assert (inside.mean, inside.std) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (9, "outside 0..5"),
        ((7,), "outside the box"),
        ((1, 1), "outside the box"),
        (np.ones(6), "sums to 6.0"),
        (np.full(6, np.nan), "sums to nan"),
        (np.ones(4) / 4, "shape"),
    ],
)
def test_hostile_starts(start, message):
    with pytest.raises(ModelError, match=message):
        start_law(start, (6,))


def test_targets_that_may_be_missed():
    # 0 <- 1 -> 2 absorbing; 3 -> 1
    rates = np.zeros((4, 4))
    rates[1, 0], rates[1, 2], rates[0, 1], rates[3, 1] = 1.0, 2.0, 1.0, 1.0
    chain = chain_from_matrix(rates)
    only0 = np.array([True, False, False, False])
    with pytest.raises(ModelError, match="cannot be reached from state = 2"):
        hitting_times(chain, only0)
    with pytest.raises(ModelError, match="cannot be reached from state = 2"):
        hitting_times(chain, only0, start=3)
    both = np.array([True, False, True, False])
    times = hitting_times(chain, both)
    np.testing.assert_allclose(times.mean, [0.0, 1 / 3, 0.0, 4 / 3])
    only1 = np.array([False, True, False, False])
    safe = hitting_times(chain, only1, start=3)
    assert safe.mean[3] == 1.0
    assert np.isnan(safe.mean[[0, 2]]).all()
    assert safe.to_dict()["longest_mean"] == 1.0


def test_empty_full_and_misshapen_targets(known):
    chain = known.birth_death([1.0], [1.0])
    with pytest.raises(ModelError, match="target is empty"):
        hitting_times(chain, np.zeros(2, bool))
    everywhere = hitting_times(chain, np.ones(2, bool))
    assert everywhere.mean.tolist() == [0.0, 0.0]
    assert everywhere.at(0).mean == 0.0
    with pytest.raises(ModelError, match="boolean"):
        hitting_times(chain, np.array([0, 1]))


def test_without_second_moment(known):
    times = hitting_times(
        known.birth_death([1.0], [1.0]), np.array([False, True]), second_moment=False
    )
    assert np.isnan(times.std).all()
