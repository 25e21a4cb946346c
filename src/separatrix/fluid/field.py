r"""The mean velocity of a population at real-valued states, and the paths that follow it.

.. math:: \dot x = f(x) = \sum_k J_k\,a_k(x)

Rates are continuous at the bounds: within the last place of a queue (and of a bounded orbit) admission
falls linearly to nothing, so that paths stay in the box without being pushed. Faults change the rates
at known times; a path is followed from one such time to the next.

A bound on an orbit is no part of the service: it keeps the chain's box finite. `mean_field` therefore
drops a given ``orbit_size``, and the fluid costs the same at any queue size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from separatrix.errors import ModelError, Problem
from separatrix.fluid.taped import flows_of, linearised, tape_of
from separatrix.model import Program, Schedule
from separatrix.model.during import during
from separatrix.model.parameters import Path, with_parameters
from separatrix.notebook import Shown
from separatrix.population import Array, Population, lower

DIFFERENCE = 1e-6
"""Half the width of a difference, as a share of 1 + the coordinate."""
FluidClosure = Literal["staged", "geometric"]


def mean_field(program: Program, closure: FluidClosure = "staged") -> Population:
    """The population whose mean dynamics stand for `program`: orbits by attempt, unbounded.

    Raises ModelError where the program is wrong, `Unsupported` where the closure cannot carry it.
    """
    bounded: dict[Path, object] = {
        ("servers", s.name, "orbit_size"): None for s in program.servers if s.orbit_size is not None
    }
    unbounded = with_parameters(program, bounded) if bounded else program
    return lower(unbounded, closure, means_only=True, bounded=False)


def velocity(population: Population, states: Array) -> Array:
    """Velocity [1/s] at `states`, shape (..., n_axes), in their shape."""
    tape = tape_of(population)
    if tape is not None:
        return flows_of(tape, states)[0]
    drift = population.drift(tuple(np.moveaxis(np.asarray(states, dtype=np.float64), -1, 0)))
    return np.stack(drift, axis=-1)


def jacobian(population: Population, state: Array) -> Array:
    """Derivative of the velocity at `state`, (n_axes,) [1/s]; see `jacobians`."""
    return jacobians(population, np.asarray(state, dtype=np.float64)[None, :])[0]


def jacobians(population: Population, states: Array) -> Array:
    r"""Derivatives of the velocity at `states`, shape (m, n_axes, n_axes) [1/s].

    Exact where the rates are written down (`separatrix.fluid.taped`). Else central differences over
    :math:`10^{-6}(1 + x)`, one-sided where the box ends; the drift is evaluated once, for all of them together.
    A coordinate that cannot move counts as damped at 1/s.
    """
    box = np.array(population.shape, dtype=np.float64) - 1.0
    fixed = np.flatnonzero(box == 0)
    tape = tape_of(population)
    matrices = None if tape is None else linearised(tape, states, box)[1]
    if matrices is None or not np.isfinite(matrices).all():
        matrices = _differences(population, states, box)
    matrices[:, :, fixed] = 0.0
    matrices[:, fixed, fixed] = -1.0
    return matrices


def _differences(population: Population, states: Array, box: Array) -> Array:
    n = states.shape[1]
    top = np.maximum(
        box, states
    )  # an orbit has no bound of its own: a state may lie beyond the box
    delta = DIFFERENCE * (1.0 + states)
    ahead, behind = np.minimum(states + delta, top), np.maximum(states - delta, 0.0)
    probes = np.tile(states[:, None, None, :], (1, 2, n, 1))
    places = list(range(n))
    probes[:, 0, places, places] = ahead
    probes[:, 1, places, places] = behind
    moved = velocity(population, probes)
    width = (ahead - behind)[:, :, None]
    return np.swapaxes((moved[:, 0] - moved[:, 1]) / np.where(width > 0, width, 1.0), 1, 2)


@dataclass(frozen=True)
class Trajectory(Shown):
    """A path of the mean dynamics.

    Attributes
    ----------
    population : without faults.
    times : (n,) [s].
    states : (n, n_axes) coordinates.
    status, reason : ``"ok"``, or ``"inconclusive"`` and why (the solver gave up; what it has is kept).
    """

    population: Population
    times: Array
    states: Array
    status: Literal["ok", "inconclusive"] = "ok"
    reason: str = ""

    def total(self, kind: Literal["queue", "orbit"]) -> Array:
        """(n,) attempts queued, or requests waiting to return, all together."""
        return np.asarray(self.states[:, list(self.population.axes_of(kind))].sum(axis=1))

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "schema": "separatrix.trajectory/1",
            "axes": [axis.name for axis in self.population.axes],
            "times_s": self.times.tolist(),
            "states": self.states.tolist(),
            "status": self.status,
            "reason": self.reason,
        }


def follow(
    program: Program,
    horizon: float,
    *,
    start: Array | None = None,
    points: int = 400,
    closure: FluidClosure = "staged",
    tolerance: float = 1e-6,
) -> Trajectory:
    """The mean dynamics of `program`, through its faults, from time 0 to `horizon` [s].

    Parameters
    ----------
    start : (n_axes,) coordinates at time 0; empty by default.
    points : times of the path, evenly spaced, besides those at which the faults begin and end.
    tolerance : relative and absolute (in attempts) error of a step.

    While a fault lasts, an attempt's chance to be in time is judged by the rates of that moment.
    Raises ModelError for a horizon that is none.
    """
    if not 0 < horizon < np.inf:
        raise ModelError(
            Problem(f"must be a finite time > 0 s, got {horizon:g}", "horizon", 'write "1h"')
        )
    calm = mean_field(program, closure)
    faults = program.faults
    stops = [t for t in faults.breakpoints if 0 < t < horizon]
    state = np.zeros(len(calm.axes)) if start is None else np.asarray(start, dtype=np.float64)
    grid = np.unique(np.concatenate([np.linspace(0.0, horizon, points), stops]))
    times: list[Array] = [np.zeros(1)]
    states: list[Array] = [state[None, :]]
    for begin, end in pairwise([0.0, *stops, horizon]):
        piece = piece_of(program, faults, begin, closure)
        inner = grid[(grid > begin) & (grid <= end)]
        course = integrate(piece, state, (begin, end), inner, tolerance=tolerance)
        times.append(course.times)
        states.append(course.states)
        if course.status != "ok":
            return Trajectory(
                calm, np.concatenate(times), np.concatenate(states), course.status, course.reason
            )
        state = course.states[-1]
    return Trajectory(calm, np.concatenate(times), np.concatenate(states))


def piece_of(
    program: Program, faults: Schedule, time: float, closure: FluidClosure = "staged"
) -> Population:
    """The population while the faults that are on at `time` [s] last."""
    return mean_field(during(program, faults, time), closure)


def integrate(
    population: Population,
    start: Array,
    span: tuple[float, float],
    times: Sequence[float] | Array,
    *,
    tolerance: float = 1e-6,
) -> Trajectory:
    """The mean dynamics without any fault, at `times` within `span` [s], by backward differences.

    Numerical differentiation formulas of variable order (Shampine and Reichelt, SIAM J. Sci. Comput. 18, 1997):
    the last place of a queue is a thousand times faster than an orbit. Methods that change between a
    stiff and a plain formula do so without end where the path comes to rest at a bend of the drift.
    """
    from scipy.integrate import solve_ivp

    def slope(_: float, x: Array) -> Array:
        return velocity(population, np.maximum(x, 0.0))

    def derivative(_: float, x: Array) -> Array:
        return jacobian(population, np.maximum(x, 0.0))

    solve: Any = solve_ivp
    course = solve(
        slope, span, start, method="BDF", jac=derivative, t_eval=np.asarray(times), rtol=tolerance,
        atol=tolerance,
    )  # fmt: skip
    states = np.maximum(np.asarray(course.y, dtype=np.float64).T, 0.0)
    reason = "" if course.success else str(course.message)
    return Trajectory(
        population, np.asarray(course.t), states.reshape(len(course.t), len(start)),
        "ok" if course.success else "inconclusive", reason,
    )  # fmt: skip
