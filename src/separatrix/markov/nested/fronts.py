r"""The fronts of a dissection: assembled from rates and from the children, then eliminated in panels.

The front of a node holds the off-diagonal rates between its p own and its s border states, one more
column for the rate to die (to be killed or removed), and for every row a power of two, so that
rates of any size stay in range. Own states are eliminated in panels. With P a panel and W the
rest of the front,

.. math:: N = M_{PP}^{-1},\quad G = N A_{PW},\quad C = A_{WP},\quad A_{WW} \mathrel{+}= C G ,

where the pivots of :math:`M_{PP}` are rebuilt as sums of rates. All numbers are nonnegative,
nothing is subtracted. N, G and C replace the panel; what is left for the border is handed to the
parent.
"""

from __future__ import annotations

import math

import numpy as np

from separatrix.compiled import compiled

PANEL = 64
"""Pivots per panel; 64 x 64 x 64 multiplications are few enough for BLAS to stay on one thread."""

_NOTHING = 1e-292  # below this, relative to its row, a rate is dropped: subnormals slow BLAS down
_SMALLEST_PIVOT = 1e-280
_FAR = 100  # a row is rescaled when its largest rate is off by more powers of two than this
_NEVER = -(2**30)  # power of an empty row


def _invert(work):
    """Turn (b, b + 1) rates, the last column leaving the panel, into expected times; in place.

    Gauss-Jordan by principal pivots, each rebuilt as the sum of its row's rates to states not yet
    eliminated. Returns the place of the first pivot that vanishes, and b where none does.
    """
    b = work.shape[0]
    for k in range(b):
        pivot = 0.0
        for j in range(k + 1, b + 1):
            pivot += work[k, j]
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


def _eliminate(top, side, rest, own_power, panel, pack, square, product):
    """Eliminate the own states of one front; returns the place of a vanishing pivot, else their number.

    `top` (p, p + s + 1) holds the own rows, `side` (s, p) and `rest` (s, s + 1) the border rows.
    """
    p, width = top.shape
    s = side.shape[0]
    for k0 in range(0, p, panel):
        k1 = min(k0 + panel, p)
        b = k1 - k0
        work = square[: b * (b + 1)].reshape(b, b + 1)
        for i in range(b):
            row = k0 + i
            top[row, row] = 0.0
            largest = 0.0
            for j in range(k0, width):
                largest = max(largest, top[row, j])
            shift = math.frexp(largest)[1]
            if abs(shift) > _FAR:
                for j in range(k0, width):
                    top[row, j] = math.ldexp(top[row, j], -shift)
                own_power[row] += shift
            leaving = 0.0
            for j in range(k1, width):
                leaving += top[row, j]
            for j in range(b):
                work[i, j] = top[row, k0 + j]
            work[i, b] = leaving
        place = invert(work)
        if place < b:
            return k0 + place
        N = product[: b * b].reshape(b, b)
        for i in range(b):
            for j in range(b):
                N[i, j] = work[i, j]
                top[k0 + i, k0 + j] = work[i, j]
        # G, in tiles that stay packed for the update of the other rows
        j0 = k1
        while j0 < width:
            j1 = min(j0 + panel, p if j0 < p else width)
            w = j1 - j0
            tile = square[: b * w].reshape(b, w)
            for i in range(b):
                for j in range(w):
                    tile[i, j] = top[k0 + i, j0 + j]
            G = pack[b * (j0 - k1) : b * (j1 - k1)].reshape(b, w)
            np.dot(N, tile, G)
            for i in range(b):
                for j in range(w):
                    value = G[i, j]
                    G[i, j] = value if value > _NOTHING else 0.0
                    top[k0 + i, j0 + j] = G[i, j]
            j0 = j1
        i0 = k1
        while i0 < p + s:
            i1 = min(i0 + panel, p if i0 < p else p + s)
            h = i1 - i0
            C = square[: h * b].reshape(h, b)
            for i in range(h):
                for k in range(b):
                    C[i, k] = top[i0 + i, k0 + k] if i0 < p else side[i0 - p + i, k0 + k]
            j0 = k1
            while j0 < width:
                j1 = min(j0 + panel, p if j0 < p else width)
                w = j1 - j0
                G = pack[b * (j0 - k1) : b * (j1 - k1)].reshape(b, w)
                T = product[: h * w].reshape(h, w)
                np.dot(C, G, T)
                if i0 < p:
                    for i in range(h):
                        for j in range(w):
                            top[i0 + i, j0 + j] += T[i, j]
                elif j0 < p:
                    for i in range(h):
                        for j in range(w):
                            side[i0 - p + i, j0 + j] += T[i, j]
                else:
                    for i in range(h):
                        for j in range(w):
                            rest[i0 - p + i, j0 - p + j] += T[i, j]
                j0 = j1
            i0 = i1
    return p


def _hand_on(rest, power, handed):
    """Drop self-loops, and bring every row near 1."""
    s = rest.shape[0]
    for i in range(s):
        rest[i, i] = 0.0
        largest = 0.0
        for j in range(s + 1):
            largest = max(largest, rest[i, j])
        if largest == 0.0:
            handed[i] = _NEVER
            continue
        shift = math.frexp(largest)[1]
        scale = math.ldexp(1.0, -shift)
        for j in range(s + 1):
            value = rest[i, j] * scale
            rest[i, j] = value if value > _NOTHING else 0.0
        handed[i] = power[i] + shift


def _assemble(
    node, offsets, rates, order, position, first, ends, border, killing, place,
    top, side, rest, power, fill,
):  # fmt: skip
    """Find the powers of the rows (`fill` false), or add the node's own rates (`fill` true)."""
    p, width = top.shape
    begin, end = first[node], first[node + 1]
    for k in range(p):
        state = order[begin + k]
        for j in range(offsets.size):
            rate = rates[j, state]
            if rate > 0.0:
                t = position[state + offsets[j]]
                if t < 0 or t >= begin:
                    if not fill:
                        power[k] = max(power[k], math.frexp(rate)[1])
                    else:
                        column = width - 1 if t < 0 else (t - begin if t < end else place[t])
                        top[k, column] += math.ldexp(rate, -power[k])
            source = state - offsets[j]
            if 0 <= source < position.size and position[source] >= end:
                rate = rates[j, source]
                if rate > 0.0:
                    i = place[position[source]]
                    if not fill:
                        power[i] = max(power[i], math.frexp(rate)[1])
                    else:
                        side[i - p, k] += math.ldexp(rate, -power[i])
        if killing > 0.0:
            if not fill:
                power[k] = max(power[k], math.frexp(killing)[1])
            else:
                top[k, width - 1] += math.ldexp(killing, -power[k])


def _extend(into, given, handed, top, side, rest, power):
    """Add what a child has handed on."""
    p, width = top.shape
    count = given.shape[0]
    for i in range(count):
        if handed[i] == _NEVER:
            continue
        row = into[i]
        shift = handed[i] - power[row]
        if shift < -1000:
            continue
        scale = math.ldexp(1.0, shift)
        if row < p:
            for j in range(count):
                top[row, into[j]] += given[i, j] * scale
            top[row, width - 1] += given[i, count] * scale
        else:
            row -= p
            for j in range(count):
                value = given[i, j] * scale
                if into[j] < p:
                    side[row, into[j]] += value
                else:
                    rest[row, into[j] - p] += value
            rest[row, width - 1 - p] += given[i, count] * scale


def _factor_nodes(
    begin, end, offsets, rates, order, position, first, left, right, ends, border, into, killing,
    starts, store, power_starts, powers, stack, handed, filled, filled_rows,
    place, panel, pack, square, product,
):  # fmt: skip
    """Eliminate the nodes of a subtree; the children's updates come from the stack and go there.

    Returns the position of a state whose pivot vanishes, or -1, and how far the stack is filled.
    """
    for node in range(begin, end):
        p = first[node + 1] - first[node]
        s = ends[node + 1] - ends[node]
        width = p + s + 1
        at = starts[node]
        top = store[at : at + p * width].reshape(p, width)
        side = store[at + p * width : at + p * width + s * p].reshape(s, p)
        rest = stack[filled : filled + s * (s + 1)].reshape(s, s + 1)
        top[:] = 0.0
        side[:] = 0.0
        rest[:] = 0.0
        at = power_starts[node]
        power = powers[at : at + p + s]
        own_power = powers[at + p + s : at + 2 * p + s]
        power[:] = _NEVER
        for i in range(s):
            place[border[ends[node] + i]] = p + i
        assemble(
            node, offsets, rates, order, position, first, ends, border, killing, place,
            top, side, rest, power, False,
        )  # fmt: skip
        base, base_rows = filled, filled_rows
        for child in (right[node], left[node]):
            if child >= 0:
                count = ends[child + 1] - ends[child]
                base -= count * (count + 1)
                base_rows -= count
                for i in range(count):
                    row = into[ends[child] + i]
                    power[row] = max(power[row], handed[base_rows + i])
        assemble(
            node, offsets, rates, order, position, first, ends, border, killing, place,
            top, side, rest, power, True,
        )  # fmt: skip
        at, at_rows = base, base_rows
        for child in (left[node], right[node]):
            if child >= 0:
                count = ends[child + 1] - ends[child]
                extend(
                    into[ends[child] : ends[child + 1]],
                    stack[at : at + count * (count + 1)].reshape(count, count + 1),
                    handed[at_rows : at_rows + count], top, side, rest, power,
                )  # fmt: skip
                at += count * (count + 1)
                at_rows += count
        own_power[:] = power[:p]
        failed = eliminate(top, side, rest, own_power, panel, pack, square, product)
        if failed < p:
            return first[node] + failed, filled, filled_rows
        hand_on(rest, power[p:], handed[base_rows : base_rows + s])
        if base < filled:
            for i in range(s * (s + 1)):
                stack[base + i] = stack[filled + i]
        filled, filled_rows = base + s * (s + 1), base_rows + s
    return -1, filled, filled_rows


_LOOSE = frozenset({"reassoc", "contract"})
"""Sums of nonnegative numbers may be taken in any order."""

invert = compiled(_invert, fastmath=_LOOSE)
eliminate = compiled(_eliminate, fastmath=_LOOSE)
hand_on = compiled(_hand_on, fastmath=_LOOSE)
assemble = compiled(_assemble)
extend = compiled(_extend, fastmath=_LOOSE)
factor_nodes = compiled(_factor_nodes)
