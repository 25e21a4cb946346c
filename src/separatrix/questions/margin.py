r"""The margin against spikes as each engine sees it: the factor at which even odds are to be trapped.

A spike of the arrivals hits an empty service for a given time. The probability of being trapped grows with
its factor; sought is the factor at which it is 1/2, by bisection on a logarithmic scale. The mean dynamics know
no chance: theirs is the factor from which on they settle on the stuck side.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, isfinite, sqrt
from typing import Any

import numpy as np

from separatrix.fluid.rest import rest_from
from separatrix.model import Program, Spike
from separatrix.model.parameters import with_parameter
from separatrix.model.quantities import duration_text
from separatrix.population import Closure, lower
from separatrix.questions.predicted import rest_after
from separatrix.questions.trapped import exact_trapped, seen_trapped

MOST_FACTOR = 30.0
"""Larger spikes are not tried."""
CLOSE = 0.02
"""Relative width at which the bisection ends."""


@dataclass(frozen=True)
class Margin:
    """The factor of even odds.

    Attributes
    ----------
    factor, low, high : estimate and the ends of its interval; infinite where `MOST_FACTOR` traps nobody.
    duration : of the spike [s].
    """

    factor: float
    low: float
    high: float
    duration: float

    def to_dict(self) -> dict[str, Any]:
        """For JSON; None for infinity."""
        return {k: (v if isfinite(v) else None) for k, v in vars(self).items()}

    def __str__(self) -> str:
        lasting = f"for {duration_text(self.duration)}"
        if not isfinite(self.factor):
            return f"> {MOST_FACTOR:g}x {lasting}"
        if self.high - self.low <= 2 * CLOSE * self.factor:
            return f"{self.factor:.3g}x {lasting}"
        return f"{self.factor:.3g}x ({self.low:.3g}x .. {self.high:.3g}x) {lasting}"


def exact_margin(program: Program, duration: float, *, closure: Closure = "auto") -> Margin:
    """By the chain: its law carried through the spike, and its committor.

    Raises as `exact_trapped`.
    """
    low, high = _bracket(
        lambda factor: (
            exact_trapped(program, _spikes(program, factor, duration), closure=closure).probability
            >= 0.5
        )
    )
    return Margin(_middle(low, high), low, high, duration)


def fluid_margin(program: Program, duration: float, *, closure: Closure = "auto") -> Margin:
    """By the mean dynamics: followed through the spike, and to where they rest after it.

    Raises ModelError, `Unsupported` where no population carries the program.
    """
    calm = rest_from(lower(program, closure), np.zeros(len(lower(program, closure).axes))).state
    edge = float(calm.sum())

    def trapped(factor: float) -> bool:
        hit = with_parameter(program, ("faults",), list(_spikes(program, factor, duration)))
        return float(rest_after(hit, duration, closure).sum()) > 2 * edge + 2.0

    low, high = _bracket(trapped)
    return Margin(_middle(low, high), low, high, duration)


def seen_margin(
    program: Program, duration: float, healthy: float, *, runs: int = 200, seed: int = 0
) -> Margin:
    """By simulation: low and high end where the interval of the probability leaves 1/2 aside.

    healthy : score of a service that is back; see `seen_recovery`.
    """
    surely_low, surely_high = 1.0, inf

    def trapped(factor: float) -> bool:
        nonlocal surely_low, surely_high
        found = seen_trapped(
            program, _spikes(program, factor, duration), healthy, runs=runs, seed=seed
        )
        if found.high < 0.5:
            surely_low = max(surely_low, factor)
        if found.low > 0.5:
            surely_high = min(surely_high, factor)
        return found.probability >= 0.5

    low, high = _bracket(trapped)
    if not isfinite(high):
        return Margin(inf, surely_low, inf, duration)
    even = _middle(low, high)
    # the bisection ends near even odds: look outwards until the interval leaves them
    while not isfinite(surely_high) and (high := high * 1.05) < MOST_FACTOR:
        trapped(high)
    while surely_low == 1.0 and (low := low / 1.05) > 1.0:
        trapped(low)
    return Margin(even, surely_low, surely_high, duration)


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


def _spikes(program: Program, factor: float, duration: float) -> tuple[Spike, ...]:
    return tuple(Spike(s.name, factor, 0.0, duration) for s in program.sources)
