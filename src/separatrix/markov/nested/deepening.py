r"""The unlikely part of a law from its likely part: lines solved in extended range, with a bound.

A front drops rates 292 decades below the largest of their row, and with them what a law holds of
states so unlikely; what is left may balance in every state to nine digits and be wrong in the fourth.
Below a floor, the law is therefore found again from the likely states, which are held. Whole lines of
the other states are solved as in `aggregation.lines`, forwards and backwards along every axis,

.. math:: x_i\,(u_i + d_i + \ell_i) = b_i + x_{i-1} u_{i-1} + x_{i+1} d_{i+1} ,

with a power of two for every x and b. Probability flows from what is likely to what is not and hardly
comes back, so that a few rounds do. A round is an affine map :math:`x \mapsto F(x) = x T + c` with
T and c nonnegative, and its fixed point :math:`x^*` is the law. Let :math:`\eta` be the largest relative
change of an entry in a round from x, so that :math:`x T \le (1 + \eta)\,x`, and let some :math:`z \ge x` and
:math:`\theta > 0` be such that :math:`z - z T^n \ge \theta x`, which n rounds with nothing on the held
states tell. Then :math:`\sum_m x T^{nm} \le z / \theta`, and

.. math::
    |x^* - x| = \Bigl|(F(x) - x) \sum_{k \ge 0} T^k\Bigr|
    \le \eta \sum_{k<n} \sum_{m \ge 0} x T^{k + nm} \le n\,(1 + \eta)^n\,\eta\,z / \theta ,

a theorem, given the held states, but for rounding, which is added to :math:`\eta`. Tried is
:math:`z = x\,(a + \ln(x_\text{top} / x))`: seen backwards in time, the chain comes nearer to the likely
states in every round, or is among them. With a small, the latter is worth little: :math:`\theta` would be
a, and not what the rounds bring farther down; a is therefore a tenth of the largest logarithm.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.compiled import compiled
from separatrix.markov.agreement import disagreement
from separatrix.markov.generator import Chain
from separatrix.markov.nested.fronts import NEVER
from separatrix.markov.scaled import Scaled, zeros

Array: TypeAlias = NDArray[np.float64]
Index: TypeAlias = NDArray[np.int64]
Mask: TypeAlias = NDArray[np.bool_]

_ROUNDS = 100
_STILL = 1e-13  # change of an entry in a round that rounding alone may cause
_ENOUGH = 1e-12  # a bound that more rounds need not improve
_PROMISED = (
    5e-11  # a bound above which more rounds are worth their time, as long as twice as many halve it
)
_NEAR = 0.1  # of the largest logarithm: what arriving at the held states is worth
_DRIFT = 1e-3  # of z in some rounds, beside x: less would be rounding
_ROUNDING = 2.0**-50  # of one line's solution
_RANGE = 1100  # a shift by this many powers of two leaves nothing
_FAR = 2.0**300  # entries on the way stay within this of their power of two


@dataclass(frozen=True)
class Deepened:
    """A law whose unlikely entries were found from the likely ones.

    Attributes
    ----------
    law : probabilities, flat.
    error : bound on the relative error of what was found, given the held entries; ``inf`` where there is
        none, because some states hold the chain for too long.
    rounds : how many were made.
    """

    law: Scaled
    error: float
    rounds: int


def deepened(chain: Chain, law: Scaled, free: Mask) -> Deepened:
    """A law with its entries on some states found again from those on the others.

    Parameters
    ----------
    chain : a chain on a lattice.
    law : probabilities, flat; on the free states only a start.
    free : states, flat, to find; the others are held.
    """
    if not free.any():
        return Deepened(law, 0.0, 0)
    sweeps, there = _Sweeps(chain, free), np.flatnonzero(free)
    x, made, change, previous = law, 0, np.inf, np.inf
    # on to where rounding alone changes entries, which is when a round makes no better
    while made < _ROUNDS and (change > _STILL or change < 0.5 * previous):
        before, x, previous = x, sweeps.round(x), change
        made += 1
        change = disagreement(x[there], before[there])
    if not change <= _STILL:
        return Deepened(x, np.inf, made)
    live = np.flatnonzero(free & (x.mantissa > 0.0))
    log = x[live].log()
    height = log.max(initial=-np.inf) - log
    height += max(1.0, _NEAR * float(height.max(initial=0.0)))
    above, fading = x[live].times(Scaled.of(height)), zeros(law.size)
    fading.mantissa[live], fading.exponent[live] = above.mantissa, above.exponent
    step, bound, halved, at = change + _ROUNDING, np.inf, np.inf, 0
    for n in range(1, _ROUNDS):
        fading = sweeps.round(fading)
        made += 1
        theta = float((height * (1.0 - fading[live].over(above).to_float())).min(initial=np.inf))
        if theta > _DRIFT:
            earlier = bound
            bound = min(
                bound, n * (1.0 + step) ** n * step * float(height.max(initial=0.0)) / theta
            )
            if bound <= 0.5 * halved:
                halved, at = bound, n
            slow = bound > 0.5 * earlier
            if bound <= _ENOUGH or (slow and (bound <= _PROMISED or n >= 2 * at)):
                break
    return Deepened(x, bound, made)


class _Sweeps:
    """Rounds over all lines with free states; each axis has its own copy of the rates, line by line."""

    def __init__(self, chain: Chain, free: Mask) -> None:
        self._shape = chain.shape
        jumps = np.array(chain.jumps, dtype=np.int64).reshape(-1, len(chain.shape))
        self._parts: list[tuple[Index, Index, Array, Mask]] = []
        for axis in range(len(chain.shape)):
            others = [a for a in range(len(chain.shape)) if a != axis]
            rates = np.stack([self._turned(rate, axis) for rate in chain.stencil])
            self._parts.append(
                (
                    np.array([chain.shape[a] for a in (*others, axis)], dtype=np.int64),
                    np.ascontiguousarray(jumps[:, [*others, axis]]),
                    rates,
                    self._turned(free.reshape(chain.shape), axis),
                )
            )

    def round(self, x: Scaled) -> Scaled:
        """All lines along every axis, forwards and backwards."""
        value, power = x.mantissa.reshape(self._shape), x.exponent.reshape(self._shape)
        for axis, (shape, jumps, rates, free) in enumerate(self._parts):
            v, p = self._turned(value, axis), self._turned(power, axis)
            for backwards in (False, True):
                sweep_deep(shape, jumps, rates, v, p, free, backwards, _room(int(shape[-1])))
            turned = (*self._shape[:axis], *self._shape[axis + 1 :], self._shape[axis])
            value = np.moveaxis(v.reshape(turned), -1, axis)
            power = np.moveaxis(p.reshape(turned), -1, axis)
        return Scaled(value.reshape(-1), power.reshape(-1))

    @staticmethod
    def _turned(table: NDArray[Any], axis: int) -> NDArray[Any]:
        return np.moveaxis(table, axis, -1).copy().reshape(-1)


def _room(line: int) -> tuple[Array, Index]:
    return np.empty((4, line)), np.empty(line, dtype=np.int64)


def _join(value: Any, power: Any, i: Any, x: Any, e: Any) -> Any:
    """Add ``x * 2**e`` to entry i, and bring it near its power of two where it has gone far."""
    if x == 0.0:
        return
    total, base = x, e
    if value[i] != 0.0:
        shift = e - power[i]
        if shift == 0:
            total = value[i] + x
        elif shift < 0:
            total, base = value[i] + math.ldexp(x, max(shift, -_RANGE)), power[i]
        else:
            total = math.ldexp(value[i], max(-shift, -_RANGE)) + x
    if not 1.0 / _FAR < total < _FAR:
        total, shift = math.frexp(total)
        base += shift
    value[i], power[i] = total, base


def _collect(
    base: Any, at: Any, shape: Any, jumps: Any, rates: Any, value: Any, power: Any, room: Any
) -> Any:
    """Rates along one line, rates off it, and the flow that jumps from other states bring."""
    (up, down, leave, flow), flow_power = room
    d = shape.size - 1
    m = shape[d]
    for i in range(m):
        up[i] = down[i] = leave[i] = flow[i] = 0.0
        flow_power[i] = NEVER
    for k in range(jumps.shape[0]):
        away, inside, offset, stride = False, True, 0, m
        for a in range(d - 1, -1, -1):
            if jumps[k, a] != 0:
                away = True
                offset += jumps[k, a] * stride
                inside &= 0 <= at[a] - jumps[k, a] < shape[a]
            stride *= shape[a]
        along = jumps[k, d]
        if not away and abs(along) == 1:
            side = up if along == 1 else down
            for i in range(m):
                side[i] = rates[k, base + i]
            continue
        for i in range(m):
            leave[i] += rates[k, base + i]
        if inside:
            first = base - offset - along
            for i in range(max(along, 0), min(m + along, m)):
                y = first + i
                join(flow, flow_power, i, rates[k, y] * value[y], power[y])


def _sweep_deep(
    shape: Any, jumps: Any, rates: Any, value: Any, power: Any, free: Any, backwards: Any, room: Any
) -> Any:
    """Solve the free states of every line along the last axis, one line after the other."""
    (up, down, leave, flow), flow_power = room
    d = shape.size - 1
    m = shape[d]
    at = np.empty(d, np.int64)
    lines = value.size // m
    for number in range(lines):
        base = m * (lines - 1 - number if backwards else number)
        some = False
        for i in range(m):
            some |= free[base + i]
        if not some:
            continue
        rest = base // m
        for a in range(d - 1, -1, -1):
            at[a] = rest % shape[a]
            rest //= shape[a]
        collect(base, at, shape, jumps, rates, value, power, room)
        for i in range(m):
            x = base + i
            pivot = up[i] + leave[i]
            # a held state gives what it holds and keeps what it gets; so does one that only goes back
            held = not free[x] or not pivot > 0.0
            if i + 1 < m:
                if held:
                    join(flow, flow_power, i + 1, up[i] * value[x], power[x])
                    leave[i + 1] += down[i + 1]
                else:
                    join(flow, flow_power, i + 1, flow[i] * (up[i] / pivot), flow_power[i])
                    leave[i + 1] += down[i + 1] * (leave[i] / pivot)
            leave[i] = 0.0 if held else pivot
        for i in range(m - 1, -1, -1):
            x = base + i
            if leave[i] > 0.0:
                if i + 1 < m:
                    join(flow, flow_power, i, down[i + 1] * value[x + 1], power[x + 1])
                fraction, shift = math.frexp(flow[i] / leave[i])
                value[x] = fraction
                power[x] = flow_power[i] + shift if fraction > 0.0 else NEVER


join = compiled(_join, inner=True)
collect = compiled(_collect, inner=True)
sweep_deep = compiled(_sweep_deep)
