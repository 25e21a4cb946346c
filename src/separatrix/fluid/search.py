r"""Fixed points of several queues by search: many starts together, saddles tracked along the edge.

Attractors are where the dynamics come to rest from the corners of the box, from each queue full alone and
from random states; all are followed together. The segment between two attractors is cut where its points go to
different ones, again and again: what starts ever closer to the edge between two basins lingers near the
saddle on it (edge tracking: Skufca, Yorke and Eckhardt, Phys. Rev. Lett. 96, 2006), and from where it lingers
Newton's method finds that saddle.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from separatrix.fluid.certificate import certified
from separatrix.fluid.field import velocity
from separatrix.fluid.newton import distinct, polished, same
from separatrix.fluid.rest import Rest, rest_from, rests_from
from separatrix.population import Array, Population

_PAIRS = 28  # at most so many pairs of attractors are tried
_STARTS = 30
_CUTS = 16  # points of a segment followed at once
_STRIDE = 5.0
_ROUNDS = 8  # each makes the segment 16 times shorter


def corner_rests(population: Population) -> list[Array]:
    """Roots (n_axes,) at which the dynamics come to rest from the empty and from the full corner."""
    top = np.array(population.shape, dtype=np.float64) - 1.0
    found: list[Array] = []
    for corner in (np.zeros(len(top)), top):
        root = polished(population, corner)
        if root is None:
            root = polished(population, rest_from(population, corner).state)
        if root is not None:
            found.append(root)
    return found


def searched_states(
    population: Population, known: Array, *, starts: int = _STARTS, seed: int = 0
) -> Array:
    """(m, n_axes) the fixed points `known` and those that the search finds, by increasing total queue.

    Parameters
    ----------
    known : (m, n_axes) found before; may be empty.
    starts : random states to start from, besides empty, full, and each queue full alone.
    seed : of those states.

    Of the pairs of attractors, a tree of the nearest is tracked; the others, and then Newton's method from the
    random states, only until the points are certified.
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
    places = np.array([*corners, *inner[: starts // 4]])
    # whose basin a start lies in is not asked here, only what there is to rest in
    for rest in rests_from(population, places, stride=_STRIDE):
        _add(population, found, rest.state)
    attractors = list(found)
    tree, others = _pairs(attractors, top)
    for a, b in tree:
        _track(population, found, attractors[a], attractors[b])
    for a, b in others[:_PAIRS]:
        if not certified(population, np.array(found)).missing:
            break
        _track(population, found, attractors[a], attractors[b])
    for start in inner:
        if not certified(population, np.array(found)).missing:
            break
        _add(population, found, start)
    return merged(population, found)


def _pairs(
    states: list[Array], scale: Array
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Pairs of states, the nearest first: those that join all of them in a tree, and the others."""
    tree: list[tuple[int, int]] = []
    others: list[tuple[int, int]] = []
    part = list(range(len(states)))

    def apart(pair: tuple[int, int]) -> float:
        return float(np.abs((states[pair[0]] - states[pair[1]]) / np.maximum(scale, 1.0)).max())

    for a, b in sorted(combinations(range(len(states)), 2), key=apart):
        (others if part[a] == part[b] else tree).append((a, b))
        part = [part[a] if p == part[b] else p for p in part]
    return tree, others


def _track(population: Population, found: list[Array], low: Array, high: Array) -> None:
    """Add the fixed point on the edge of the lower state's basin, where Newton's method finds one."""
    a, b = low, high
    share = np.linspace(0.0, 1.0, _CUTS + 1)[1:-1, None]
    for _ in range(_ROUNDS):
        cuts = a + share * (b - a)
        courses = rests_from(population, cuts)
        ends = [course.state for course in courses]
        stay = [same(end, low) for end in ends]
        # the first that does not go to the lower one, and the last before it that does
        i = stay.index(False) if False in stay else len(stay)
        for course in courses[max(i - 1, 0) : i + 1]:
            for guess in _lingering(population, course):
                root = polished(population, guess)
                if root is None or any(same(root, end) for end in (low, high, *ends)):
                    continue
                if not any(same(root, other) for other in found):
                    found.append(root)
                return
        a, b = (cuts[i - 1] if i else a), (cuts[i] if i < len(ends) else b)


def _lingering(population: Population, course: Rest) -> list[Array]:
    """Up to three states at which a course is slow before it goes on, the slowest first."""
    speed = np.abs(velocity(population, course.path)).max(axis=1)
    slow = [i for i in range(1, len(speed) - 1) if speed[i] <= min(speed[i - 1], speed[i + 1])]
    return [course.path[i] for i in sorted(slow, key=lambda j: speed[j])[:3]]


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
