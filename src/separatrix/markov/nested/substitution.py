r"""Solves with the factors of a dissection: up the tree, then down, in extended range.

With :math:`e` the powers of two of the rows, a panel P and the rest W of its front,

.. math::
    M t = b:&\quad t_P \leftarrow N 2^{-e_P} b_P,\quad b_W \mathrel{+}= 2^{e_W} C t_P
    &\text{(up)},\qquad t_P \mathrel{+}= G t_W &\text{(down)},\\
    x M = b:&\quad b_W \mathrel{+}= b_P G
    &\text{(up)},\qquad x_P \leftarrow (b_P + x_W 2^{e_W} C) N 2^{-e_P} &\text{(down)}.

Every entry of a vector is a mantissa and a power of two. Products are taken in units of the largest
entry; a result so small that terms may have been lost to the range of a float64 is summed again
with a power for each term.
"""

from __future__ import annotations

import math

import numpy as np

from separatrix.compiled import compiled

_NEVER = -(2**30)  # power of an exact zero
_LOST = 2.0**-700  # a result below this may have lost terms, which are below 2**-1000
_CLOSE = 50  # powers of two that entries may differ by without any term being lost
_RANGE = 1100  # a shift by this many powers of two leaves nothing


def _add(value, power, i, x, e):
    """Add ``x * 2**e`` to entry i."""
    if x == 0.0:
        return
    if value[i] == 0.0:
        total, base = x, e
    elif e <= power[i]:
        total, base = value[i] + math.ldexp(x, max(e - power[i], -_RANGE)), power[i]
    else:
        total, base = math.ldexp(value[i], max(power[i] - e, -_RANGE)) + x, e
    fraction, shift = math.frexp(total)
    value[i] = fraction
    power[i] = base + shift if fraction != 0.0 else _NEVER


def _align(value, power, extra, begin, size, out):
    """Entries times ``2**extra`` in units of ``2**top``; returns the top and the lowest power."""
    top, bottom = _NEVER, -_NEVER
    for i in range(begin, begin + size):
        if value[i] != 0.0:
            e = power[i] + extra[i]
            top = max(top, e)
            bottom = min(bottom, e)
    if top > _NEVER:
        for i in range(begin, begin + size):
            shift = max(power[i] + extra[i] - top, -_RANGE)
            out[i - begin] = math.ldexp(value[i], shift) if value[i] != 0.0 else 0.0
    return top, bottom


def _careful(factors, value, power, extra, begin):
    """The sum of ``factors[k] * value[begin + k] * 2**extra``, with a power for every term."""
    top = _NEVER
    for k in range(factors.size):
        i = begin + k
        if factors[k] > 0.0 and value[i] > 0.0:
            top = max(top, math.frexp(factors[k])[1] + power[i] + extra[i])
    total = 0.0
    if top > _NEVER:
        for k in range(factors.size):
            i = begin + k
            if factors[k] > 0.0 and value[i] > 0.0:
                fraction, e = math.frexp(factors[k])
                shift = max(e + power[i] + extra[i] - top, -_RANGE)
                total += math.ldexp(fraction * value[i], shift)
    return total, top


def _largest(A, i0, i1, k0, k1):
    """The largest entry of a block."""
    largest = 0.0
    for i in range(i0, i1):
        for k in range(k0, k1):
            largest = max(largest, A[i, k])
    return largest


def _multiply(
    A, i0, i1, k0, k1, transposed, exact, replace, value, power, extra, source, after, target, z, out
):  # fmt: skip
    """Add (or put in place) a block times entries `source` ff. to (of) the entries `target` ff.

    The entries are first multiplied by ``2**extra``, the results by ``2**after``.
    """
    count = k1 - k0 if transposed else i1 - i0
    size = i1 - i0 if transposed else k1 - k0
    high, low = align(value, power, extra, source, size, z)
    if high == _NEVER:
        if replace:
            for r in range(count):
                value[target + r], power[target + r] = 0.0, _NEVER
        return
    if transposed:
        for k in range(count):
            out[k] = 0.0
        for i in range(size):
            x = z[i]
            if x != 0.0:
                for k in range(count):
                    out[k] += x * A[i0 + i, k0 + k]
    else:
        for i in range(count):
            total = 0.0
            for k in range(size):
                total += A[i0 + i, k0 + k] * z[k]
            out[i] = total
    limit = 0.0
    if exact and high - low > _CLOSE:
        limit = _LOST * largest(A, i0, i1, k0, k1)
    for r in range(count):
        x, e = out[r], high
        if exact and x < limit:
            if transposed:
                x, e = careful(A[i0:i1, k0 + r], value, power, extra, source)
            else:
                x, e = careful(A[i0 + r, k0:k1], value, power, extra, source)
        i = target + r
        if replace:
            value[i] = 0.0
        add(value, power, i, x, e + after[i])
        if x == 0.0 and replace:
            power[i] = _NEVER


def _go_up(
    begin, end, transposed, exact, first, left, right, ends, into, starts, store, power_starts,
    powers, value, power, stack, stack_power, filled, panel, local, local_power, mine, rows, none, z, out,
):  # fmt: skip
    """Eliminate: from the leaves of a subtree to its root. Returns how far the stack is filled."""
    for node in range(begin, end):
        p, s = first[node + 1] - first[node], ends[node + 1] - ends[node]
        width = p + s + 1
        at = starts[node]
        top = store[at : at + p * width].reshape(p, width)
        side = store[at + p * width : at + p * width + s * p].reshape(s, p)
        at = power_starts[node]
        for i in range(p + s):
            rows[i] = powers[at + i]
            local[i], local_power[i] = 0.0, _NEVER
        for i in range(p):
            mine[i] = -powers[at + p + s + i]
            local[i], local_power[i] = value[first[node] + i], power[first[node] + i]
        base = filled
        for child in (right[node], left[node]):
            if child >= 0:
                base -= ends[child + 1] - ends[child]
                for i in range(ends[child + 1] - ends[child]):
                    row = into[ends[child] + i]
                    add(local, local_power, row, stack[base + i], stack_power[base + i])
        for k0 in range(0, p, panel):
            k1 = min(k0 + panel, p)
            if transposed:
                multiply(top, k0, k1, k1, p + s, True, exact, False,
                         local, local_power, none, k0, none, k1, z, out)  # fmt: skip
            else:
                multiply(top, k0, k1, k0, k1, False, exact, True,
                         local, local_power, mine, k0, none, k0, z, out)  # fmt: skip
                multiply(top, k1, p, k0, k1, False, exact, False,
                         local, local_power, none, k0, rows, k1, z, out)  # fmt: skip
                multiply(side, 0, s, k0, k1, False, exact, False,
                         local, local_power, none, k0, rows, p, z, out)  # fmt: skip
        for i in range(p):
            value[first[node] + i], power[first[node] + i] = local[i], local_power[i]
        for i in range(s):
            stack[base + i], stack_power[base + i] = local[p + i], local_power[p + i]
        filled = base + s
    return filled


def _go_down(
    begin, end, transposed, exact, first, ends, border, starts, store, power_starts,
    powers, value, power, panel, local, local_power, mine, rows, none, z, out,
):  # fmt: skip
    """Substitute back: from the root of a subtree to its leaves."""
    for node in range(end - 1, begin - 1, -1):
        p, s = first[node + 1] - first[node], ends[node + 1] - ends[node]
        width = p + s + 1
        at = starts[node]
        top = store[at : at + p * width].reshape(p, width)
        side = store[at + p * width : at + p * width + s * p].reshape(s, p)
        at = power_starts[node]
        for i in range(p + s):
            rows[i] = powers[at + i]
        for i in range(p):
            mine[i] = -powers[at + p + s + i]
            local[i], local_power[i] = value[first[node] + i], power[first[node] + i]
        for i in range(s):
            t = border[ends[node] + i]
            local[p + i], local_power[p + i] = value[t], power[t]
        panels = (p + panel - 1) // panel
        for number in range(panels - 1, -1, -1):
            k0 = number * panel
            k1 = min(k0 + panel, p)
            if transposed:
                multiply(top, k1, p, k0, k1, True, exact, False,
                         local, local_power, rows, k1, none, k0, z, out)  # fmt: skip
                multiply(side, 0, s, k0, k1, True, exact, False,
                         local, local_power, rows, p, none, k0, z, out)  # fmt: skip
                multiply(top, k0, k1, k0, k1, True, exact, True,
                         local, local_power, none, k0, mine, k0, z, out)  # fmt: skip
            else:
                multiply(top, k0, k1, k1, p + s, False, exact, False,
                         local, local_power, none, k1, none, k0, z, out)  # fmt: skip
        for i in range(p):
            value[first[node] + i], power[first[node] + i] = local[i], local_power[i]


_LOOSE = frozenset({"reassoc", "contract"})
"""Sums may be taken in any order."""

add = compiled(_add)
align = compiled(_align)
careful = compiled(_careful)
largest = compiled(_largest)
multiply = compiled(_multiply, fastmath=_LOOSE)
go_up = compiled(_go_up)
go_down = compiled(_go_down)
