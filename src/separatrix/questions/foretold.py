"""What the engines without chance of their own foretell of a fault: mean dynamics and exact chain.

Each says the same things as a simulated run does, or why it cannot. The mean dynamics know neither
chance nor a chance to get stuck; the chain knows both, and its law can be carried through the fault
where it is small enough.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from separatrix.errors import ModelError, NotConverged
from separatrix.markov.generator import as_chain
from separatrix.model import Program
from separatrix.model.during import during
from separatrix.notebook import Shown
from separatrix.population import Array, Closure, lower
from separatrix.questions.dear import FORETOLD, dearness
from separatrix.questions.fault_return import fault_return
from separatrix.questions.outcome import Phases, outcome
from separatrix.questions.predicted import predicted
from separatrix.questions.shared_box import boxed
from separatrix.questions.verdict import check

MOST_CARRYING = 5e9
"""Multiplications above which the chain's law is not carried through a fault."""
POINTS = 121
"""Instants at which the chain's means are asked for."""


@dataclass(frozen=True)
class Forecast(Shown):
    """What one engine foretells.

    Attributes
    ----------
    engine : ``"fluid"`` (mean dynamics) or ``"markov"`` (exact chain).
    word : ``"stuck"``, ``"recovers"``, ``"either"``, or ``"no answer"``.
    chance : to get stuck; NaN from the mean dynamics.
    goodput_before, goodput_after, attempts_after : means [1/s]; NaN where not known.
    recovery : from the end of the fault until it is back [s]; infinite where it is not.
    reason : why there is no answer, or what it rests on.
    """

    engine: Literal["fluid", "markov"]
    word: Literal["stuck", "recovers", "either", "no answer"]
    chance: float
    goodput_before: float
    goodput_after: float
    attempts_after: float
    recovery: float
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """For JSON; None for what is infinite or not known."""
        return {
            name: (value if not isinstance(value, float) or math.isfinite(value) else None)
            for name, value in vars(self).items()
        }


def foretell(program: Program, phases: Phases, step: float) -> tuple[Forecast, ...]:
    """Both forecasts for a program with its fault.

    Parameters
    ----------
    phases : of the run [s].
    step : sampling step [s].
    """
    return by_mean_dynamics(program, phases, step), by_chain(program, phases)


def by_mean_dynamics(program: Program, phases: Phases, step: float) -> Forecast:
    """The forecast of the mean dynamics, by the geometric closure."""
    # a simulated sample counts what happened in the step before it: hence the middle of that step
    times = np.maximum((np.arange(round(phases.end / step) + 1) - 0.5) * step, 0.0)
    try:
        series = predicted(program, times, engine="fluid", closure="geometric")
    except (ModelError, NotConverged) as error:
        return _silent("fluid", str(error))
    answered = series["goodput"] + series["late answers"]
    seen = outcome(answered, series["attempts"], step, phases)
    return Forecast(
        "fluid", "stuck" if seen.stuck else "recovers", math.nan, seen.goodput_before,
        seen.goodput_after, seen.attempts_after, seen.recovery,
        "mean dynamics: chance is left out",
    )  # fmt: skip


def by_chain(program: Program, phases: Phases, *, closure: Closure = "geometric") -> Forecast:
    """The forecast of the exact chain, whose law is carried through the fault."""
    try:
        dear = _dear(program, phases, closure)
        if dear:
            return _silent("markov", dear)
        found = fault_return(
            program, after=phases.end - phases.over, points=POINTS, closure=closure
        )
    except (ModelError, NotConverged) as error:
        return _silent("markov", str(error))
    if found.status != "ok":
        return _silent("markov", found.reason)
    courses = {course.name: course.values for course in found.courses}

    def mean(names: tuple[str, ...], begin: float, end: float) -> float:
        inside = (found.times >= begin) & (found.times < end)
        parts = [courses[name][inside] for name in names if name in courses]
        return float(np.sum(parts, axis=0).mean())

    answered = ("goodput", "late answers")
    word = "stuck" if found.trapped > 0.95 else "recovers" if found.trapped < 0.05 else "either"
    return Forecast(
        "markov", word, found.trapped,
        mean(answered, phases.settled, phases.fault), mean(answered, phases.last, phases.end),
        mean(("attempts",), phases.last, phases.end),
        found.back.mean if word == "recovers" else math.nan if word == "either" else math.inf,
        f"{found.states:,} states; means over all that may happen, to the healthy set",
    )  # fmt: skip


def standing(program: Program) -> tuple[str, str]:
    """Verdict and sentence of the exact chain without any fault; ``"not asked"`` and why."""
    try:
        population = lower(program)
        dear = dearness(population, FORETOLD)
        if dear:
            return "not asked", f"{dear} is too dear here; `separatrix check` solves it"
        verdict = check(program)
    except (ModelError, NotConverged) as error:
        return "not asked", str(error)
    return verdict.word, verdict.sentence


def _dear(program: Program, phases: Phases, closure: Closure) -> str:
    """Why carrying the law through the fault would cost too much; empty where it does not."""
    base = boxed(program, program.faults, closure)
    worst = lower(during(base, program.faults, phases.fault), closure)
    dear = dearness(worst, FORETOLD)
    if dear:
        return f"{dear} is too dear here"
    table: Array = as_chain(worst).table
    steps = float(table.sum(axis=0).max()) * phases.end
    if steps * table.size > MOST_CARRYING:
        return (
            f"{steps:,.0f} products with a chain of {worst.n_states:,} states are too dear here; "
            "`questions.fault_return` makes them"
        )
    return ""


def _silent(engine: Literal["fluid", "markov"], reason: str) -> Forecast:
    nan = math.nan
    return Forecast(engine, "no answer", nan, nan, nan, nan, nan, reason)
