r"""The fronts of a dissection: assembled from rates and from the children, then eliminated in panels.

The front of a node holds the off-diagonal rates between its p own and its s border states, one more
column for the rate to die (to be killed or removed), and for every row a power of two, so that
rates of any size stay in range. Own states are eliminated in panels. With P a panel and W the
rest of the front,

.. math:: N = M_{PP}^{-1},\quad G = N A_{PW},\quad C = A_{WP},\quad A_{WW} \mathrel{+}= C G ,

where the pivots of :math:`M_{PP}` are rebuilt as sums of rates. All numbers are nonnegative,
nothing is subtracted. N, G and C replace the panel, from where they are packed (`packing`); what is
left for the border is handed to the parent. Three blocks hold a front: `core` (p + s, p) the columns
of the own states, `out` (p, s + 1) and `rest` (s, s + 1) the other columns of own and border rows.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from separatrix.compiled import compiled

PANEL = 64
"""Pivots per panel; 64 x 64 x 64 multiplications are few enough for BLAS to stay on one thread."""

_NOTHING = 1e-292  # below this, relative to its row, a rate is dropped: subnormals slow BLAS down
_SMALLEST_PIVOT = 1e-280
_FAR = 100  # a row is rescaled when its largest rate is off by more powers of two than this
NEVER = -(2**30)
"""Power of two of an empty row."""


def _invert(work: Any) -> Any:
    """Turn (b, b + 1) rates, the last column leaving the panel, into expected times; in place.

    Gauss-Jordan by principal pivots, each rebuilt as the sum of its row's rates to states not yet
    eliminated. Returns the place of the first pivot that vanishes, that of the smallest where a time
    leaves the range of a float64, and b where neither happens.
    """
    b = work.shape[0]
    least, place = np.inf, 0
    for k in range(b):
        pivot = work[k, b]
        for j in range(k + 1, b):
            pivot += work[k, j]
        if not pivot > _SMALLEST_PIVOT:
            return k
        if pivot < least:
            least, place = pivot, k
        work[k, k] = 1.0
        scale = 1.0 / pivot
        for j in range(b + 1):
            work[k, j] *= scale
        for i in range(b):
            rate = work[i, k]
            if i != k and rate != 0.0:
                work[i, k] = 0.0
                for j in range(b + 1):
                    work[i, j] += rate * work[k, j]
    for i in range(b):
        for j in range(b):
            if not work[i, j] < np.inf:
                return place
    return b


def _take(block: Any, at: Any, across: Any, tile: Any) -> Any:
    """Copy a part of a block, whose rows are `across` entries long, into a packed tile."""
    for i in range(tile.shape[0]):
        for j in range(tile.shape[1]):
            tile[i, j] = block[at + i * across + j]


def _put(block: Any, at: Any, across: Any, tile: Any, keep: Any) -> Any:
    """Add a tile to a part of a block (`keep`), or put it there without what is next to nothing."""
    for i in range(tile.shape[0]):
        for j in range(tile.shape[1]):
            value = tile[i, j]
            if keep:
                block[at + i * across + j] += value
            else:
                value = value if value > _NOTHING else 0.0
                tile[i, j] = value
                block[at + i * across + j] = value


def _prepare(
    front: Any,
    out: Any,
    p: Any,
    width: Any,
    own_power: Any,
    k0: Any,
    work: Any,
) -> Any:
    """Bring a panel's rows near 1 and copy their rates, and the sums that leave the panel."""
    b = work.shape[0]
    for i in range(b):
        row, row_out = (k0 + i) * p, out + (k0 + i) * width
        front[row + k0 + i] = 0.0
        largest = 0.0
        for j in range(row + k0, row + p):
            largest = max(largest, front[j])
        for j in range(row_out, row_out + width):
            largest = max(largest, front[j])
        shift = math.frexp(largest)[1]
        if abs(shift) > _FAR:
            for j in range(row + k0, row + p):
                front[j] = math.ldexp(front[j], -shift)
            for j in range(row_out, row_out + width):
                front[j] = math.ldexp(front[j], -shift)
            own_power[k0 + i] += shift
        leaving = 0.0
        for j in range(row + k0 + b, row + p):
            leaving += front[j]
        for j in range(row_out, row_out + width):
            leaving += front[j]
        for j in range(b):
            work[i, j] = front[row + k0 + j]
        work[i, b] = leaving


def _eliminate(
    front: Any,
    out: Any,
    stack: Any,
    rest: Any,
    p: Any,
    width: Any,
    own_power: Any,
    panel: Any,
    pack: Any,
    square: Any,
    product: Any,
) -> Any:
    """Eliminate the own states of one front; returns the place of a vanishing pivot, else their number.

    `out` starts at this place of `front`, after `core`; `rest` at this place of `stack`.
    """
    size = p + width - 1
    for k0 in range(0, p, panel):
        k1 = min(k0 + panel, p)
        b = k1 - k0
        work = square[: b * (b + 1)].reshape(b, b + 1)
        prepare(front, out, p, width, own_power, k0, work)
        place = invert(work)
        if place < b:
            return k0 + place
        for i in range(b):
            for j in range(b):
                front[(k0 + i) * p + k0 + j] = work[i, j]
        # the panel's own rows first: N A -> G, in tiles that stay packed; then the others: A += C G
        i0, i1 = k0, k1
        while i0 < size:
            factor = square[: (i1 - i0) * b].reshape(i1 - i0, b)
            take(front, i0 * p + k0, p, factor)
            j0 = k1
            while j0 < p + width:
                j1 = min(j0 + panel, p if j0 < p else p + width)
                w = j1 - j0
                gain = pack[b * (j0 - k1) : b * (j1 - k1)].reshape(b, w)
                moved = product[: (i1 - i0) * w].reshape(i1 - i0, w)
                target, at, across = front, i0 * p + j0, p
                if j0 >= p:
                    across = width
                    if i0 < p:
                        at = out + i0 * width + j0 - p
                    else:
                        target, at = stack, rest + (i0 - p) * width + j0 - p
                if i0 == k0:
                    moved, gain = gain, moved
                    take(target, at, across, gain)
                np.dot(factor, gain, moved)
                put(target, at, across, moved, i0 > k0)
                j0 = j1
            i0 = i1
            i1 = min(i0 + panel, p if i0 < p else size)
    return p


def _hand_on(
    stack: Any, rest: Any, s: Any, power: Any, at: Any, handed: Any, at_handed: Any
) -> Any:
    """Drop self-loops, and bring every row near 1."""
    for i in range(s):
        row = rest + i * (s + 1)
        stack[row + i] = 0.0
        largest = 0.0
        for j in range(row, row + s + 1):
            largest = max(largest, stack[j])
        if largest == 0.0:
            handed[at_handed + i] = NEVER
            continue
        shift = math.frexp(largest)[1]
        scale = math.ldexp(1.0, -shift)
        for j in range(row, row + s + 1):
            value = stack[j] * scale
            stack[j] = value if value > _NOTHING else 0.0
        handed[at_handed + i] = power[at + i] + shift


_LOOSE = frozenset({"reassoc", "contract"})
"""Sums of nonnegative numbers may be taken in any order."""

invert = compiled(_invert, fastmath=_LOOSE, inner=True)
take = compiled(_take, inner=True)
put = compiled(_put, inner=True)
prepare = compiled(_prepare, fastmath=_LOOSE, inner=True)
eliminate = compiled(_eliminate, inner=True)
hand_on = compiled(_hand_on, inner=True)
