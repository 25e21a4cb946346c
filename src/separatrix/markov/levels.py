r"""Elimination by levels: panels of a band, with one state kept apart in extended range.

Write S for the kept states, :math:`\kappa` for the rate from S into the removed states plus a
constant killing rate, and :math:`M` for the M-matrix of S. One state a of S, the *anchor*, is
eliminated last and kept apart in extended range: with :math:`M_a` the matrix of
:math:`S \setminus a`,

.. math::
    h = M_a^{-1}\kappa,\quad g = M_a^{-1} q_{\cdot a},\quad
    \kappa^*_a = \kappa_a + q_{a\cdot} h,\quad
    t_a = \frac{b_a + q_{a\cdot} M_a^{-1} b}{\kappa^*_a},\quad
    t = M_a^{-1} b + t_a g .

Without killing, :math:`\pi \propto (q_{a\cdot} M_a^{-1}, 1)` is the stationary law. All of it is
free of subtractions, so that results keep their digits when times reach 1e98 s and laws 1e-770.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import NotConverged
from separatrix.markov.banded import BandFactor, Breakdown, factor
from separatrix.markov.generator import Chain, Edges, Mask, sum_at
from separatrix.markov.memory import human_bytes, short_of
from separatrix.markov.ordering import elimination_order
from separatrix.markov.scaled import Scaled, product, zeros
from separatrix.markov.solver import Method, Solver

Array: TypeAlias = NDArray[np.float64]
Index: TypeAlias = NDArray[np.int64]

_ROUNDING = 2.0**-52


@dataclass(frozen=True)
class BandElimination(Solver):
    """Elimination by levels, or of a dense matrix.

    Attributes
    ----------
    order : row-major numbers of the other kept states, in elimination order.
    factor : factors of the kept states without the anchor.
    into_removed, into_anchor, from_anchor : rates [1/s] over the box, and over `order`.
    """

    order: Index
    factor: BandFactor
    into_removed: Array
    into_anchor: Array
    from_anchor: Array

    @property
    def error(self) -> float:
        """Rounding errors of a subtraction-free elimination add up at most along the panels."""
        return 4.0 * _ROUNDING * (4.0 + len(self.factor.panels))

    @property
    def can_die(self) -> bool:
        """Whether anything leaves the kept states; else M is singular."""
        return self.killing > 0.0 or bool(self.into_removed.any())

    def law(self) -> Scaled:
        """See `Solver`."""
        self._needs_life()
        x = self.factor.left_scaled(Scaled.of(self.from_anchor))
        every = _spread(x, Scaled.of(np.ones(1)), self)
        return every.over(every.total())

    def right(self, b: Array | Scaled) -> Scaled:
        """See `Solver`."""
        self._needs_death()
        full = b if isinstance(b, Scaled) else Scaled.of(np.ravel(b))
        y = self.factor.right_scaled(full[self.order])
        there = product(self.from_anchor[None, :], y).plus(full[self._at])
        t_anchor = there.over(self.anchor_exit)
        t = y.plus(self.reach_anchor.times(t_anchor))
        return _spread(t, t_anchor, self)

    def left(self, b: Array | Scaled) -> Scaled:
        """See `Solver`."""
        self._needs_death()
        full = b if isinstance(b, Scaled) else Scaled.of(np.ravel(b))
        start = full[self.order]
        x_anchor = (
            start.times(self.reach_anchor).total().plus(full[self._at]).over(self.anchor_exit)
        )
        flow = start.plus(Scaled.of(self.from_anchor).times(x_anchor))
        return _spread(self.factor.left_scaled(flow), x_anchor, self)

    def anchored_right(self, f: Array) -> Array:
        """See `Solver`."""
        u = np.zeros_like(f)
        u[self.order] = self.factor.right(f[self.order])
        return u

    def anchored_left(self, f: Array) -> Array:
        """See `Solver`."""
        u = np.zeros_like(f)
        u[self.order] = self.factor.left(f[self.order])
        return u

    def signed_right(self, b: Array) -> Array:
        """See `Solver`."""
        y = self.factor.right(b[self.order])
        t_anchor = (b[self.anchor] + self.from_anchor @ y) / self.anchor_exit.to_float()[0]
        g = self.reach_anchor.to_float()
        t = np.zeros_like(b)
        t[self.order] = y + np.multiply.outer(g, t_anchor)
        t[self.anchor] = t_anchor
        return t

    def signed_left(self, b: Array) -> Array:
        """See `Solver`."""
        g = self.reach_anchor.to_float()
        x_anchor = (b[self.anchor] + g @ b[self.order]) / self.anchor_exit.to_float()[0]
        x = np.zeros_like(b)
        x[self.order] = self.factor.left(
            b[self.order] + np.multiply.outer(self.from_anchor, x_anchor)
        )
        x[self.anchor] = x_anchor
        return x

    def signed(self, b: Scaled, *, transposed: bool, anchored: bool) -> Scaled:
        """See `Solver`."""
        parts: list[Scaled] = []
        for sign in (1.0, -1.0):
            own = sign * b.mantissa > 0.0
            part = Scaled.of(np.where(own, sign * b.mantissa, 0.0), b.exponent)
            if not anchored:
                parts.append(self.left(part) if transposed else self.right(part))
                continue
            solve = self.factor.left_scaled if transposed else self.factor.right_scaled
            parts.append(_spread(solve(part[self.order]), zeros(1), self))
        return parts[0].plus(Scaled(-parts[1].mantissa, parts[1].exponent))

    @cached_property
    def _at(self) -> Index:
        return np.array([self.anchor])

    @cached_property
    def reach_anchor(self) -> Scaled:
        """P(the anchor is reached before the chain dies), from each ordered state."""
        return self.factor.right_scaled(Scaled.of(self.into_anchor))

    @cached_property
    def anchor_exit(self) -> Scaled:  # pyright: ignore[reportIncompatibleMethodOverride] - kept
        """Rate [1/s] at which the chain censored on the anchor dies, as a vector of size 1."""
        kappa = Scaled.of(self.into_removed + self.killing)
        through = product(self.from_anchor[None, :], self.factor.right_scaled(kappa[self.order]))
        return through.plus(kappa[self._at])


def eliminate_by_levels(
    chain: Chain, gone: Mask, killing: float, last: int, choice: tuple[Method, str], reverse: bool,
    block: int,
) -> BandElimination:  # fmt: skip
    """Eliminate by levels; the position of a `Breakdown` is the state's row-major number."""
    n = chain.n_states
    picked, reason = choice
    kept = np.flatnonzero(~gone.reshape(-1))
    order, width = elimination_order(chain, kept[kept != last])
    order = order[::-1] if reverse else order
    if picked == "dense":
        width = max(order.size - 1, 0)
    _check_memory(order.size, width, block)
    position = np.full(n, -1, dtype=np.int64)
    position[order] = np.arange(order.size)
    rows, cols, rates = chain.edges
    flat = gone.reshape(-1)
    into_removed = np.zeros(n)
    if gone.any():
        dying = flat[cols] & ~flat[rows]
        into_removed = sum_at(rows[dying], rates[dying], n)
    arriving = (cols == last) & (position[rows] >= 0)
    departing = (rows == last) & (position[cols] >= 0)
    into_anchor = sum_at(position[rows[arriving]], rates[arriving], order.size)
    from_anchor = sum_at(position[cols[departing]], rates[departing], order.size)
    inside = (position[rows] >= 0) & (position[cols] >= 0)
    kept_edges = Edges(position[rows[inside]], position[cols[inside]], rates[inside])
    leaving = into_anchor + into_removed[order] + killing
    try:
        factors = factor(kept_edges, leaving, width, block)
    except Breakdown as failure:
        raise Breakdown(int(order[failure.position]), failure.pivot) from None
    return BandElimination(
        chain, gone, killing, last, picked, reason, order, factors,
        into_removed, into_anchor, from_anchor, reverse=reverse,
    )  # fmt: skip


def _check_memory(n: int, width: int, block: int) -> None:
    need = 16 * n * min(width + block, n) + 8 * 4 * (width + block) ** 2
    if (free := short_of(need / 0.9)) is not None:
        raise NotConverged(
            f"eliminating {n} states of bandwidth {width} needs {human_bytes(need)},"
            f" {human_bytes(free)} are free; use a smaller box or a closure with fewer axes",
            certificate="memory estimate",
        )


def _spread(x: Scaled, at_anchor: Scaled, solved: BandElimination) -> Scaled:
    every = zeros(solved.chain.n_states)
    every.mantissa[solved.order] = x.mantissa
    every.exponent[solved.order] = x.exponent
    every.mantissa[solved.anchor] = at_anchor.mantissa[0]
    every.exponent[solved.anchor] = at_anchor.exponent[0]
    return every
