r"""Solves of a lattice chain by iterated aggregation, in the form in which eliminations offer them.

Solves from the left are expected times in each state, which `iterate` finds. Solves from the right
become such in the reversed chain, whose rates are :math:`\hat q_{xy} = \pi_y q_{yx} / \pi_x` with the
stationary law :math:`\pi`:

.. math:: M t = b \quad\Longleftrightarrow\quad (\pi \circ t)\,\hat M = \pi \circ b .

So every solve is a positive iteration; a signed right-hand side is split into its two signs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import log as log_of
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import NotConverged
from separatrix.markov.aggregation.iteration import FLOOR, Iterated, iterate
from separatrix.markov.classes import reachable_from
from separatrix.markov.generator import Chain, Mask
from separatrix.markov.scaled import Scaled, zeros
from separatrix.markov.solver import Solver
from separatrix.markov.stencil import steps

Array: TypeAlias = NDArray[np.float64]
Index: TypeAlias = NDArray[np.int64]

_ASKED = 1e-11  # relative error of every entry
_ENOUGH = 1e-8
_STILL = 1e-15  # change of an entry in a round that rounding alone may cause
_MOST_JUMPS = (
    2000  # through transient states; what takes more shrinks too slowly to be judged by its change
)


@dataclass(frozen=True)
class Aggregated(Solver):
    """Iterated aggregation in place of factors; each solve iterates anew."""

    @property
    def error(self) -> float:
        """What the iterations are stopped at, twice, since a solve from the right needs the law first."""
        return 2.0 * _ASKED

    @cached_property
    def can_die(self) -> bool:  # pyright: ignore[reportIncompatibleMethodOverride] - kept
        """Whether anything leaves the kept states; else M is singular."""
        if self.killing > 0.0:
            return True
        kept = ~self.removed
        return any(
            bool((step.rates[kept[step.sources] & self.removed[step.targets]] > 0.0).any())
            for step in steps(self.chain)
        )

    @cached_property
    def anchor_exit(self) -> Scaled:  # pyright: ignore[reportIncompatibleMethodOverride] - kept
        """Rate [1/s] at which the chain censored on the anchor dies, as a vector of size 1."""
        start = np.zeros(self.chain.n_states)
        start[self.anchor] = 1.0
        return Scaled.of(np.ones(1)).over(self.left(start)[np.array([self.anchor])])

    def law(self) -> Scaled:
        """See `Solver`."""
        self._needs_life()
        return _scaled(self._law)

    def left(self, b: Array | Scaled) -> Scaled:
        """See `Solver`."""
        self._needs_death()
        return self._times(self.chain, _as_scaled(b), self.removed)

    def right(self, b: Array | Scaled) -> Scaled:
        """See `Solver`."""
        self._needs_death()
        return self._from_the_right(_as_scaled(b), self.removed)

    def signed(self, b: Scaled, *, transposed: bool, anchored: bool) -> Scaled:
        """See `Solver`."""
        gone = self.removed
        if anchored:
            gone = gone.copy()
            gone.reshape(-1)[self.anchor] = True
        parts: list[Scaled] = []
        for sign in (1.0, -1.0):
            own = (sign * b.mantissa > 0.0) & ~gone.reshape(-1)
            part = Scaled.of(np.where(own, sign * b.mantissa, 0.0), b.exponent)
            if not own.any():
                parts.append(zeros(b.size))
            elif transposed:
                parts.append(self._times(self.chain, part, gone))
            else:
                parts.append(self._from_the_right(part, gone))
        return parts[0].plus(Scaled(-parts[1].mantissa, parts[1].exponent))

    def _from_the_right(self, b: Scaled, gone: Mask) -> Scaled:
        law, kept = _scaled(self._law), ~gone.reshape(-1)
        lasting = law.mantissa > 0.0
        _needs_weight(law, kept & lasting)
        out_of_reach = gone | ~lasting.reshape(self.chain.shape)
        solved = self._times(self._reversed, b.times(law), out_of_reach)
        _needs_weight(solved, kept & (solved.mantissa > 0.0))
        live = np.flatnonzero(solved.mantissa)
        t = zeros(b.size)
        ratio = solved[live].over(law[live])
        t.mantissa[live], t.exponent[live] = ratio.mantissa, ratio.exponent
        passing = kept & ~lasting
        return self._on_the_way(t, b, passing) if passing.any() else t

    def _on_the_way(self, t: Scaled, b: Scaled, passing: NDArray[np.bool_]) -> Scaled:
        """The solution on transient states, from that on the others: what a jump leads to, over and over.

        The sums grow from 0 towards it; as many rounds as the chain makes jumps before it is among the others for all
        that a float64 can tell.
        """
        shape, top = self.chain.shape, max(int(t.exponent.max()), int(b.exponent.max()))
        x, source = (_shifted(v, -top).to_float().reshape(shape) for v in (t, b))
        out = (self.chain.exit_rates() + self.killing).reshape(shape)
        there = passing.reshape(shape)
        for _ in range(_MOST_JUMPS):
            ahead = source.copy()
            for step in steps(self.chain):
                ahead[step.sources] += step.rates * x[step.targets]
            new = ahead[there] / out[there]
            still = bool((np.abs(new - x[there]) <= _STILL * new).all())
            x[there] = new
            if still:
                return _shifted(Scaled.of(x.reshape(-1)), top)
        raise NotConverged(
            f"the chain makes more than {_MOST_JUMPS} jumps among states that it never comes back to; use"
            " method='nested'",
            certificate=f"changes below {_STILL:g} of the value",
        )

    def _times(self, chain: Chain, start: Scaled, gone: Mask) -> Scaled:
        top = int(start.exponent.max())
        source = _shifted(start, -top).to_float().reshape(chain.shape)
        if not (source[~gone] > 0.0).any():
            return zeros(start.size)
        found = iterate(
            chain, removed=gone, killing=self.killing, source=source, tolerance=_ASKED,
            reverse=self.reverse,
        )  # fmt: skip
        return _shifted(_scaled(_sure(found)), top)

    @cached_property
    def _law(self) -> Iterated:
        found = _sure(iterate(self.chain, tolerance=_ASKED, reverse=self.reverse))
        x = found.x
        if not ((x > 0.0) & (x <= FLOOR * x.max())).any():
            return found
        # a round leaves a little less on transient states, and never nothing
        ever = reachable_from(self.chain, x == x.max(), np.zeros(x.shape, dtype=np.bool_))
        return replace(found, x=np.where(ever, x, 0.0))

    @cached_property
    def _reversed(self) -> Chain:
        """The chain seen backwards in time."""
        pi = self._law.x
        tables: list[Array] = []
        for step in steps(self.chain):
            table = np.zeros(pi.shape)
            there = pi[step.targets]
            table[step.targets] = np.divide(
                pi[step.sources] * step.rates, there, out=np.zeros_like(there), where=there > 0.0
            )
            tables.append(table)
        jumps = tuple(tuple(-j for j in jump) for jump in self.chain.jumps)
        return Chain(self.chain.shape, self.chain.names, jumps, tuple(tables))


def _sure(found: Iterated) -> Iterated:
    if not found.error <= _ENOUGH:
        raise NotConverged(
            f"iterated aggregation stands at a relative error of {found.error:.2g} after"
            f" {found.rounds} rounds; use method='nested', or a smaller box",
            partial=found.x,
            certificate=f"changes shrink by {found.rate:.3g} a round",
        )
    return found


def _needs_weight(x: Scaled, kept: NDArray[np.bool_]) -> None:
    """Refuse what no round has judged."""
    log = x.log()
    if (log[kept] <= log.max() + log_of(FLOOR)).any():
        raise NotConverged(
            "some states are so unlikely that iterated aggregation cannot weigh them"
            " (below 1e-280): use method='nested', or solve from the left",
            certificate="weight below 1e-280",
        )


def _as_scaled(b: Array | Scaled) -> Scaled:
    return b if isinstance(b, Scaled) else Scaled.of(np.ravel(b))


def _scaled(found: Iterated) -> Scaled:
    return Scaled.of(found.x.reshape(-1), found.power)


def _shifted(x: Scaled, power: int) -> Scaled:
    """The vector times ``2**power``."""
    return Scaled(x.mantissa, np.where(x.mantissa > 0.0, x.exponent + power, x.exponent))
