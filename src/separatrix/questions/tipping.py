r"""The tipping point: the smallest spike or slowdown of a given length, or the shortest outage, that traps.

What *trapped* means is said in `separatrix.questions.trapped`, and is the same for every engine. Faults hit what
they are told to (by default all sources, or all servers), once the service runs as usual. The fluid knows no
chance: its tipping point is where it begins to be trapped. For the chain and for simulation it is where
:math:`P(\text{trapped}) = 1/2`. A worse fault is taken to trap wherever a lesser one does.

Sizes are looked for on one grid, :math:`1.002^k`, so that a limit, a report, a curve and the command line
name the same number.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, inf, isfinite, log, sqrt
from typing import Any, Literal

from separatrix.errors import ModelError, Problem, Unsupported
from separatrix.fluid.delay_model import delay_model
from separatrix.model import Outage, Program, Schedule, Slowdown, Spike
from separatrix.model.faults import Fault
from separatrix.model.quantities import duration_text
from separatrix.notebook import Shown
from separatrix.population import Closure
from separatrix.questions.fluid_verdict import fluid_verdict
from separatrix.questions.long_outage import longest_outage
from separatrix.questions.trapped import (
    delay_trapped,
    exact_trapped,
    lead_time,
    mean_trapped,
    seen_trapped,
)

Kind = Literal["spike", "slowdown", "outage"]

MOST_FACTOR = 100.0
"""Larger spikes and slowdowns are not tried."""
STEP = 1.002
"""Ratio of neighbouring sizes on the grid of the fluid."""
CLOSE = 0.02
"""Relative width at which the bisection of the engines with chance ends."""
_SHORTEST = 2.0**-40


@dataclass(frozen=True)
class Tipping(Shown):
    """The size from which on a fault traps.

    Attributes
    ----------
    kind : of the fault.
    duration : of a spike or slowdown as asked for; of an outage what was found [s].
    factor : of a spike or slowdown what was found; infinite for an outage.
    low, high : ends of the interval of what was found.

    What was found is infinite where the largest size tried traps nobody.
    """

    kind: Kind
    duration: float
    factor: float
    low: float
    high: float

    @property
    def size(self) -> float:
        """What was found: the factor, or the duration [s] of an outage."""
        return self.duration if self.kind == "outage" else self.factor

    def to_dict(self) -> dict[str, Any]:
        """For JSON; None for infinite."""
        numbers = {k: v for k, v in vars(self).items() if k != "kind"}
        return {"kind": self.kind, **{k: (v if isfinite(v) else None) for k, v in numbers.items()}}

    def __str__(self) -> str:
        if self.kind == "outage":
            return duration_text(self.duration) if isfinite(self.duration) else "no outage"
        lasting = f"for {duration_text(self.duration)}"
        if not isfinite(self.factor):
            return f"> {MOST_FACTOR:g}x {lasting}"
        if self.high - self.low <= 2 * CLOSE * self.factor:
            return f"{self.factor:.3g}x {lasting}"
        return f"{self.factor:.3g}x ({self.low:.3g}x .. {self.high:.3g}x) {lasting}"


def fault_of(
    program: Program, kind: Kind, place: str | None, size: float, duration: float
) -> tuple[Fault, ...]:
    """The faults of one size, from `lead_time` on.

    Parameters
    ----------
    place : the source (spike) or server that is hit; all of them by default.
    size : factor; of an outage, its duration [s], and `duration` is not used.

    Raises ModelError for an unknown kind or place.
    """
    start = lead_time(program)
    names = places(program, kind, place)
    if kind == "spike":
        return tuple(Spike(name, size, start, duration) for name in names)
    if kind == "slowdown":
        return tuple(Slowdown(name, size, start, duration) for name in names)
    return tuple(Outage(name, start, size) for name in names)


def places(program: Program, kind: Kind, place: str | None) -> tuple[str, ...]:
    """Names of what is hit. Raises ModelError for an unknown kind or place."""
    if kind not in ("spike", "slowdown", "outage"):
        raise ModelError(Problem(f"unknown kind {kind!r}", "kind", "spike, slowdown or outage"))
    program.check()
    if place is None:
        return tuple(v.name for v in (program.sources if kind == "spike" else program.servers))
    found = program.get_source(place) if kind == "spike" else program.get_server(place)
    return (found.name,)


def fluid_judge(
    program: Program, closure: Closure | None = None
) -> tuple[Callable[[tuple[Fault, ...]], bool], tuple[str, ...]]:
    """Whether faults trap the fluid, and where it approximates the program; see `fluid_trapped`.

    Raises ModelError for a wrong program, `Unsupported` where neither form carries it.
    """
    if closure is None:
        try:
            model = delay_model(program)
            return (lambda faults: delay_trapped(model, Schedule(faults))), model.notes
        except Unsupported:
            closure = "auto"
    kept: Closure = closure
    note = "the mean dynamics of the population, with exponential waits"
    if fluid_verdict(program, closure=kept, timed=False).word == "safe":
        # every way leads to a resting point where requests are answered
        return (lambda faults: False), (note,)
    return (lambda faults: mean_trapped(program, Schedule(faults), kept)), (note,)


def fluid_tipping(
    program: Program,
    duration: float = 60.0,
    *,
    kind: Kind = "spike",
    place: str | None = None,
    closure: Closure | None = None,
) -> Tipping:
    """By the fluid.

    Parameters
    ----------
    duration : of a spike or slowdown [s].
    place, closure : see `fault_of` and `fluid_judge`.

    Raises ModelError for a wrong fault, `Unsupported` where no fluid carries the program.
    """
    judge, _ = fluid_judge(program, closure)
    size = smallest(
        lambda size: judge(fault_of(program, kind, place, size, duration)),
        longest_outage(program) if kind == "outage" else MOST_FACTOR,
        _SHORTEST * longest_outage(program) if kind == "outage" else 1.0,
    )
    if kind == "outage":
        return Tipping(kind, size, inf, size, size)
    return Tipping(kind, duration, size, size, size)


def exact_tipping(program: Program, duration: float, *, closure: Closure = "auto") -> Tipping:
    """The spike of even odds by the chain. Raises as `exact_trapped`."""

    def trapped(factor: float) -> bool:
        faults = fault_of(program, "spike", None, factor, duration)
        return exact_trapped(program, faults, closure=closure).probability >= 0.5

    low, high = _bracket(trapped)
    return Tipping("spike", duration, _middle(low, high), low, high)


def seen_tipping(program: Program, duration: float, *, runs: int = 200, seed: int = 0) -> Tipping:
    """The spike of even odds by simulation: low and high end where the interval leaves 1/2 aside."""
    surely_low, surely_high = 1.0, inf

    def trapped(factor: float) -> bool:
        nonlocal surely_low, surely_high
        faults = fault_of(program, "spike", None, factor, duration)
        found = seen_trapped(program, faults, runs=runs, seed=seed)
        if found.high < 0.5:
            surely_low = max(surely_low, factor)
        if found.low > 0.5:
            surely_high = min(surely_high, factor)
        return found.probability >= 0.5

    low, high = _bracket(trapped)
    if not isfinite(high):
        return Tipping("spike", duration, inf, surely_low, inf)
    even = _middle(low, high)
    # the bisection ends near even odds: look outwards until the interval leaves them
    while not isfinite(surely_high) and (high := high * 1.05) < MOST_FACTOR:
        trapped(high)
    while surely_low == 1.0 and (low := low / 1.05) > 1.0:
        trapped(low)
    return Tipping("spike", duration, even, surely_low, surely_high)


def smallest(
    traps: Callable[[float], bool], most: float, least: float, bound: float = inf
) -> float:
    """The least size least * STEP^k that traps; infinite where `most` does not.

    bound : a size that is known to trap, if finite.
    """
    last = ceil(log(most / least) / log(STEP))
    if isfinite(bound):
        last = min(last, round(log(bound / least) / log(STEP)))
    elif not traps(least * STEP**last):
        return inf
    first = 0
    while last - first > 1:
        middle = (first + last) // 2
        if traps(least * STEP**middle):
            last = middle
        else:
            first = middle
    return least * STEP**last


def _bracket(trapped: Callable[[float], bool]) -> tuple[float, float]:
    """Factors between which the answer changes, `CLOSE` to each other."""
    low, high = 1.0, 1.25
    while not trapped(high):
        low, high = high, high * 1.5
        if high > MOST_FACTOR:
            return low, inf
    while high / low > 1 + CLOSE:
        middle = sqrt(low * high)
        low, high = (low, middle) if trapped(middle) else (middle, high)
    return low, high


def _middle(low: float, high: float) -> float:
    return sqrt(low * high) if isfinite(high) else inf
