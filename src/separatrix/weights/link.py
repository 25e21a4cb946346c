r"""Concave links: how the CPU load of a server grows with the load that is put on it.

    g(s) = \kappa \frac{(1 + s/\kappa)^{\theta} - 1}{\theta} ,   \theta = 1 - b \le 1 ,  g'(0) = 1

(a Box-Cox transform of 1 + s/kappa). Two numbers cover what servers show: b = 0 is the straight
line, kappa -> 0 a power law s^theta, theta = 0 a logarithm, theta = -1 the hyperbola
s / (1 + s/kappa), and theta -> -infinity with kappa = -theta c the saturation c (1 - exp(-s/c)).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

MOST_BEND = 8.0
"""Largest b: g is then within 4 % of exponential saturation."""
_NEAR_LOG = 1e-6


@dataclass(frozen=True)
class Link:
    """The link g with bend b >= 0 and knee kappa > 0 (in the unit of s)."""

    bend: float = 0.0
    knee: float = 1.0

    def __call__(self, s: Floats) -> Floats:
        """Return g(s)."""
        theta = 1.0 - self.bend
        log = np.log1p(s / self.knee)
        if abs(theta) < _NEAR_LOG:
            return self.knee * log
        return self.knee * np.expm1(theta * log) / theta

    def derivatives(self, s: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Return g and its derivatives in s, in b and in log kappa."""
        theta = 1.0 - self.bend
        log = np.log1p(s / self.knee)
        if abs(theta) < _NEAR_LOG:
            value, slope = self.knee * log, np.exp(-log)
            by_bend = -0.5 * self.knee * log * log
        else:
            power = np.exp(theta * log)
            value = self.knee * np.expm1(theta * log) / theta
            slope = power * np.exp(-log)
            by_bend = value / theta - self.knee * power * log / theta
        return value, slope, by_bend, value - s * slope

    def inverse(self, load: float) -> float:
        """Return the s with g(s) = load; infinity where g never gets there."""
        theta = 1.0 - self.bend
        if abs(theta) < _NEAR_LOG:
            return float(self.knee * np.expm1(load / self.knee))
        base = 1.0 + theta * load / self.knee
        if base <= 0.0:
            return float("inf")
        return float(self.knee * np.expm1(np.log(base) / theta))

    def scaled(self, factor: float) -> Link:
        """Return the link h with h(factor s) = factor g(s): the same curve in another unit."""
        return Link(self.bend, self.knee * factor)


LINE = Link()
"""The straight line g(s) = s."""


def best_link(s: Floats, y: Floats, weight: Floats, *, straight: bool) -> tuple[float, float, Link]:
    """Return (a, c, link) that minimise sum weight (y - a - c g(s))^2 on a grid, with c >= 0.

    The data are first averaged in bins of equal number, finer at the top, so that the cost does not
    depend on the number of rows; this only starts the Gauss-Newton iteration.
    """
    s, y, weight = _binned(s, y, weight)
    top = max(float(s.max()), 1e-300)
    candidates = [Link(0.0, 3.0 * top)]
    if not straight:
        candidates += [
            Link(bend, knee * top)
            for bend in (0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 6.0)
            for knee in np.geomspace(1e-3, 30.0, 14).tolist()
        ]
    best = (np.inf, 0.0, 0.0, candidates[0])
    total = weight.sum()
    y_mean = (weight * y).sum() / total
    for link in candidates:
        g = link(s)
        g_mean = (weight * g).sum() / total
        spread = (weight * (g - g_mean) ** 2).sum()
        slope = (weight * (g - g_mean) * (y - y_mean)).sum() / max(spread, 1e-300)
        slope = max(float(slope), 0.0)
        base = float(y_mean - slope * g_mean)
        loss = float((weight * (y - base - slope * g) ** 2).sum())
        if loss < best[0] * (1.0 - 1e-9):
            best = (loss, base, slope, link)
    return best[1], best[2], best[3]


def _binned(s: Floats, y: Floats, weight: Floats, bins: int = 300) -> tuple[Floats, Floats, Floats]:
    order = np.argsort(s)
    n = len(s)
    even = np.linspace(0, n, min(bins, n) + 1)[:-1].astype(np.int64)
    top = n - np.unique(np.round(np.geomspace(1, max(n / bins, 1.0), 40)).astype(np.int64))
    first = np.unique(np.concatenate([even, top]))
    w = np.maximum(weight[order], 1e-300)
    total = np.add.reduceat(w, first)
    return (
        np.add.reduceat(w * s[order], first) / total,
        np.add.reduceat(w * y[order], first) / total,
        total,
    )
