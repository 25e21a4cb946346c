import numpy as np
import pytest
from scipy.linalg import expm
from scipy.optimize import brentq

from separatrix.errors import ModelError
from separatrix.markov.generator import as_chain, chain_from_matrix, generator
from separatrix.markov.mixing import mixing_time
from separatrix.markov.spectrum import spectrum


def test_two_states():
    modes = spectrum(chain_from_matrix(np.array([[0.0, 1.0], [3.0, 0.0]])))
    found = mixing_time(modes, 0.1, starts=[0, 1])
    assert found.start == 1  # the rarer state is farther: distance 3/4 exp(-4 t)
    assert found.time == pytest.approx(np.log(0.75 / 0.1) / 4.0, rel=1e-8)
    assert mixing_time(modes, 0.1).time == pytest.approx(found.time, rel=1e-8)


@pytest.mark.parametrize("eps", [0.25, 0.01])
def test_against_the_matrix_exponential(known, eps):
    chain = as_chain(known.retry_chain(20, 6, 9.0, 0.9))
    modes = spectrum(chain, 3)
    Q, pi = generator(chain).toarray(), modes.law.pi.reshape(-1)
    starts = [0, chain.n_states - 1, 60]

    def distance(t, x):
        return 0.5 * np.abs(expm(Q * t)[x] - pi).sum() - eps

    want = [brentq(distance, 1e-9, 1e3, args=(x,), xtol=1e-12) for x in starts]
    found = mixing_time(modes, eps, starts=starts)
    assert found.start == int(np.argmax(want))
    assert found.time == pytest.approx(max(want), rel=1e-6)


def test_slowest_mode_alone():
    rates = np.zeros((4, 4))
    rates[0, 1] = rates[1, 0] = rates[2, 3] = rates[3, 2] = 1.0
    rates[1, 2] = rates[2, 1] = 1e-12
    modes = spectrum(chain_from_matrix(rates), 3)
    found = mixing_time(modes, 0.01)
    assert found.method == "slowest mode"
    assert found.time == pytest.approx(np.log(0.5 / 0.01) / 1e-12, rel=1e-9)


def test_start_that_the_slowest_mode_does_not_feel():
    """A third, likely well: from there the law is nearly right within seconds."""
    rates = np.zeros((4, 4))
    rates[0, 1] = rates[1, 0] = 1.0
    rates[1, 2] = 1e-12
    rates[2, 1] = 1e-9
    rates[2, 3] = rates[3, 2] = 1.0
    modes = spectrum(chain_from_matrix(rates), 3)
    found = mixing_time(modes, 0.25, starts=[0])
    assert found.time == pytest.approx(np.log(0.5 / 0.25) / 2.0, rel=3e-3)


@pytest.mark.parametrize(("n", "up"), [(20, 1e-5), (60, 1e-4)])
def test_a_start_in_a_trap_that_hardly_anything_enters(n, up):
    """Beside the trap's 1e100, rounding of a balanced left mode was the likely states: 26 to 98 times too long."""
    rates = np.diag(np.full(n - 1, up), 1) + np.diag(np.ones(n - 1), -1)
    rates[-1, -2] = leave = 1e-3
    modes = spectrum(chain_from_matrix(rates), 3)
    # all mass flows from the trap to where the chain is: 1 gone, 1 come, and what is on its way
    way = sum(leave / (1.0 - leave) ** k for k in range(1, n - 1))
    left = modes.left[1].real * np.sign(modes.left[1].real[-1])
    assert left[-1] == pytest.approx(1.0, rel=1e-4)
    assert left.sum() == pytest.approx(0.0, abs=1e-9)
    assert left[1:-1].sum() == pytest.approx(way, rel=1e-2)
    for starts in (None, [n - 1]):
        found = mixing_time(modes, 0.1, starts=starts)
        assert found.status == "ok"
        want = np.log((1.0 + way) / 0.1) / modes.gap
        assert found.time == pytest.approx(want, rel=1e-4)  # and of first order in `up`


def test_hostile_inputs():
    modes = spectrum(chain_from_matrix(np.array([[0.0, 1.0], [3.0, 0.0]])))
    assert mixing_time(modes, 0.9).time == 0.0
    with pytest.raises(ModelError, match="eps"):
        mixing_time(modes, 0.0)
    with pytest.raises(ModelError, match="at least one start"):
        mixing_time(modes, starts=[])


def _longest(chain, modes, eps):
    """The largest distance over all starts, by the dense exponential, falls to eps then."""
    Q, pi = generator(chain).toarray(), modes.law.pi.reshape(-1)

    def distance(t):
        return 0.5 * np.abs(expm(Q * t) - pi).sum(axis=1).max() - eps

    high = modes.relaxation_time
    while distance(high) > 0:
        high *= 2
    return brentq(distance, 0.0, high, xtol=1e-13)


@pytest.mark.parametrize(("arrivals", "eps"), [(9.0, 0.25), (9.0, 0.01), (4.0, 0.25), (14.0, 0.1)])
def test_no_start_takes_longer_than_the_one_that_is_found(known, arrivals, eps):
    chain = as_chain(known.retry_chain(14, 5, arrivals, 0.9))
    modes = spectrum(chain, 3)
    assert mixing_time(modes, eps).time == pytest.approx(_longest(chain, modes, eps), rel=1e-6)


@pytest.mark.parametrize("seed", range(12))
def test_worst_start_of_random_chains(seed):
    """Modes close together: with seed 10 the slowest one's own worst state is not the worst of all."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(3, 14))
    rates = np.exp(rng.normal(0.0, 2.5, (n, n))) * (rng.random((n, n)) < 0.5)
    rates[np.arange(n), (np.arange(n) + 1) % n] += np.exp(rng.normal(0.0, 2.0, n))
    np.fill_diagonal(rates, 0.0)
    chain = chain_from_matrix(rates)
    modes = spectrum(chain, 3)
    assert mixing_time(modes, 0.05).time == pytest.approx(_longest(chain, modes, 0.05), rel=1e-6)
