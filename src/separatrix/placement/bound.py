r"""A lower bound on every placement's worst peak, and which moves it rules out.

Lagrangian relaxation. A *row* r is a target m_r and a mean over windows q_r (q_rw = 1/k on k
windows); every assignment has P(a) >= \sum_w q_rw L_{m_r,w}(a). With prices \pi_r >= 0 that sum to
1, and \kappa, \iota, \beta >= 0 for a move, an inode and a byte, every assignment within the limits
N (moves), I (inodes) and B (bytes) therefore has

    P(a) >= \sum_r \pi_r b_r - \kappa N - \iota I - \beta B + \sum_u \min(0, \min_m c_um) ,
    c_um = \sum_w l_uw (\Pi_mw - \Pi_{h(u) w}) + \kappa + \iota n_u + \beta s_u ,

where b_r is the row's load when nobody moves and \Pi_mw = \sum_{r : m_r = m} \pi_r q_rw. This holds
for *any* prices; those of a linear program's dual make it as high as the linear bound (Geoffrion
1974). An assignment that moves u to m costs c_um - \min(0, \min_m c_um) more than the bound: if
that exceeds a known placement, the move is in no better one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.placement.problem import Floats, Ints, Mask, Problem

ROUNDING = 1e-9
"""Relative allowance for the rounding of the bound's sums, by which it is lowered."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Means over windows that bound the worst peak from below.

    Attributes
    ----------
    target : (n_rows,) m_r.
    mean : (n_rows, n_windows) q_r, each summing to 1.
    """

    target: Ints
    mean: Floats

    def __len__(self) -> int:
        return len(self.target)

    def joined(self, other: Rows) -> Rows:
        """Return both together."""
        return Rows(
            np.concatenate([self.target, other.target]), np.concatenate([self.mean, other.mean])
        )


@dataclass(frozen=True, eq=False)
class Prices:
    """Prices of rows (n_rows,), of a move, an inode and a byte; all >= 0."""

    row: Floats
    move: float
    inode: float
    byte: float


@dataclass(frozen=True, eq=False)
class Bound:
    """A proven lower bound on P and what each move adds to it.

    Attributes
    ----------
    value : the bound [weighted operations / s].
    cost : (n_users, n_targets) c_um; +inf where u lives on m or may not move.
    extra : (n_users, n_targets) by how much more every assignment with that move exceeds `value`.
    """

    value: float
    cost: Floats
    extra: Floats


def highest_rows(problem: Problem, loads: Floats) -> Rows:
    """Return one row per target: the mean of its k highest windows under these loads."""
    n, k = loads.shape[1], problem.worst
    mean = np.zeros_like(loads)
    top = np.argpartition(loads, n - k, axis=1)[:, n - k :]
    np.put_along_axis(mean, top, 1.0 / k, axis=1)
    return Rows(np.arange(len(loads)), mean)


def bound(problem: Problem, rows: Rows, prices: Prices) -> Bound:
    """Return the bound that any prices give; row prices are first made to sum to 1."""
    row = np.maximum(prices.row, 0.0)
    row = row / row.sum() if row.sum() > 0 else np.full(len(rows), 1.0 / len(rows))
    price = np.zeros(problem.fixed.shape)
    np.add.at(price, rows.target, row[:, None] * rows.mean)
    per_user = problem.load @ price.T
    cost = per_user - np.take_along_axis(per_user, problem.home[:, None], axis=1)
    # an unlimited amount has no price: inf times 0 must not make a NaN
    parts = ((prices.inode, problem.inodes), (prices.byte, problem.size))
    cost = cost + max(prices.move, 0.0)
    for unit, amount in parts:
        cost = cost + max(unit, 0.0) * amount[:, None]
    cost[np.arange(problem.n_users), problem.home] = np.inf
    cost[~problem.movable] = np.inf
    best = np.minimum(cost.min(axis=1, initial=np.inf), 0.0)
    start = float((price * problem.loads(problem.home)).sum())
    limits = problem.limits
    spent = max(prices.move, 0.0) * limits.moves
    for unit, limit in ((prices.inode, limits.inodes), (prices.byte, limits.size)):
        if unit > 0.0:
            spent += unit * limit
    value = start - spent + float(best.sum())
    value -= ROUNDING * (start + spent - float(best.sum()))
    return Bound(value, cost, cost - best[:, None])


def open_moves(found: Bound, goal: float) -> Mask:
    """(n_users, n_targets) True for moves that a placement with P < `goal` may contain."""
    return found.value + found.extra < goal


def lonely(problem: Problem) -> float:
    """Return a bound from single users: each lives somewhere, at least with the load that stays."""
    alone = np.full(problem.n_users, np.inf)
    for target, stays in enumerate(problem.fixed):
        here = np.flatnonzero(problem.movable | (problem.home == target))
        alone[here] = np.minimum(alone[here], problem.peaks(stays + problem.load[here]))
    least = max(alone.max(initial=0.0), problem.peaks(problem.fixed).max(initial=0.0))
    return float(least) * (1.0 - ROUNDING)
