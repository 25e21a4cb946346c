"""A tape run over boxes of states: enclosures of the velocity and of its derivatives.

Forward mode with intervals (`separatrix.fluid.interval`). At a bend the derivative is that of both sides: the
generalised Jacobian (Clarke, Optimization and Nonsmooth Analysis, 1983). A leap has none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from separatrix.fluid.interval import Interval, exact, falling, rising
from separatrix.fluid.narrow_tail_slope import narrow_tail_slope
from separatrix.population import Array
from separatrix.population import expression as op
from separatrix.population.sojourn import sojourn_tail
from separatrix.population.tape import Tape

_LIBM = 1e-14
_ONE, _ZERO, _BOTH = exact(1.0), exact(0.0), Interval(np.zeros(()), np.ones(()))


class Unbounded(Exception):
    """An operation has no enclosure over a box: it divides by 0, or leaps."""


def enclosed(tape: Tape, box: Interval) -> tuple[Interval, Interval]:
    """Velocity (n_axes,) and its derivatives (n_axes, n_axes) [1/s] over a box of states.

    Raises Unbounded where there is no enclosure.
    """
    n = tape.inputs
    eye = np.eye(n)
    values = [Interval(np.asarray(box.low[i]), np.asarray(box.high[i])) for i in range(n)]
    moved: list[Interval | None] = [exact(eye[i]) for i in range(n)]
    values += [exact(c) for c in tape.constants]
    moved += [None] * len(tape.constants)
    work: Iterator[tuple[int, list[int]]] = zip(
        tape.operations.tolist(), tape.operands.tolist(), strict=True
    )
    for code, operands in work:
        of = [values[i] for i in operands]
        value, first, second = _operation(code, of)
        values.append(value)
        change: Interval | None = None
        for slope, gradient in ((first, moved[operands[0]]), (second, moved[operands[1]])):
            if slope is not None and gradient is not None:
                part = slope * gradient
                change = part if change is None else change + part
        moved.append(change)
    velocity, slopes = exact(np.zeros(n)), exact(np.zeros((n, n)))
    outputs: list[int] = tape.outputs.tolist()
    for k, output in enumerate(outputs):
        jump = np.zeros(n)
        inside = slice(tape.first[k], tape.first[k + 1])
        jump[tape.axes[inside]] = tape.steps[inside]
        velocity = velocity + exact(jump) * values[output]
        gradient = moved[output]
        if gradient is not None:
            slopes = slopes + exact(jump[:, None]) * Interval(
                gradient.low[None], gradient.high[None]
            )
    return velocity, slopes


def _operation(code: int, of: list[Interval]) -> tuple[Interval, Interval | None, Interval | None]:
    """Value of an operation and its derivatives by the first two operands."""
    a, b, c, d = of
    if code == op.ADD:
        return a + b, _ONE, _ONE
    if code == op.SUBTRACT:
        return a - b, _ONE, exact(-1.0)
    if code == op.MULTIPLY:
        return a * b, b, a
    if code == op.DIVIDE:
        if b.low <= 0:
            raise Unbounded("a divisor may be 0")
        value = a / b
        return value, _ONE / b, _ZERO - value / b
    if code == op.NEGATIVE:
        return _ZERO - a, exact(-1.0), None
    if code in (op.MINIMUM, op.MAXIMUM):
        return _extreme(code == op.MINIMUM, a, b)
    if code in (op.LESS, op.LESS_EQUAL):
        if a.high < b.low or (code == op.LESS_EQUAL and a.high <= b.low):
            return _ONE, None, None
        if a.low > b.high or (code == op.LESS and a.low >= b.high):
            return _ZERO, None, None
        raise Unbounded("a comparison may leap")
    if code == op.WHERE:
        if c.low <= 0.0 <= c.high and c.low != c.high:
            raise Unbounded("a choice may leap")
        return (a, _ONE, None) if c.low != 0.0 else (b, None, _ONE)
    if code == op.ABSOLUTE:
        return _absolute(a)
    if code == op.SOJOURN_TAIL:
        return _tail(a, b, float(c.low), int(d.low))
    return _function(code, a, b)


def _extreme(
    smallest: bool, a: Interval, b: Interval
) -> tuple[Interval, Interval | None, Interval | None]:
    pick = np.minimum if smallest else np.maximum
    value = Interval(pick(a.low, b.low), pick(a.high, b.high))
    below, above = bool(a.high < b.low), bool(a.low > b.high)
    if below or above:
        first = below == smallest
        return value, (_ONE if first else None), (None if first else _ONE)
    return value, _BOTH, _BOTH


def _absolute(a: Interval) -> tuple[Interval, Interval | None, Interval | None]:
    ends = np.abs([a.low, a.high])
    straddles = a.low < 0 < a.high
    value = Interval(np.where(straddles, 0.0, ends.min()), ends.max())
    return value, Interval(np.sign(a.low), np.sign(a.high)), None


def _function(
    code: int, a: Interval, b: Interval
) -> tuple[Interval, Interval | None, Interval | None]:
    """Functions that only rise, and powers with a given exponent."""
    if code == op.EXP:
        value = rising(np.exp, a, _LIBM)
        return value, value, None
    if code == op.EXPM1:
        grown = rising(np.exp, a, _LIBM)
        return _signed(np.expm1, a), grown, None
    if code == op.SQRT and a.low > 0:
        value = rising(np.sqrt, a, _LIBM)
        return value, exact(0.5) / value, None
    if code == op.LOG and a.low > 0:
        return _signed(np.log, a), _ONE / a, None
    if code == op.POWER and b.low == b.high:
        exponent = float(b.low)
        if exponent == 0.0:
            return _ONE, None, None
        return _power(a, exponent), b * _power(a, exponent - 1.0), None
    raise Unbounded(f"operation {code} has no enclosure here")


def _power(a: Interval, exponent: float) -> Interval:
    if exponent == 0.0:
        return _ONE
    if exponent == round(exponent) and 0 < exponent <= 8:
        value = a
        for _ in range(round(exponent) - 1):
            value = value * a
        return value
    if a.low <= 0:
        raise Unbounded("a power of what may be 0")
    enclose = rising if exponent > 0 else falling
    return enclose(lambda x: x**exponent, a, _LIBM)


def _signed(function: Callable[[Array], Array], a: Interval) -> Interval:
    """Enclosure of a rising function of either sign."""
    low, high = function(np.asarray(a.low)), function(np.asarray(a.high))
    return Interval(low, high) + Interval(-_LIBM * np.abs(low), _LIBM * np.abs(high))


def _tail(
    n: Interval, rate: Interval, t: float, threads: int
) -> tuple[Interval, Interval | None, Interval | None]:
    r"""P(sojourn > t) rises with n and falls with the rate; by the rate its derivative is
    :math:`-t\,(P(S > t) - P(W > t))`, with W the wait."""
    from scipy.special import gammaincc

    if rate.low <= 0:
        raise Unbounded("a rate may be 0")
    value = Interval(
        rising(lambda q: sojourn_tail(q, t, rate.high, threads), n).low,
        rising(lambda q: sojourn_tail(q, t, rate.low, threads), n).high,
    ).within(0.0, 1.0)
    ahead = (n - exact(threads - 1.0)).within(0.0, np.inf)
    x = exact(threads * t) * rate
    waits = Interval(
        rising(lambda k: gammaincc(np.maximum(k, 1e-300), x.high), ahead).low,
        rising(lambda k: gammaincc(np.maximum(k, 1e-300), x.low), ahead).high,
    ).within(0.0, 1.0)
    serving = (value - waits).within(0.0, 1.0)
    slope: Interval | None = None
    if ahead.high > 0:
        slope = narrow_tail_slope(ahead, x, threads)
        if slope is None or n.low <= threads - 1.0:
            raise Unbounded("the threads may be just busy")
    return value, slope, exact(-t) * serving
