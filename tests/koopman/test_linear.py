"""Linear systems whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from separatrix.errors import DataError
from separatrix.koopman import DMD, PolynomialEDMD, RadialEDMD

A = np.array([[0.95, 0.1], [0.0, 0.7]])
OFFSET = np.array([1.0, 2.0])
LIMIT = np.linalg.solve(np.eye(2) - A, OFFSET)


def linear_runs(noise=0.0, seen=0.0, samples=4000, runs=4, seed=0):
    rng = np.random.default_rng(seed)
    out = []
    for _ in range(runs):
        x = np.zeros((samples, 2))
        for t in range(1, samples):
            x[t] = A @ x[t - 1] + OFFSET + noise * rng.normal(size=2)
        out.append(x + seen * rng.normal(size=x.shape))
    return out


@pytest.mark.parametrize("model", [DMD(), DMD(lag=3), DMD(noise="total"), DMD(noise="instrument")])
def test_a_linear_system_without_noise_is_found_exactly(model):
    rng = np.random.default_rng(3)
    runs = []
    for _ in range(5):
        x = [rng.normal(size=2) * 10]
        for _ in range(30):
            x.append(A @ x[-1] + OFFSET)
        runs.append(np.array(x))
    model.fit(runs, 0.5)
    assert np.allclose(np.sort(model.eigenvalues_.real), [0.7, 0.95], atol=1e-6)
    assert np.allclose(model.limit_, LIMIT, rtol=1e-5)
    assert model.timescales_[0] == pytest.approx(-0.5 / np.log(0.95), rel=1e-5)
    ahead = model.predict(runs[0][0], 30)
    assert np.allclose(ahead, runs[0][1:], rtol=1e-5, atol=1e-4)
    # a mode is a direction that the system stretches and does not turn
    for value, mode in zip(model.eigenvalues_, model.modes_, strict=True):
        assert np.allclose(A @ mode, value * mode, atol=1e-5)


def test_noise_that_drives_the_system_does_not_bias_the_slow_eigenvalue():
    model = DMD().fit(linear_runs(noise=1.0))
    assert model.eigenvalues_.real == pytest.approx([0.95, 0.7], abs=0.02)


def test_measurement_noise_does_and_an_instrument_undoes_it():
    runs = linear_runs(noise=1.0, seen=2.0, samples=8000)
    plain = DMD().fit(runs).eigenvalues_[0].real
    better = DMD(noise="instrument").fit(runs).eigenvalues_[0].real
    delayed = DMD(delays=4).fit(runs).eigenvalues_[0].real
    assert plain < 0.85
    assert better == pytest.approx(0.95, abs=0.02)
    assert abs(delayed - 0.95) < abs(plain - 0.95)


def test_total_least_squares_where_measurement_noise_is_all_there_is():
    rng = np.random.default_rng(5)
    runs = []
    for _ in range(400):
        x = [rng.normal(size=2) * 10]
        for _ in range(10):
            x.append(A @ x[-1])
        runs.append(np.array(x) + rng.normal(size=(11, 2)))
    plain = DMD().fit(runs).eigenvalues_.real
    total = DMD(noise="total").fit(runs).eigenvalues_.real
    assert np.abs(total - [0.95, 0.7]).max() < 0.03
    assert np.abs(total - [0.95, 0.7]).max() < np.abs(plain - [0.95, 0.7]).max() / 3


@pytest.mark.parametrize("model", [PolynomialEDMD(4), RadialEDMD(13)])
def test_extended_features_find_the_slow_modes_of_a_chain(model, chain, runs):
    model.fit(runs, chain.step)
    assert model.timescales_[0] == pytest.approx(chain.timescales[0], rel=0.15)
    ahead = model.predict([12.0], [10])[0, 0]
    assert ahead == pytest.approx(chain.mean(12, 10), abs=0.6)


def test_features_of_a_quadratic_map_are_exact():
    # x' = 0.9 x, y' = 0.5 y + x^2: with x^2 among the features the system is linear
    rng = np.random.default_rng(6)
    runs = []
    for _ in range(20):
        x = [rng.normal(size=2)]
        for _ in range(15):
            x.append(np.array([0.9 * x[-1][0], 0.5 * x[-1][1] + x[-1][0] ** 2]))
        runs.append(np.array(x))
    model = PolynomialEDMD(2).fit(runs)
    assert np.abs(model.eigenvalues_ - 0.81).min() < 1e-6
    assert np.allclose(model.predict(runs[0][0], [1])[0], runs[0][1], atol=1e-8)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DMD(delays=0), "at least 1"),
        (lambda: DMD(noise="none"), "write dynamic, instrument or total"),
        (lambda: PolynomialEDMD(0), "degree is 0"),
        (lambda: RadialEDMD(0), "0 centres"),
        (lambda: DMD(delays=30).fit([[1.0, 2.0, 3.0]]), "too short for 30 delays"),
        (lambda: DMD(lag=30).fit([[1.0, 2.0, 3.0]]), "two states 30 samples apart"),
        (lambda: DMD().fit([[1.0, 1.0, 1.0]]), "never changes"),
        (lambda: PolynomialEDMD(9).fit(np.random.default_rng(0).random((2, 9, 8))), "monomials"),
    ],
)
def test_hostile_settings(make, message):
    with pytest.raises(DataError, match=message):
        make()


@pytest.mark.parametrize(
    ("x0", "steps", "message"),
    [
        ([1.0], 3, r"shape \(1, 1\)"),
        ([1.0, np.nan], 3, "not finite"),
        ([1.0, 2.0], 0, "give a number >= 1"),
        ([1.0, 2.0], [3, 2], "increasing"),
    ],
)
def test_hostile_questions(x0, steps, message):
    model = DMD().fit(linear_runs(noise=1.0, samples=50))
    with pytest.raises(DataError, match=message):
        model.predict(x0, steps)
