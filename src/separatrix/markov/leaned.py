r"""Factors by levels for balanced vectors, which stay in float64 however deep the law is.

Let :math:`W = \mathrm{diag}(2^{p_i})` be near the square root of the stationary law. Where the law spans
more than a float64, functions are kept as :math:`W f` and measures as :math:`x W^{-1}`, and solved with

.. math:: M' = W M W^{-1},\qquad N'_{ij} = 2^{p_i - p_j} N_{ij}

and likewise G and C of `banded`: multiplied once by exact powers of two, they serve every further solve
by plain products, signs included. What underflows there is nothing beside the largest entry of a
balanced vector, which is all its digits are judged by.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.markov.banded import BandFactor, Panel
from separatrix.markov.levels import BandElimination

Array: TypeAlias = NDArray[np.float64]
Index: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True)
class Leaned:
    """Solves of one elimination by levels in balanced coordinates.

    Attributes
    ----------
    solved : the elimination.
    factor : its factors, leaned.
    reach, leave : P(the anchor is reached) from each ordered state and the rates [1/s] from the anchor,
        leaned; None where the anchor's own equation is left out.
    exit : rate [1/s] at which the chain censored on the anchor dies.
    """

    solved: BandElimination
    factor: BandFactor
    reach: Array | None
    leave: Array | None
    exit: float

    def right(self, f: Array) -> Array:
        """Solution of ``M' u = f`` over the box (flat) for signed f."""
        order, anchor = self.solved.order, self.solved.anchor
        u = np.zeros(f.size)
        u[order] = self.factor.right(f[order])
        if self.leave is not None and self.reach is not None:
            u[anchor] = (f[anchor] + np.einsum("i,i->", self.leave, u[order])) / self.exit
            u[order] += self.reach * u[anchor]
        return u

    def left(self, x: Array) -> Array:
        """Solution of ``y M' = x`` over the box (flat) for signed x."""
        order, anchor = self.solved.order, self.solved.anchor
        y = np.zeros(x.size)
        flow = x[order]
        if self.leave is not None and self.reach is not None:
            y[anchor] = (x[anchor] + np.einsum("i,i->", self.reach, flow)) / self.exit
            flow = flow + self.leave * y[anchor]
        y[order] = self.factor.left(flow)
        return y


def leaned(solved: BandElimination, power: Index, *, anchored: bool) -> Leaned | None:
    """The elimination for vectors balanced by ``2**power``; None where that leaves a float64's range.

    Parameters
    ----------
    power : (n,) over the box.
    anchored : leave out the anchor's own equation: solve with :math:`M_a`, 0 at the anchor.
    """
    own, at = power[solved.order], int(power[solved.anchor])
    panels: list[Panel] = []
    for p in solved.factor.panels:
        i = p.first + p.N.shape[0]
        inside, after = own[p.first : i], own[i : i + p.C.shape[0]]
        panels.append(
            Panel(
                p.first,
                _times(p.N, inside[:, None] - inside),
                _times(p.G, inside[:, None] - after),
                _times(p.C, after[:, None] - inside),
            )
        )
    band = solved.factor
    peak = max((float(p.N.max()) for p in panels), default=0.0)
    tables = [table for p in panels for table in (p.N, p.G, p.C)]
    if anchored:
        found = Leaned(solved, BandFactor(band.n, band.width, tuple(panels), peak), None, None, 0.0)
    else:
        reach = solved.reach_anchor
        tables += [_times(reach.mantissa, reach.exponent + own - at)]
        tables += [_times(solved.from_anchor, at - own)]
        exit_ = float(solved.anchor_exit.to_float()[0])
        if not exit_ > 0.0:
            return None
        factor = BandFactor(band.n, band.width, tuple(panels), peak)
        found = Leaned(solved, factor, tables[-2], tables[-1], exit_)
    return found if all(np.isfinite(table).all() for table in tables) else None


def _times(table: Array, power: Index) -> Array:
    with np.errstate(over="ignore", under="ignore"):
        return np.ldexp(table, np.clip(power, -2100, 2100).astype(np.int32))
