r"""How the resting points of a program move when one of its numbers is turned.

The *hysteresis curve* is the queue at rest against the parameter. Where it folds back there are two ways to
be for one load. With one queue it is the level curve of the reduced drift (in closed form where the parameter
enters affinely); with several it is followed by pseudo-arclength from the rests of the empty and full service.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from math import exp, inf, log
from typing import Any

import numpy as np

from separatrix.errors import ModelError, Problem
from separatrix.fluid.arclength import continued
from separatrix.fluid.branch import Branch, Turning
from separatrix.fluid.field import FluidClosure, mean_field, velocity
from separatrix.fluid.levelcurve import level_curves
from separatrix.fluid.loadcurve import Family, affine_branches
from separatrix.fluid.reduced import reducible
from separatrix.fluid.rest import rest_from
from separatrix.fluid.smooth_family import smooth_family
from separatrix.model import Program
from separatrix.model.parameters import parameter as value_of
from separatrix.model.parameters import with_parameter
from separatrix.notebook import Shown
from separatrix.population import Array, Population

WIDE = 20.0
"""A parameter is looked at from a WIDE-th of its value to WIDE times it, unless told otherwise."""


@dataclass(frozen=True)
class Hysteresis(Shown):
    """Curves of resting points over one parameter.

    Attributes
    ----------
    parameter : its path.
    value : where the program is now.
    span : values looked at.
    branches : the curves; more than one where they are not connected within the span.
    orbits : numbers of the coordinates that count requests waiting to return.
    queues : numbers of the coordinates that are queues.
    """

    parameter: str
    value: float
    span: tuple[float, float]
    branches: tuple[Branch, ...]
    queues: tuple[int, ...]
    orbits: tuple[int, ...]

    @property
    def folds(self) -> tuple[Turning, ...]:
        """All folds."""
        return tuple(fold for branch in self.branches for fold in branch.folds)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "schema": "separatrix.hysteresis/1",
            "parameter": self.parameter,
            "value": self.value,
            "branches": [
                {
                    "values": branch.values.tolist(),
                    "queue": branch.states[:, list(self.queues)].sum(axis=1).tolist(),
                    "orbit": branch.states[:, list(self.orbits)].sum(axis=1).tolist(),
                    "stable": branch.stable.tolist(),
                    "turnings": [
                        {"kind": t.kind, "value": t.value, "frequency_rad_per_s": t.frequency}
                        for t in branch.turnings
                    ],
                    "status": branch.status,
                    "reason": branch.reason,
                }
                for branch in self.branches
            ],
        }


def hysteresis(
    program: Program,
    parameter: str,
    *,
    span: tuple[float, float] | None = None,
    points: int = 200,
    closure: FluidClosure = "staged",
) -> Hysteresis:
    """The curves of resting points of `program` over one of its numbers.

    Parameters
    ----------
    parameter : path, such as ``"sources.web.arrival_rate"``; a number that may be a fraction.
    span : (least, greatest) value [SI]; by default a twentieth of the value to twenty times it.
    points : about how many on a curve.

    Raises ModelError for a path that is no such number.
    """
    value = number_at(program, parameter, spanned=span is not None)
    if isinstance(value, int):
        raise ModelError(
            Problem("is a whole number and has no curve", parameter, "ask for metastable_range")
        )
    low, high = span if span is not None else _span_about(program, parameter, value)
    if not 0 < low < high < inf:
        raise ModelError(
            Problem(f"({low:g}, {high:g}) is no span", parameter, "give two numbers > 0 in order")
        )
    family = family_of(program, parameter, closure)
    start = min(max(value, low), high)
    beside = start * (1.0 + 1e-9)
    if len(family(start).axes) != len(family(beside).axes):
        start = beside  # where two sources happen to be alike, and nowhere else, they share their orbits
    there = family(start)
    queues, orbits = there.axes_of("queue"), there.axes_of("orbit")
    if reducible(there):
        curves = affine_branches(family, start, (low, high), points=points)
        if curves is None:
            curves = level_curves(family, start, (low, high), points=points)
        return Hysteresis(parameter, value, (low, high), curves, queues, orbits)
    # what is long in the middle of the span may be short at its ends
    between = ((low * start) ** 0.5, (start * high) ** 0.5)
    scale = rest_scale(*(family(p) for p in (low, between[0], start, between[1], high)))
    # from both ends of the span, too: a curve may lie wholly beside the present value
    seeds = [(at, seed) for at in (start, low, high) for seed in _outermost(family(at))]
    branches: list[Branch] = []

    smooth = smooth_family(family, (low, high))

    # in the logarithm every factor is as far as every other, and no value gets below zero
    def field(states: Array, logarithm: float) -> Array:
        if smooth is not None:
            return smooth.speed(states, logarithm)
        return velocity(family(exp(logarithm)), states)

    for at, seed in seeds:
        if any(_passes(branch, seed, at, scale, high - low) for branch in branches):
            continue
        down, up = (
            _exponential(
                continued(
                    field,
                    seed,
                    log(at),
                    span=(log(low), log(high)),
                    scale=scale,
                    upward=upward,
                    points=points,
                    slope=None if smooth is None else smooth.slopes,
                )
            )
            for upward in (False, True)
        )
        branch = down.reversed().joined(up)
        if at == start or len(branch.values) > 1:  # else no rest was found so far off
            branches.append(branch)
    return Hysteresis(parameter, value, (low, high), tuple(branches), queues, orbits)


def number_at(program: Program, parameter: str, *, spanned: bool = False) -> float | int:
    """The number at a path.

    spanned : the values to look at are given, so that it may be 0 now.

    Raises ModelError where it is no number, or a fraction that is not > 0 and leaves nothing to look at.
    """
    value = value_of(program, parameter)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ModelError(
            Problem(f"is {value!r}, no number to turn", parameter, "name a rate, a time or a count")
        )
    if isinstance(value, float) and not (value > 0 or spanned):
        raise ModelError(
            Problem(f"is {value:g}; a curve needs a start > 0", parameter, "set it, or give a span")
        )
    return value


def _span_about(program: Program, parameter: str, value: float) -> tuple[float, float]:
    """A WIDE-th of a value to WIDE times it, as far as the parameter may go."""

    def reach(end: float) -> float:
        if _can_be(program, parameter, end):
            return end
        good, bad = log(value), log(end)
        for _ in range(24):
            middle = 0.5 * (good + bad)
            good, bad = (
                (middle, bad) if _can_be(program, parameter, exp(middle)) else (good, middle)
            )
        return exp(good)

    return reach(value / WIDE), reach(value * WIDE)


def _can_be(program: Program, parameter: str, value: float) -> bool:
    try:
        with_parameter(program, parameter, value)
    except ModelError:
        return False
    return True


def family_of(program: Program, parameter: str, closure: FluidClosure) -> Family:
    """Value of a parameter -> the mean field of the program with it; the last few are kept."""

    @lru_cache(maxsize=8)
    def population(value: float) -> Population:
        return mean_field(with_parameter(program, parameter, value), closure)

    return population


def rest_scale(*populations: Population) -> Array:
    """(n_axes,) how far each coordinate reaches: its size, for orbits the rests from the fullest starts.

    An orbit's axis is as long as chance may make it; what rests on it is the length that a curve has.
    """
    tops = [np.array(p.shape, dtype=np.float64) - 1.0 for p in populations]
    rests = [rest_from(p, top).state for p, top in zip(populations, tops, strict=True)]
    scale = np.maximum(np.max(tops, axis=0), 1.0)
    for i in populations[0].axes_of("orbit"):
        scale[i] = max(1.0, *(rest[i] for rest in rests))
    return scale


def _outermost(population: Population) -> tuple[Array, Array]:
    """Where the empty and the fullest service come to rest."""
    top = np.array(population.shape, dtype=np.float64) - 1.0
    return rest_from(population, np.zeros(len(top))).state, rest_from(population, top).state


def _exponential(branch: Branch) -> Branch:
    """A branch over the logarithm of a parameter as one over the parameter."""
    turnings = tuple(replace(t, value=exp(t.value)) for t in branch.turnings)
    reason = branch.reason
    if reason:
        reason = f"{reason}, at {float(np.exp(branch.values[-1])):.6g}"
    return replace(branch, values=np.exp(branch.values), turnings=turnings, reason=reason)


def _passes(branch: Branch, state: Array, value: float, scale: Array, width: float) -> bool:
    """Whether a branch goes through a resting point."""
    across = np.abs(branch.values - value) / width
    away = np.abs(branch.states - state) / scale
    near = np.maximum(across, away.max(axis=1))
    i = int(np.argmin(near))
    if near[i] < 1e-6:
        return True
    # between two neighbours of the curve: closer to their chord than a tenth of it
    for j in (i - 1, i):
        if 0 <= j < len(branch.values) - 1:
            ends = [
                np.append(branch.states[k] / scale, branch.values[k] / width) for k in (j, j + 1)
            ]
            at = np.append(state / scale, value / width)
            chord = ends[1] - ends[0]
            t = float(np.clip((at - ends[0]) @ chord / max(chord @ chord, 1e-300), 0.0, 1.0))
            if np.linalg.norm(at - ends[0] - t * chord) < 0.1 * np.linalg.norm(chord):
                return True
    return False
