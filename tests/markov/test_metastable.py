"""Metastable sets: wells that are known, rates against the spectrum and against closed forms."""

import numpy as np
import pytest
from scipy.linalg import expm

from separatrix.errors import ModelError
from separatrix.markov.generator import as_chain, chain_from_matrix, generator
from separatrix.markov.metastable import CORE, metastable
from separatrix.markov.spectrum import spectrum


def wells(sizes, coupling, seed=1):
    """Noisy complete graphs, joined one to the next by weak edges; not reversible."""
    rng = np.random.default_rng(seed)
    n = sum(sizes)
    rates = np.zeros((n, n))
    ends = np.cumsum(sizes)
    for end, size in zip(ends, sizes, strict=True):
        own = slice(end - size, end)
        rates[own, own] = rng.uniform(0.5, 2.0, (size, size))
    for i, end in enumerate(ends[:-1]):
        rates[end - 1, end] = coupling[i]
        rates[end, end - 1] = 2.0 * coupling[i]
    np.fill_diagonal(rates, 0.0)
    return rates, np.repeat(np.arange(len(sizes)), sizes)


@pytest.mark.parametrize("coupling", [1e-3, 1e-9, 1e-40])
def test_three_wells_are_found_whole(coupling):
    rates, truth = wells([5, 7, 6], [coupling, 0.3 * coupling])
    found = metastable(chain_from_matrix(rates), most=5)
    assert found.count == 3
    assert found.status == "ok"
    for i in range(3):
        assert len(set(truth[found.set(i)])) == 1
    np.testing.assert_allclose(found.memberships.sum(axis=0), 1.0, rtol=1e-12)
    slow = np.sort(-np.linalg.eigvals(found.rates / coupling).real)[1:] * coupling
    np.testing.assert_allclose(slow, found.decay_rates[1:3], rtol=20 * coupling + 1e-9)
    assert found.weights.sum() == pytest.approx(1.0, rel=1e-10)


def test_memberships_span_the_slow_modes_and_keep_their_dynamics():
    rates, _ = wells([4, 5, 6], [1e-3, 2e-3], seed=3)
    chain = chain_from_matrix(rates)
    found = metastable(chain, 3)
    chi = found.memberships.reshape(3, -1).T
    coarse = np.linalg.lstsq(chi, generator(chain).toarray() @ chi, rcond=None)[0]
    np.testing.assert_allclose(
        expm(50.0 * generator(chain).toarray()) @ chi, chi @ expm(50.0 * coarse), atol=1e-6
    )
    # milestoning agrees with the projected generator as far as the wells are metastable
    np.testing.assert_allclose(found.rates, coarse, rtol=0.02, atol=2e-5)


def test_two_wells_of_very_different_mass(known):
    """Closed form: the way out of a birth-death well against the flow over its ridge."""
    up = np.r_[np.full(12, 0.01), np.full(8, 10.0)]
    down = np.r_[np.full(8, 10.0), np.full(12, 0.1)]
    chain = known.birth_death(up, down)
    found = metastable(chain)
    assert found.count == 2
    pi = found.modes.law.pi
    left, right = (
        np.flatnonzero(found.memberships[i] >= CORE * found.memberships[i].max()) for i in (0, 1)
    )
    if left[0] > right[0]:
        left, right = right, left
    # resistances in series between the cores
    between = np.arange(left[-1], right[0])
    flow = 1.0 / (1.0 / (pi[between] * up[between])).sum()
    heavy = 0 if found.set(0)[left[0]] else 1
    np.testing.assert_allclose(
        [
            found.rates[heavy, 1 - heavy] * found.weights[heavy],
            found.rates[1 - heavy, heavy] * found.weights[1 - heavy],
        ],
        flow,
        rtol=1e-10,
    )
    assert found.rates[0, 1] + found.rates[1, 0] == pytest.approx(found.decay_rates[1], rel=1e-3)


def test_the_retry_chain_has_two_sets_and_its_gap(known):
    chain = as_chain(known.retry_chain(200, 50, 8.5, 9.0))
    found = metastable(chain)
    assert found.count == 2
    assert found.set(0).sum() + found.set(1).sum() == chain.n_states
    assert found.labels[0, 0] != found.labels[-1, -1]
    assert found.rates[0, 1] + found.rates[1, 0] == pytest.approx(found.modes.gap, rel=1e-4)
    assert found.to_dict()["sets"] == 2


def test_a_queue_without_wells_is_one_set(known):
    found = metastable(known.many_servers(0.9, 1.0, 1, 30))
    assert found.count == 1
    assert found.weights.tolist() == [1.0]
    assert (found.memberships == 1.0).all()


def test_a_number_that_splits_a_cluster_is_inconclusive(known):
    chain = as_chain(known.many_servers(0.5, 1.0, 1, 40))
    found = metastable(chain, 2, modes=spectrum(chain, 3))
    assert found.status == "inconclusive"
    assert "splits" in found.reason


def test_hostile_inputs(known):
    chain = known.birth_death([1.0], [2.0])
    with pytest.raises(ModelError, match="from 1 on"):
        metastable(chain, 0)
    with pytest.raises(ModelError, match="from 1 on"):
        metastable(chain, 3)
    with pytest.raises(ModelError, match="closed classes"):
        metastable(chain_from_matrix(np.zeros((2, 2))))
