"""Gauss-Newton, noise and intervals on systems whose answer is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import nnls

from separatrix.weights.gauss_newton import FREE, Shape, loss, minimised, started
from separatrix.weights.intervals import determined, mean_gain
from separatrix.weights.link import Link
from separatrix.weights.noise import HUBER, estimated, flat, huber_loss, huber_weight
from separatrix.weights.prior import equal
from separatrix.weights.rows import rows_of
from separatrix.weights.system import Curve, Noise, System

from .conftest import table_of

OPS = ("open", "close", "unlink")
TRUE = np.array([0.02, 0.01, 0.08])
PRIOR = equal(OPS, set())
FREE_LINE = Shape(concave=False, lagged=False, tau=FREE)


def rates_of(n: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    level = np.repeat(rng.lognormal(0.0, 0.8, (3, -(-n // 20))), 20, axis=1)[:, :n]
    return np.array([[400.0], [350.0], [60.0]]) * level


def system_of(rates: np.ndarray, cpu: np.ndarray, lag: int = 0) -> System:
    return System.of(rows_of(table_of(rates, cpu)), lag)


def fitted(system: System, shape: Shape, noise: Noise | None = None) -> Curve:
    noise = noise or flat(system)
    return minimised(system, noise, PRIOR, shape, [started(system, noise, PRIOR.centre, shape)])


def test_without_noise_the_truth_is_found():
    rates = rates_of(400)
    curve = fitted(system_of(rates, 3.0 + TRUE @ rates), FREE_LINE)
    assert curve.weight == pytest.approx(TRUE, rel=1e-6)
    assert curve.base == pytest.approx([3.0], rel=1e-6)


def test_without_outliers_it_is_nonnegative_least_squares():
    rng = np.random.default_rng(1)
    rates = rates_of(300)
    cpu = 5.0 + np.array([0.02, 0.0, 0.05]) @ rates + rng.uniform(-1, 1, 300)
    system = system_of(rates, cpu)
    noise = Noise(np.full(300, 10.0), np.empty(0))  # all residuals are small to Huber
    design = np.column_stack([np.ones(300), rates.T])
    # the base is free, yet positive here
    assert fitted(system, FREE_LINE, noise).weight == pytest.approx(
        nnls(design, cpu)[0][1:], rel=1e-5, abs=1e-9
    )


def test_a_concave_link_and_a_lag_are_found():
    rates = rates_of(3000)
    s = np.convolve(TRUE @ rates, [0.7, 0.3])[:3000]
    s[0] = (TRUE @ rates)[0]
    link = Link(2.0, 40.0)
    system = system_of(rates, 2.0 + link(s), lag=2)
    shape = Shape(concave=True, lagged=True, tau=FREE)
    curve = fitted(system, shape)
    assert np.abs(system.predicted(curve) - system.cpu).max() < 0.05
    assert curve.weight / curve.weight.sum() == pytest.approx(TRUE / TRUE.sum(), rel=0.02)
    assert curve.lag == pytest.approx([0.7, 0.3, 0.0], abs=0.01)


def test_outliers_hardly_matter():
    rng = np.random.default_rng(2)
    rates = rates_of(2000)
    cpu = 3.0 + TRUE @ rates + rng.normal(0, 0.5, 2000)
    wild = rng.random(2000) < 0.03
    system = system_of(rates, np.where(wild, cpu + 40.0, cpu))
    noise = Noise(np.full(2000, 0.5), np.empty(0))
    assert fitted(system, FREE_LINE, noise).weight == pytest.approx(TRUE, rel=0.1)


def test_shrinkage_goes_from_equal_costs_to_the_data():
    rng = np.random.default_rng(3)
    rates = rates_of(300)
    system = system_of(rates, 3.0 + TRUE @ rates + rng.normal(0, 5.0, 300))
    noise = Noise(np.full(300, 5.0), np.empty(0))
    spreads = []
    for tau in (0.0, 0.05, 0.5, FREE):
        w = fitted(system, replace(FREE_LINE, tau=tau), noise).weight
        spreads.append(float(np.std(w / w.mean())))
    assert spreads[0] == pytest.approx(0.0, abs=1e-9)
    assert spreads == sorted(spreads)


def test_the_fitted_curve_is_a_minimum():
    rng = np.random.default_rng(4)
    rates = rates_of(500)
    system = system_of(rates, 3.0 + Link(1.5, 30.0)(TRUE @ rates) + rng.normal(0, 1.0, 500))
    noise, shape = flat(system), Shape(concave=True, lagged=False, tau=1.0)
    curve = fitted(system, shape, noise)
    least = loss(system, noise, PRIOR, 1.0, curve)
    for factor in (0.97, 1.03):
        for k in range(3):
            w = curve.weight.copy()
            w[k] *= factor
            assert loss(system, noise, PRIOR, 1.0, replace(curve, weight=w)) > least - 1e-6
        assert loss(system, noise, PRIOR, 1.0, replace(curve, base=curve.base * factor)) > least


def test_huber():
    z = np.array([-10.0, -1.0, 0.0, 1.0, HUBER, 10.0])
    assert huber_loss(z) == pytest.approx(
        [HUBER * 10 - HUBER**2 / 2, 0.5, 0.0, 0.5, HUBER**2 / 2, HUBER * 10 - HUBER**2 / 2]
    )
    assert huber_weight(z) == pytest.approx([HUBER / 10, 1, 1, 1, 1, HUBER / 10])


def test_noise_that_grows_and_lasts_is_found():
    rng = np.random.default_rng(6)
    n, phi = 20_000, 0.7
    rates = rates_of(n)
    u = TRUE @ rates
    e = np.zeros(n)
    for t in range(1, n):
        e[t] = phi * e[t - 1] + rng.normal(0, np.sqrt(1 - phi**2))
    sigma = np.sqrt(1.0 + (0.1 * (u - u.min())) ** 2)
    system = system_of(rates, 3.0 + u + sigma * e)
    curve = Curve(np.array([3.0]), TRUE, np.ones(1), Link())
    noise = estimated(system, curve)
    assert noise.memory[0] == pytest.approx(phi, abs=0.03)
    assert len(noise.memory) <= 3
    z = system.residuals(curve, noise)
    assert np.std(z) == pytest.approx(1.0, abs=0.03)
    # the size of whitened noise, in bins of load, is everywhere within a tenth
    for part in np.array_split(np.argsort(u), 5):
        assert np.std(z[part]) == pytest.approx(1.0, abs=0.1)


def test_intervals_are_those_of_least_squares_where_its_assumptions_hold():
    rng = np.random.default_rng(7)
    n = 6000
    rates = 300.0 * rng.random((3, n))  # no block weighs more than others
    system = system_of(rates, 3.0 + TRUE @ rates + rng.normal(0, 1.0, n))
    noise = Noise(np.ones(n), np.empty(0))
    curve = fitted(system, FREE_LINE, noise)
    found = determined(system, curve, noise, concave=False)
    assert found is not None
    X = np.column_stack([np.ones(n), rates.T])
    classic = np.sqrt(np.diag(np.linalg.inv(X.T @ X)))[1:]
    assert np.sqrt(np.diag(found.covariance)) == pytest.approx(classic, rel=0.3)
    assert mean_gain(system, curve) == 1.0
    low, high = found.interval(0.95)
    assert np.all((low < TRUE) & (high > TRUE))
    assert found.against(PRIOR) < 1e-6


def test_what_happened_only_once_is_untold():
    rng = np.random.default_rng(9)
    rates = rates_of(1200)
    rates[2] = 0.0
    rates[2, 300:310] = 500.0
    system = system_of(rates, 3.0 + TRUE @ rates + rng.normal(0, 1.0, 1200))
    noise = Noise(np.ones(1200), np.empty(0))
    curve = fitted(system, FREE_LINE, noise)
    found = determined(system, curve, noise, concave=False)
    assert found is not None
    assert found.told.tolist() == [True, True, False]
    assert curve.weight[2] == pytest.approx(TRUE[2], rel=0.1)
    low, high = found.interval(0.95)
    assert low[2] == 0.0
    assert np.isnan(high[2])
    assert found.against(PRIOR) < 0.01  # of open and close alone
    assert found.rises(np.array([0.5, 0.5, 0.0])) < 1e-6


def test_too_few_rows_for_blocks():
    system = system_of(rates_of(60), np.arange(60.0))
    curve = fitted(system, FREE_LINE)
    assert determined(system, curve, flat(system), concave=False) is None
