import mpmath
import numpy as np
import pytest

from separatrix.errors import ModelError
from separatrix.markov.generator import as_chain, chain_from_matrix
from separatrix.markov.hitting import hitting_times
from separatrix.markov.quasistationary import quasi_stationary, slow_exit


def test_reflected_walk_absorbed_at_zero(known):
    """Absorption at 0 from 1..n with equal rates: eigenvalues of a discrete Laplacian."""
    n = 7
    chain = known.birth_death(np.ones(n), np.ones(n))
    found = quasi_stationary(chain, np.arange(n + 1) > 0)
    angle = np.pi / (2 * n + 1)
    assert found.exit_rate == pytest.approx(2 - 2 * np.cos(angle), rel=1e-10)
    shape = np.sin(angle * np.arange(1, n + 1))
    np.testing.assert_allclose(found.law[1:], shape / shape.sum(), rtol=1e-8)
    low, high = found.bounds
    assert low <= 1.0 + 1e-14
    assert high >= 1.0 - 1e-14


def test_exit_rate_of_a_deep_well_against_high_precision(known):
    n, ratio = 12, 1e-3
    chain = known.birth_death(np.full(n, ratio), np.ones(n))
    found = quasi_stationary(chain, np.arange(n + 1) < n)
    with mpmath.workdps(80):
        M = mpmath.zeros(n, n)
        r = mpmath.mpf(ratio)
        for i in range(n):
            M[i, i] = r + (1 if i else 0)
            if i + 1 < n:
                M[i, i + 1] = -r
            if i:
                M[i, i - 1] = mpmath.mpf(-1)
        v = mpmath.ones(n, 1)
        for _ in range(6):
            w = mpmath.lu_solve(M, v)
            rate = v[0] / w[0]
            v = w / w[0]
        exact = float(mpmath.log(rate))
    assert found.log_exit_rate == pytest.approx(exact, rel=1e-14)
    assert found.bounds[1] - found.bounds[0] < 1e-12
    assert found.status == "ok"
    np.testing.assert_allclose(found.lifetime[: n // 2], 1.0, rtol=1e-9)


def test_mean_from_the_law_is_the_reciprocal_rate(known):
    chain = as_chain(known.retry_chain(100, 20, 9.0, 4.5))
    target = np.indices(chain.shape)[1] < 5
    times = hitting_times(chain, target)
    found = slow_exit(times.solver)
    assert times.at(found.law).mean * found.exit_rate == pytest.approx(1.0, rel=1e-11)
    assert found.to_dict()["status"] == "ok"


def test_two_equal_wells_are_inconclusive():
    rates = np.zeros((3, 3))
    rates[0, 2] = 1e-3
    rates[1, 2] = 1.01e-3
    rates[0, 1] = rates[1, 0] = 1e-9
    rates[2, 0] = 1.0
    found = quasi_stationary(chain_from_matrix(rates), np.array([True, True, False]))
    assert found.status == "inconclusive"
    assert "bounds differ" in found.reason


def test_sets_must_leave_something_out(known):
    chain = known.birth_death([1.0], [1.0])
    with pytest.raises(ModelError, match="complement is empty"):
        quasi_stationary(chain, np.ones(2, bool))
