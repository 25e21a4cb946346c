"""What became of a service after a fault: the same reading of a simulated and of a real run."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from separatrix.model import Program
from separatrix.model.demand import demands
from separatrix.population import Array
from separatrix.questions.verdict import relaxation

STUCK_SHARE = 0.5
"""A run is stuck when its goodput at the end is below this share of what it was before."""
BACK_SHARE = 0.7
_IN_WINDOW = 100.0
"""Requests in the window that tells when a service is back: their number is known to a tenth."""


@dataclass(frozen=True)
class Outcome:
    """One run with a fault.

    Attributes
    ----------
    goodput_before, goodput_after : requests answered in time, before the fault and in the last part
        of the run [1/s].
    attempts_after : attempts sent in the last part [1/s].
    stuck : the goodput did not come back.
    recovery : from the end of the fault until the goodput is back [s]; infinite where it is not.
    """

    goodput_before: float
    goodput_after: float
    attempts_after: float
    stuck: bool
    recovery: float


@dataclass(frozen=True)
class Phases:
    """Parts of a run [s]: settling in, before the fault, the fault, and the part at the end.

    Attributes
    ----------
    settled : from when on the service counts as settled.
    fault, over : begin and end of the fault.
    last : begin of the last part.
    end : of the run.
    """

    settled: float
    fault: float
    over: float
    last: float
    end: float


def phases_of(program: Program, duration: float, after: float | None, step: float) -> Phases:
    """When to settle, to begin, and to look: from the program's own times, in whole steps."""
    slow = relaxation(program)
    if after is None:
        # a full queue that nothing feeds but the calm load has long cleared before the last part
        drains = [
            program.get_server(name).qsize / (demand.capacity - demand.first)
            for name, demand in demands(program).items()
            if demand.capacity > demand.first
        ]
        after = min(max(9.0, 5 * slow, 2 * max(drains, default=0.0)), 90.0)

    def whole(time: float) -> float:
        return math.ceil(time / step - 1e-9) * step

    settled = whole(min(max(1.0, slow), 10.0))
    fault = settled + whole(min(max(3.0, 2 * slow), 20.0))
    over = fault + whole(duration)
    return Phases(settled, fault, over, over + whole(2 * after / 3), over + whole(after))


def outcome(goodput: Array, attempts: Array, step: float, phases: Phases) -> Outcome:
    """Read one run.

    Parameters
    ----------
    goodput, attempts : (samples,) rates over the step that ends at the sample [1/s].
    step : sampling step [s].
    """

    def mean(series: Array, start: float, end: float) -> float:
        first, last = round(start / step), round(end / step)
        return float(series[first + 1 : last + 1].mean())

    before = mean(goodput, phases.settled, phases.fault)
    after = mean(goodput, phases.last, phases.end)
    stuck = after < STUCK_SHARE * before
    return Outcome(
        goodput_before=before,
        goodput_after=after,
        attempts_after=mean(attempts, phases.last, phases.end),
        stuck=stuck,
        recovery=math.inf if stuck else _recovery(goodput, step, phases, before),
    )


def _recovery(goodput: Array, step: float, phases: Phases, before: float) -> float:
    """Time after the fault at which a window begins whose goodput is back."""
    window = max(1, math.ceil(_IN_WINDOW / max(before, 1e-300) / step))
    after = goodput[round(phases.over / step) + 1 :]
    if len(after) < window:
        return math.inf
    means = np.convolve(after, np.full(window, 1.0 / window), mode="valid")
    back = np.flatnonzero(means >= BACK_SHARE * before)
    return float(back[0]) * step if len(back) else math.inf
