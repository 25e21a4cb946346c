r"""Aggregation and disaggregation in turn, until every entry stands still.

Each round solves whole lines along every axis, forwards and backwards (`lines`), and then brings
blocks of neighbouring states into balance by an elimination of the small chain (`blocks`). Lines mend what
is near; the blocks mend what is slow and far, such as how much two metastable regions weigh. Nothing
is subtracted anywhere.

With changes that shrink by a factor :math:`\rho` a round, an entry that changed by :math:`\delta` is off by
:math:`\delta\rho/(1-\rho)` at most; the rounds end when that is below the tolerance, or when it is plain that
it will not be.

Source: Y. Takahashi, Res. Rep. B-18, Tokyo Inst. of Technology (1975); G. Horton, S. T. Leutenegger,
SIGMETRICS (1994) 191, for blocks of a lattice. Corrections of the marginals alone, in turn, were tried
first: from a poor start they can settle in a cycle.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import ModelError, NotConverged, Problem
from separatrix.markov.aggregation.blocks import Sides, blocks_law, blocks_times
from separatrix.markov.aggregation.lines import sweep
from separatrix.markov.generator import Chain, Mask
from separatrix.markov.nested.effort import lattice_operations

Array: TypeAlias = NDArray[np.float64]
Index: TypeAlias = NDArray[np.int64]

_ROUNDS = 200
_JUDGED = 40  # rounds after which the rate says whether there will be an end
_SWEEPS = 2  # over all lines, a round
_WORK = (
    3000.0  # multiplications a state that the blocks' elimination may take: as much as the lines'
)
_STILL = 1e-13  # change of any entry in a round that rounding alone may cause
FLOOR = 1e-280
"""Entries smaller than this, relative to the largest, are not judged."""
_WATCHED = 4  # rounds over which the rate of convergence is taken


@dataclass(frozen=True)
class Iterated:
    """Where the rounds ended.

    Attributes
    ----------
    x : of the box's shape, times ``2**power``.
    power : power of two.
    rounds : how many were made.
    sides : sides of the blocks.
    rate : by how much changes shrink in a round.
    error : bound on the relative error of every judged entry; ``inf`` where changes do not shrink.
    """

    x: Array
    power: int
    rounds: int
    sides: Sides
    rate: float
    error: float


def iterate(
    chain: Chain,
    *,
    removed: Mask | None = None,
    killing: float = 0.0,
    source: Array | None = None,
    tolerance: float = 1e-11,
    reverse: bool = False,
) -> Iterated:
    """Stationary law of a lattice chain, or expected times in each state from a source.

    Parameters
    ----------
    chain : a chain on a lattice of at least two axes.
    removed : states where the chain ends; together with `source`.
    killing : constant rate [1/s] at which it ends anywhere; together with `source`.
    source : initial measure, of the box's shape; the result is then the time [s] spent in each state.
    tolerance : relative error asked of every entry.
    reverse : take the axes, and the lines of each, in the opposite order, and other blocks: rounds that
        go another way to the same end, as a check of the digits.

    Raises
    ------
    ModelError : no lattice.
    NotConverged : a line that nothing leaves.
    """
    if chain.listed is not None or len(chain.shape) < 2:
        raise ModelError(
            Problem("aggregation needs a chain on a lattice", hint="use method='levels'")
        )
    kept = np.ones(chain.shape, dtype=np.bool_) if removed is None else ~removed
    b = np.zeros(chain.shape) if source is None else np.where(kept, source, 0.0)
    x, power = kept / kept.sum(), 0
    sides = block_sides(chain)
    if reverse:
        sides = tuple(
            min(side + 1, length) for side, length in zip(sides, chain.shape, strict=True)
        )
    axes = range(x.ndim)[:: -1 if reverse else 1]
    smooth = _Smoother(chain, kept, killing)
    changes: list[float] = []
    rate = error = np.inf
    for _ in range(_ROUNDS):
        before, before_power = x.copy(), power
        flow = np.ldexp(b, -power)
        for axis in axes:
            for backwards in (reverse, not reverse) * _SWEEPS:
                smooth(axis, x, flow, backwards)
        if source is None:
            x *= blocks_law(chain, x, sides)
            x /= x.sum()
        else:
            factor, power = blocks_times(chain, x, b, sides, kept, killing)
            x *= factor
        changes.append(_change(x, before, power - before_power))
        rate, error = _outlook(changes)
        if error <= tolerance or _hopeless(len(changes), rate, error / tolerance):
            break
    return Iterated(x, power, len(changes), sides, rate, error)


def block_sides(chain: Chain) -> Sides:
    """Sides of blocks, as even as they can be, whose chain is eliminated as quickly as lines are swept."""
    shape = np.array(chain.shape, dtype=np.int64)
    reach = np.abs(np.array(chain.jumps, dtype=np.int64).reshape(-1, shape.size)).max(axis=0)
    sides = np.ones_like(shape)
    sides[int(shape.argmax())] = 2
    while True:
        blocks = -(-shape // sides)
        small = np.minimum(-(-reach // sides), blocks - 1)
        if blocks.max() == 1 or lattice_operations(blocks, small) <= _WORK * chain.n_states:
            return tuple(int(side) for side in sides)
        sides[int(blocks.argmax())] += 1


def _outlook(changes: list[float]) -> tuple[float, float]:
    """The rate at which changes shrink, and what is still missing."""
    last = changes[-_WATCHED - 1 :]
    if len(last) <= _WATCHED or not np.isfinite(last).all():
        return np.inf, np.inf
    if last[-1] <= _STILL:
        return 0.0, _STILL
    rate = max(b / a for a, b in pairwise(last))
    return rate, max(last[-1] * rate / (1.0 - rate), _STILL) if rate < 1.0 else np.inf


def _hopeless(rounds: int, rate: float, excess: float) -> bool:
    """Whether, at this rate, even twice the rounds that are left would not do."""
    if rounds < _JUDGED or not np.isfinite(excess):
        return False
    return rate ** (2.0 * (_ROUNDS - rounds)) * excess > 1.0


class _Smoother:
    """Solves all lines along an axis, in place."""

    def __init__(self, chain: Chain, kept: Mask, killing: float) -> None:
        self._killing = killing
        shape = chain.shape
        self._shape = np.array(shape, dtype=np.int64)
        self._strides = np.array([prod(shape[i + 1 :]) for i in range(len(shape))], dtype=np.int64)
        self._jumps = np.array(chain.jumps, dtype=np.int64).reshape(-1, len(shape))
        self._rates = chain.table
        self._kept = np.ascontiguousarray(kept).reshape(-1)
        self._rooms = np.empty((4, max(shape)))
        self._at = np.empty(len(shape), dtype=np.int64)

    def __call__(self, axis: int, x: Array, source: Array, backwards: bool) -> None:
        up, down, leave, flow = self._rooms
        stuck: int = sweep(
            axis, self._shape, self._strides, self._jumps, self._rates, self._killing,
            source.reshape(-1), x.reshape(-1), backwards, self._at, up, down, leave, flow, self._kept,
        )  # fmt: skip
        if stuck:
            raise NotConverged(
                "some line of the lattice is never left, so that it cannot be solved apart from the"
                " others; use method='nested'",
                certificate="a line that nothing leaves",
            )


def _change(x: Array, before: Array, shift: int) -> float:
    """Largest relative change of an entry that is large enough to be judged."""
    seen = x > FLOOR * x.max()
    old = np.ldexp(before[seen], -shift)
    return float(np.abs(old / x[seen] - 1.0).max())
