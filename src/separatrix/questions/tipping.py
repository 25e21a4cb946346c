r"""The smallest fault that traps a service: spike or slowdown by duration, or outage.

**By the fluid.** The delay form (`separatrix.fluid.delay`) is followed through the fault and for three times
what the backlog alone takes; the service is trapped where fewer than 90 % of the first attempts are then
answered in time. The factor is bisected to :data:`CLOSE`: a worse fault is taken to trap wherever a lesser one
does.

**By simulation.** Runs with the same fault are watched as in `aftermath`, and the factor at which half of them
are trapped is closed in on from both sides: `low` is the largest factor at which surely fewer than half are
(Wilson's 95 % interval), `high` the smallest at which surely more are. Chance tips a small service
earlier than the fluid says; the gap closes with its size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import inf, isfinite
from typing import Any, Literal

import numpy as np

from separatrix.errors import ModelError, Problem
from separatrix.fluid.delay import delay_course
from separatrix.fluid.delay_model import DelayModel, delay_model
from separatrix.model import Outage, Program, Schedule, Slowdown, Spike
from separatrix.model.faults import Fault
from separatrix.model.quantities import duration_text
from separatrix.questions.aftermath import aftermath, backlog_time
from separatrix.questions.verdict import HEALTHY_SHARE, HOLDS, relaxation

Kind = Literal["spike", "slowdown", "outage"]

CLOSE = 2e-3
"""Relative width to which the fluid's factors and durations are bisected."""
MOST_FACTOR = 100.0
PROBES = 9
"""Most factors tried by simulation for one point."""


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
class TippingCurve:
    """The smallest faults of one kind that trap the service.

    Attributes
    ----------
    kind, place : what happens, and to which source or server.
    points : by duration.
    status, reason : ``"inconclusive"`` where the service is stuck without any fault.
    notes : where the fluid approximates the program.
    """

    kind: Kind
    place: str
    points: tuple[TippingPoint, ...]
    status: Literal["ok", "inconclusive"]
    reason: str
    notes: tuple[str, ...]

    def finding(self) -> str:
        """The curve in one sentence."""
        if self.status != "ok":
            return self.reason
        tipping = [p for p in self.points if isfinite(p.duration)]
        if self.kind == "outage":
            if not tipping:
                return f"No outage of {self.place} traps the service."
            return f"An outage of {self.place} for {duration_text(tipping[0].duration)} traps the service."
        tipping = [p for p in tipping if isfinite(p.factor)]
        if not tipping:
            return f"No {self.kind} of {self.place} up to {MOST_FACTOR:g}x traps the service."
        first, last = tipping[0], tipping[-1]
        text = f"{first.factor:.3g}x for {duration_text(first.duration)} traps the service"
        if len(tipping) > 1:
            text += f", and so does {last.factor:.3g}x for {duration_text(last.duration)}"
        return f"A {self.kind} of {self.place} of {text}."

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
    """The smallest faults that trap `program`, by the delay form of the fluid.

    Parameters
    ----------
    kind : what happens.
    place : source (spike) or server; by default the source with the highest rate, or its server.
    durations : of spike or slowdown [s]; by default 20 from a quarter of the shortest to 20 times the longest
        time-out. An outage has one point: its duration is what is looked for.

    Raises ModelError for an unknown place, `Unsupported` where the delay form cannot carry the program.
    """
    at = _place(program, kind, place)
    model = delay_model(program)
    if _stuck_anyway(model):
        reason = "the service is stuck at this load without any fault"
        return TippingCurve(kind, at, (), "inconclusive", reason, model.notes)
    if kind == "outage":

        def outlasts(size: float) -> bool:
            return _trapped(model, kind, at, inf, size)

        duration = _smallest(outlasts, 0.0, _longest(program))
        point = TippingPoint(duration, inf)
        return TippingCurve(kind, at, (point,), "ok", "", model.notes)
    if durations is None:
        timeouts = [source.timeout for source in program.sources]
        durations = [float(v) for v in np.geomspace(min(timeouts) / 4, 20 * max(timeouts), 20)]
    points: list[TippingPoint] = []
    for duration in sorted(durations):
        if not 0 < duration < inf:
            raise ModelError(Problem(f"must be > 0 s, got {duration:g}", "durations", "give times"))

        def traps(factor: float, duration: float = duration) -> bool:
            return _trapped(model, kind, at, factor, duration)

        # a longer fault needs no larger factor: the last one found bounds the next
        most = points[-1].factor if points and isfinite(points[-1].factor) else MOST_FACTOR
        factor = _smallest(traps, 1.0, most)
        if not isfinite(factor) and most < MOST_FACTOR:
            factor = _smallest(traps, most, MOST_FACTOR)
        points.append(TippingPoint(duration, factor))
    return TippingCurve(kind, at, tuple(points), "ok", "", model.notes)


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
    outage = curve.kind == "outage"
    least = 0.0 if outage else 1.0
    size = point.duration if outage else point.factor
    low, high, step = least, inf, 1.3
    if not isfinite(size):
        size, step = (_longest(program) if outage else MOST_FACTOR), 1.0
    probes = 0
    while probes < PROBES:
        duration, factor = (size, inf) if outage else (point.duration, size)
        lead = _lead(program)
        fault = _fault(curve.kind, curve.place, factor, lead, duration)
        found = aftermath(program, [fault], runs=runs, seed=seed + probes)
        probes += 1
        if found.low > 0.5:
            high = min(high, size)
        elif found.high < 0.5:
            low = max(low, size)
        else:
            # half are trapped as far as so many runs can tell: widen about it until both sides are sure
            low_side, high_side = size / step, size * step
            if low <= least:
                size = max(low_side, least * 1.0001)
            elif not isfinite(high):
                size = high_side
            else:
                break
            continue
        if low > least and isfinite(high):
            if high / low < 1.1:
                break
            size = (low * high) ** 0.5
        else:
            size = size / step if low <= least else size * step
            step = step * step
            if size <= least or size > 10 * MOST_FACTOR:
                break
    return SeenTipping(low, high, runs, probes)


def _smallest(traps: Callable[[float], bool], low: float, high: float) -> float:
    """Least size in ``[low, high]`` that traps, to `CLOSE`; infinite where `high` does not."""
    if not traps(high):
        return inf
    floor = high / 2**40
    while high - low > CLOSE * high and high > floor:
        # sizes that span decades are halved in the logarithm
        middle = (low * high) ** 0.5 if low > 0 else high / 4
        if traps(middle):
            high = middle
        else:
            low = middle
    return high


def _trapped(model: DelayModel, kind: Kind, place: str, factor: float, duration: float) -> bool:
    lead = _lead(model.program)
    faults = Schedule((_fault(kind, place, factor, lead, duration),))
    return _late_at_last(model, faults, lead + duration)


def _stuck_anyway(model: DelayModel) -> bool:
    return _late_at_last(model, Schedule(()), _lead(model.program))


def _late_at_last(model: DelayModel, faults: Schedule, end: float) -> bool:
    """Whether too few first attempts are in time once the backlog had its time."""
    program = model.program
    timeout = max(flow.timeout for flow in model.flows)
    horizon = end + HOLDS * max(relaxation(program), backlog_time(program)) + 2 * timeout
    course = delay_course(model, horizon, faults=faults)
    return course.share(horizon - 2 * timeout, horizon - timeout) < HEALTHY_SHARE


def _fault(kind: Kind, place: str, factor: float, start: float, duration: float) -> Fault:
    if kind == "spike":
        return Spike(place, factor, start, duration)
    if kind == "slowdown":
        return Slowdown(place, factor, start, duration)
    return Outage(place, start, duration)


def _lead(program: Program) -> float:
    """Time from empty until the service runs as usual [s]: retries of retries and a few services."""
    patience = [s.timeout * (1 + s.retries) for s in program.sources]
    services = [1 / w.processing_rate for v in program.servers for w in v.apis.values()]
    return min(max(patience), 3 * max(s.timeout for s in program.sources)) + 5 * max(services)


def _longest(program: Program) -> float:
    """An outage that fills every queue and exhausts every client [s]."""
    from separatrix.questions.simulated import longest_outage

    return longest_outage(program)


def _place(program: Program, kind: Kind, place: str | None) -> str:
    if kind not in ("spike", "slowdown", "outage"):
        raise ModelError(Problem(f"unknown kind {kind!r}", "kind", "spike, slowdown or outage"))
    program.check()
    if place is None:
        busiest = max(program.sources, key=lambda source: source.mean_rate).name
        return busiest if kind == "spike" else program.server_of(busiest).name
    found = program.get_source(place) if kind == "spike" else program.get_server(place)
    return found.name


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None
