r"""Two or three queues that move each other: the signs of the reduced drift over a grid.

While the queues q are held, what else there is rests at one point :math:`o^*(q)` (Newton's method, for all
points of the grid together). A fixed point can lie only in a cell at whose corners every component of

.. math:: G(q) = \dot q(q, o^*(q))

takes both signs; such cells are divided once more, and Newton's method on all coordinates starts from those
that are left. Nothing is followed, so that corners of the dynamics (a thread more or less, a bound) do no harm.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

from separatrix.fluid.field import velocity
from separatrix.fluid.newton import polished
from separatrix.fluid.reduced import spaced
from separatrix.population import Array, Population

RESOLUTION = {2: 90, 3: 26}
"""Number of queues -> queue lengths looked at of each."""
_FINER = {2: 6, 3: 3}
_MOST_CELLS = 400
_NEWTON = 8


def gridded(population: Population) -> list[Array]:
    """States (n_axes,) at rest, of a population with two or three queues."""
    queues = list(population.axes_of("queue"))
    knots = [spaced(float(population.shape[i] - 1), RESOLUTION[len(queues)]) for i in queues]
    found: list[Array] = []
    for low, high in _cells(population, queues, knots):
        parts = _FINER[len(queues)] + 1
        finer: list[Array] = [np.linspace(a, b, parts) for a, b in zip(low, high, strict=True)]
        for corner, opposite in _cells(population, queues, finer):
            if any(np.all((corner <= x[queues]) & (x[queues] <= opposite)) for x in found):
                continue
            middle = 0.5 * (corner + opposite)
            start = resting(population, queues, middle[None])[0]
            root = polished(population, start)
            if root is not None:
                found.append(root)
    return found


def resting(population: Population, queues: list[int], lengths: Array) -> Array:
    """(m, n_axes) where all but the queues rest while these are held at `lengths`, (m, n_queues)."""
    n = len(population.axes)
    top = np.array(population.shape, dtype=np.float64) - 1.0
    others = [i for i in range(n) if i not in queues]
    x = np.zeros((len(lengths), n))
    x[:, queues] = lengths
    if not others:
        return x
    places = np.arange(len(others))
    moving = np.arange(len(x))
    for _ in range(_NEWTON):
        at = x[moving]
        step = np.where(at[:, others] + 1e-4 <= top[others], 1e-4, -1e-4)
        probes = np.tile(at[:, None, :], (1, len(others) + 1, 1))
        probes[:, places + 1, others] += step
        moved = velocity(population, probes)[..., others]
        slopes = np.swapaxes((moved[:, 1:] - moved[:, :1]) / step[:, :, None], 1, 2)
        slopes[:, places, places] += np.where(slopes[:, places, places] == 0, -1e-12, 0.0)
        change = _solved(slopes, moved[:, 0, :])
        at[:, others] = np.clip(at[:, others] - change, 0.0, top[others])
        far = np.abs(at - x[moving]).max(axis=1)
        x[moving] = at
        moving = moving[far > 1e-7 * (1.0 + at.max(axis=1))]
        if not len(moving):
            break
    return x


def _solved(matrices: Array, right: Array) -> Array:
    """(m, n) solutions of m systems; the shortest where one is singular (a breaker that counts nothing)."""
    try:
        change = np.linalg.solve(matrices, right[:, :, None])
    except np.linalg.LinAlgError:
        change = np.linalg.pinv(matrices) @ right[:, :, None]
    return np.asarray(change[:, :, 0], dtype=np.float64)


def _cells(
    population: Population, queues: list[int], knots: list[Array]
) -> list[tuple[Array, Array]]:
    """(lower, upper) corners of the cells of a grid in which every component changes sign."""
    grid = np.stack(np.meshgrid(*knots, indexing="ij"), axis=-1)
    states = resting(population, queues, grid.reshape(-1, len(queues)))
    drift = velocity(population, states)[:, queues].reshape(grid.shape)
    mixed: NDArray[np.bool_] = np.ones(tuple(len(k) - 1 for k in knots), dtype=np.bool_)
    for component in range(len(queues)):
        up = drift[..., component] >= 0
        corners = [
            up[tuple(slice(s, s + len(k) - 1) for s, k in zip(shift, knots, strict=True))]
            for shift in product((0, 1), repeat=len(knots))
        ]
        mixed &= np.any(corners, axis=0) & ~np.all(corners, axis=0)
    picked = [tuple(int(i) for i in cell) for cell in np.argwhere(mixed)]
    return [
        (
            np.array([k[i] for k, i in zip(knots, cell, strict=True)]),
            np.array([k[i + 1] for k, i in zip(knots, cell, strict=True)]),
        )
        for cell in picked[:_MOST_CELLS]
    ]
