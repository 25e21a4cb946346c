import mpmath
import numpy as np
import pytest

from separatrix.errors import ModelError
from separatrix.markov.committor import committor, hitting_probability
from separatrix.markov.generator import as_chain, chain_from_matrix


@pytest.mark.parametrize(("n", "ratio"), [(20, 0.5), (50, 1.0), (100, 1e-3), (300, 1e-4)])
def test_gamblers_ruin(known, n, ratio):
    chain = known.birth_death(np.full(n, ratio), np.ones(n))
    states = np.arange(n + 1)
    found = committor(chain, states == n, states == 0)
    with mpmath.workdps(60):
        weight = [mpmath.mpf(1 / ratio) ** 0]
        r = mpmath.mpf(ratio)
        weight = [(1 / r) ** k for k in range(n)]
        total = mpmath.fsum(weight)
        win = [mpmath.fsum(weight[:i]) / total for i in range(1, n)]
        lose = [mpmath.fsum(weight[i:]) / total for i in range(1, n)]
        log_win = [float(mpmath.log(v)) for v in win]
        log_lose = [float(mpmath.log(v)) for v in lose]
    np.testing.assert_allclose(found.log_probability[1:-1], log_win, rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(found.log_complement[1:-1], log_lose, rtol=1e-13, atol=1e-13)
    assert found.probability[[0, n]].tolist() == [0.0, 1.0]
    assert found.status == "ok"
    assert found.to_dict()["defect"] < 1e-13


def test_sets_must_be_disjoint_and_cover_nothing_or_everything(known):
    chain = known.birth_death(np.ones(3), np.ones(3))
    states = np.arange(4)
    with pytest.raises(ModelError, match="share n = 1"):
        committor(chain, states <= 1, states >= 1)
    with pytest.raises(ModelError, match="second set is empty"):
        committor(chain, states == 0, states > 9)
    whole = committor(chain, states < 2, states >= 2)
    assert whole.probability.tolist() == [1.0, 1.0, 0.0, 0.0]
    assert whole.solver is None


def test_probability_of_ever_hitting():
    rates = np.zeros((4, 4))
    rates[1, 0], rates[1, 2], rates[3, 1] = 1.0, 2.0, 1.0
    chain = chain_from_matrix(rates)
    found = hitting_probability(chain, np.array([True, False, False, False]))
    np.testing.assert_allclose(found.probability, [1.0, 1 / 3, 0.0, 1 / 3])
    ring = chain_from_matrix(np.roll(np.eye(3), 1, axis=1))
    assert (
        hitting_probability(ring, np.array([True, False, False])).probability.tolist() == [1.0] * 3
    )
    with pytest.raises(ModelError, match="cannot reach"):
        committor(chain, np.array([True, False, False, False]), np.array([False] * 3 + [True]))


def test_no_probability_is_above_one(known):
    chain = as_chain(known.retry_chain(60, 20, 9.5, 0.9))
    queue, orbit = np.indices(chain.shape)
    for method in ("levels", "nested"):
        found = committor(chain, orbit >= 10, (queue + orbit) == 0, method=method)
        assert found.probability.max() == 1.0
        assert max(found.complement.max(), found.probability.max()) <= 1.0
        assert max(found.log_complement.max(), found.log_probability.max()) <= 0.0
        assert found.defect < 1e-12
