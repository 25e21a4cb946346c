import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from separatrix.errors import ModelError
from separatrix.markov.generator import as_chain, chain_from_matrix, generator
from separatrix.markov.spectrum import spectrum
from separatrix.markov.stationary import stationary


@pytest.mark.parametrize(
    ("arrival", "service", "bound"), [(0.7, 1.0, 40), (3.0, 1.0, 25), (1, 1, 80)]
)
def test_eigenvalues_of_the_bounded_single_server_queue(known, arrival, service, bound):
    found = spectrum(known.many_servers(arrival, service, 1, bound), 5)
    k = np.arange(1, 5)
    exact = -(arrival + service) + 2 * np.sqrt(arrival * service) * np.cos(k * np.pi / (bound + 1))
    np.testing.assert_allclose(found.eigenvalues[1:].real, exact, rtol=1e-9)
    assert found.gap == pytest.approx(-exact[0], rel=1e-11)
    assert abs(found.gap / -exact[0] - 1) <= max(10 * found.gap_error, 1e-14)


@pytest.mark.parametrize(
    ("arrival", "bound"), [(0.3, 40), (0.3, 120), (0.05, 60), (0.9, 200), (3.0, 60), (1e-3, 90)]
)
def test_modes_of_strongly_non_normal_queues(known, arrival, bound):
    """Far from critical the plain modes are nearly dependent: condition rho**(-K/2), here to 1e135."""
    found = spectrum(known.many_servers(arrival, 1.0, 1, bound))
    step = np.pi / (bound + 1)
    exact = arrival + 1.0 - 2 * np.sqrt(arrival) * np.cos(step)
    assert found.status == "ok"
    assert found.gap == pytest.approx(exact, rel=1e-12)
    assert found.gap_error < 1e-11
    x = np.arange(bound + 1)
    balanced = np.sin((x + 1) * step) - np.sin(x * step) / np.sqrt(arrival)
    plain = balanced * (arrival ** (-0.5 * x) if arrival < 1.0 else arrival ** (0.5 * (bound - x)))
    plain /= plain[np.abs(plain).argmax()]
    sure = np.abs(balanced) > 1e-3 * np.abs(balanced).max()
    np.testing.assert_allclose(found.right[1].real[sure], plain[sure], rtol=1e-8)
    left = found.law.pi * plain
    left /= (left * plain).sum()
    np.testing.assert_allclose(found.left[1].real[sure], left[sure], rtol=1e-8)


def test_balance_beyond_the_range_of_a_float64(known):
    found = spectrum(known.many_servers(1e-9, 1.0, 1, 70))  # probabilities down to 1e-630
    exact = 1e-9 + 1.0 - 2 * np.sqrt(1e-9) * np.cos(np.pi / 71)
    assert found.gap == pytest.approx(exact, rel=1e-12)
    assert found.status == "ok"


def test_a_mode_keeps_its_value_on_rare_states(known):
    """A slow mode is flat within a well, also where the law is too small for balanced digits."""
    up = np.r_[np.full(30, 0.1), np.full(15, 10.0)]
    down = np.r_[np.full(15, 10.0), np.full(30, 0.1)]
    chain = known.birth_death(up, down)
    found = spectrum(chain)
    f = found.right[1].real
    law = found.law
    # a birth-death mode follows from its first entry: flows are sums of the mode to the left
    flow = np.cumsum(found.gap * law.pi * f)[:-1]
    steps = -flow / (law.pi[:-1] * up)
    np.testing.assert_allclose(np.diff(f), steps, atol=1e-9)
    assert np.abs(f).max() == pytest.approx(1.0, rel=1e-14)
    assert np.ptp(f[:5]) < 1e-6


def test_a_ring_has_complex_modes_in_pairs():
    n = 9
    found = spectrum(chain_from_matrix(np.roll(np.eye(n), 1, axis=1)), 2)
    want = np.exp(2j * np.pi / n) - 1.0
    assert found.eigenvalues.size == 3  # a pair is never split
    assert found.gap == pytest.approx(-want.real, rel=1e-12)
    assert sorted(found.eigenvalues[1:].imag) == pytest.approx([-want.imag, want.imag], rel=1e-12)


@settings(deadline=None, max_examples=25)
@given(n=st.integers(2, 12), seed=st.integers(0, 2**32 - 1))
def test_all_modes_of_small_chains(n, seed):
    rng = np.random.default_rng(seed)
    chain = chain_from_matrix(rng.exponential(size=(n, n)))
    found = spectrum(chain, n)
    Q = generator(chain).toarray()
    exact = np.sort_complex(np.linalg.eigvals(Q))[::-1]
    assert found.eigenvalues.size == n
    distance = np.abs(found.eigenvalues[:, None] - exact[None, :]).min(axis=1)
    assert distance.max() < 1e-8 * np.abs(exact).max()
    right, left = found.right.reshape(n, n), found.left.reshape(n, n)
    np.testing.assert_allclose(left @ right.T, np.eye(n), atol=1e-7)
    np.testing.assert_allclose(
        Q @ right.T, right.T * found.eigenvalues, atol=1e-7 * np.abs(exact).max()
    )
    np.testing.assert_allclose(left @ Q, left * found.eigenvalues[:, None], atol=1e-6)


@pytest.mark.parametrize("coupling", [1e-8, 1e-15, 1e-60, 1e-170, 1e-270])
def test_gap_far_below_rounding_of_the_rates(coupling):
    """Two noisy triangles joined by weak edges: the gap against 700-digit arithmetic."""
    rng = np.random.default_rng(11)
    rates = np.zeros((6, 6))
    rates[:3, :3] = rng.uniform(0.5, 2.0, (3, 3))
    rates[3:, 3:] = rng.uniform(0.5, 2.0, (3, 3))
    rates[1, 4] = 2.0 * coupling
    rates[5, 0] = 0.1 * coupling
    np.fill_diagonal(rates, 0.0)
    found = spectrum(chain_from_matrix(rates), 3)
    with mpmath.workdps(700):
        Q = mpmath.matrix(rates.tolist())
        for i in range(6):
            Q[i, i] = -mpmath.fsum(Q[i, :])
        values, _ = mpmath.eig(Q)
        exact = sorted(-mpmath.re(v) for v in values)
    assert found.gap == pytest.approx(float(exact[1]), rel=1e-12)
    assert found.gap_error < 1e-11
    assert found.status == "ok"
    assert found.eigenvalues[2].real == pytest.approx(-float(exact[2]), rel=1e-7)


def test_gap_of_the_benchmark_chain_with_any_anchor_of_the_law(known):
    chain = as_chain(known.retry_chain(40, 12, 9.5, 3.6))
    dense = np.sort(np.linalg.eigvals(generator(chain).toarray()).real)[-2]
    for anchor in (0, chain.n_states - 1):
        found = spectrum(chain, law=stationary(chain, anchor=anchor))
        assert found.gap == pytest.approx(-dense, rel=1e-8)
        assert found.mixing_time(0.01) == pytest.approx(np.log(100) / found.gap, rel=1e-14)
        assert found.relaxation_time == pytest.approx(1 / found.gap)
    assert found.to_dict()["status"] == "ok"


def test_hostile_inputs(known):
    chain = known.birth_death([1.0], [2.0])
    found = spectrum(chain)
    assert found.gap == pytest.approx(3.0, rel=1e-14)
    assert spectrum(chain, 9).eigenvalues.size == 2
    with pytest.raises(ModelError, match="at least 2"):
        spectrum(chain, 1)
    with pytest.raises(ModelError, match="eps"):
        found.mixing_time(1.0)
    with pytest.raises(ModelError, match="one state"):
        spectrum(chain_from_matrix(np.zeros((1, 1))))
