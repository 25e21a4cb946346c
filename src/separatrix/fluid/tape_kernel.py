r"""A tape of elementary operations run over many states: velocities, flows, and exact derivatives.

Forward mode: with each slot goes its gradient, :math:`\nabla v = \sum_i (\partial v/\partial u_i) \nabla u_i`
over the operands (Griewank and Walther, Evaluating Derivatives, 2008). At a bend (two equal arguments of a minimum
or a maximum) the derivative is the mean of both sides, as a central difference gives it.

The derivative of a sojourn's tail by the number found is a difference over :math:`10^{-4}\sqrt{1 + k}`, right to
about 1e-9; that by the service rate is exact: :math:`-t r_k`, with :math:`r_k` the chance to be in service at t.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np

from separatrix.compiled import by_library, compiled
from separatrix.population.expression import (
    ABSOLUTE,
    ADD,
    DIVIDE,
    EXP,
    EXPM1,
    LESS,
    LESS_EQUAL,
    LOG,
    MAXIMUM,
    MINIMUM,
    MULTIPLY,
    NEGATIVE,
    POWER,
    SOJOURN_TAIL,
    SQRT,
    SUBTRACT,
    UPPER_GAMMA,
    WHERE,
)

_WIDTH = 1e-4
_UNUSED = np.int32(0)
_GAMMA = "float64(float64, float64, int32)"


def _in_service(k: Any, at: Any, threads: Any, lower: Any) -> Any:
    """r_k of `separatrix.population.sojourn`: its attempt has left the queue, and is in service still."""
    log_poisson = k * math.log(at) - at - math.lgamma(k + 1.0)
    if threads == 1.0:
        return math.exp(log_poisson)
    own = at / threads
    if k == 0.0:
        return math.exp(-own)
    ratio = 1.0 - 1.0 / threads
    x = at * ratio
    if k <= x:
        below = lower(k, x, _UNUSED)
        if below <= 0.0:
            return 0.0
        return math.exp(min(-own - k * math.log(ratio) + math.log(below), 0.0))
    term = total = 1.0
    j = 1.0
    while term > 1e-17 * total:
        term *= x / (k + j)
        total += term
        j += 1.0
    return math.exp(log_poisson) * total


def _tail(k: Any, at: Any, threads: Any, lower: Any, upper: Any) -> Any:
    """P(sojourn > t) behind k departures, in the time of `at` of them."""
    return min(upper(k, at, _UNUSED) + in_service(k, at, threads, lower), 1.0)


def _tail_slope(k: Any, at: Any, threads: Any, lower: Any, upper: Any) -> Any:
    """Derivative of `_tail` by k; one-sided near 0."""
    h = _WIDTH * math.sqrt(1.0 + k)
    if k >= h:
        ahead, behind = (
            tail(k + h, at, threads, lower, upper),
            tail(k - h, at, threads, lower, upper),
        )
        return (ahead - behind) / (2.0 * h)
    here, one = tail(k, at, threads, lower, upper), tail(k + h, at, threads, lower, upper)
    return (4.0 * one - 3.0 * here - tail(k + 2.0 * h, at, threads, lower, upper)) / (2.0 * h)


def _gamma_slope(a: Any, x: Any, upper: Any) -> Any:
    """Derivative of Q(a, x) by a; one-sided near 0."""
    h = _WIDTH * min(math.sqrt(1.0 + a), 1.0 + a)
    if a > h:
        return (upper(a + h, x, _UNUSED) - upper(a - h, x, _UNUSED)) / (2.0 * h)
    here, one = upper(a, x, _UNUSED), upper(a + h, x, _UNUSED)
    return (4.0 * one - 3.0 * here - upper(a + 2.0 * h, x, _UNUSED)) / (2.0 * h)


def _value(code: Any, a: Any, b: Any, c: Any, d: Any, lower: Any, upper: Any) -> Any:
    """An operation on up to four numbers."""
    if code == ADD:
        return a + b
    if code == SUBTRACT:
        return a - b
    if code == MULTIPLY:
        return a * b
    if code == DIVIDE:
        return a / b
    if code == MINIMUM:
        return min(a, b)
    if code == MAXIMUM:
        return max(a, b)
    if code == NEGATIVE:
        return -a
    if code == LESS:
        return 1.0 if a < b else 0.0
    if code == LESS_EQUAL:
        return 1.0 if a <= b else 0.0
    if code == WHERE:
        return a if c != 0.0 else b
    if code == ABSOLUTE:
        return abs(a)
    if code == SQRT:
        return math.sqrt(a)
    if code == EXP:
        return math.exp(a)
    if code == EXPM1:
        return math.expm1(a)
    if code == LOG:
        return math.log(a)
    if code == POWER:
        return a**b
    if code == SOJOURN_TAIL:
        # n, rate, t, threads
        return tail(max(a - d + 1.0, 0.0), d * b * c, d, lower, upper)
    if code == UPPER_GAMMA:
        return upper(a, b, _UNUSED)
    return math.nan


def _partials(code: Any, a: Any, b: Any, c: Any, d: Any, v: Any, lower: Any, upper: Any) -> Any:
    """Derivatives of an operation of value v by its first two operands."""
    if code == ADD:
        return 1.0, 1.0
    if code == SUBTRACT:
        return 1.0, -1.0
    if code == MULTIPLY:
        return b, a
    if code == DIVIDE:
        return 1.0 / b, -v / b
    if code in (MINIMUM, MAXIMUM):
        if a == b:
            return 0.5, 0.5
        return (1.0, 0.0) if v == a else (0.0, 1.0)
    if code == NEGATIVE:
        return -1.0, 0.0
    if code == WHERE:
        return (1.0, 0.0) if c != 0.0 else (0.0, 1.0)
    if code == ABSOLUTE:
        return (0.0 if a == 0.0 else math.copysign(1.0, a)), 0.0
    if code == SQRT:
        return 0.5 / v, 0.0
    if code == EXP:
        return v, 0.0
    if code == EXPM1:
        return v + 1.0, 0.0
    if code == LOG:
        return 1.0 / a, 0.0
    if code == POWER:
        by_base = 0.0 if b == 0.0 else b * a ** (b - 1.0)
        return by_base, (v * math.log(a) if a > 0.0 else 0.0)
    if code == SOJOURN_TAIL:
        k, at = max(a - d + 1.0, 0.0), d * b * c
        bend = 0.5 if a - d + 1.0 == 0.0 else 1.0
        by_found = 0.0 if a - d + 1.0 < 0.0 else bend * tail_slope(k, at, d, lower, upper)
        return by_found, -c * in_service(k, at, d, lower)
    if code == UPPER_GAMMA:
        by_x = -math.exp((a - 1.0) * math.log(b) - b - math.lgamma(a)) if b > 0.0 else 0.0
        return gamma_slope(a, b, upper), by_x
    return 0.0, 0.0


def _run(
    inputs: Any, constants: Any, operations: Any, operands: Any, slots: Any, state: Any,
    lower: Any, upper: Any,
) -> None:  # fmt: skip
    """All operations at one state."""
    base = inputs + len(constants)
    slots[:inputs] = state
    slots[inputs:base] = constants
    for i in range(len(operations)):
        slots[base + i] = value(
            operations[i], slots[operands[i, 0]], slots[operands[i, 1]], slots[operands[i, 2]],
            slots[operands[i, 3]], lower, upper,
        )  # fmt: skip


def _flows(
    tape: Any, states: Any, net: Any, gross: Any, total: Any, lower: Any, upper: Any
) -> None:
    """Net and gross flow of each coordinate (m, n) and the sum of all rates (m,) [1/s]; all zero before."""
    inputs, constants, operations, operands, outputs, first, axes, steps = tape
    slots = np.empty(inputs + len(constants) + len(operations))
    for p in range(len(states)):
        run(inputs, constants, operations, operands, slots, states[p], lower, upper)
        for k in range(len(outputs)):
            rate = slots[outputs[k]]
            total[p] += rate
            for i in range(first[k], first[k + 1]):
                net[p, axes[i]] += steps[i] * rate
                gross[p, axes[i]] += abs(steps[i]) * rate


def _linearise(
    tape: Any, depends: Any, states: Any, net: Any, slopes: Any, total: Any, lower: Any, upper: Any
) -> None:
    """Velocity, its derivatives (m, n, n) and the sum of all rates (m,) at each state; all zero before."""
    inputs, constants, operations, operands, outputs, first, axes, steps = tape
    begin, coordinate, first_of, second_of = depends
    base = inputs + len(constants)
    slots = np.empty(base + len(operations))
    moved = np.empty(len(coordinate))
    moved[:inputs] = 1.0
    for p in range(len(states)):
        run(inputs, constants, operations, operands, slots, states[p], lower, upper)
        for i in range(len(operations)):
            if begin[base + i] == begin[base + i + 1]:
                continue
            one, two = operands[i, 0], operands[i, 1]
            by_one, by_two = partials(
                operations[i], slots[one], slots[two], slots[operands[i, 2]],
                slots[operands[i, 3]], slots[base + i], lower, upper,
            )  # fmt: skip
            for e in range(begin[base + i], begin[base + i + 1]):
                # an infinite slope of what does not move is none
                change, a, b = 0.0, first_of[e], second_of[e]
                if a >= 0 and moved[a] != 0.0:
                    change = by_one * moved[a]
                if b >= 0 and by_two != 0.0 and moved[b] != 0.0:
                    change += by_two * moved[b]
                moved[e] = change
        for k in range(len(outputs)):
            out = outputs[k]
            total[p] += slots[out]
            for i in range(first[k], first[k + 1]):
                net[p, axes[i]] += steps[i] * slots[out]
                for e in range(begin[out], begin[out + 1]):
                    slopes[p, axes[i], coordinate[e]] += steps[i] * moved[e]


@cache
def gamma_functions() -> tuple[Any, Any]:
    """P(a, x) and Q(a, x) of SciPy, for compiled code; their third argument is not used."""
    module = "scipy.special.cython_special"
    return by_library(module, "gammainc", _GAMMA), by_library(module, "gammaincc", _GAMMA)


in_service = compiled(_in_service, inner=True)
tail = compiled(_tail, inner=True)
tail_slope = compiled(_tail_slope, inner=True)
gamma_slope = compiled(_gamma_slope, inner=True)
value = compiled(_value, inner=True)
partials = compiled(_partials, inner=True)
run = compiled(_run, inner=True)
flows = compiled(_flows)
linearise = compiled(_linearise)
