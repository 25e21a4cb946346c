import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from separatrix.markov.banded import Breakdown, factor, invert
from separatrix.markov.generator import Edges
from separatrix.markov.scaled import Scaled


def m_matrix(rates, leaving):
    M = -np.array(rates)
    np.fill_diagonal(M, 0.0)
    M += np.diag(-M.sum(axis=1) + leaving)
    return M


def mp_inverse(rates, leaving):
    with mpmath.workdps(1200):
        n = len(leaving)
        M = mpmath.zeros(n, n)
        for i in range(n):
            M[i, i] = mpmath.mpf(float(leaving[i]))
            for j in range(n):
                if i != j:
                    M[i, j] -= mpmath.mpf(float(rates[i][j]))
                    M[i, i] += mpmath.mpf(float(rates[i][j]))
        return M**-1


@settings(deadline=None, max_examples=40)
@given(n=st.integers(1, 9), seed=st.integers(0, 2**32 - 1), span=st.sampled_from([0, 8, 40]))
def test_inverse_is_right_in_every_entry(n, seed, span):
    rng = np.random.default_rng(seed)
    rates = 10.0 ** rng.uniform(-span, 0, (n, n))
    leaving = 10.0 ** rng.uniform(-2 * span, 0, n)
    N, exact = invert(rates, leaving), mp_inverse(rates, leaving)
    for i in range(n):
        for j in range(n):
            assert abs(N[i, j] / float(exact[i, j]) - 1.0) < 1e-13


def test_inverse_of_a_block_that_cannot_be_left():
    with pytest.raises(Breakdown) as caught:
        invert(np.array([[0.0, 1.0], [1.0, 0.0]]), np.zeros(2))
    assert caught.value.position == 1


def band_chain(rng, n, width, span):
    i, j = np.indices((n, n))
    near = (np.abs(i - j) <= width) & (i != j) & (rng.uniform(size=(n, n)) < 0.8)
    rates = np.where(near, 10.0 ** rng.uniform(-span, 0, (n, n)), 0.0)
    rows, cols = np.nonzero(rates)
    return rates, Edges(rows, cols, rates[rows, cols])


@settings(deadline=None, max_examples=30)
@given(
    n=st.integers(1, 40),
    width=st.integers(0, 9),
    block=st.integers(1, 12),
    seed=st.integers(0, 2**32 - 1),
)
def test_solves_agree_with_dense_inverse(n, width, block, seed):
    rng = np.random.default_rng(seed)
    rates, edges = band_chain(rng, n, width, 3)
    leaving = 10.0 ** rng.uniform(-6, 0, n)
    factors = factor(edges, leaving, width, block)
    N = invert(rates, leaving)
    b = rng.exponential(size=(n, 2))
    np.testing.assert_allclose(factors.right(b), N @ b, rtol=1e-12)
    np.testing.assert_allclose(factors.left(b), N.T @ b, rtol=1e-12)
    one = Scaled.of(b[:, 0])
    np.testing.assert_allclose(factors.right_scaled(one).to_float(), N @ b[:, 0], rtol=1e-12)
    np.testing.assert_allclose(factors.left_scaled(one).to_float(), N.T @ b[:, 0], rtol=1e-12)


def test_extended_range_agrees_with_high_precision():
    n, ratio = 120, 1e-9  # the ends of the chain are 1e-1071 apart
    i = np.arange(n - 1)
    edges = Edges(
        np.concatenate([i, i + 1]),
        np.concatenate([i + 1, i]),
        np.concatenate([np.full(n - 1, ratio), np.ones(n - 1)]),
    )
    leaving = np.zeros(n)
    leaving[-1] = ratio
    factors = factor(edges, leaving, 1, 16)
    source = np.zeros(n)
    source[-1] = 1.0
    h = factors.right_scaled(Scaled.of(leaving))
    np.testing.assert_allclose(h.log(), 0.0, atol=1e-13)
    with mpmath.workdps(50):
        r = mpmath.mpf(ratio)
        # M t = 1 from below: differences d_i = t_i - t_(i+1) obey r d_i = 1 + d_(i-1)
        d, total = [], mpmath.mpf(0)
        for k in range(n):
            d.append((1 + (d[k - 1] if k else 0)) / r)
        times = []
        for k in reversed(range(n)):
            total += d[k]
            times.append(mpmath.log(total))
        want = [float(t) for t in reversed(times)]
    t = factors.right_scaled(Scaled.of(np.ones(n)))
    np.testing.assert_allclose(t.log(), want, rtol=1e-15)
    x = factors.left_scaled(Scaled.of(source))  # time in state j from the top before leaving it
    with mpmath.workdps(50):
        # M[j, n-1]: from the top, all time in j is 1/ratio times the detailed-balance weight
        want = [float(mpmath.log(1 / r) + (n - 1 - j) * mpmath.log(1 / r)) for j in range(n)]
    np.testing.assert_allclose(x.log(), want, rtol=1e-15)


def test_breakdown_names_the_position():
    edges = Edges(np.array([0, 1, 3]), np.array([1, 0, 2]), np.ones(3))
    with pytest.raises(Breakdown) as caught:
        factor(edges, np.array([0.0, 0.0, 1.0, 0.0]), 1, 2)
    assert caught.value.position == 1


def test_empty_chain():
    none = np.zeros(0, dtype=np.int64)
    factors = factor(Edges(none, none, np.zeros(0)), np.zeros(0), 0, 4)
    assert factors.right(np.zeros(0)).size == 0
    assert factors.left_scaled(Scaled.of(np.zeros(0))).size == 0
