"""Escape and return probabilities against linear algebra on jump chains; conductance against the gap."""

import numpy as np
import pytest

from separatrix.errors import ModelError
from separatrix.markov.generator import as_chain, chain_from_matrix, generator
from separatrix.markov.metastability import conductance, metastability
from separatrix.markov.spectrum import spectrum
from separatrix.markov.stationary import stationary


def mask_of(n, *states):
    mask = np.zeros(n, dtype=bool)
    mask[list(states)] = True
    return mask


def test_escape_by_first_step_analysis():
    rng = np.random.default_rng(5)
    n = 9
    chain = chain_from_matrix(rng.exponential(size=(n, n)))
    law = stationary(chain)
    sets = [mask_of(n, 0, 1), mask_of(n, 7), mask_of(n, 4, 5)]
    found = metastability(law, sets)
    Q = generator(chain).toarray()
    P = Q / -np.diag(Q)[:, None] + np.eye(n)
    union = sets[0] | sets[1] | sets[2]
    free = ~union
    for i, own in enumerate(sets):
        goal = (union & ~own).astype(float)
        h = goal.copy()
        h[free] = np.linalg.solve(np.eye(free.sum()) - P[np.ix_(free, free)], P[free] @ goal)
        escape = (law.pi[own] @ (P @ h)[own]) / law.pi[own].sum()
        assert found.escape[i] == pytest.approx(escape, rel=1e-12)
    visits = np.diag(np.linalg.inv(np.eye(free.sum()) - P[np.ix_(free, free)]))
    exact = 3 * found.escape.max() * visits.max()
    assert exact <= found.ratio <= 20 * exact
    assert found.least_return <= 1.0 / visits.max()


@pytest.mark.parametrize("coupling", [1e-6, 1e-60, 1e-250])
def test_the_ratio_falls_with_the_coupling_of_two_wells(coupling):
    rates = np.zeros((6, 6))
    rates[:3, :3] = rates[3:, 3:] = 1.0
    rates[2, 3] = rates[3, 2] = coupling
    np.fill_diagonal(rates, 0.0)
    law = stationary(chain_from_matrix(rates))
    found = metastability(law, [mask_of(6, 0), mask_of(6, 5)])
    # 0 -> {1, 2}; the way over the bridge at its weakest point: resistances 1/2 x 2, times exit 2
    assert found.log_escape[0] == pytest.approx(np.log(coupling / 2), abs=5 * coupling + 1e-12)
    assert found.log_ratio < np.log(coupling) + 3.0
    assert conductance(law, mask_of(6, 0, 1, 2)) == pytest.approx(coupling / 3, rel=1e-12)


def test_the_gap_of_a_reversible_chain_is_below_twice_any_conductance(known):
    chain = as_chain(known.many_servers(0.9, 1.0, 1, 25))
    law = stationary(chain)
    gap = spectrum(chain, law=law).gap
    below = [2 * conductance(law, np.arange(26) < k) for k in range(1, 26)]
    assert gap <= min(below)
    assert min(below) < 60 * gap


def test_sets_that_fill_everything():
    law = stationary(chain_from_matrix(np.array([[0.0, 1.0], [3.0, 0.0]])))
    found = metastability(law, [mask_of(2, 0), mask_of(2, 1)])
    assert found.escape.tolist() == [1.0, 1.0]
    assert found.hardest is None
    assert found.ratio == pytest.approx(2.0)
    assert found.to_dict()["least_return"] == 1.0


def test_hostile_inputs():
    law = stationary(
        chain_from_matrix(np.array([[0.0, 1.0, 0.0], [3.0, 0.0, 0.0], [1.0, 1.0, 0.0]]))
    )
    first, second, transient = (mask_of(3, i) for i in range(3))
    with pytest.raises(ModelError, match="at least 2"):
        metastability(law, [first])
    with pytest.raises(ModelError, match="meets"):
        metastability(law, [first, first])
    with pytest.raises(ModelError, match="empty"):
        metastability(law, [first, mask_of(3)])
    with pytest.raises(ModelError, match="no stationary mass"):
        metastability(law, [first, transient])
    with pytest.raises(ModelError, match="without mass"):
        conductance(law, transient)
    with pytest.raises(ModelError, match="complement is empty"):
        conductance(law, first | second | transient)
