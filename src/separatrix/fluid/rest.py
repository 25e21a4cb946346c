r"""Where the mean dynamics come to rest from a given start.

Follows :math:`\dot x = f(x)`, with f the drift of the population, by the linearly implicit Euler
method, :math:`(I/h - J)\,\Delta x = f(x)`, with steps so short that no coordinate changes by more
than a fifth of itself plus a tenth of a unit; near rest the steps grow and the iteration becomes
Newton's (pseudo-transient continuation: Kelley and Keyes, SIAM J. Numer. Anal. 35, 1998).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from separatrix.fluid.taped import linearised, tape_of
from separatrix.population import Array, Population

_NEAR = 0.02  # share of the whole flow below which speed that grows again was a step too long
_LONGEST = (
    1e100  # [s]; Newton's method by then, and doubling it a thousand times more would overflow
)


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
    """Follow the mean dynamics from `start`, (n_axes,) coordinates within the box, until they rest.

    max_steps : give up after this many steps, with status ``"inconclusive"``.
    """
    return rests_from(population, np.asarray(start)[None], max_steps=max_steps)[0]


def rests_from(
    population: Population, starts: Array, *, max_steps: int = 4000, stride: float = 1.0
) -> list[Rest]:
    """Follow the mean dynamics from many starts, (m, n_axes), each with its own steps, until all rest.

    The rates are asked for all of them together, which costs little more than for one. Steps `stride` times as
    long lead to rests as well, though near the edge of a basin it may be that of the other one.
    """
    from scipy.sparse import csr_matrix

    top = np.array(population.shape, dtype=np.float64) - 1.0
    x = np.clip(np.asarray(starts, dtype=np.float64), 0.0, top)
    paths = [[at.copy()] for at in x]
    found: dict[int, Rest] = {}
    step = np.zeros(len(x))
    left = np.arange(len(x))
    residual = np.full(len(x), np.inf)
    wary = np.zeros(len(x), dtype=bool)
    jumps: Any = csr_matrix(np.array([move.jump for move in population.moving], dtype=np.float64).T)
    for _ in range(max_steps):
        velocity, jacobian, flow = _linearised(population, jumps, x[left], top)
        flow = np.maximum(flow, 1e-300)
        step[left] = np.where(step[left] > 0, step[left], 1e-3 / np.maximum(flow, 1e-12))
        before, residual[left] = residual[left], np.abs(velocity).max(axis=1) / flow
        # a long step across a bend in the drift, as where a thread pool fills, leads away again
        over = (before < _NEAR) & (residual[left] > 1.05 * before)
        wary[left] |= over
        step[left] *= np.where(over, 0.25, 1.0)
        change, reach = _changes(velocity, jacobian, stride * (0.2 * x[left] + 0.1), step, left)
        moved = np.clip(x[left] + change, 0.0, top)
        # held by the edge of the box: at rest if the flow only points outward
        resting = (residual[left] < 1e-11) | (moved == x[left]).all(axis=1)
        for i in map(int, left[resting]):
            found[i] = Rest(x[i].copy(), np.array(paths[i]), float(residual[i]))
        x[left[~resting]] = moved[~resting]
        grown = step[left] * np.where(reach < 0.5, np.where(wary[left], 1.2, 2.0), 1.1)
        step[left] = np.minimum(grown, _LONGEST)
        left = left[~resting]
        if not len(left):
            break
        for i in map(int, left):
            paths[i].append(x[i].copy())
    for i in map(int, left):
        reason = f"no rest within {max_steps} steps"
        found[i] = Rest(x[i], np.array(paths[i]), float(residual[i]), "inconclusive", reason)
    return [found[i] for i in range(len(x))]


def _changes(
    velocity: Array, jacobian: Array, allowed: Array, step: Array, left: NDArray[np.intp]
) -> tuple[Array, Array]:
    """(k, n) changes in one step each and how much of the allowed they take; longer steps are cut."""
    change, reach = np.zeros_like(velocity), np.zeros(len(left))
    open_ = np.arange(len(left))
    eye = np.eye(velocity.shape[1])
    while len(open_):
        inverse = eye / step[left[open_], None, None] - jacobian[open_]
        change[open_] = np.linalg.solve(inverse, velocity[open_, :, None])[:, :, 0]
        reach[open_] = np.max(np.abs(change[open_]) / allowed[open_], axis=1)
        open_ = open_[reach[open_] > 1.0]
        step[left[open_]] *= np.maximum(0.5 / reach[open_], 0.1)
    return change, reach


def _linearised(
    population: Population, jumps: Any, x: Array, top: Array
) -> tuple[Array, Array, Array]:
    """Drift (m, n), its Jacobian (by one-sided differences where it is not written down), and the total rate [1/s].

    jumps : sparse, (n_axes, transitions).
    """
    tape = tape_of(population)
    if tape is not None:
        found = linearised(tape, x, top)
        if np.isfinite(found[1]).all():
            return found
    m, n = x.shape
    delta = 1e-6 * (1.0 + x)
    sign = np.where(x + delta <= top, 1.0, -1.0)
    points = np.tile(x[:, None, :], (1, n + 1, 1))
    places = list(range(n))
    points[:, np.add(places, 1), places] += sign * delta
    state = tuple(np.moveaxis(points, -1, 0))
    rates = np.empty((len(population.moving), m, n + 1))
    for k, move in enumerate(population.moving):
        rates[k] = move.rate(state)
    drift = np.moveaxis((jumps @ rates.reshape(len(rates), -1)).reshape(n, m, n + 1), 0, -1)
    difference = (drift[:, 1:] - drift[:, :1]) / (sign * delta)[:, :, None]
    return drift[:, 0], np.swapaxes(difference, 1, 2), rates[:, :, 0].sum(axis=0)
