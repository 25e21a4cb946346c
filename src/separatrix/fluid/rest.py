r"""Where the mean dynamics come to rest from a given start.

Follows :math:`\dot x = f(x)`, with f the drift of the population, by the linearly implicit Euler
method, :math:`(I/h - J)\,\Delta x = f(x)`, with steps so short that no coordinate changes by more
than a tenth of itself plus a twentieth of a unit; near rest the steps grow and the iteration becomes
Newton's (pseudo-transient continuation: Kelley and Keyes, SIAM J. Numer. Anal. 35, 1998).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from separatrix.population import Array, Population


@dataclass(frozen=True)
class Rest:
    """A resting point of the mean dynamics.

    Attributes
    ----------
    state : (n_axes,) coordinates, real-valued.
    path : (n_steps, n_axes) the way there.
    residual : largest speed left, relative to the fastest flow through any coordinate.
    status : ``"ok"``, or ``"inconclusive"`` where the dynamics did not come to rest.
    reason : why.
    """

    state: Array
    path: Array
    residual: float
    status: Literal["ok", "inconclusive"] = "ok"
    reason: str = ""


def rest_from(population: Population, start: Array, *, max_steps: int = 4000) -> Rest:
    """Follow the mean dynamics from `start` until they rest.

    Parameters
    ----------
    population : whose drift to follow.
    start : (n_axes,) coordinates within the box.
    max_steps : give up after this many steps, with status ``"inconclusive"``.
    """
    top = np.array(population.shape, dtype=np.float64) - 1.0
    x = np.clip(np.asarray(start, dtype=np.float64), 0.0, top)
    path = [x.copy()]
    step = 1e-3 / max(_flow(population, x), 1e-12)
    residual = np.inf
    for _ in range(max_steps):
        velocity, jacobian = _linearised(population, x, top)
        flow = max(_flow(population, x), 1e-300)
        residual = float(np.abs(velocity).max()) / flow
        if residual < 1e-11:
            return Rest(x, np.array(path), residual)
        allowed = 0.1 * x + 0.05
        while True:
            change = np.linalg.solve(np.eye(len(x)) / step - jacobian, velocity)
            reach = float(np.max(np.abs(change) / allowed))
            if reach <= 1.0:
                break
            step *= max(0.5 / reach, 0.1)
        moved = np.clip(x + change, 0.0, top)
        if np.array_equal(moved, x):
            # held by the edge of the box: at rest if the flow only points outward
            return Rest(x, np.array(path), residual)
        x = moved
        path.append(x.copy())
        step *= 2.0 if reach < 0.5 else 1.1
    return Rest(x, np.array(path), residual, "inconclusive", f"no rest within {max_steps} steps")


def _flow(population: Population, x: Array) -> float:
    """Total rate of all transitions at `x` [1/s]: the scale for speeds."""
    point = tuple(np.asarray(c) for c in x)
    return float(sum(float(np.sum(rate)) for _, rate in population.rates(point)))


def _linearised(population: Population, x: Array, top: Array) -> tuple[Array, Array]:
    """Drift and its Jacobian by one-sided differences that stay within the box."""
    n = len(x)
    delta = 1e-6 * (1.0 + x)
    sign = np.where(x + delta <= top, 1.0, -1.0)
    points = np.tile(x, (n + 1, 1))
    points[np.arange(1, n + 1), np.arange(n)] += sign * delta
    drift = np.stack(population.drift(tuple(points[:, i] for i in range(n))), axis=1)
    jacobian = (drift[1:] - drift[0]).T / (sign * delta)
    return drift[0], jacobian
