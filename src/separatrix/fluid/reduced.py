r"""One queue with its orbits, brought down to one function of one variable.

At a given queue length q the velocity of the orbits is affine in them, so that they rest at one point
:math:`o^*(q)`, found by a linear solve. What is left is :math:`g(q) = \dot q(q, o^*(q))`, whose sign changes
bracket the fixed points.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from separatrix.errors import NotConverged, Unsupported
from separatrix.fluid.newton import BALANCED, imbalance, polished
from separatrix.population import Array, Population


def rested_orbits(population: Population, q: Array) -> Array:
    r""":math:`o^*(q)`, shape (len(q), n_axes - 1): where the orbits rest while the queue is held.

    Raises Unsupported where the population has more than one queue, NotConverged where rounding leaves the
    orbits no velocity of their own.
    """
    _one_queue(population)
    n = len(population.axes) - 1
    if n == 0:
        return np.zeros((len(q), 0))
    # one column of states at zero orbits, and one with each orbit at a half
    probes = np.concatenate([np.zeros((1, n)), 0.5 * np.eye(n)])
    moved = np.stack(population.drift((q[:, None], *probes.T[:, None, :]))[1:], axis=-1)
    base = moved[:, 0]
    slopes = np.swapaxes(2.0 * (moved[:, 1:] - base[:, None]), 1, 2)
    try:
        rested = np.linalg.solve(slopes, -base[:, :, None])[:, :, 0]
    except np.linalg.LinAlgError:
        raise NotConverged(
            "who waits to retry hardly ever comes back, so slowly that it is lost in rounding; "
            "give shorter time-outs and backoffs"
        ) from None
    bounds = np.array(population.shape[1:], dtype=np.float64) - 1.0
    return np.asarray(np.clip(rested, 0.0, bounds), dtype=np.float64)


def reduced(population: Population, q: Array) -> Array:
    r""":math:`g(q)` [1/s], shape of `q`: velocity of the queue while the orbits are at rest."""
    return population.drift((q, *rested_orbits(population, q).T))[0]


def rests(population: Population, *, resolution: int = 301) -> Array:
    """(m, n_axes) the fixed points, by increasing queue; see `roots`.

    Newton's method moves those at which an orbit is full up to its bound to where its flows balance. The verdict and
    the picture of one reading ask for the same points: those of the last few populations are kept.
    """
    return _rests(population, resolution).copy()


@lru_cache(maxsize=4)
def _rests(population: Population, resolution: int) -> Array:
    at = roots(population, resolution=resolution, rounds=4)
    states = np.concatenate([at[:, None], rested_orbits(population, at)], axis=1)
    for i in np.flatnonzero(imbalance(population, states) > BALANCED):
        # an orbit presses against its bound, in whose last unit the velocity is not affine
        root = polished(population, states[i])
        if root is not None:
            states[i] = root
    return states


def roots(population: Population, *, resolution: int = 301, rounds: int = 2) -> Array:
    """(m,) queue lengths at rest, increasing: all brackets closed in on together.

    resolution : queue lengths at which the sign of the reduced drift is looked at first; more are added
        where it comes close to zero.
    rounds : each makes the brackets 64 times narrower; a straight line through the ends of the last is exact
        to the square of its width.
    """
    q, value = scanned(population, queue_lengths(population, resolution))
    places = np.flatnonzero((value[:-1] > 0) != (value[1:] > 0))
    low, high = q[places], q[places + 1]
    ends = value[places], value[places + 1]
    share = np.linspace(0.0, 1.0, 65)
    rows = np.arange(len(places))
    for _ in range(rounds):
        inner = low[:, None] + share * (high - low)[:, None]
        g = reduced(population, inner.ravel()).reshape(inner.shape)
        at = np.argmax((g[:, :-1] > 0) != (g[:, 1:] > 0), axis=1)
        low, high = inner[rows, at], inner[rows, at + 1]
        ends = g[rows, at], g[rows, at + 1]
    found: Array = low + (high - low) * ends[0] / (ends[0] - ends[1])
    # a queue that nobody joins rests at its end exactly
    return np.concatenate([np.zeros(int(value[0] == 0 and value[1] < 0)), found])


def reducible(population: Population) -> bool:
    """Whether there is one queue, first, and the velocity of the others is affine in them."""
    if population.axes_of("queue") != (0,):
        return False
    n = len(population.axes) - 1
    if len(population.axes_of("orbit")) != n:
        return False
    if n == 0:
        return True
    # affine between 0 and 1/2: the middle of two probes is the mean of their velocities
    top = float(population.shape[0] - 1)
    at = np.array([0.37 * min(top, 1.0), 0.31 * top, 0.83 * top])
    corner = np.full(n, 0.4)
    ends = [population.drift((at, *(part * c for c in corner)))[1:] for part in (0.0, 0.5, 1.0)]
    scale = 1e-9 * (1.0 + np.abs(ends[1]).max())
    gap = np.abs(np.asarray(ends[0]) + np.asarray(ends[2]) - 2.0 * np.asarray(ends[1]))
    return bool(gap.max() < scale)


def queue_lengths(population: Population, resolution: int) -> Array:
    """Queue lengths to look at: even, closer at the ends, and where a bound acts."""
    return spaced(float(population.shape[0] - 1), resolution)


def spaced(top: float, resolution: int) -> Array:
    """Places from 0 to `top`: even, closer at the ends, and where a bound acts."""
    even = np.linspace(0.0, top, max(resolution // 2, 3))
    # the first and the last unit are where a bound acts: look closely
    edge = np.linspace(0.0, min(1.0, top), max(resolution // 8, 3))
    near = np.geomspace(min(1.0, top), top, max(resolution // 4, 3))
    return np.unique(np.clip(np.concatenate([even, edge, top - edge, near]), 0.0, top))


def scanned(population: Population, q: Array, *, rounds: int = 6) -> tuple[Array, Array]:
    """Queue lengths and the reduced drift there, refined where it nearly touches zero."""
    value = reduced(population, q)
    for _ in range(rounds):
        size = np.abs(value)
        # two roots hide in a cell without a change of sign only where the drift turns round near zero:
        # a parabola's least sample is then well below the larger of its neighbours
        beside = np.maximum(size[:-2], size[2:])
        dips = (size[1:-1] <= np.minimum(size[:-2], size[2:])) & (size[1:-1] < 0.6 * beside)
        same = (value[:-2] * value[1:-1] > 0) & (value[1:-1] * value[2:] > 0)
        kept = np.flatnonzero(dips & same)[:16] + 1
        if not len(kept):
            break
        more = np.concatenate([np.linspace(q[i - 1], q[i + 1], 9)[1:-1] for i in kept])
        more = np.setdiff1d(more, q)
        if not len(more):
            break
        q, value = np.append(q, more), np.append(value, reduced(population, more))
        order = np.argsort(q)
        q, value = q[order], value[order]
    return q, value


def _one_queue(population: Population) -> None:
    if population.axes_of("queue") != (0,):
        raise Unsupported(
            "fluid", "rested orbits of several queues", "ask for `fixed_points`, which searches"
        )
