r"""The smallest faults that trap a service as a curve: factor against duration, confirmed by simulation.

Each point is `fluid_tipping`'s. Runs with the same fault are then watched as in `aftermath`, and the size at which
half of them are trapped is closed in on from both sides: `low` is the largest size at which surely fewer
than half are (Wilson's 95 % interval), `high` the smallest at which surely more are. Chance tips a small service
earlier than the fluid says; the gap closes with its size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf, isfinite
from typing import Any, Literal

import numpy as np

from separatrix.errors import ModelError, Problem
from separatrix.model import Program
from separatrix.model.quantities import duration_text
from separatrix.notebook import Shown
from separatrix.questions.long_outage import longest_outage
from separatrix.questions.tipping import (
    MOST_FACTOR,
    Kind,
    fault_of,
    fluid_judge,
    fluid_tipping,
    places,
    smallest,
)
from separatrix.questions.trapped import seen_trapped

PROBES = 9
"""Most sizes tried by simulation for one point."""


@dataclass(frozen=True)
class SeenTipping:
    """Where simulation tips in half of its runs.

    Attributes
    ----------
    low, high : sizes (factor, or duration [s] of an outage) at which surely fewer than half, and surely more
        than half, of the runs are trapped; 1 (or 0) and infinity where none was found.
    runs, probes : runs at each size tried, and how many sizes.
    """

    low: float
    high: float
    runs: int
    probes: int

    @property
    def middle(self) -> float:
        """Geometric middle of the interval: the estimate."""
        return (self.low * self.high) ** 0.5 if isfinite(self.high) else inf


@dataclass(frozen=True)
class TippingPoint:
    """The smallest fault of one duration.

    Attributes
    ----------
    duration : [s].
    factor : smallest factor that traps; infinite where even `MOST_FACTOR` does not. For an outage, infinite
        by nature: its `duration` is what was found.
    seen : the same by simulation; None where it was not asked.
    """

    duration: float
    factor: float
    seen: SeenTipping | None = None


@dataclass(frozen=True)
class TippingCurve(Shown):
    """The smallest faults of one kind that trap the service.

    Attributes
    ----------
    kind, place : what happens, and to which source or server; None for all of them.
    points : by duration.
    status, reason : ``"inconclusive"`` where the service is stuck without any fault.
    notes : where the fluid approximates the program.
    """

    kind: Kind
    place: str | None
    points: tuple[TippingPoint, ...]
    status: Literal["ok", "inconclusive"]
    reason: str
    notes: tuple[str, ...]

    @property
    def where(self) -> str:
        """What is hit, in words."""
        return self.place or ("all sources" if self.kind == "spike" else "all servers")

    def finding(self) -> str:
        """The curve in one sentence."""
        place = self.where
        if self.status != "ok":
            return self.reason
        tipping = [p for p in self.points if isfinite(p.duration)]
        if self.kind == "outage":
            if not tipping:
                return f"No outage of {place} traps the service."
            return (
                f"An outage of {place} for {duration_text(tipping[0].duration)} traps the service."
            )
        tipping = [p for p in tipping if isfinite(p.factor)]
        if not tipping:
            return f"No {self.kind} of {place} up to {MOST_FACTOR:g}x traps the service."
        first, last = tipping[0], tipping[-1]
        text = f"{first.factor:.3g}x for {duration_text(first.duration)} traps the service"
        if len(tipping) > 1:
            text += f", and so does {last.factor:.3g}x for {duration_text(last.duration)}"
        return f"A {self.kind} of {place} of {text}."

    def to_dict(self) -> dict[str, Any]:
        """For JSON; None for infinite."""
        return {
            "schema": "separatrix.tipping/1",
            "kind": self.kind,
            "place": self.place,
            "points": [
                {
                    "duration_s": _finite(p.duration),
                    "factor": _finite(p.factor),
                    "seen": None
                    if p.seen is None
                    else {**vars(p.seen), "high": _finite(p.seen.high)},
                }
                for p in self.points
            ],
            "finding": self.finding(),
            "status": self.status,
            "reason": self.reason,
            "notes": list(self.notes),
        }


def tipping_curve(
    program: Program,
    *,
    kind: Kind = "spike",
    place: str | None = None,
    durations: Sequence[float] | None = None,
) -> TippingCurve:
    """The smallest faults that trap `program`, by the fluid.

    Parameters
    ----------
    kind : what happens.
    place : source (spike) or server; by default all of them.
    durations : of spike or slowdown [s]; by default 20 from a quarter of the shortest to 20 times the longest
        time-out. An outage has one point: its duration is what is looked for.

    Raises ModelError for an unknown place, `Unsupported` where no fluid carries the program.
    """
    names = places(program, kind, place)
    at = names[0] if len(names) == 1 else None
    judge, notes = fluid_judge(program)
    if judge(()):
        reason = "the service is stuck at this load without any fault"
        return TippingCurve(kind, at, (), "inconclusive", reason, notes)
    if kind == "outage":
        point = TippingPoint(fluid_tipping(program, kind=kind, place=place).duration, inf)
        return TippingCurve(kind, at, (point,), "ok", "", notes)
    if durations is None:
        timeouts = [source.timeout for source in program.sources]
        durations = [float(v) for v in np.geomspace(min(timeouts) / 4, 20 * max(timeouts), 20)]
    points: list[TippingPoint] = []
    for duration in sorted(durations):
        if not 0 < duration < inf:
            raise ModelError(Problem(f"must be > 0 s, got {duration:g}", "durations", "give times"))

        def traps(factor: float, duration: float = duration) -> bool:
            return judge(fault_of(program, kind, place, factor, duration))

        # a longer fault needs no larger factor: the last one found bounds the next
        bound = points[-1].factor if points else inf
        points.append(TippingPoint(duration, smallest(traps, MOST_FACTOR, 1.0, bound)))
    return TippingCurve(kind, at, tuple(points), "ok", "", notes)


def confirmed(
    program: Program, curve: TippingCurve, *, runs: int = 32, seed: int = 0
) -> TippingCurve:
    """The curve with what simulation says of each point.

    Parameters
    ----------
    runs : at each size tried; there are at most `PROBES` sizes a point.
    seed : of all random streams.
    """
    points = tuple(
        replace(point, seen=_seen(program, curve, point, runs, seed + 1000 * i))
        for i, point in enumerate(curve.points)
    )
    return replace(curve, points=points)


def _seen(
    program: Program, curve: TippingCurve, point: TippingPoint, runs: int, seed: int
) -> SeenTipping:
    """Look outwards from what the fluid says, ever faster, until both sides are sure; then halve."""
    outage = curve.kind == "outage"
    least, most = (0.0, longest_outage(program)) if outage else (1.0, MOST_FACTOR)
    low, high, step = least, inf, 1.3
    size = min(point.duration if outage else point.factor, most)
    tried: list[float] = []
    while len(tried) < PROBES:
        faults = fault_of(program, curve.kind, curve.place, size, point.duration)
        found = seen_trapped(program, faults, runs=runs, seed=seed + len(tried))
        tried.append(size)
        if found.low > 0.5:
            high = min(high, size)
        elif found.high < 0.5:
            low = max(low, size)
        elif low > least and isfinite(high):
            break  # half are trapped, as far as so many runs can tell
        if low > least and isfinite(high):
            if high / low < 1.1:
                break
            size = (low * high) ** 0.5
            continue
        # nothing tried yet is sure on the side that is missing
        size = min(tried) / step if low <= least else min(max(tried) * step, most)
        step = step * step
        if size <= least or size in tried:
            break
    return SeenTipping(low, high, runs, len(tried))


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None
