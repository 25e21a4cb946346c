"""Quantiles by uniformisation against laws in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import expon, gamma

from separatrix.markov.generator import chain_from_matrix
from separatrix.markov.hitting import hitting_times
from separatrix.markov.passage import hitting_quantiles
from separatrix.markov.uniformised import SurvivalSeries


def ladder(rungs: int, rate: float) -> np.ndarray:
    """Pure death with one rate, and a way back up so that the chain is irreducible."""
    Q = np.zeros((rungs + 1, rungs + 1))
    Q[np.arange(1, rungs + 1), np.arange(rungs)] = rate
    Q[0, rungs] = 1.0
    return Q


@pytest.mark.parametrize(("rungs", "rate"), [(1, 3.0), (5, 2.0), (200, 7.0)])
@pytest.mark.parametrize("p", [0.01, 0.5, 0.99])
def test_erlang_quantiles(rungs, rate, p):
    chain = chain_from_matrix(ladder(rungs, rate))
    target = np.arange(rungs + 1) == 0
    law = np.zeros(rungs + 1)
    law[-1] = 1.0
    times = hitting_times(chain, target)
    series = SurvivalSeries(times.solver, law)
    time, error = series.quantile(1.0 - p)
    truth = gamma.ppf(p, rungs, scale=1.0 / rate)
    assert time == pytest.approx(truth, rel=1e-10)
    assert error < 1e-9
    (quantile,) = hitting_quantiles(times, rungs, (p,))
    assert quantile.status == "ok"
    assert quantile.time == pytest.approx(truth, rel=1e-7)


def test_a_mixture_of_fast_and_slow_exits():
    Q = np.array([[0.0, 0.5, 0.5], [4.0, 0.0, 0.0], [0.25, 0.0, 0.0]])
    times = hitting_times(chain_from_matrix(Q), np.array([True, False, False]))
    law = np.array([0.0, 0.5, 0.5])
    time, _ = SurvivalSeries(times.solver, law).quantile(0.01)
    left = 0.5 * expon.sf(time, scale=0.25) + 0.5 * expon.sf(time, scale=4.0)
    assert left == pytest.approx(0.01, rel=1e-9)


def test_a_horizon_beyond_the_budget_is_declined():
    chain = chain_from_matrix(np.array([[0.0, 1, 0], [1e-9, 0, 1e6], [0, 1e6, 0]]))
    times = hitting_times(chain, np.array([True, False, False]))
    series = SurvivalSeries(times.solver, np.array([0.0, 1.0, 0.0]))
    assert not series.affordable(1e9, 0.5)
