r"""Fixed points of several queues: many starts, doubles left out, saddles tracked along the edge.

Attractors are where the dynamics come to rest from the corners of the box and from random states. Between two
attractors the segment is bisected for the state that settles on neither side (edge tracking); where the
dynamics linger from there, Newton's method finds the saddle. Newton's method is also tried from the random
states themselves. The indices of all points have to add up to 1 (see `equilibria`).
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from separatrix.errors import NotConverged
from separatrix.fluid.equilibria import FixedPoint, degree, described
from separatrix.fluid.field import jacobian, velocity
from separatrix.fluid.rest import rest_from
from separatrix.population import Array, Population

SAME = 1e-4
"""Points nearer than this share of 1 + their coordinates are one."""
_PAIRS = 28  # at most so many pairs of attractors are tried


def searched_points(
    population: Population, *, starts: int = 32, seed: int = 0
) -> tuple[FixedPoint, ...]:
    """All fixed points that the search finds, by increasing total queue.

    Parameters
    ----------
    starts : random states to start from, besides empty, full, and each queue full alone.
    seed : of those states.

    Raises NotConverged, with the points found, where their indices do not add up to 1.
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
    attractors: list[Array] = []
    for start in [*corners, *inner[: starts // 4]]:
        rest = rest_from(population, start)
        if rest.status == "ok":
            _add(attractors, rest.state)
    found = list(attractors)
    for a, b in list(combinations(attractors, 2))[:_PAIRS]:
        saddle = _edge(population, a, b)
        if saddle is not None:
            _add(found, saddle)
    points = _sorted(population, found, queues)
    if degree(points) != 1:
        for start in inner:
            root = polished(population, start)
            if root is not None:
                _add(found, root)
        points = _sorted(population, found, queues)
    if degree(points) != 1:
        raise NotConverged(
            f"{len(points)} fixed points found, and at least one is missing; ask for more starts",
            partial=points,
            certificate=f"the indices add up to {degree(points)} instead of 1",
        )
    return points


def polished(population: Population, start: Array, *, steps: int = 60) -> Array | None:
    """The root of the velocity that damped Newton steps lead to, within the box; None if none is."""
    top = np.array(population.shape, dtype=np.float64) - 1.0
    x = np.clip(start, 0.0, top)
    speed = velocity(population, x)
    for _ in range(steps):
        size = float(np.abs(speed).max())
        scale = 1.0 + float(np.abs(x).max())
        if size < 1e-10 * scale:
            return x
        try:
            change = np.linalg.solve(jacobian(population, x), speed)
        except np.linalg.LinAlgError:
            return None
        share = 1.0
        while True:
            moved = np.clip(x - share * change, 0.0, top)
            ahead = velocity(population, moved)
            if float(np.abs(ahead).max()) < (1.0 - 0.1 * share) * size:
                break
            share /= 2
            if share < 1e-4:
                return x if size < 1e-8 * scale else None
        x, speed = moved, ahead
    return None


def _edge(population: Population, low: Array, high: Array) -> Array | None:
    """A fixed point on the edge between two basins; None where Newton's method finds none there."""
    a, b = low.copy(), high.copy()
    path = np.zeros((0, len(low)))
    for _ in range(40):
        middle = 0.5 * (a + b)
        rest = rest_from(population, middle)
        path = rest.path
        if _close(rest.state, low):
            a = middle
        elif _close(rest.state, high):
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
        if root is not None and not _close(root, low) and not _close(root, high):
            return root
    return None


def _close(a: Array, b: Array) -> bool:
    return bool(np.all(np.abs(a - b) <= SAME * (1.0 + np.abs(b))))


def _add(found: list[Array], state: Array) -> None:
    if not any(_close(state, other) for other in found):
        found.append(state)


def _sorted(
    population: Population, states: list[Array], queues: list[int]
) -> tuple[FixedPoint, ...]:
    ordered = sorted(states, key=lambda x: (float(x[queues].sum()), float(x.sum())))
    return described(population, np.array(ordered).reshape(len(ordered), len(population.axes)))
