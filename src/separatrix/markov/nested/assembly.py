"""Assembly of a front: the rates of its own states, and what its children have handed on."""

from __future__ import annotations

import math
from typing import Any

from separatrix.compiled import compiled
from separatrix.markov.nested.fronts import NEVER


def _assemble(
    begin: Any,
    end: Any,
    width: Any,
    offsets: Any,
    rates: Any,
    order: Any,
    position: Any,
    killing: Any,
    place: Any,
    front: Any,
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
                    if not fill:
                        powers[at + k] = max(powers[at + k], math.frexp(rate)[1])
                    else:
                        column = out + (k + 1) * width - 1
                        if 0 <= t < end:
                            column = k * p + t - begin
                        elif t >= end:
                            column = out + k * width + place[t] - p
                        front[column] += math.ldexp(rate, -powers[at + k])
        for j in range(offsets.size):
            source = state - offsets[j]
            if 0 <= source < position.size and position[source] >= end:
                rate = rates[j, source]
                if rate > 0.0:
                    i = place[position[source]]
                    if fill:
                        front[i * p + k] += math.ldexp(rate, -powers[at + i])
                    else:
                        powers[at + i] = max(powers[at + i], math.frexp(rate)[1])


def _extend(
    count: Any,
    into: Any,
    at_into: Any,
    stack: Any,
    given: Any,
    handed: Any,
    at_handed: Any,
    front: Any,
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
        if handed[at_handed + i] == NEVER or shift < -1000:
            continue
        scale = math.ldexp(1.0, shift)
        line = given + i * (count + 1)
        for j in range(count):
            column = into[at_into + j]
            value = stack[line + j] * scale
            if column < p:
                front[row * p + column] += value
            elif row < p:
                front[out + row * width + column - p] += value
            else:
                stack[rest + (row - p) * width + column - p] += value
        value = stack[line + count] * scale
        if row < p:
            front[out + row * width + width - 1] += value
        else:
            stack[rest + (row - p) * width + width - 1] += value


_LOOSE = frozenset({"reassoc", "contract"})
"""Sums of nonnegative numbers may be taken in any order."""

assemble = compiled(_assemble, inner=True)
extend = compiled(_extend, fastmath=_LOOSE, inner=True)
