"""Series that a population predicts from an empty start through a program's faults.

By the mean dynamics (any size, blind to chance) or by the exact law of the chain, whose means are those
that many runs approach.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from separatrix.errors import ModelError, NotConverged, Problem
from separatrix.fluid.field import integrate
from separatrix.fluid.rest import rest_from
from separatrix.markov.generator import as_chain
from separatrix.markov.transient import scheduled
from separatrix.model import Program
from separatrix.model.during import during
from separatrix.model.parameters import with_parameter
from separatrix.population import Array, Closure, Population, RateFunction, State, lower
from separatrix.questions.shared_box import boxed

Rate = Literal["goodput", "late answers", "attempts"]
RATES: tuple[Rate, ...] = ("goodput", "late answers", "attempts")
Quantity = Literal["queue", "orbit", "goodput", "late answers", "attempts"]
QUANTITIES: tuple[Quantity, ...] = ("queue", "orbit", *RATES)
Engine = Literal["fluid", "markov"]


@dataclass(frozen=True)
class Observation:
    """One series, seen in one run or in several.

    Attributes
    ----------
    quantity : ``"queue"`` (attempts at the server, waiting and in service), ``"orbit"`` (requests doomed to
        come back), ``"goodput"`` (requests answered in time per second), ``"late answers"`` (requests
        that a late response ended, per second) or ``"attempts"`` (sent per second).
    times : (n,) since the start of the run [s], increasing.
    values : (runs, n).

    Raises ModelError for times that do not increase and for shapes that do not fit.
    """

    quantity: Quantity
    times: Array
    values: Array

    def __post_init__(self) -> None:
        times, values = np.asarray(self.times, float), np.atleast_2d(np.asarray(self.values, float))
        object.__setattr__(self, "times", times)
        object.__setattr__(self, "values", values)
        problem = ""
        if self.quantity not in QUANTITIES:
            problem = f"unknown quantity {self.quantity!r}"
        elif times.ndim != 1 or len(times) < 2 or values.shape[1:] != times.shape:
            problem = f"{values.shape} values do not fit {times.shape} times"
        elif not (np.all(np.isfinite(times)) and np.all(np.diff(times) > 0) and times[0] >= 0):
            problem = "times must be >= 0 and increase"
        elif not np.all(np.isfinite(values)):
            problem = "holds values that are not finite"
        if problem:
            hint = "give (runs, n) values at n times"
            raise ModelError(Problem(problem, f"observation.{self.quantity}", hint))


def seen_series(result: Any, *, thin: int = 1) -> tuple[Observation, ...]:
    """The observations in a `SimulationResult` of one server whose runs were kept (``keep=True``).

    thin : take every so many samples; goodput is averaged over the samples left out.

    Raises ValueError where the runs were not kept.
    """
    series = result.to_xarray(runs=True)
    time = series["time"].to_numpy()
    queue = (series["queue"] + series["in_service"]).sum("server").to_numpy()
    names = [n for n in series["stream"].to_numpy() if "->" not in str(n)]
    orbit = np.nansum(series["orbit"].sel(stream=names).to_numpy(), axis=(2, 3))
    goodput = series["goodput"].sel(stream=names).sum("stream").to_numpy()
    picked = slice(thin, None, thin)
    blocks = (len(time) - 1) // thin
    rate = goodput[:, 1 : 1 + blocks * thin].reshape(len(goodput), blocks, thin).mean(axis=2)
    middle = 0.5 * (time[0 : blocks * thin : thin] + time[thin : 1 + blocks * thin : thin])
    return (
        Observation("queue", time[picked], queue[:, picked]),
        Observation("orbit", time[picked], orbit[:, picked]),
        Observation("goodput", middle, rate),
    )


def predicted(
    program: Program,
    times: Array,
    *,
    engine: Engine = "fluid",
    closure: Closure = "auto",
) -> dict[Quantity, Array]:
    """Every quantity of `program` at given times, from empty.

    Parameters
    ----------
    times : (n,) [s], increasing.
    engine : the mean dynamics, or the exact law.
    closure : see `lower`.

    Raises ModelError, `Unsupported` where no population carries the program; NotConverged where the
    dynamics could not be followed.
    """
    pieces = _pieces(program, float(times[-1]), closure, means_only=engine == "fluid")
    if engine == "markov":
        # at the very end the last piece is still in force
        chains = [(as_chain(p), d) for p, d in pieces]
        course = scheduled(chains, 0, np.minimum(times, sum(d for _, d in pieces)))
        laws = course.laws
        held = _held_at(pieces, times)
        grid = pieces[0][0].grid()
        rates: dict[Quantity, Array] = {
            name: np.array(
                [(laws[i] * _rate(p, name)(grid)).sum() for i, p in enumerate(held)], np.float64
            )
            for name in RATES
        }
        first = pieces[0][0]
        return {
            "queue": course.expected(first.total("queue", grid)),
            "orbit": course.expected(first.total("orbit", grid)),
            **rates,
        }
    states = _followed(pieces, times)
    first = pieces[0][0]
    columns = tuple(states.T)
    held = _held_at(pieces, times)
    counted: dict[Quantity, Array] = {
        name: np.array(
            [float(_rate(p, name)(_point(states[i]))) for i, p in enumerate(held)], np.float64
        )
        for name in RATES
    }
    zero = np.zeros(len(times))
    return {
        "queue": first.total("queue", columns) + zero,
        "orbit": first.total("orbit", columns) + zero,
        **counted,
    }


def rest_after(program: Program, end: float, closure: Closure = "auto") -> Array:
    """Where the mean dynamics rest once the program's faults, followed from empty, are over at `end` [s]."""
    pieces = _pieces(program, end, closure, means_only=True)
    state = _followed(pieces, np.array([end]))[0]
    calm = with_parameter(program, ("faults",), [])
    box = pieces[0][0].shape
    population = lower(calm, closure, means_only=True)
    axes = tuple(replace(a, size=n) for a, n in zip(population.axes, box, strict=True))
    return rest_from(replace(population, axes=axes), state).state


def _pieces(
    program: Program, end: float, closure: Closure, *, means_only: bool
) -> list[tuple[Population, float]]:
    """What is in force, and for how long, from 0 to `end`."""
    schedule = program.faults
    cuts = sorted({0.0, end, *(t for t in schedule.breakpoints if 0 < t < end)})
    base = boxed(program, schedule, closure) if schedule.faults else program
    populations = [
        lower(during(base, schedule, begin), closure, means_only=means_only) for begin in cuts[:-1]
    ]
    shapes = np.array([p.shape for p in populations])
    if np.any(shapes != shapes[0]):  # rates differ, and with them the boxes chosen
        top = tuple(int(n) for n in shapes.max(axis=0))
        populations = [
            replace(p, axes=tuple(replace(a, size=n) for a, n in zip(p.axes, top, strict=True)))
            for p in populations
        ]
    return [(p, b - a) for p, (a, b) in zip(populations, pairwise(cuts), strict=True)]


def _held_at(pieces: list[tuple[Population, float]], times: Array) -> list[Population]:
    ends = np.cumsum([d for _, d in pieces])
    places = np.minimum(np.searchsorted(ends, times, side="right"), len(pieces) - 1)
    return [pieces[i][0] for i in places]


def _followed(pieces: list[tuple[Population, float]], times: Array) -> Array:
    """States of the mean dynamics at `times`, (n, axes)."""
    state = np.zeros(len(pieces[0][0].axes))
    found = np.empty((len(times), len(state)))
    begin = 0.0
    for i, (population, duration) in enumerate(pieces):
        end = begin + duration
        last = i == len(pieces) - 1
        mine = (times >= begin) & ((times <= end) if last else (times < end))
        asked = np.unique(np.append(times[mine], end))
        course = integrate(population, state, (begin, end), asked)
        if course.status != "ok":
            raise NotConverged(f"the mean dynamics could not be followed: {course.reason}")
        found[mine] = course.states[np.searchsorted(asked, times[mine])]
        state, begin = course.states[-1], end
    return found


def _rate(population: Population, name: Rate) -> RateFunction:
    """State -> rate of what is counted, in all; NaN where the closure does not tell attempts."""
    found = [m.value for m in population.measures if m.name == name]
    missing = 0.0 if name == "late answers" else float("nan")
    return found[0] if found else lambda state: np.full_like(state[0], missing, np.float64)


def _point(x: Array) -> State:
    return tuple(np.asarray(c) for c in x)
