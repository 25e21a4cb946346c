r"""Is a fixed point there, and alone? Krawczyk's interval test on a box around it.

With a midpoint c, Y near the inverse of the derivative there and an enclosure F of the derivatives over the box X,

.. math:: K(X) = c - Y f(c) + (I - Y F)(X - c) .

K inside X proves that X holds exactly one root (Krawczyk, Computing 4, 1969; Neumaier, Interval Methods for
Systems of Equations, 1990). Where X reaches beyond the states' box, f is continued by
:math:`f(\pi x) + \pi x - x`, with :math:`\pi` the nearest
point of the box: as no rate lets a jump leave the box, this has no root outside it.
Rounding is outwards; special functions are taken as right to 1e-11, which is assumed.
"""

from __future__ import annotations

import numpy as np

from separatrix.fluid.field import jacobian
from separatrix.fluid.interval import Interval, exact
from separatrix.fluid.tape_enclosure import Unbounded, enclosed
from separatrix.population import Array, Population
from separatrix.population.tape import Tape

_WIDTHS = (1e-12, 1e-11, 1e-9, 1e-7, 1e-5)
"""Half-widths of the box, as shares of 1 + the coordinate, tried one after the other."""


def isolating_box(population: Population, state: Array) -> Array | None:
    """(n_axes, 2) a box around `state` with exactly one fixed point in it; None where none is proved."""
    tape = population.tape
    # where the lowering chose the bound, the mean dynamics have none
    top = np.array([np.inf if axis.cut > 0 else axis.size - 1.0 for axis in population.axes])
    if tape is None or np.any(top <= 0):
        return None
    slope = jacobian(population, state)
    try:
        inverse = np.asarray(np.linalg.inv(slope), dtype=np.float64)
    except np.linalg.LinAlgError:
        return None
    centre = np.clip(np.asarray(state, dtype=np.float64), 0.0, top)
    for width in _WIDTHS:
        half = width * (1.0 + centre)
        box = Interval(centre - half, centre + half)
        try:
            image = _krawczyk(tape, centre, box, inverse, top)
        except Unbounded:
            return None
        if np.all(image.low > box.low) and np.all(image.high < box.high):
            return np.stack([np.maximum(box.low, 0.0), np.minimum(box.high, top)], axis=1)
    return None


def _krawczyk(tape: Tape, centre: Array, box: Interval, inverse: Array, top: Array) -> Interval:
    velocity, _ = enclosed(tape, exact(centre))
    inner = Interval(np.maximum(box.low, 0.0), np.minimum(box.high, top))
    _, slopes = enclosed(tape, inner)
    # beyond the box of states: a share of the derivative, and -1 for the rest, on the diagonal
    out = (box.low < 0) | (box.high > top)
    rest = np.where(np.eye(len(top), dtype=np.bool_), -1.0, 0.0)
    slopes = Interval(
        np.where(out, np.minimum(slopes.low, rest), slopes.low),
        np.where(out, np.maximum(slopes.high, rest), slopes.high),
    )
    error = exact(np.eye(len(top))) - _product(inverse, slopes)
    moved = _product(inverse, Interval(velocity.low[:, None], velocity.high[:, None]))
    away = box - exact(centre)
    spread = (error * Interval(away.low[None], away.high[None])).total()
    return exact(centre) - Interval(moved.low[:, 0], moved.high[:, 0]) + spread


def _product(matrix: Array, other: Interval) -> Interval:
    """A matrix times one of intervals."""
    terms = exact(matrix[:, None, :]) * Interval(other.low.T[None], other.high.T[None])
    return terms.total()
