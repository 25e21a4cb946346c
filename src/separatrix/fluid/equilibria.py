r"""Fixed points of the mean dynamics of one queue with its orbits.

At a given queue length q the drift of the orbits is affine in them, so that they rest at one point
:math:`o^*(q)`, found by a linear solve. What is left is one function of one variable,
:math:`g(q) = \dot q(q, o^*(q))`, whose sign changes bracket *all* fixed points: an odd number of them, since
:math:`g(0) > 0 > g(K)`, which is the degree test.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import Unsupported
from separatrix.population import Array, Population


@dataclass(frozen=True)
class FixedPoint:
    """A resting point of the mean dynamics.

    Attributes
    ----------
    state : (n_axes,) coordinates.
    eigenvalues : (n_axes,) of the Jacobian [1/s].
    residual : largest speed left [1/s].
    """

    state: Array
    eigenvalues: NDArray[np.complex128]
    residual: float

    @property
    def stable(self) -> bool:
        """Whether small disturbances die out."""
        return bool(np.all(self.eigenvalues.real < 0))


def rested_orbits(population: Population, q: Array) -> Array:
    r""":math:`o^*(q)`, shape (len(q), n_axes - 1): where the orbits rest while the queue is held.

    Raises Unsupported where the population has more than one queue.
    """
    _one_queue(population)
    n = len(population.axes) - 1
    if n == 0:
        return np.zeros((len(q), 0))
    zero = np.zeros_like(q)
    base = np.stack(population.drift((q, *[zero] * n))[1:], axis=1)
    slopes = np.empty((len(q), n, n))
    for j in range(n):
        probe = [np.full_like(q, 0.5) if i == j else zero for i in range(n)]
        moved = np.stack(population.drift((q, *probe))[1:], axis=1)
        slopes[:, :, j] = 2 * (moved - base)
    rested = np.linalg.solve(slopes, -base[:, :, None])[:, :, 0]
    bounds = np.array(population.shape[1:], dtype=np.float64) - 1.0
    return np.asarray(np.clip(rested, 0.0, bounds), dtype=np.float64)


def fixed_points(population: Population, *, resolution: int = 2001) -> tuple[FixedPoint, ...]:
    """All fixed points, by increasing queue length.

    Parameters
    ----------
    population : with one queue axis and any number of orbits.
    resolution : queue lengths at which the sign of the reduced drift is looked at; two fixed points
        closer than the spacing may be missed together.

    Raises Unsupported where the population has more than one queue.
    """
    _one_queue(population)
    top = population.shape[0] - 1
    # the last and the first unit are where a bound acts: look closely
    edge = np.linspace(0, min(1, top), 101)
    q = np.unique(np.concatenate([np.linspace(0, top, resolution), edge, top - edge]))

    def reduced(at: Array) -> Array:
        orbits = rested_orbits(population, at)
        return population.drift((at, *orbits.T))[0]

    value = reduced(q)
    found: list[FixedPoint] = []
    for i in np.flatnonzero((value[:-1] > 0) != (value[1:] > 0)):
        root = _bisect(reduced, float(q[i]), float(q[i + 1]), bool(value[i] > 0))
        at = np.array([root])
        state = np.concatenate([at, rested_orbits(population, at)[0]])
        speed = np.array([float(v) for v in population.drift(tuple(np.asarray(c) for c in state))])
        spectrum = np.linalg.eigvals(jacobian(population, state)).astype(np.complex128)
        found.append(FixedPoint(state, spectrum, float(np.abs(speed).max())))
    return tuple(found)


def jacobian(population: Population, state: Array) -> Array:
    """Derivative of the drift at `state` [1/s], by central differences that stay in the box."""
    n = len(state)
    top = np.array(population.shape, dtype=np.float64) - 1.0
    matrix = np.empty((n, n))
    for j in range(n):
        delta = 1e-6 * (1.0 + state[j])
        low, high = state.copy(), state.copy()
        low[j], high[j] = max(state[j] - delta, 0.0), min(state[j] + delta, top[j])
        ahead = population.drift(tuple(np.asarray(v) for v in high))
        behind = population.drift(tuple(np.asarray(v) for v in low))
        matrix[:, j] = [float(a - b) for a, b in zip(ahead, behind, strict=True)]
        matrix[:, j] /= high[j] - low[j]
    return matrix


def _bisect(function: Callable[[Array], Array], low: float, high: float, falls: bool) -> float:
    while True:
        middle = 0.5 * (low + high)
        if middle in (low, high):
            return middle
        if bool(function(np.array([middle]))[0] > 0) == falls:
            low = middle
        else:
            high = middle


def _one_queue(population: Population) -> None:
    if population.axes_of("queue") != (0,):
        raise Unsupported(
            "fluid", "fixed points of several queues", "follow the dynamics with rest_from"
        )
