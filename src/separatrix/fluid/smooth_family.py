r"""The mean fields of a program over one of its numbers, from a few lowerings.

At every value p of the parameter the rates are the same operations with other constants. Where that is so at all
Chebyshev points of the span, in log p, each constant c is interpolated between them: :math:`\log |c|` where its sign
is one (a power of p is then exact), else c itself; from 5 points on to 65, until what was interpolated is right to
1e-12 at the points added (Trefethen, Approximation Theory and Approximation Practice, 2013).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import log

import numpy as np

from separatrix.fluid.taped import flows_of, linearised, tape_of
from separatrix.population import Array, Population
from separatrix.population.tape import Tape

_FIRST, _MOST = 5, 65  # 2^k + 1: each set of points holds the one before
_RIGHT = 1e-12
_BEYOND = (
    0.02,
    0.03,
)  # of the span: what is corrected may overshoot, and its middle is no round number


@dataclass(frozen=True)
class SmoothFamily:
    """Mean fields over the logarithm of a parameter.

    Attributes
    ----------
    tape : with the constants of one value.
    box : (n_axes,) greatest coordinates, infinite where the lowering chose the bound.
    ends : of log p.
    points, values : (m,) Chebyshev points in [-1, 1]; (m, n_constants) what is interpolated at each.
    signs : (n_constants,) sign of a constant whose logarithm is interpolated; 0 where it is the constant itself.
    """

    tape: Tape
    box: Array
    ends: tuple[float, float]
    points: Array
    values: Array
    signs: Array

    def at(self, logarithm: float) -> Tape:
        """The tape at a value of the parameter."""
        low, high = self.ends
        t = (2.0 * logarithm - low - high) / (high - low)
        return replace(self.tape, constants=_constants(self.points, self.values, self.signs, t))

    def speed(self, states: Array, logarithm: float) -> Array:
        """Velocity [1/s] at `states`, (m, n_axes)."""
        return flows_of(self.at(logarithm), states)[0]

    def slopes(self, state: Array, logarithm: float) -> Array:
        """Its derivative at one state, (n_axes, n_axes) [1/s]."""
        return linearised(self.at(logarithm), state[None], self.box)[1][0]


def smooth_family(
    family: Callable[[float], Population], span: tuple[float, float]
) -> SmoothFamily | None:
    """The family over a span of the parameter, > 0; None where NumPy runs it, or its operations change with it."""
    width = log(span[1] / span[0])
    low, high = log(span[0]) - _BEYOND[0] * width, log(span[1]) + _BEYOND[1] * width
    known: dict[float, tuple[Population, Tape]] = {}
    before: tuple[Array, Array, Array] | None = None
    count = _FIRST
    while count <= _MOST:
        # sines of symmetric angles: exactly odd, and the same numbers in every set
        points = np.sin(0.5 * np.pi * np.arange(1 - count, count, 2) / (count - 1))
        for t in points.tolist():
            if t not in known:
                population = family(float(np.exp(0.5 * (low + high) + 0.5 * (high - low) * t)))
                tape = tape_of(population)
                if tape is None or not _alike(tape, next(iter(known.values()), (None, tape))[1]):
                    return None
                known[t] = population, tape
        here = [known[t] for t in points.tolist()]
        constants = np.array([tape.constants for _, tape in here])
        if before is not None:
            added = [i for i, t in enumerate(points.tolist()) if t not in before[0]]
            guesses = np.array([_constants(*before, float(points[i])) for i in added])
            if np.all(np.abs(guesses - constants[added]) <= _RIGHT * np.abs(constants[added])):
                population, tape = here[0]
                box = [np.inf if axis.cut > 0 else axis.size - 1.0 for axis in population.axes]
                return SmoothFamily(
                    tape, np.array(box), (low, high), points, *_interpolated(constants)
                )
        before = points, *_interpolated(constants)
        count = 2 * count - 1
    return None


def _alike(one: Tape, other: Tape) -> bool:
    """Whether two tapes do the same operations."""
    return (
        len(one.constants) == len(other.constants)
        and np.array_equal(one.operations, other.operations)
        and np.array_equal(one.operands, other.operands)
        and np.array_equal(one.outputs, other.outputs)
    )


def _interpolated(constants: Array) -> tuple[Array, Array]:
    """What is interpolated of the constants, and their signs."""
    signs = np.sign(constants[0])
    one = np.all(np.sign(constants) == signs, axis=0) & np.all(np.isfinite(constants), axis=0)
    signs = np.where(one, signs, 0.0)
    sized = np.abs(np.where(signs == 0, 1.0, constants))
    return np.where(signs == 0, constants, np.log(sized)), signs


def _constants(points: Array, values: Array, signs: Array, t: float) -> Array:
    """The barycentric formula at the Chebyshev points of the second kind."""
    apart = t - points
    hit = np.flatnonzero(apart == 0)
    if len(hit):
        found = values[hit[0]]
    else:
        weights = (-1.0) ** np.arange(len(points))
        weights[[0, -1]] *= 0.5
        weights /= apart
        found = weights @ values / weights.sum()
    return np.where(signs == 0, found, signs * np.exp(np.where(signs == 0, 0.0, found)))
