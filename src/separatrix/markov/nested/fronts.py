r"""The fronts of a dissection: assembled from rates and from the children, then eliminated in panels.

The front of a node holds the off-diagonal rates between its p own and its s border states, one more
column for the rate to die (to be killed or removed), and for every row a power of two, so that
rates of any size stay in range. Own states are eliminated in panels. With P a panel and W the
rest of the front,

.. math:: N = M_{PP}^{-1},\quad G = N A_{PW},\quad C = A_{WP},\quad A_{WW} \mathrel{+}= C G ,

where the pivots of :math:`M_{PP}` are rebuilt as sums of rates. All numbers are nonnegative,
nothing is subtracted. N, G and C replace the panel; what is left for the border is handed to the
parent. Three blocks hold a front: `core` (p + s, p) the columns of the own states, `out` (p, s + 1)
and `rest` (s, s + 1) the other columns of own and of border rows.

Where probabilities differ by more than a float64 can hold, the chain is *tilted*: rates from i to j
are multiplied by :math:`2^{f_i - f_j}`, with :math:`f` about half the logarithm of the stationary law. That
brings flows against the drift and with it into one range; only the sum that makes a pivot needs
the rates themselves.
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
_NEVER = -(2**30)  # power of an empty row


def _invert(work: Any, weight: Any) -> Any:
    """Turn (b, b + 1) rates, the last column leaving the panel, into expected times; in place.

    Gauss-Jordan by principal pivots, each rebuilt as the sum of its row's rates to states not yet
    eliminated; `weight` undoes the leaning of the columns in that sum. Returns the place of the
    first pivot that vanishes, and b where none does.
    """
    b = work.shape[0]
    for k in range(b):
        pivot = work[k, b]
        for j in range(k + 1, b):
            pivot += work[k, j] * weight[j]
        pivot /= weight[k]
        if not pivot > _SMALLEST_PIVOT:
            return k
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
    store: Any,
    core: Any,
    out: Any,
    p: Any,
    width: Any,
    own_power: Any,
    leaning: Any,
    lean: Any,
    k0: Any,
    work: Any,
    weight: Any,
) -> Any:
    """Bring a panel's rows near 1 and copy their rates, and the sums that leave the panel."""
    b = work.shape[0]
    middle = (lean[k0] + lean[k0 + b - 1]) // 2
    for i in range(b):
        weight[i] = math.ldexp(1.0, lean[k0 + i] - middle)
    for i in range(b):
        row, row_out = core + (k0 + i) * p, out + (k0 + i) * width
        store[row + k0 + i] = 0.0
        largest = 0.0
        for j in range(row + k0, row + p):
            largest = max(largest, store[j])
        for j in range(row_out, row_out + width):
            largest = max(largest, store[j])
        shift = math.frexp(largest)[1]
        if abs(shift) > _FAR:
            for j in range(row + k0, row + p):
                store[j] = math.ldexp(store[j], -shift)
            for j in range(row_out, row_out + width):
                store[j] = math.ldexp(store[j], -shift)
            own_power[k0 + i] += shift
        leaving = 0.0
        if leaning:
            for j in range(k0 + b, p):
                leaving += math.ldexp(store[row + j], lean[j] - middle)
            for j in range(width):
                leaving += math.ldexp(store[row_out + j], lean[p + j] - middle)
        else:
            for j in range(row + k0 + b, row + p):
                leaving += store[j]
            for j in range(row_out, row_out + width):
                leaving += store[j]
        for j in range(b):
            work[i, j] = store[row + k0 + j]
        work[i, b] = leaving


def _eliminate(
    store: Any,
    core: Any,
    out: Any,
    stack: Any,
    rest: Any,
    p: Any,
    width: Any,
    own_power: Any,
    leaning: Any,
    lean: Any,
    panel: Any,
    pack: Any,
    square: Any,
    product: Any,
) -> Any:
    """Eliminate the own states of one front; returns the place of a vanishing pivot, else their number.

    `core` and `out` start at these places of `store`, `rest` at this place of `stack`.
    """
    size = p + width - 1
    for k0 in range(0, p, panel):
        k1 = min(k0 + panel, p)
        b = k1 - k0
        work = square[: b * (b + 1)].reshape(b, b + 1)
        weight = pack[:b]
        prepare(store, core, out, p, width, own_power, leaning, lean, k0, work, weight)
        place = invert(work, weight)
        if place < b:
            return k0 + place
        for i in range(b):
            for j in range(b):
                store[core + (k0 + i) * p + k0 + j] = work[i, j]
        # the panel's own rows first: N A -> G, in tiles that stay packed; then the others: A += C G
        i0, i1 = k0, k1
        while i0 < size:
            factor = square[: (i1 - i0) * b].reshape(i1 - i0, b)
            take(store, core + i0 * p + k0, p, factor)
            j0 = k1
            while j0 < p + width:
                j1 = min(j0 + panel, p if j0 < p else p + width)
                w = j1 - j0
                gain = pack[b * (j0 - k1) : b * (j1 - k1)].reshape(b, w)
                moved = product[: (i1 - i0) * w].reshape(i1 - i0, w)
                target, at, across = store, core + i0 * p + j0, p
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
            handed[at_handed + i] = _NEVER
            continue
        shift = math.frexp(largest)[1]
        scale = math.ldexp(1.0, -shift)
        for j in range(row, row + s + 1):
            value = stack[j] * scale
            stack[j] = value if value > _NOTHING else 0.0
        handed[at_handed + i] = power[at + i] + shift


def _assemble(
    begin: Any,
    end: Any,
    width: Any,
    offsets: Any,
    rates: Any,
    order: Any,
    position: Any,
    tilt: Any,
    killing: Any,
    place: Any,
    store: Any,
    core: Any,
    out: Any,
    powers: Any,
    at: Any,
    fill: Any,
) -> Any:
    """Find the powers of the rows (`fill` false), or add the node's own rates (`fill` true)."""
    p = end - begin
    for k in range(p):
        state = order[begin + k]
        for j in range(offsets.size + 1):
            # the last round is the killing
            rate = rates[j, state] if j < offsets.size else killing
            if rate > 0.0:
                t = position[state + offsets[j]] if j < offsets.size else -1
                if t < 0 or t >= begin:
                    shift = tilt[begin + k] - tilt[t] if t >= 0 else 0
                    if not fill:
                        powers[at + k] = max(powers[at + k], math.frexp(rate)[1] + shift)
                    else:
                        column = out + (k + 1) * width - 1
                        if 0 <= t < end:
                            column = core + k * p + t - begin
                        elif t >= end:
                            column = out + k * width + place[t] - p
                        store[column] += math.ldexp(rate, shift - powers[at + k])
        for j in range(offsets.size):
            source = state - offsets[j]
            if 0 <= source < position.size and position[source] >= end:
                rate = rates[j, source]
                if rate > 0.0:
                    i = place[position[source]]
                    shift = tilt[position[source]] - tilt[begin + k]
                    if fill:
                        store[core + i * p + k] += math.ldexp(rate, shift - powers[at + i])
                    else:
                        powers[at + i] = max(powers[at + i], math.frexp(rate)[1] + shift)


def _extend(
    count: Any,
    into: Any,
    at_into: Any,
    stack: Any,
    given: Any,
    handed: Any,
    at_handed: Any,
    store: Any,
    core: Any,
    out: Any,
    rest: Any,
    p: Any,
    width: Any,
    powers: Any,
    at: Any,
    fill: Any,
) -> Any:
    """Find the powers of the rows (`fill` false), or add what a child has handed on (`fill` true)."""
    for i in range(count):
        row = into[at_into + i]
        if not fill:
            powers[at + row] = max(powers[at + row], handed[at_handed + i])
            continue
        shift = handed[at_handed + i] - powers[at + row]
        if handed[at_handed + i] == _NEVER or shift < -1000:
            continue
        scale = math.ldexp(1.0, shift)
        line = given + i * (count + 1)
        for j in range(count):
            column = into[at_into + j]
            value = stack[line + j] * scale
            if column < p:
                store[core + row * p + column] += value
            elif row < p:
                store[out + row * width + column - p] += value
            else:
                stack[rest + (row - p) * width + column - p] += value
        value = stack[line + count] * scale
        if row < p:
            store[out + row * width + width - 1] += value
        else:
            stack[rest + (row - p) * width + width - 1] += value


def _factor_nodes(
    begin: Any,
    end: Any,
    offsets: Any,
    rates: Any,
    order: Any,
    position: Any,
    leaning: Any,
    tilt: Any,
    first: Any,
    left: Any,
    right: Any,
    ends: Any,
    border: Any,
    into: Any,
    killing: Any,
    starts: Any,
    store: Any,
    power_starts: Any,
    powers: Any,
    stack: Any,
    handed: Any,
    filled: Any,
    filled_rows: Any,
    place: Any,
    own_power: Any,
    lean: Any,
    panel: Any,
    pack: Any,
    square: Any,
    product: Any,
) -> Any:
    """Eliminate the nodes of a subtree; the children's updates come from the stack and go there.

    Returns the position of a state whose pivot vanishes, or -1, and how far the stack is filled.
    """
    for node in range(begin, end):
        p = first[node + 1] - first[node]
        s = ends[node + 1] - ends[node]
        width = s + 1
        core, at = starts[node], power_starts[node]
        out = core + (p + s) * p
        for i in range(core, starts[node + 1]):
            store[i] = 0.0
        for i in range(filled, filled + s * width):
            stack[i] = 0.0
        for i in range(at, at + p + s):
            powers[i] = _NEVER
        for i in range(p):
            lean[i] = tilt[first[node] + i]
        for i in range(s):
            place[border[ends[node] + i]] = p + i
            lean[p + i] = tilt[border[ends[node] + i]]
        lean[p + s] = 0
        base, base_rows = filled, filled_rows
        for child in (left[node], right[node]):
            if child >= 0:
                count = ends[child + 1] - ends[child]
                base -= count * (count + 1)
                base_rows -= count
        for fill in (False, True):
            assemble(
                first[node],
                first[node + 1],
                width,
                offsets,
                rates,
                order,
                position,
                tilt,
                killing,
                place,
                store,
                core,
                out,
                powers,
                at,
                fill,
            )
            given, given_rows = base, base_rows
            for child in (left[node], right[node]):
                if child >= 0:
                    count = ends[child + 1] - ends[child]
                    extend(
                        count,
                        into,
                        ends[child],
                        stack,
                        given,
                        handed,
                        given_rows,
                        store,
                        core,
                        out,
                        filled,
                        p,
                        width,
                        powers,
                        at,
                        fill,
                    )
                    given += count * (count + 1)
                    given_rows += count
        for i in range(p):
            own_power[i] = powers[at + i]
        failed = eliminate(
            store,
            core,
            out,
            stack,
            filled,
            p,
            width,
            own_power,
            leaning,
            lean,
            panel,
            pack,
            square,
            product,
        )
        if failed < p:
            return first[node] + failed, filled, filled_rows
        for i in range(p):
            powers[at + p + s + i] = own_power[i]
        hand_on(stack, filled, s, powers, at + p, handed, base_rows)
        if base < filled:
            for i in range(s * width):
                stack[base + i] = stack[filled + i]
        filled, filled_rows = base + s * width, base_rows + s
    return -1, filled, filled_rows


_LOOSE = frozenset({"reassoc", "contract"})
"""Sums of nonnegative numbers may be taken in any order."""

invert = compiled(_invert, fastmath=_LOOSE, inner=True)
take = compiled(_take, inner=True)
put = compiled(_put, inner=True)
prepare = compiled(_prepare, fastmath=_LOOSE, inner=True)
eliminate = compiled(_eliminate, inner=True)
hand_on = compiled(_hand_on, inner=True)
assemble = compiled(_assemble, inner=True)
extend = compiled(_extend, fastmath=_LOOSE, inner=True)
factor_nodes = compiled(_factor_nodes)
