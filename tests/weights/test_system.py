from __future__ import annotations

import numpy as np
import pytest

from separatrix.weights.link import Link
from separatrix.weights.rows import rows_of
from separatrix.weights.system import FULL, Curve, Noise, System

from .conftest import DAY, table_of


def system(n: int = 40, lag: int = 2) -> System:
    rng = np.random.default_rng(5)
    rates = rng.lognormal(1, 1, (3, 2, n))
    cpu = rng.uniform(0, 90, (2, n))
    table = table_of(rates, cpu, targets=("a", "b"))
    keep = np.delete(np.arange(n), [10, 11])  # a gap: the past of what follows is unknown
    return System.of(rows_of(table.rows(keep)), lag)


CURVE = Curve(
    np.array([1.0, 2.0]), np.array([0.5, 1.0, 2.0]), np.array([0.6, 0.3, 0.1]), Link(0.7, 9.0)
)


def test_prediction_by_hand():
    s = system()
    x = s.rates @ CURVE.weight
    first = x[0]  # there is no past: the first interval stands for it
    assert s.predicted(CURVE)[0] == pytest.approx(1.0 + CURVE.link(np.array([first]))[0])
    third = 0.6 * x[2] + 0.3 * x[1] + 0.1 * x[0]
    assert s.predicted(CURVE)[2] == pytest.approx(1.0 + CURVE.link(np.array([third]))[0])
    after_gap = 10
    assert s.age[after_gap] == 0
    assert s.predicted(CURVE)[after_gap] == pytest.approx(
        1.0 + CURVE.link(x[after_gap : after_gap + 1])[0]
    )
    assert np.allclose(
        s.lagged(CURVE.lag) @ CURVE.weight,
        sum(h * x[at] for h, at in zip(CURVE.lag, s.before, strict=True)),
    )


def test_derivatives_are_differences():
    s = system()
    noise = Noise(np.linspace(1.0, 3.0, s.n), np.array([0.5, 0.2]))
    r, J = s.linearised(CURVE, noise)
    assert np.allclose(r, s.residuals(CURVE, noise))
    x = np.concatenate(
        [CURVE.base, [np.log(CURVE.link.knee)], CURVE.weight, [CURVE.link.bend], CURVE.lag]
    )

    def at(x: np.ndarray) -> np.ndarray:
        curve = Curve(x[:2], x[3:6], x[7:], Link(float(x[6]), float(np.exp(x[2]))))
        return s.residuals(curve, noise)

    for k in range(len(x)):
        h = 1e-6 * np.eye(len(x))[k]
        assert np.allclose(J[k], -(at(x + h) - at(x - h)) / 2e-6, rtol=1e-5, atol=1e-6), k


def test_whitening_leaves_white_noise_of_an_autoregression():
    n, phi = 20_000, 0.8
    push = np.random.default_rng(2).normal(size=n)
    e = np.empty(n)
    e[0] = push[0]
    for t in range(1, n):
        e[t] = phi * e[t - 1] + push[t]
    s = System.of(rows_of(table_of(np.ones((3, n)), np.zeros(n))), 0)
    assert np.allclose(s.whitened(e, np.array([phi])), push)


def test_an_interval_at_full_load_only_says_at_least():
    rates = np.array([[1.0, 100.0, 100.0]] * 3)
    s = System.of(rows_of(table_of(rates, [5.0, FULL, 50.0])), 0)
    curve = Curve(np.zeros(1), np.ones(3), np.ones(1), Link())
    r = s.residuals(curve, Noise(np.ones(3), np.empty(0)))
    assert r == pytest.approx([2.0, 0.0, -250.0])


def test_time_blocks_hold_all_servers_of_one_time():
    s = system()
    block = s.blocks(5)
    assert set(block) == set(range(5))
    assert np.bincount(block).min() >= 0.8 * s.n / 5
    for time in np.unique(s.time):
        assert len(set(block[s.time == time])) == 1


def test_the_first_rows_of_a_sampled_run_do_not_count():
    rows = rows_of(table_of(np.ones((3, 4 * 64)), np.arange(256.0), start=DAY))
    thin = rows.thinned(64)
    assert np.flatnonzero(~System.of(thin, 3).use).tolist() == [0, 1, 2]
    assert System.of(rows, 3).use.all()
