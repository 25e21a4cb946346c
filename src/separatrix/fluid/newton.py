r"""Newton's method for the roots of a velocity, and how far from balance a state is.

A coordinate is in balance where what flows in equals what flows out. The *imbalance* of a state is

.. math:: \max_i \frac{|\sum_k J_{ki}\,a_k(x)|}{\sum_k |J_{ki}|\,a_k(x) + 10^{-14} \sum_{kj} |J_{kj}|\,a_k(x)},

0 at a root and about 1 where a coordinate only fills or only empties: on an axis through which little
flows the velocity is small far from rest, too, and the imbalance is not. Flows that drown in the rounding
of the others count as none.
"""

from __future__ import annotations

import numpy as np

from separatrix.fluid.field import jacobian
from separatrix.fluid.taped import flows_of, tape_of
from separatrix.population import Array, Population

BALANCED = 1e-9
"""A state of less imbalance is a root."""
SAME = 1e-4
"""Roots nearer than this share of 1 + their coordinates are one."""
_ROUGH = 1e-6  # accepted where rounding stops Newton's method
_DEAD = 1e-200  # [1/s]


def flows(population: Population, states: Array) -> tuple[Array, Array]:
    """Net and gross flow [1/s] of each coordinate at `states`, shape (..., n_axes), each in that shape."""
    tape = tape_of(population)
    if tape is not None:
        return flows_of(tape, states)
    x = tuple(np.moveaxis(np.asarray(states, dtype=np.float64), -1, 0))
    shape = np.shape(x[0])
    net = np.zeros((len(x), *shape))
    gross = np.zeros((len(x), *shape))
    for move in population.moving:
        rate = move.rate(x)
        for i, step in enumerate(move.jump):
            if step:
                net[i] += step * rate
                gross[i] += abs(step) * rate
    return np.moveaxis(net, 0, -1), np.moveaxis(gross, 0, -1)


def imbalance(population: Population, states: Array) -> Array:
    """The largest of the coordinates, shape (...,); a coordinate through which nothing flows is in balance."""
    net, gross = flows(population, states)
    return np.asarray((np.abs(net) / _scale(gross)).max(axis=-1, initial=0.0))


def _scale(gross: Array) -> Array:
    """Gross flows, with what drowns in rounding; 1 where nothing flows at all."""
    scale = gross + 1e-14 * gross.sum(axis=-1, keepdims=True)
    return np.where(scale > _DEAD, scale, 1.0)


def polished(population: Population, start: Array, *, steps: int = 60) -> Array | None:
    """The root that damped Newton steps lead to from `start`, within the box; None if none is."""
    top = np.array(population.shape, dtype=np.float64) - 1.0
    x = np.clip(np.asarray(start, dtype=np.float64), 0.0, top)
    size = float(imbalance(population, x))
    for _ in range(steps):
        if size < BALANCED:
            return x
        net, gross = flows(population, x)
        scale = _scale(gross)
        slope = jacobian(population, x) / scale[:, None]
        try:
            change = np.linalg.solve(slope, net / scale)
        except np.linalg.LinAlgError:
            return None
        share = 1.0
        while True:
            moved = np.clip(x - share * change, 0.0, top)
            ahead = float(imbalance(population, moved))
            if ahead < (1.0 - 0.1 * share) * size:
                break
            share /= 2
            if share < 1e-4:
                return x if size < _ROUGH else None
        x, size = moved, ahead
    return x if size < _ROUGH else None


def same(a: Array, b: Array) -> bool:
    """Whether two states are one point."""
    return bool(np.all(np.abs(a - b) <= SAME * (1.0 + np.abs(b))))


def distinct(states: list[Array]) -> list[Array]:
    """The states, doubles left out."""
    kept: list[Array] = []
    for state in states:
        if not any(same(state, other) for other in kept):
            kept.append(state)
    return kept
