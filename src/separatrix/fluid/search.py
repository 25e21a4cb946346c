r"""Fixed points of several queues by search: many starts, saddles tracked along the edge.

Attractors are where the dynamics come to rest from the corners of the box and from random states. Between two
attractors the segment is bisected for the state that settles on neither side (edge tracking); where the
dynamics linger from there, Newton's method finds the saddle. Newton's method is also tried from the random
states themselves.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from separatrix.fluid.certificate import certified
from separatrix.fluid.composition import distinct, same
from separatrix.fluid.field import velocity
from separatrix.fluid.newton import polished
from separatrix.fluid.rest import rest_from
from separatrix.population import Array, Population

_PAIRS = 28  # at most so many pairs of attractors are tried
_STARTS = 30


def searched_states(
    population: Population, known: Array, *, starts: int = _STARTS, seed: int = 0
) -> Array:
    """(m, n_axes) the fixed points `known` and those that the search finds, by increasing total queue.

    Parameters
    ----------
    known : (m, n_axes) found before; may be empty.
    starts : random states to start from, besides empty, full, and each queue full alone.
    seed : of those states.

    The search ends as soon as the points are certified.
    """
    top = np.array(population.shape, dtype=np.float64) - 1.0
    queues = list(population.axes_of("queue"))
    corners = [np.zeros(len(top)), top]
    for i in queues if len(queues) > 1 else []:
        corner = np.zeros(len(top))
        corner[i] = top[i]
        corners.append(corner)
    rng = np.random.default_rng(seed)
    inner = [top * rng.uniform(size=len(top)) for _ in range(starts)]
    found = list(known)
    for start in [*corners, *inner[: starts // 4]]:
        _add(population, found, rest_from(population, start).state)
    attractors = list(found)
    for a, b in list(combinations(attractors, 2))[:_PAIRS]:
        if not certified(population, np.array(found)).missing:
            break
        saddle = _edge(population, a, b)
        if saddle is not None:
            _add(population, found, saddle)
    for start in inner:
        if not certified(population, np.array(found)).missing:
            break
        _add(population, found, start)
    return merged(population, found)


def _edge(population: Population, low: Array, high: Array) -> Array | None:
    """A fixed point on the edge between two basins; None where Newton's method finds none there."""
    a, b = low.copy(), high.copy()
    path = np.zeros((0, len(low)))
    for _ in range(40):
        middle = 0.5 * (a + b)
        rest = rest_from(population, middle)
        path = rest.path
        if same(rest.state, low):
            a = middle
        elif same(rest.state, high):
            b = middle
        else:
            return None  # a third attractor lies between: its own pairs will find the edges
        if float(np.abs(b - a).max()) < 1e-9 * (1.0 + float(np.abs(b).max())):
            break
    speed = np.abs(velocity(population, path)).max(axis=1)
    # the dynamics linger near the saddle before they leave it
    slow = [i for i in range(1, len(path) - 1) if speed[i] <= min(speed[i - 1], speed[i + 1])]
    for i in sorted(slow, key=lambda j: speed[j])[:3]:
        root = polished(population, path[i])
        if root is not None and not same(root, low) and not same(root, high):
            return root
    return None


def _add(population: Population, found: list[Array], guess: Array) -> None:
    """Keep the root near a guess, if there is one and it is new."""
    root = polished(population, guess)
    if root is not None and not any(same(root, other) for other in found):
        found.append(root)


def merged(population: Population, states: list[Array]) -> Array:
    """(m, n_axes) the states, doubles left out, by increasing total queue."""
    queues = list(population.axes_of("queue"))
    kept = sorted(distinct(states), key=lambda x: (float(x[queues].sum()), float(x.sum())))
    return np.array(kept).reshape(len(kept), len(population.axes))
