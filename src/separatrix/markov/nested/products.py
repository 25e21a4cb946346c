"""Products of a block of factors with a vector whose entries are mantissas and powers of two.

Products are taken in units of the largest entry; a result so small that terms may have been lost to the
range of a float64 is summed again with a power for each term.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from separatrix.compiled import compiled
from separatrix.markov.nested.fronts import NEVER

_LOST = 2.0**-700  # a result below this may have lost terms, which are below 2**-1000
_NEAR_SUBNORMAL = 2.0**-960  # nothing this small has kept all its digits
_CLOSE = 50  # powers of two that entries may differ by without any term being lost
_RANGE = 1100  # a shift by this many powers of two leaves nothing


def _add(value: Any, power: Any, i: Any, x: Any, e: Any) -> Any:
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
    power[i] = base + shift if fraction != 0.0 else NEVER


def _align(value: Any, power: Any, extra: Any, begin: Any, size: Any, out: Any) -> Any:
    """Entries times ``2**extra`` in units of ``2**top``; returns the top and the lowest power."""
    top, bottom = np.int64(NEVER), np.int64(-NEVER)
    for i in range(begin, begin + size):
        if value[i] != 0.0:
            e = power[i] + extra[i]
            top = max(top, e)
            bottom = min(bottom, e)
    if top > NEVER:
        for i in range(begin, begin + size):
            shift = max(power[i] + extra[i] - top, -_RANGE)
            out[i - begin] = math.ldexp(value[i], shift) if value[i] != 0.0 else 0.0
    return top, bottom


def _careful(
    store: Any, at: Any, step: Any, value: Any, power: Any, extra: Any, source: Any, size: Any
) -> Any:
    """A row or a column of a block times entries, with a power for every term."""
    top = np.int64(NEVER)
    for c in range(size):
        factor, x = store[at + c * step], value[source + c]
        if factor > 0.0 and x > 0.0:
            top = max(top, math.frexp(factor)[1] + power[source + c] + extra[source + c])
    total = 0.0
    if top > NEVER:
        for c in range(size):
            factor, x = store[at + c * step], value[source + c]
            if factor > 0.0 and x > 0.0:
                fraction, e = math.frexp(factor)
                shift = max(e + power[source + c] + extra[source + c] - top, -_RANGE)
                total += math.ldexp(fraction * x, shift)
    return total, top


def _multiply(
    store: Any,
    at: Any,
    across: Any,
    height: Any,
    width: Any,
    transposed: Any,
    exact: Any,
    replace: Any,
    value: Any,
    power: Any,
    extra: Any,
    source: Any,
    after: Any,
    target: Any,
    z: Any,
    out: Any,
) -> Any:
    """Add to (or put in place of) the entries `target` ff. a block times the entries `source` ff.

    The block starts `at`, its rows are `across` apart. The entries are first multiplied by
    ``2**extra``, the results by ``2**after``.
    """
    count, size = (width, height) if transposed else (height, width)
    high, low = align(value, power, extra, source, size, z)
    for r in range(count):
        out[r] = 0.0
    largest = 0.0
    if high > NEVER:
        for i in range(height):
            row = at + i * across
            if transposed:
                x = z[i]
                if x != 0.0:
                    for k in range(width):
                        out[k] += x * store[row + k]
            else:
                total = 0.0
                for k in range(width):
                    total += store[row + k] * z[k]
                out[i] = total
            if exact and high - low > _CLOSE:
                for k in range(width):
                    largest = max(largest, store[row + k])
    for r in range(count):
        x, e = out[r], high
        if largest > 0.0 and x < max(_LOST * largest, _NEAR_SUBNORMAL):
            line, step = (at + r, across) if transposed else (at + r * across, 1)
            x, e = careful(store, line, step, value, power, extra, source, size)
        out[r] = x
        z[r] = e
    # only now: the entries may be replaced by the results
    for r in range(count):
        if replace:
            value[target + r], power[target + r] = 0.0, NEVER
        add(value, power, target + r, out[r], np.int64(z[r]) + after[target + r])


_LOOSE = frozenset({"reassoc", "contract"})
"""Sums may be taken in any order."""

add = compiled(_add, inner=True)
align = compiled(_align, inner=True)
careful = compiled(_careful, inner=True)
multiply = compiled(_multiply, fastmath=_LOOSE, inner=True)
