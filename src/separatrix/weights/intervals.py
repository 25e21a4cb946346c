r"""How well the data determine each cost: intervals that hold where noise is unequal and slow.

One Gauss-Newton step without shrinkage or bounds from the fitted curve gives an estimate without
bias, beta~ = beta^ + H^-1 sum_t J_t psi_t. Its covariance is the jackknife over time blocks,

    V = \frac{B - 1}{B} \sum_b \Delta_b \Delta_b' ,   \Delta_b = (H - H_b)^{-1} (g - g_b) - H^{-1} g ,

with g_b and H_b the sums over block b. It needs no model of the noise, counts busy blocks for what
they move, and exceeds the sandwich where a few blocks hold most of the information (Bell and
McCaffrey, Survey Methodology 2002, CR3). Intervals use Student's t with B - 1 degrees of freedom, are
cut at 0, and are widened where needed to hold the shrunk estimate.

Blocks cannot tell how sure a cost is if one of them holds nearly all that is known about it (a
purge that ran once): such costs, and those of which nothing is known, count as untold.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from separatrix.weights.noise import HUBER, huber_weight
from separatrix.weights.prior import Prior
from separatrix.weights.system import Curve, Noise, System

Floats = npt.NDArray[np.float64]

MOST_BLOCKS = 100
FEWEST_PER_BLOCK = 12
MOST_IN_ONE = 0.9
"""Largest part of the information on a cost that one block may hold."""
_NOTHING = 1e-100  # information below which a derivative has underflowed


@dataclass(frozen=True, eq=False)
class Determined:
    """What the data alone say about the costs.

    Attributes
    ----------
    cost : (K,) estimate without shrinkage or bounds [percent s], on average over the observed load.
    covariance : (K, K) of it; zeros for those that are untold.
    told : (K,) whether the blocks can tell how sure a cost is.
    blocks : number of time blocks behind the covariance.
    per_weight : factor from a weight of the curve to a cost, see `mean_gain`.
    """

    cost: Floats
    covariance: Floats
    told: npt.NDArray[np.bool_]
    blocks: int
    per_weight: float

    def interval(self, level: float) -> tuple[Floats, Floats]:
        """Return lower (>= 0) and upper ends at confidence `level`; 0 and NaN where untold."""
        from scipy.stats import t

        half = float(t.ppf(0.5 + level / 2, self.blocks - 1)) * np.sqrt(np.diag(self.covariance))
        low, high = np.maximum(self.cost - half, 0.0), np.maximum(self.cost + half, 0.0)
        return np.where(self.told, low, 0.0), np.where(self.told, high, np.nan)

    def rises(self, share: Floats) -> float:
        """Return the p-value of the hypothesis that the average operation costs nothing.

        One-sided t test; `share` (K,) are the operations' parts of all operations.
        """
        from scipy.stats import t

        deviation = float(np.sqrt(max(float(share @ self.covariance @ share), 1e-300)))
        return float(t.sf(float(share @ self.cost) / deviation, self.blocks - 1))

    def against(self, prior: Prior) -> float:
        """Return the p-value of the hypothesis that (told) costs are proportional to the prior's.

        An F test with as many degrees of freedom as blocks allow (Wald; Pustejovsky and Tipton,
        J. Business Econ. Stat. 2018, on why chi-square would reject too often).
        """
        from scipy.stats import f

        p = prior.centre[self.told]
        if not p.any():
            return 1.0
        at = int(np.argmax(p))
        # contrasts w_k p_at - w_at p_k are 0 for all k if and only if w is proportional to p
        contrasts = p[at] * np.eye(len(p))
        contrasts[:, at] -= p
        contrasts = np.delete(contrasts, at, axis=0)
        d: Floats = contrasts @ self.cost[self.told]
        V: Floats = contrasts @ self.covariance[np.ix_(self.told, self.told)] @ contrasts.T
        q, B = len(d), self.blocks
        if q == 0 or B - q < 3:
            return 1.0
        size = np.sqrt(np.maximum(np.diag(V), 1e-300))
        d = d / size
        scaled = V / np.outer(size, size) + 1e-9 * np.eye(q)
        statistic = float(d @ _solved(scaled, d)) * (B - q) / (q * (B - 1))
        return float(f.sf(statistic, q, B - q))


def mean_gain(system: System, curve: Curve) -> float:
    """Return the mean of g(s) over the mean of s: CPU percent per unit of load, on average."""
    s = system.lagged(curve.lag) @ curve.weight
    mean = float(system.weight @ s)
    return float(system.weight @ curve.link(s)) / mean if mean > 0.0 else 1.0


def determined(system: System, curve: Curve, noise: Noise, *, concave: bool) -> Determined | None:
    """Return the unshrunk costs with their covariance; None where there are too few blocks."""
    K, M = len(curve.weight), system.n_servers
    count = min(MOST_BLOCKS, int(system.use.sum()) // FEWEST_PER_BLOCK)
    if count < K + 4:
        return None
    r, J = system.linearised(curve, noise)
    rows = _free_rows(J, curve, M, K, concave)
    block = system.blocks(count)
    count = int(block.max()) + 1
    active = system.use & (np.abs(r) <= HUBER)
    information = (rows**2 * active).sum(axis=1)
    some = information > _NOTHING
    size = np.sqrt(np.where(some, information, 1.0))
    rows = rows / size[:, None] * some[:, None]
    ridge = 1e-9 * np.ones(len(rows))
    if concave:  # link parameters are known beforehand to within about 1
        link = [M + K, M + K + 1]
        ridge[link] += 1.0 / size[link] ** 2
    score = rows * (huber_weight(r) * r * system.use)
    order = np.argsort(block, kind="stable")
    cuts = np.searchsorted(block[order], np.arange(count + 1))
    grams = np.empty((count, len(rows), len(rows)))
    scores = np.empty((count, len(rows)))
    for b in range(count):
        at = order[cuts[b] : cuts[b + 1]]
        part = rows[:, at]
        grams[b] = (part * active[at]) @ part.T
        scores[b] = score[:, at].sum(axis=1)
    told = some & (grams.diagonal(axis1=1, axis2=2).max(axis=0) <= MOST_IN_ONE)
    told = told[M : M + K]
    H: Floats = grams.sum(axis=0) + np.diag(ridge)
    g: Floats = scores.sum(axis=0)
    step = _solved(H, g)
    moved = np.empty_like(scores)
    for b in range(count):
        moved[b] = (_solved(H - grams[b] + np.diag(ridge), g - scores[b]) - step) / size
    moved[:, M : M + K] *= told
    estimate = curve.weight + np.where(told, (step / size)[M : M + K], 0.0)
    gain, gradient = _gain(system, curve, M, K, len(rows), concave)
    # cost = gain(parameters) * weight, to first order
    to_cost = np.outer(curve.weight, gradient)
    to_cost[:, M : M + K] += gain * np.eye(K)
    moves = moved @ to_cost.T
    moves = moves * told
    covariance = (count - 1) / count * moves.T @ moves
    return Determined(gain * estimate, covariance, told, count, gain)


def _solved(A: Floats, b: Floats) -> Floats:
    return np.asarray(np.linalg.solve(A, b), dtype=np.float64)


def _free_rows(J: Floats, curve: Curve, M: int, K: int, concave: bool) -> Floats:
    """Return derivatives for base (M), weight (K), then bend, knee if concave, lag differences."""
    rows = [J[:M], J[M + 1 : M + 1 + K]]
    if concave:
        rows += [J[M + 1 + K][None], J[M][None]]
    if len(curve.lag) > 1:  # the kernel sums to 1: later lags at the cost of the first
        lags = J[M + 2 + K :]
        rows.append(lags[1:] - lags[0])
    return np.concatenate(rows)


def _gain(
    system: System, curve: Curve, M: int, K: int, n: int, concave: bool
) -> tuple[float, Floats]:
    """Return `mean_gain` and its gradient in the parameters of `_free_rows`."""
    x = system.lagged(curve.lag)
    s = x @ curve.weight
    value, slope, by_bend, by_knee = curve.link.derivatives(s)
    total = float(system.weight @ s)
    gradient = np.zeros(n)
    if total <= 0.0:
        return 1.0, gradient
    gain = float(system.weight @ value) / total
    gradient[M : M + K] = ((system.weight * (slope - gain)) @ x) / total
    if concave:
        gradient[M + K] = float(system.weight @ by_bend) / total
        gradient[M + K + 1] = float(system.weight @ by_knee) / total
    return gain, gradient
