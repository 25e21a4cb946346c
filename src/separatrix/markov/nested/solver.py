"""An elimination in nested-dissection order: see `separatrix.markov.solver.Solver`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import frexp, ldexp
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import ModelError, Problem
from separatrix.markov.generator import Chain, Mask
from separatrix.markov.nested.dissection import dissect
from separatrix.markov.nested.factors import Factors, Load, Sides, factor
from separatrix.markov.scaled import Scaled, zeros
from separatrix.markov.solver import Solver
from separatrix.markov.stencil import offsets, rates_into

Array: TypeAlias = NDArray[np.float64]
Index: TypeAlias = NDArray[np.int64]

_ROUNDING = 2.0**-52
_UNSEEN = -1100  # a shift by as many powers of two leaves nothing
_RATE_LOST = -800  # power of two below which a rate may have lost parts to the range of a float64


@dataclass(frozen=True)
class NestedElimination(Solver):
    """Elimination in nested-dissection order.

    Attributes
    ----------
    factors : factors of the kept states; the anchor is left over.
    anchor_death : rate [1/s] at which the anchor itself is left for the removed states or killed.
    in_strips : see `Solver`.
    carried : a right-hand side that was eliminated with the fronts, and what became of it.
    """

    factors: Factors
    anchor_death: float
    in_strips: int | None = None  # pyright: ignore[reportIncompatibleMethodOverride] - kept
    carried: tuple[Array, Load] | None = None

    @property
    def error(self) -> float:
        """Rounding errors of a subtraction-free elimination add up at most along the tree."""
        tree = self.factors.tree
        height = 4.0 + np.log2(tree.left.size + 1.0)
        levels = np.count_nonzero((tree.left >= 0) & (tree.right < 0))
        return 8.0 * _ROUNDING * height + 4.0 * _ROUNDING * levels

    @cached_property
    def can_die(self) -> bool:  # pyright: ignore[reportIncompatibleMethodOverride] - kept
        """Whether anything leaves the kept states; else M is singular."""
        if self.killing > 0.0 or self.anchor_death > 0.0:
            return True
        return bool(self.removed.any()) and self.anchor_exit.mantissa[0] > 0.0

    @cached_property
    def anchor_exit(self) -> Scaled:  # pyright: ignore[reportIncompatibleMethodOverride] - kept
        """Rate [1/s] at which the chain censored on the anchor dies, as a vector of size 1."""
        inner = Scaled.of(np.array([self.factors.anchor_rate]), self.factors.anchor_power)
        own = Scaled.of(np.array([self.anchor_death]))
        every = inner.plus(own)
        if every.mantissa[0] > 0.0 and every.exponent[0] > _RATE_LOST:
            return every
        # the fronts drop a rate to die that is next to nothing beside the other rates of its row;
        # pivots do not miss it, but it is all there is here: carried as a vector it keeps its range
        dying = rates_into(self.chain, self.removed) + self.killing
        dying[self.removed.reshape(-1)] = 0.0
        value, power = self._gather(Scaled.of(dying))
        carried = self._up(value, power, transposed=False, exact=True)
        return own.plus(Scaled.of(np.array([carried.arrived]), carried.arrived_power))

    def complete(self) -> NestedElimination:
        """See `Solver`."""
        if self.factors.sides == "both":
            return self
        full = factor(
            self.factors.tree, offsets(self.chain), self.chain.table, self.killing,
            place=self.factors,
        )  # fmt: skip
        return replace(self, factors=full, carried=None)

    def forget(self) -> NestedElimination:
        """See `Solver`."""
        nothing = np.empty(0)
        packed = self.factors.packed._replace(lower=nothing, upper=nothing)
        bare = replace(self.factors, sides="none", packed=packed)
        return replace(self, factors=bare, carried=None)

    def law(self) -> Scaled:
        """See `Solver`."""
        self._needs_life()
        self._needs_side(transposed=True)
        value, power = self._empty()
        value[-1], power[-1] = 0.5, 1
        self.factors.down(value, power, transposed=True, exact=True)
        every = self._spread(value, power)
        return every.over(every.total())

    def right(self, b: Array | Scaled) -> Scaled:
        """See `Solver`."""
        return self._solve(b, transposed=False)

    def left(self, b: Array | Scaled) -> Scaled:
        """See `Solver`."""
        return self._solve(b, transposed=True)

    def _solve(self, b: Array | Scaled, *, transposed: bool) -> Scaled:
        self._needs_death()
        if self.carried is not None and b is self.carried[0] and not transposed:
            load = self.carried[1]
            value, power = load.value.copy(), load.power.copy()
            self._down(value, power, self.factors, transposed=False, exact=True, anchored=False)
            return self._spread(value, power)
        value, power = self._gather(b if isinstance(b, Scaled) else Scaled.of(np.ravel(b)))
        self._both_ways(value, power, transposed=transposed, exact=True, anchored=False)
        return self._spread(value, power)

    def signed(self, b: Scaled, *, transposed: bool, anchored: bool) -> Scaled:
        """See `Solver`."""
        value, power = self._gather(b)
        self._both_ways(value, power, transposed=transposed, exact=False, anchored=anchored)
        return self._spread(value, power)

    def _both_ways(
        self, value: Array, power: Index, *, transposed: bool, exact: bool, anchored: bool
    ) -> None:
        self._needs_side(transposed=transposed)
        factors = self._up(value, power, transposed=transposed, exact=exact)
        self._down(value, power, factors, transposed=transposed, exact=exact, anchored=anchored)

    def _up(self, value: Array, power: Index, *, transposed: bool, exact: bool) -> Factors:
        """Eliminate a right-hand side in place; the factors with what of it reaches the anchor."""
        factors = self.factors
        if factors.sides == "both":
            arrived = factors.up(value, power, transposed=transposed, exact=exact)
            return replace(factors, arrived=arrived[0], arrived_power=arrived[1])
        # the other half of the factors is made again, and used as soon as it is made
        load = Load(value, power, transposed, exact)
        return factor(
            factors.tree, offsets(self.chain), self.chain.table, self.killing,
            factors.sides, load, factors,
        )  # fmt: skip

    def _down(
        self, value: Array, power: Index, factors: Factors, *, transposed: bool, exact: bool,
        anchored: bool,
    ) -> None:  # fmt: skip
        """Solve at the anchor, then substitute back."""
        if anchored:
            value[-1] = 0.0
        else:
            self._needs_death()
            parts = (float(value[-1]), int(power[-1])), (factors.arrived, factors.arrived_power)
            value[-1], power[-1] = _quotient(parts, self.anchor_exit)
        factors.down(value, power, transposed=transposed, exact=exact)

    def _needs_side(self, *, transposed: bool) -> None:
        wanted = "left" if transposed else "right"
        if self.factors.sides not in ("both", wanted):
            raise ModelError(
                Problem(
                    f"no factors were kept for solves from the {wanted}",
                    hint="ask for a solver with sides='both', or use complete()",
                )
            )

    def _empty(self) -> tuple[Array, Index]:
        size = self.factors.tree.order.size + 1
        return np.zeros(size), np.zeros(size, dtype=np.int64)

    def _gather(self, full: Scaled) -> tuple[Array, Index]:
        value, power = self._empty()
        order = self.factors.tree.order
        value[:-1], power[:-1] = full.mantissa[order], full.exponent[order]
        value[-1], power[-1] = full.mantissa[self.anchor], full.exponent[self.anchor]
        return value, power

    def _spread(self, value: Array, power: Index) -> Scaled:
        every = zeros(self.chain.n_states)
        order = self.factors.tree.order
        power = np.where(value == 0.0, every.exponent[0], power)
        every.mantissa[order], every.exponent[order] = value[:-1], power[:-1]
        every.mantissa[self.anchor], every.exponent[self.anchor] = value[-1], power[-1]
        return every


def eliminate_nested(
    chain: Chain, removed: Mask, killing: float, anchor: int, reason: str, *, reverse: bool,
    sides: Sides = "both", load: Array | None = None,
    strip: int | None = None, axis: int | None = None,
) -> NestedElimination:  # fmt: skip
    """Factor a lattice chain on its kept states; see `separatrix.markov.methods.solver_for`.

    Raises
    ------
    Breakdown : a pivot vanishes; its position is the state's row-major number.
    NotConverged : the factors would not fit in memory.
    """
    shifts, rates = offsets(chain), chain.table
    live = rates.any(axis=1)
    jumps = np.array(chain.jumps, dtype=np.int64).reshape(-1, len(chain.shape))
    tree = dissect(
        ~removed, jumps[live], anchor, share=0.4 if reverse else 0.5, backwards=reverse,
        strip=strip, axis=axis,
    )  # fmt: skip
    carried = None
    if load is not None:
        start = Scaled.of(load[np.append(tree.order, anchor)])
        carried = load, Load(start.mantissa, start.exponent, transposed=False, exact=True)
    factors = factor(tree, shifts, rates, killing, sides, None if carried is None else carried[1])
    flat = removed.reshape(-1)
    death = killing
    for j in np.flatnonzero(rates[:, anchor] > 0.0):
        if flat[anchor + shifts[j]]:
            death += float(rates[j, anchor])
    return NestedElimination(
        chain,
        removed,
        killing,
        anchor,
        "nested",
        reason,
        factors,
        death,
        strip,
        carried,
        reverse=reverse,
    )


def _quotient(parts: tuple[tuple[float, int], ...], rate: Scaled) -> tuple[float, int]:
    """The sum of some ``m * 2**e`` over a vector of size 1: `Scaled` would take longer than a small tree."""
    live = [(m, e) for m, e in parts if m != 0.0]
    top = max((e for _, e in live), default=0)
    total = sum(ldexp(m, max(e - top, _UNSEEN)) for m, e in live)
    fraction, shift = frexp(total / float(rate.mantissa[0]))
    return fraction, top + shift - int(rate.exponent[0])
