r"""Minimise the penalised robust loss of a `System` over costs, lag and link.

    \min \sum_t \rho(z_t) + \frac{1}{2 \tau^2} \min_c \sum_k \left(\frac{w_k - c p_k}{c q_k}\right)^2
    subject to  w, h, b >= 0 ,  \sum h = 1

by Gauss-Newton steps with Huber weights. Each step is a quadratic programme with bounds; damping
(Levenberg 1944, Marquardt 1963) is raised until the loss falls.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from separatrix.weights.link import MOST_BEND, Link, best_link
from separatrix.weights.noise import huber_loss, huber_weight
from separatrix.weights.nonnegative import minimise_quadratic
from separatrix.weights.prior import Prior
from separatrix.weights.system import Curve, Noise, System

Floats = npt.NDArray[np.float64]

FREE = float("inf")
"""The tau of no shrinkage at all."""


@dataclass(frozen=True)
class Shape:
    """Which parts of the model are free: a concave link, a lag, and doubt tau about the prior."""

    concave: bool = True
    lagged: bool = True
    tau: float = 1.0


def penalty(w: Floats, prior: Prior, tau: float) -> float:
    """Return the second term of the loss; it does not depend on the scale of w."""
    if tau == 0.0 or tau == FREE:
        return 0.0
    c = prior.common(w)
    return 0.5 * float(w @ prior.precision() @ w) / (tau * max(c, 1e-300)) ** 2


def loss(system: System, noise: Noise, prior: Prior, tau: float, curve: Curve) -> float:
    """Return the penalised loss of the rows that count."""
    z = system.residuals(curve, noise)
    return float(huber_loss(z)[system.use].sum()) + penalty(curve.weight, prior, tau)


def started(system: System, noise: Noise, w: Floats, shape: Shape) -> Curve:
    """Return a curve with costs proportional to `w` and the best link on a grid."""
    s = system.rates @ w
    trust = system.use / noise.sigma**2
    base, scale, link = best_link(s, system.cpu, trust, straight=not shape.concave)
    floor = 1e-6 * float(system.cpu.std() + 1e-12) / max(float(s.std()), 1e-300)
    scale = max(scale, floor)
    lag = np.zeros(len(system.before) if shape.lagged else 1)
    lag[0] = 1.0
    return Curve(np.full(system.n_servers, base), w * scale, lag, link.scaled(scale))


def minimised(
    system: System,
    noise: Noise,
    prior: Prior,
    shape: Shape,
    starts: Sequence[Curve],
    *,
    iterations: int = 40,
    tolerance: float = 1e-7,
) -> Curve:
    """Return the curve of least loss.

    With several starts each gets a few steps, and the best of them the rest: along the valley from
    hyperbola to power law a single start may crawl.
    """
    curves = list(starts)
    if len(curves) > 1:
        tried = [_descend(system, noise, prior, shape, c, 6, tolerance) for c in curves]
        curves = [min(tried, key=lambda pair: pair[1])[0]]
    return _descend(system, noise, prior, shape, curves[0], iterations, tolerance)[0]


def _descend(
    system: System,
    noise: Noise,
    prior: Prior,
    shape: Shape,
    curve: Curve,
    iterations: int,
    tolerance: float,
) -> tuple[Curve, float]:
    curve = curve if shape.concave else replace(curve, link=Link(0.0, curve.link.knee))
    curve = curve if shape.lagged else replace(curve, lag=np.ones(1))
    if shape.tau == 0.0:
        scale = max(prior.common(curve.weight), 1e-300)
        curve = replace(curve, weight=scale * prior.centre)
    now = loss(system, noise, prior, shape.tau, curve)
    damping = 1e-4
    for _ in range(iterations):
        quadratic = _Quadratic.at(system, noise, prior, shape, curve)
        for _ in range(10):
            trial = quadratic.step(damping)
            then = loss(system, noise, prior, shape.tau, trial)
            if then <= now:
                break
            damping = max(10.0 * damping, 1e-4)
        else:
            return curve, now
        small = now - then <= tolerance * (1.0 + abs(now))
        curve, now, damping = trial, then, max(damping / 10.0, 1e-9)
        if small:
            break
    return curve, now


@dataclass(frozen=True, eq=False)
class _Quadratic:
    """The loss around one curve, x'Hx/2 - b'x, in the parameters that the shape leaves free."""

    curve: Curve
    H: Floats
    b: Floats
    x: Floats
    basis: Floats  # (all parameters, free parameters)
    n_free: int
    top: float
    concave: bool

    @staticmethod
    def at(system: System, noise: Noise, prior: Prior, shape: Shape, curve: Curve) -> _Quadratic:
        r, J = system.linearised(curve, noise)
        weighted = J * (huber_weight(r) * system.use)
        H = weighted @ J.T
        b = weighted @ r
        M, K = system.n_servers, len(curve.weight)
        costs = slice(M + 1, M + 1 + K)
        if 0.0 < shape.tau < FREE:
            c = max(prior.common(curve.weight), 1e-300)
            pull = prior.precision() / (shape.tau * c) ** 2
            H[costs, costs] += pull
            b[costs] -= pull @ curve.weight
        lag = curve.lag if len(curve.lag) > 1 else np.empty(0)
        x = np.concatenate(
            [
                curve.base,
                [np.log(curve.link.knee)],
                curve.weight,
                [curve.link.bend],
                lag,
            ]
        )
        basis = np.eye(len(x))
        if shape.tau == 0.0:
            basis = np.delete(basis, np.arange(M + 2, M + 1 + K), axis=1)
            basis[costs, M + 1] = prior.centre
        n_free = M + 1
        if not shape.concave:
            bend = int(np.flatnonzero(basis[M + 1 + K])[0])
            basis = np.delete(basis, [M, bend], axis=1)
            n_free = M
        top = max(float((system.rates @ curve.weight).max()), 1e-300)
        return _Quadratic(curve, H, b, x, basis, n_free, top, shape.concave)

    def step(self, damping: float) -> Curve:
        """Return the curve after one damped step."""
        M, K = len(self.curve.base), len(self.curve.weight)
        bend = M + 1 + K
        ridge = damping * np.diag(self.H)
        if self.concave:  # bend and knee are nearly exchangeable: never let them run away
            ridge[[M, bend]] += 1.0
        H = self.H + np.diag(ridge)
        goal = self.b + H @ self.x
        if not self.concave:
            goal = goal - H[:, M] * self.x[M]  # the knee stays; the bend is 0
        x = minimise_quadratic(self.basis.T @ H @ self.basis, self.basis.T @ goal, self.n_free)
        x = self.basis @ x
        w, lag = x[M + 1 : bend], x[bend + 1 :]
        if w.sum() <= 0.0:
            w = 1e-3 * self.curve.weight
        if len(lag):
            total = lag.sum()
            lag, w = (lag / total, w * total) if total > 0.0 else (self.curve.lag, w)
        else:
            lag = self.curve.lag
        link = self.curve.link
        if self.concave:
            top = self.top * float(w.sum() / self.curve.weight.sum())
            knee = float(np.exp(np.clip(x[M], np.log(1e-3 * top), np.log(30.0 * top))))
            link = Link(min(float(x[bend]), MOST_BEND), knee)
        return Curve(x[:M], w, lag, link)
