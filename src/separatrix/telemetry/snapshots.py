"""Counter snapshots of several targets, taken at any instants, to `Counters`.

``md_stats``, text exposition and totals of ``job_stats`` all are snapshots: at an instant, what
each counter of one target stood at. Targets are usually read one after the other, so their instants
differ; their operations are then shared out to common intervals, multiples of the usual distance of
readings, in proportion to time (which conserves them).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from separatrix.telemetry.counters import Counters
from separatrix.telemetry.cumulative import (
    Readings,
    differences,
    ordered,
    shared_out,
    usual_step,
)
from separatrix.telemetry.quality import QualityLog, Repair

Floats = npt.NDArray[np.float64]

BATCH = 20_000
"""Snapshots held before a table is made of them, so that memory is bounded."""

_SAME = 0.01  # instants nearer than this part of the usual distance are one
_STALE = 20.0  # a target silent for this many usual distances is no longer waited for


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the counters of one target stood at.

    Attributes
    ----------
    target : name of the metadata target.
    stamp : when [s since 1970 UTC].
    since : when the counters were last zero [s since 1970 UTC], NaN where the source does not say.
    counts : operation -> count; an operation that is absent has not happened.
    latency : operation -> handler time so far [us], where the source measures it.
    file : where it was read.
    """

    target: str
    stamp: float
    since: float
    counts: Mapping[str, float]
    latency: Mapping[str, float]
    file: str


@dataclass
class _Held:
    """Snapshots of one target that are still needed."""

    snapshots: list[Snapshot] = field(default_factory=list[Snapshot])
    total: int = 0


def tables(
    snapshots: Iterable[Snapshot], *, fs: str = "", zone: str = "UTC", log: QualityLog | None = None
) -> Iterator[Counters]:
    """Yield tables of the operations between snapshots, in the order of time.

    A target with a single snapshot in all gives one interval since its counters were zero, where
    the source says when that was; otherwise it is counted as a first sample.

    Parameters
    ----------
    snapshots : roughly in the order of time (within `BATCH`).
    """
    maker = _Maker(fs, zone, log or QualityLog())
    for snapshot in snapshots:
        maker.add(snapshot)
        if maker.waiting >= BATCH:
            table = maker.table(last=False)
            if table is not None:
                yield table
    table = maker.table(last=True)
    if table is not None:
        yield table


class _Maker:
    def __init__(self, fs: str, zone: str, log: QualityLog) -> None:
        self.fs, self.zone, self.log = fs, zone, log
        self.held: dict[str, _Held] = {}
        self.operations: dict[str, None] = {}
        self.timed = False
        self.waiting = 0
        self.step = float("nan")
        self.edge = -np.inf  # nothing before this instant is given any more
        self.sources: dict[str, None] = {}

    def add(self, snapshot: Snapshot) -> None:
        held = self.held.setdefault(snapshot.target, _Held())
        held.snapshots.append(snapshot)
        held.total += 1
        self.waiting += 1
        self.operations.update(dict.fromkeys(snapshot.counts))
        self.timed |= bool(snapshot.latency)
        self.sources[snapshot.file] = None

    def table(self, *, last: bool) -> Counters | None:
        names = tuple(self.held)
        readings = [self._readings(self.held[name], last) for name in names]
        if not any(len(r.stamps) > 1 for r in readings):
            return None
        if np.isnan(self.step):
            self.step = float(np.nanmedian([usual_step(r.stamps) for r in readings]))
        axis = max((r.stamps for r in readings), key=len)
        together = all(
            len(r.stamps) == len(axis)
            and bool(np.all(np.abs(r.stamps - axis) <= _SAME * self.step))
            for r in readings
        )
        if together:
            counts = np.concatenate([r.counts for r in readings], axis=1)
            latency = (
                np.concatenate([r.latency for r in readings if r.latency is not None], axis=1)
                if self.timed
                else None
            )
            made = differences(Readings(axis, counts, latency), self.log, step=self.step)
            self._restarts(names, made.start, made.step, made.counts, made.latency)
            table = self._counters(names, made.start, made.step, made.counts, made.latency)
        else:
            table = self._gridded(names, readings, last)
        self._forget(float(axis[-1]) if together else self.edge)
        return table

    def _readings(self, held: _Held, last: bool) -> Readings:
        """Return the target's readings; a lone one is preceded by that of its zero, if known."""
        taken = held.snapshots
        stamps = [s.stamp for s in taken]
        if last and held.total == 1:
            only = taken[0]
            if only.since < only.stamp:
                zero = dict.fromkeys(only.counts, 0.0)
                nought = dict.fromkeys(only.latency, 0.0)
                taken = [replace(only, stamp=only.since, counts=zero, latency=nought), only]
                stamps = [only.since, only.stamp]
            else:
                self.log.repair(Repair.FIRST_SAMPLE, file=only.file, message=only.target)
        counts = np.zeros((len(self.operations), 1, len(taken)))
        latency = np.full_like(counts, np.nan)
        for k, operation in enumerate(self.operations):
            counts[k, 0] = [s.counts.get(operation, 0.0) for s in taken]
            if self.timed:
                never = np.where(counts[k, 0] == 0.0, 0.0, np.nan)
                timed = [s.latency.get(operation, np.nan) for s in taken]
                latency[k, 0] = np.where(np.isnan(timed), never, timed)
        held.snapshots = [s for _, s in sorted(zip(stamps, taken, strict=True), key=_first)]
        file = taken[-1].file if taken else ""
        return ordered(
            Readings(np.array(stamps), counts, latency if self.timed else None), self.log, file
        )

    def _gridded(self, names: tuple[str, ...], readings: list[Readings], last: bool) -> Counters:
        newest = max(float(r.stamps[-1]) for r in readings)
        current = [
            float(r.stamps[-1])
            for r in readings
            if newest - float(r.stamps[-1]) <= _STALE * self.step
        ]
        grid = max(1.0, float(np.round(self.step)))
        oldest = min(float(r.stamps[0]) for r in readings)
        low = max(self.edge, np.floor(oldest / grid) * grid)
        high = newest if last else min(current)
        edges = np.arange(low, high + (grid if last else 1e-6), grid)
        spans = [(r.stamps[0], r.stamps[-1]) for r in readings if len(r.stamps) == 2]
        if last and all(len(r.stamps) <= 2 for r in readings):
            shared = (max(s[0] for s in spans), min(s[1] for s in spans))
            edges = np.array(shared if shared[0] < shared[1] else spans[0])
        shape = (len(self.operations), len(names), max(0, len(edges) - 1))
        counts, latency = np.full(shape, np.nan), np.full(shape, np.nan)
        for m, (name, reading) in enumerate(zip(names, readings, strict=True)):
            if len(reading.stamps) < 2 or shape[2] == 0:
                continue
            made = differences(reading, self.log, self.held[name].snapshots[-1].file)
            if len(made.start) == 0:
                continue
            self._restarts((name,), made.start, made.step, made.counts, made.latency)
            stamps, dense = _with_gaps(made.start, made.step, made.counts[:, 0])
            counts[:, m] = shared_out(stamps, dense, edges)
            if made.latency is not None:
                _, dense = _with_gaps(made.start, made.step, made.latency[:, 0])
                latency[:, m] = shared_out(stamps, dense, edges)
        known = np.flatnonzero(~np.isnan(counts).all(axis=(0, 1)))
        self.log.repair(Repair.RESAMPLED, len(known) * len(names))
        if len(edges):
            self.edge = float(edges[-1])
        return self._counters(
            names,
            edges[known],
            np.diff(edges)[known],
            counts[:, :, known],
            latency[:, :, known] if self.timed else None,
        )

    def _restarts(
        self,
        names: tuple[str, ...],
        start: Floats,
        step: Floats,
        counts: Floats,
        latency: Floats | None,
    ) -> None:
        """Remove intervals in which the counters' own start time says that they were reset."""
        for m, name in enumerate(names):
            since = np.unique([s.since for s in self.held[name].snapshots])
            for moment in since[1:]:
                # the start time is recomputed at each reading and wavers by less than a second
                hit = (moment > start + 1.0) & (moment <= start + step)
                fresh = hit & ~np.isnan(counts[:, m]).all(axis=0)
                self.log.repair(Repair.COUNTER_RESET, int(fresh.sum()), message=name)
                counts[:, m, hit] = np.nan
                if latency is not None:
                    latency[:, m, hit] = np.nan

    def _forget(self, edge: float) -> None:
        """Keep of each target the readings after `edge` and the last one before it."""
        self.waiting = 0
        for held in self.held.values():
            stamps = [s.stamp for s in held.snapshots]
            first = max(0, int(np.searchsorted(stamps, edge, side="right")) - 1)
            held.snapshots = held.snapshots[first:]

    def _counters(
        self,
        names: tuple[str, ...],
        start: Floats,
        step: Floats,
        counts: Floats,
        latency: Floats | None,
    ) -> Counters:
        table = Counters(
            start=start,
            step=step,
            targets=names,
            operations=tuple(self.operations),
            values=counts,
            stored="counts",
            servers=(),
            cpu=np.empty((0, len(start))),
            server_of=("",) * len(names),
            latency_sum=latency,
            latency_samples=None
            if latency is None
            else np.where(np.isnan(latency), np.nan, counts),
            fs=self.fs,
            zone=self.zone,
            sources=tuple(self.sources),
        )
        self.sources.clear()
        self.log.intervals += table.n_intervals * len(names)
        self.log.missing += int(table.missing.sum())
        quality = self.log.report()
        self.log.clear()
        return replace(table, quality=quality)


def _first(pair: tuple[float, Snapshot]) -> float:
    return pair[0]


def _with_gaps(start: Floats, step: Floats, counts: Floats) -> tuple[Floats, Floats]:
    """Return edges and per-interval values with the intervals left out put back as missing."""
    holes = np.flatnonzero(np.abs(start[1:] - (start + step)[:-1]) > 1e-9)
    stamps = np.append(start, start[-1] + step[-1])
    stamps = np.insert(stamps, holes + 1, (start + step)[holes])
    return stamps, np.insert(counts, holes + 1, np.nan, axis=1)
