"""Poisson windows, and laws with a bound that holds."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest

from separatrix.markov.generator import chain_from_matrix
from separatrix.markov.poisson import TAIL, Uniformised, poisson_window


@pytest.mark.parametrize("mean", [0.0, 1e-3, 0.7, 1.0, 30.0, 2500.0, 1e5])
def test_windows_hold_all_of_the_poisson_law_but_the_tails(mean):
    window = poisson_window(mean)
    with mp.workdps(60):
        m = mp.mpf(mean)

        def weight(n):
            return mp.exp(-m + n * mp.log(m) - mp.loggamma(n + 1)) if mean else mp.mpf(n == 0)

        worst = max(
            abs(w / weight(window.first + k) - 1)
            for k, w in list(enumerate(window.weights.tolist()))[
                :: max(1, window.weights.size // 40)
            ]
        )
        assert worst < 1e-11
        # the next terms on both sides, times a geometric bound of what follows, are below the tail
        beyond = window.last + 1
        if mean:
            assert weight(beyond) * (beyond + 1) / (beyond + 1 - m) < 3 * TAIL
        if window.first > 0:
            assert weight(window.first - 1) / (1 - (window.first - 1) / m) < 3 * TAIL
    assert window.weights.sum() == pytest.approx(1.0, abs=1e-14)


def test_windows_are_not_wider_than_the_tails_ask():
    assert poisson_window(0.01).last < 30
    assert poisson_window(1e5).weights.size < 2 * 17 * np.sqrt(1e5)


def test_a_two_state_chain_with_rates_far_apart_stays_within_its_bound():
    a, b, t = 3.0, 1e-4, 2000.0
    chain = Uniformised(chain_from_matrix(np.array([[0.0, a], [b, 0.0]])))
    law, error = chain.advance(np.array([0.0, 1.0]), t)
    exact = b / (a + b) * -np.expm1(-(a + b) * t)
    assert chain.rate == a
    assert law[0] == pytest.approx(exact, rel=error)
    assert law.sum() == pytest.approx(1.0, abs=1e-15)


def test_a_chain_that_does_not_move_stays():
    chain = Uniformised(chain_from_matrix(np.zeros((3, 3))))
    law, error = chain.advance(np.array([0.25, 0.5, 0.25]), 1e9)
    np.testing.assert_array_equal(law, [0.25, 0.5, 0.25])
    assert error < 1e-12


def test_absorbing_states_collect_mass():
    Q = np.array([[0.0, 2.0, 0.0], [0.0, 0.0, 1.0], [7.0, 0.0, 0.0]])
    held = Uniformised(chain_from_matrix(Q), np.array([False, False, True]))
    law, _ = held.advance(np.array([1.0, 0.0, 0.0]), 0.5)
    # sum of an Exp(2) and an Exp(1) time
    assert law[2] == pytest.approx(1 - 2 * np.exp(-0.5) + np.exp(-1.0), rel=1e-13)
