from __future__ import annotations

import numpy as np
import pytest

from separatrix.simulate.warmup import mser5


def test_a_start_far_from_the_rest_is_cut_off():
    rng = np.random.default_rng(0)
    series = rng.normal(10.0, 1.0, 2000)
    series[:200] += np.linspace(30.0, 0.0, 200)
    cut, settled = mser5(series)
    assert 120 <= cut <= 260
    assert settled


def test_a_stationary_series_loses_little():
    series = np.random.default_rng(1).normal(size=2000)
    cut, settled = mser5(series)
    assert cut < 600
    assert settled


def test_a_series_still_on_its_way_is_told():
    assert mser5(np.linspace(0.0, 1.0, 1000)) == (500, False)


def test_the_statistic_is_the_formula():
    series = np.random.default_rng(2).normal(size=400).cumsum()
    Y = series.reshape(80, 5).mean(axis=1)
    spread = [((Y[d:] - Y[d:].mean()) ** 2).sum() / (80 - d) ** 2 for d in range(41)]
    assert mser5(series)[0] == 5 * int(np.argmin(spread))


def test_too_few_samples_and_constants():
    assert mser5(np.arange(99.0)) == (0, True)
    assert mser5(np.full(1000, 7.0)) == (0, True)


@pytest.mark.parametrize("shift", [0.0, 1e9])
def test_a_large_level_does_not_drown_the_spread(shift):
    series = np.random.default_rng(3).normal(size=1000)
    series[:100] += 20
    assert mser5(series + shift)[0] == 100
