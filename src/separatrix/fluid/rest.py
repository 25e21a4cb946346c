r"""Where the mean dynamics come to rest from a given start.

Follows :math:`\dot x = f(x)`, with f the drift of the population, by the linearly implicit Euler
method, :math:`(I/h - J)\,\Delta x = f(x)`, with steps so short that no coordinate changes by more
than a fifth of itself plus a tenth of a unit; near rest the steps grow and the iteration becomes
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
    step = 0.0
    residual = np.inf
    for _ in range(max_steps):
        velocity, jacobian, flow = _linearised(population, x, top)
        flow = max(flow, 1e-300)
        step = step or 1e-3 / max(flow, 1e-12)
        residual = float(np.abs(velocity).max()) / flow
        if residual < 1e-11:
            return Rest(x, np.array(path), residual)
        allowed = 0.2 * x + 0.1
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


def _linearised(population: Population, x: Array, top: Array) -> tuple[Array, Array, float]:
    """Drift, its Jacobian by one-sided differences that stay within the box, and the total rate [1/s]."""
    n = len(x)
    delta = 1e-6 * (1.0 + x)
    sign = np.where(x + delta <= top, 1.0, -1.0)
    points = np.tile(x, (n + 1, 1))
    points[np.arange(1, n + 1), np.arange(n)] += sign * delta
    state = tuple(points.T)
    drift = np.zeros((n + 1, n))
    total = 0.0
    for move in population.moving:
        rate = move.rate(state)
        total += float(np.asarray(rate).flat[0])
        for i, step in enumerate(move.jump):
            if step:
                drift[:, i] += step * rate
    jacobian = (drift[1:] - drift[0]).T / (sign * delta)
    return drift[0], jacobian, total
