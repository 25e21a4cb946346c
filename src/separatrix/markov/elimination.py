r"""One elimination of a chain, shared by every quantity that needs the same states removed.

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
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import ModelError, NotConverged, Problem
from separatrix.markov.banded import BandFactor, Breakdown, factor
from separatrix.markov.classes import can_reach
from separatrix.markov.eliminated import Elimination
from separatrix.markov.generator import Chain, Edges, Mask, sum_at
from separatrix.markov.memory import available_bytes, human_bytes
from separatrix.markov.ordering import elimination_order
from separatrix.markov.scaled import Scaled, product, zeros

Array: TypeAlias = NDArray[np.float64]
Index: TypeAlias = NDArray[np.int64]
Method: TypeAlias = Literal["auto", "levels", "nested", "dense", "aggregated"]
Sides: TypeAlias = Literal["both", "left", "right"]

_DENSE_BELOW = 300  # states; below this a band saves nothing
_NESTED_FROM = 12_000  # states; below, an elimination by levels takes a tenth of a second or two
_NESTED_WORK = 5e8  # multiplications of an elimination by levels that take about half a second
_DIRECT_WORK = 2e11  # multiplications of a nested dissection that take half a minute
_ONE_SIDED_FROM = 2_500_000  # states; below, factors of both sides take less than 3 GB
_ROUNDING = 2.0**-52


@dataclass(frozen=True)
class BandElimination(Elimination):
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
        """See `Elimination`."""
        self._needs_life()
        x = self.factor.left_scaled(Scaled.of(self.from_anchor))
        every = _spread(x, Scaled.of(np.ones(1)), self)
        return every.over(every.total())

    def right(self, b: Array | Scaled) -> Scaled:
        """See `Elimination`."""
        self._needs_death()
        full = b if isinstance(b, Scaled) else Scaled.of(np.ravel(b))
        y = self.factor.right_scaled(full[self.order])
        there = product(self.from_anchor[None, :], y).plus(full[self._at])
        t_anchor = there.over(self.anchor_exit)
        t = y.plus(self._reach_anchor.times(t_anchor))
        return _spread(t, t_anchor, self)

    def left(self, b: Array | Scaled) -> Scaled:
        """See `Elimination`."""
        self._needs_death()
        full = b if isinstance(b, Scaled) else Scaled.of(np.ravel(b))
        start = full[self.order]
        x_anchor = (
            start.times(self._reach_anchor).total().plus(full[self._at]).over(self.anchor_exit)
        )
        flow = start.plus(Scaled.of(self.from_anchor).times(x_anchor))
        return _spread(self.factor.left_scaled(flow), x_anchor, self)

    def anchored_right(self, f: Array) -> Array:
        """See `Elimination`."""
        u = np.zeros_like(f)
        u[self.order] = self.factor.right(f[self.order])
        return u

    def anchored_left(self, f: Array) -> Array:
        """See `Elimination`."""
        u = np.zeros_like(f)
        u[self.order] = self.factor.left(f[self.order])
        return u

    def signed_right(self, b: Array) -> Array:
        """See `Elimination`."""
        y = self.factor.right(b[self.order])
        t_anchor = (b[self.anchor] + self.from_anchor @ y) / self.anchor_exit.to_float()[0]
        g = self._reach_anchor.to_float()
        t = np.zeros_like(b)
        t[self.order] = y + np.multiply.outer(g, t_anchor)
        t[self.anchor] = t_anchor
        return t

    def signed_left(self, b: Array) -> Array:
        """See `Elimination`."""
        g = self._reach_anchor.to_float()
        x_anchor = (b[self.anchor] + g @ b[self.order]) / self.anchor_exit.to_float()[0]
        x = np.zeros_like(b)
        x[self.order] = self.factor.left(
            b[self.order] + np.multiply.outer(self.from_anchor, x_anchor)
        )
        x[self.anchor] = x_anchor
        return x

    def signed(self, b: Scaled, *, transposed: bool, anchored: bool) -> Scaled:
        """See `Elimination`."""
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
    def _reach_anchor(self) -> Scaled:
        """P(the anchor is reached before the chain dies), from each ordered state."""
        return self.factor.right_scaled(Scaled.of(self.into_anchor))

    @cached_property
    def anchor_exit(self) -> Scaled:  # pyright: ignore[reportIncompatibleMethodOverride] - kept
        """Rate [1/s] at which the chain censored on the anchor dies, as a vector of size 1."""
        kappa = Scaled.of(self.into_removed + self.killing)
        through = product(self.from_anchor[None, :], self.factor.right_scaled(kappa[self.order]))
        return through.plus(kappa[self._at])


def eliminate(
    chain: Chain,
    *,
    removed: Mask | None = None,
    killing: float = 0.0,
    anchor: int | None = None,
    method: Method = "auto",
    reverse: bool = False,
    block: int = 32,
    tilt: Scaled | None = None,
    sides: Sides = "both",
    load: Array | None = None,
) -> Elimination:
    """Factor the chain on its kept states without a subtraction.

    Parameters
    ----------
    chain : off-diagonal rates.
    removed : states to leave out (a target set), of the box's shape; none by default.
    killing : constant extra rate [1/s] out of every kept state.
    anchor : row-major number of the kept state to eliminate last; by default the first kept one,
        or one where the chain lingers too long for an ordinary pivot.
    method : ``"levels"`` (panels along the longest axis), ``"nested"`` (nested dissection, compiled),
        ``"dense"``, ``"aggregated"`` (no factors: every solve iterates; see `aggregation`), or
        ``"auto"``, which takes the last for lattices of three axes and more whose elimination would
        take minutes.
    reverse : eliminate in the opposite order, as an independent check of the digits.
    block : pivots per panel, by levels.
    tilt : the stationary law, roughly: lets nested dissection hold probabilities far below 1e-308.
    sides : ``"left"`` keeps what a stationary law and solves from the left need, ``"right"`` what
        hitting times need: half the memory of nested dissection, but every further solve eliminates
        again. Elimination by levels keeps both.
    load : a right-hand side >= 0 (n,) that nested dissection eliminates along; `right` of this
        very array then costs next to nothing.

    Raises
    ------
    ModelError : no state is kept, the anchor is removed, or some state cannot reach the anchor
        or a removed state.
    NotConverged : the factors would not fit in memory, or a pivot underflows.
    """
    n = chain.n_states
    gone = np.zeros(chain.shape, dtype=np.bool_) if removed is None else removed
    kept = np.flatnonzero(~gone.reshape(-1))
    if kept.size == 0:
        raise ModelError("every state is removed: nothing is left to solve for")
    last = int(kept[0]) if anchor is None else anchor
    if not 0 <= last < n or gone.reshape(-1)[last]:
        raise ModelError(f"the anchor, state {last}, is not a kept state")
    picked, reason = _choose(method, chain, kept.size)
    solved: Elimination | None = None
    failed: tuple[int, float] | None = None
    try:
        if picked == "aggregated":
            from separatrix.markov.aggregation.solver import Aggregated

            return Aggregated(chain, gone, killing, last, picked, reason)
        if picked == "nested":
            # not at module level: small chains must not wait for numba
            from separatrix.markov.nested.elimination import eliminate_nested

            solved = eliminate_nested(
                chain,
                gone,
                killing,
                last,
                reason,
                reverse=reverse,
                tilt=tilt,
                sides=sides,
                load=load,
            )
        else:
            solved = _banded(chain, gone, killing, last, (picked, reason), reverse, block)
    except Breakdown as failure:
        failed = failure.position, failure.pivot
    if failed is not None:
        # only here: while an exception is handled it keeps the factors of the failed attempt alive
        trouble = _explained(chain, gone, last, *failed)
        if anchor is None and isinstance(trouble, NotConverged):
            # the chain lingers where it last got stuck: there the anchor's extended range helps
            return eliminate(
                chain, removed=removed, killing=killing, anchor=failed[0], method=method,
                reverse=reverse, block=block, tilt=tilt, sides=sides, load=load,
            )  # fmt: skip
        raise trouble
    assert solved is not None  # noqa: S101 (it failed otherwise)
    if (removed is not None or killing > 0.0) and not solved.anchor_exit.mantissa[0] > 0.0:
        raise _explained(chain, gone, last, last, 0.0)
    return solved


def sides_for(chain: Chain, side: Sides) -> Sides:
    """`side` where factors of both would weigh gigabytes, else both."""
    return side if chain.n_states >= _ONE_SIDED_FROM else "both"


def _banded(
    chain: Chain, gone: Mask, killing: float, last: int, choice: tuple[str, str], reverse: bool,
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
        into_removed, into_anchor, from_anchor,
    )  # fmt: skip


def _explained(
    chain: Chain, gone: Mask, anchor: int, state: int, pivot: float
) -> ModelError | NotConverged:
    """Why the pivot of `state` vanished: it is stuck for ever, or only for longer than 1e290 s."""
    goal = gone.copy()
    goal.reshape(-1)[anchor] = anchor != state
    if can_reach(chain, goal).reshape(-1)[state]:
        return NotConverged(
            f"the elimination underflows at {chain.label(state)}; name it as the anchor",
            partial=state,
            certificate=f"pivot {pivot:.3g} 1/s",
        )
    places = [chain.label(anchor)] * (anchor != state) + ["a removed state"] * bool(gone.any())
    place = " or ".join(places)
    return ModelError(
        Problem(f"{chain.label(state)} cannot reach {place}", hint="the chain is reducible there")
    )


def _choose(method: Method, chain: Chain, n: int) -> tuple[str, str]:
    lattice = chain.listed is None and len(chain.shape) > 1
    if method in ("nested", "aggregated") and not lattice:
        raise ModelError(f"method={method!r} needs a chain on a lattice; use method='levels'")
    if method != "auto":
        return method, "asked for"
    if n < _DENSE_BELOW:
        return "dense", f"{n} states are few"
    if not lattice:
        return "levels", f"{n} states without a lattice"
    width = chain.n_states // max(chain.shape)
    if n < _NESTED_FROM and n * width**2 < _NESTED_WORK:
        return "levels", f"{n} states of bandwidth {width}: no compiled code to wait for"
    if len(chain.shape) > 2:
        from separatrix.markov.nested.effort import chain_operations

        work = chain_operations(chain)
        if work > _DIRECT_WORK:
            return "aggregated", f"{n} states: nested dissection would take {work:.1g} operations"
    return "nested", f"{n} states of bandwidth {width}: by levels {n * width**2:.1g} operations"


def _check_memory(n: int, width: int, block: int) -> None:
    need = 16 * n * min(width + block, n) + 8 * 4 * (width + block) ** 2
    free = available_bytes()
    if free is not None and need > 0.9 * free:
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
