import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from separatrix.markov.generator import as_chain, chain_from_matrix
from separatrix.markov.leaned import leaned
from separatrix.markov.methods import solver_for
from separatrix.markov.scaled import Scaled
from separatrix.markov.spectrum import spectrum
from separatrix.markov.stationary import stationary


def balance(chain):
    """Powers of two near the square roots of the law."""
    log_pi = stationary(chain).log_pi.reshape(-1)
    return np.floor(0.5 * (log_pi - log_pi.max()) / np.log(2.0)).astype(np.int64)


@settings(deadline=None, max_examples=20)
@given(
    n=st.integers(2, 40), seed=st.integers(0, 2**32 - 1), anchored=st.booleans(),
    transposed=st.booleans(),
)  # fmt: skip
def test_the_same_as_solving_in_plain_coordinates(n, seed, anchored, transposed):
    rng = np.random.default_rng(seed)
    rates = 10.0 ** rng.uniform(-3, 0, (n, n)) * (rng.uniform(size=(n, n)) < 0.4)
    rates += np.eye(n, k=1) * 10.0 ** rng.uniform(-3, 0) + np.eye(n, k=-1)
    chain = chain_from_matrix(rates)
    removed = None if anchored else np.arange(n) == 0
    anchor = int(rng.integers(1, n))
    solved = solver_for(chain, removed=removed, anchor=anchor, method="levels")
    power = balance(chain)
    f = rng.standard_normal(n)
    f[0] = 0.0
    f[anchor] *= not anchored
    found = leaned(solved, power, anchored=anchored)
    assert found is not None
    plain = np.ldexp(f, power if transposed else -power)
    exact = solved.signed(Scaled.of(plain), transposed=transposed, anchored=anchored)
    exact = np.ldexp(exact.to_float(), -power if transposed else power)
    mine = found.left(f) if transposed else found.right(f)
    np.testing.assert_allclose(mine, exact, atol=1e-10 * np.abs(exact).max())


def test_solves_where_the_law_spans_far_more_than_a_float64(known):
    """A tridiagonal chain at load 1e-8: the leaned equations are almost a diagonal."""
    load, bound = 1e-8, 110
    chain = as_chain(known.many_servers(load, 1.0, 1, bound))
    power = balance(chain)
    assert power.min() < -1400
    solved = solver_for(chain, anchor=0, method="levels")
    found = leaned(solved, power, anchored=True)
    assert found is not None
    rng = np.random.default_rng(3)
    f = np.r_[0.0, rng.standard_normal(bound)]
    # without its slow parts this matrix is well conditioned: an ordinary solve is a witness
    steps = np.ldexp(1.0, power[2:] - power[1:-1])
    M = np.diag(np.r_[np.full(bound - 1, 1.0 + load), 1.0])
    M -= np.diag(steps, -1) + np.diag(load / steps, 1)
    np.testing.assert_allclose(found.right(f)[1:], np.linalg.solve(M, f[1:]), rtol=1e-13)
    np.testing.assert_allclose(found.left(f)[1:], np.linalg.solve(M.T, f[1:]), rtol=1e-13)


def test_no_balance_no_solves(known):
    """Balanced by what the law is not, entries leave the range of a float64."""
    chain = as_chain(known.many_servers(0.5, 1.0, 1, 60))
    solved = solver_for(chain, anchor=0, method="levels")
    assert leaned(solved, np.arange(61) * 40, anchored=True) is None


def test_an_exit_below_a_float64_is_left_to_the_extended_range(known):
    chain = as_chain(known.many_servers(3.0, 1.0, 1, 800))
    removed = np.zeros(801, dtype=np.bool_)
    removed[0] = True
    solved = solver_for(chain, removed=removed, anchor=800, method="levels")
    assert leaned(solved, balance(chain), anchored=False) is None


@pytest.mark.parametrize(("load", "bound"), [(0.05, 300), (1e-6, 150)])
def test_gap_of_a_queue_whose_law_spans_more_than_a_float64(known, load, bound):
    found = spectrum(known.many_servers(load, 1.0, 1, bound))
    exact = load + 1.0 - 2 * np.sqrt(load) * np.cos(np.pi / (bound + 1))
    assert found.gap == pytest.approx(exact, rel=1e-12)
    assert found.status == "ok"
