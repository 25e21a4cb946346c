r"""How the resting points of a program move when one of its numbers is turned.

The *hysteresis curve* is the queue at rest against the parameter. Where it folds back there are two ways to
be for one load: the *metastable range* of the parameter lies between the folds. On its safe side nothing can
trap the service, inside it can get stuck, and beyond it, it always is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from math import exp, inf, log
from typing import Any, Literal

import numpy as np

from separatrix.errors import ModelError, Problem
from separatrix.fluid.arclength import Branch, Turning, continued
from separatrix.fluid.equilibria import fixed_points
from separatrix.fluid.field import FluidClosure, mean_field, velocity
from separatrix.fluid.loadcurve import Family, affine_branch
from separatrix.fluid.reduced import reducible
from separatrix.fluid.rest import rest_from
from separatrix.model import Program
from separatrix.model.parameters import parameter as value_of
from separatrix.model.parameters import with_parameter
from separatrix.population import Array, Population

Standing = Literal["safe", "can get stuck", "always stuck", "unknown"]

WIDE = 20.0
"""A parameter is looked at from a WIDE-th of its value to WIDE times it, unless told otherwise."""
MOST_WHOLE = 64
"""Most values tried of a parameter that is a whole number."""


@dataclass(frozen=True)
class Hysteresis:
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


@dataclass(frozen=True)
class MetastableRange:
    """The values of a parameter at which the mean dynamics have a healthy and a stuck rest.

    Attributes
    ----------
    parameter : its path.
    value : where the program is now.
    low, high : the range; both NaN where there is none within `span`.
    worse : the side on which the service is always stuck.
    span : values looked at.
    status, reason : ``"ok"``; ``"inconclusive"`` where a branch was lost, or an end lies outside the span.
    """

    parameter: str
    value: float
    low: float
    high: float
    worse: Literal["above", "below"]
    span: tuple[float, float]
    status: Literal["ok", "inconclusive"] = "ok"
    reason: str = ""

    @property
    def exists(self) -> bool:
        """Whether there is such a range."""
        return not np.isnan(self.low)

    @property
    def margin(self) -> float:
        """How far the value is from the range on its safe side, in the parameter's unit.

        Negative inside and beyond it; infinite where there is no range.
        """
        if not self.exists:
            return inf
        return self.low - self.value if self.worse == "above" else self.value - self.high

    def standing(self, value: float | None = None) -> Standing:
        """What the range says of a value of the parameter (by default the present one)."""
        at = self.value if value is None else value
        if not self.exists:
            return "unknown"
        if self.low <= at <= self.high:
            return "can get stuck"
        return "safe" if (at < self.low) == (self.worse == "above") else "always stuck"

    def finding(self) -> str:
        """The range in one sentence."""
        if not self.exists:
            return (
                f"{self.parameter}: one resting point at every value from {self.span[0]:.4g} to "
                f"{self.span[1]:.4g}; nothing to get stuck in."
            )
        here = {
            "safe": f"at {self.value:.4g} it is safe, with a margin of {self.margin:.4g}",
            "can get stuck": f"at {self.value:.4g} it can get stuck",
            "always stuck": f"at {self.value:.4g} it is always stuck",
            "unknown": "",
        }[self.standing()]
        return f"{self.parameter}: can get stuck from {self.low:.4g} to {self.high:.4g}; {here}."

    def to_dict(self) -> dict[str, Any]:
        """For JSON; None where there is no range."""
        there = self.exists
        return {
            "schema": "separatrix.metastable_range/1",
            "parameter": self.parameter,
            "value": self.value,
            "low": self.low if there else None,
            "high": self.high if there else None,
            "worse": self.worse,
            "margin": self.margin if there else None,
            "standing": self.standing(),
            "span": list(self.span),
            "status": self.status,
            "reason": self.reason,
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
    value = number_at(program, parameter)
    if isinstance(value, int):
        raise ModelError(
            Problem("is a whole number and has no curve", parameter, "ask for metastable_range")
        )
    low, high = span if span is not None else (value / WIDE, value * WIDE)
    if not 0 < low < high < inf:
        raise ModelError(
            Problem(f"({low:g}, {high:g}) is no span", parameter, "give two numbers > 0 in order")
        )
    family = family_of(program, parameter, closure)
    here = family(value)
    queues, orbits = here.axes_of("queue"), here.axes_of("orbit")
    if reducible(here):
        closed = affine_branch(family, value, (low, high), points=points)
        if closed is not None:
            return Hysteresis(parameter, value, (low, high), (closed,), queues, orbits)
    scale = np.maximum(rest_scale(here), 1.0)
    start = min(max(value, low), high)
    there = family(start)
    top = np.array(there.shape, dtype=np.float64) - 1.0
    seeds = [rest_from(there, np.zeros(len(top))).state, rest_from(there, top).state]
    branches: list[Branch] = []

    # in the logarithm every factor is as far as every other, and no value gets below zero
    def field(states: Array, logarithm: float) -> Array:
        return velocity(family(exp(logarithm)), states)

    for seed in seeds:
        if any(_passes(branch, seed, start, scale, high - low) for branch in branches):
            continue
        down, up = (
            _exponential(
                continued(
                    field,
                    seed,
                    log(start),
                    span=(log(low), log(high)),
                    scale=scale,
                    upward=upward,
                    points=points,
                )
            )
            for upward in (False, True)
        )
        branches.append(down.reversed().joined(up))
    return Hysteresis(parameter, value, (low, high), tuple(branches), queues, orbits)


def metastable_range(
    program: Program,
    parameter: str,
    *,
    span: tuple[float, float] | None = None,
    closure: FluidClosure = "staged",
) -> MetastableRange:
    """Between which values of a parameter the mean dynamics can get stuck.

    Parameters and errors as in `hysteresis`; the parameter may be a whole number here.
    """
    value = number_at(program, parameter)
    if isinstance(value, int):
        return _whole_range(program, parameter, value, span, closure)
    found = hysteresis(program, parameter, span=span, points=120, closure=closure)
    lost = "; ".join(b.reason for b in found.branches if b.status != "ok")
    folds = sorted(fold.value for fold in found.folds)
    worse = _worse(found)
    if not folds:
        status = "inconclusive" if lost else "ok"
        return MetastableRange(parameter, value, np.nan, np.nan, worse, found.span, status, lost)
    if len(folds) == 1:
        # the other fold lies beyond the span
        edge = found.span[1] if _rises_after(found, folds[0]) else found.span[0]
        low, high = sorted((folds[0], edge))
        reason = f"it goes on beyond {edge:.4g}"
        return MetastableRange(
            parameter, value, low, high, worse, found.span, "inconclusive", reason
        )
    status = "inconclusive" if lost else "ok"
    return MetastableRange(parameter, value, folds[0], folds[-1], worse, found.span, status, lost)


def number_at(program: Program, parameter: str) -> float | int:
    """The number at a path. Raises ModelError where it is none, or not > 0 for a fraction."""
    value = value_of(program, parameter)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ModelError(
            Problem(f"is {value!r}, no number to turn", parameter, "name a rate, a time or a count")
        )
    if isinstance(value, float) and not value > 0:
        raise ModelError(
            Problem(f"is {value:g}; a curve needs a start > 0", parameter, "set it, or give a span")
        )
    return value


def family_of(program: Program, parameter: str, closure: FluidClosure) -> Family:
    """Value of a parameter -> the mean field of the program with it; the last few are kept."""

    @lru_cache(maxsize=8)
    def population(value: float) -> Population:
        return mean_field(with_parameter(program, parameter, value), closure)

    return population


def rest_scale(population: Population) -> Array:
    """(n_axes,) how far each coordinate reaches: the rest from the fullest start, and the queues."""
    top = np.array(population.shape, dtype=np.float64) - 1.0
    scale = rest_from(population, top).state.copy()
    for i in population.axes_of("queue"):
        scale[i] = top[i]
    # orbits follow the parameter in proportion: the curve's length is to be that of the queue
    for i in population.axes_of("orbit"):
        scale[i] = WIDE * max(scale[i], 1.0)
    return scale


def _exponential(branch: Branch) -> Branch:
    """A branch over the logarithm of a parameter as one over the parameter."""
    turnings = tuple(replace(t, value=exp(t.value)) for t in branch.turnings)
    reason = branch.reason
    if reason:
        reason = f"lost the branch at {float(np.exp(branch.values[-1])):.6g}"
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


def _worse(found: Hysteresis) -> Literal["above", "below"]:
    """On which side the queue at rest is long."""
    ends = [
        (float(b.values[i]), float(b.states[i][list(found.queues)].sum()))
        for b in found.branches
        for i in (0, -1)
    ]
    longest, shortest = max(ends, key=lambda e: e[1]), min(ends, key=lambda e: e[1])
    return "above" if longest[0] >= shortest[0] else "below"


def _rises_after(found: Hysteresis, fold: float) -> bool:
    """Whether the curve lies above a lone fold's value of the parameter."""
    values = np.concatenate([b.values for b in found.branches if b.folds])
    return bool(np.mean(values) >= fold)


def _whole_range(
    program: Program,
    parameter: str,
    value: int,
    span: tuple[float, float] | None,
    closure: FluidClosure,
) -> MetastableRange:
    low, high = span if span is not None else (max(value // 4, 0), 4 * value + 4)
    tried = np.unique(np.linspace(low, high, MOST_WHOLE).round().astype(int))
    family = family_of(program, parameter, closure)
    stuck: list[int] = []
    queue: dict[int, float] = {}
    for at in tried.tolist():
        try:
            population = family(at)
        except ModelError:
            continue  # a value that cannot be, such as fewer places than threads
        points = [p for p in fixed_points(population) if p.stable]
        queue[at] = sum(p.state[0] for p in points) / max(len(points), 1) / population.shape[0]
        if len(points) > 1:
            stuck.append(at)
    if not queue:
        raise ModelError(
            Problem(f"no value from {low:g} to {high:g} can be", parameter, "widen it")
        )
    worse: Literal["above", "below"] = (
        "above" if queue[max(queue)] >= queue[min(queue)] else "below"
    )
    looked = (float(min(queue)), float(max(queue)))
    if not stuck:
        return MetastableRange(parameter, value, np.nan, np.nan, worse, looked)
    coarse = len(tried) < high - low + 1
    cut = [edge for edge in looked if edge in (min(stuck), max(stuck))]
    reason = "not every whole number was tried" if coarse else ""
    reason = f"it may go on beyond {cut[0]:g}" if cut and cut[0] > 0 else reason
    return MetastableRange(
        parameter, value, float(min(stuck)), float(max(stuck)), worse, looked,
        "inconclusive" if reason else "ok", reason,
    )  # fmt: skip
