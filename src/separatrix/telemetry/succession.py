"""Archives of many days as one succession of tables, in the order of time and in bounded memory.

Only two days are held: a day is final when the next one has been read, because its last CPU load
is stored there and because the two may overlap.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from separatrix.errors import DataError
from separatrix.telemetry import tokio
from separatrix.telemetry.archive import ArchiveOptions, Day, read_day
from separatrix.telemetry.counters import Counters
from separatrix.telemetry.joining import concat
from separatrix.telemetry.quality import DataQuality, QualityLog, Repair


def read_archives(
    paths: Sequence[str],
    options: ArchiveOptions,
    *,
    start: float | None = None,
    end: float | None = None,
    log: QualityLog | None = None,
) -> Iterator[Counters]:
    """Yield the table of each file in the order of time.

    Parameters
    ----------
    paths : TTS and h5lmt files in any order.
    start, end : range of interval begins [s since 1970 UTC], end excluded; None for all.
    log : what is already known to be wrong; reported with the tables.

    Raises
    ------
    DataError : with ``options.strict`` for the first bad file; otherwise where nothing is left.
    """
    log = log or QualityLog()
    ready: Counters | None = None
    for table in _finished(paths, options, start, end, log):
        cut = table.between(-np.inf if start is None else start, np.inf if end is None else end)
        if cut.n_intervals == 0:
            continue
        if ready is not None:
            yield _reported(ready, log)
        ready = cut
    if ready is None:
        failures = log.report().failures
        raise DataError(
            "no archive could be read"
            if failures
            else "no archive holds any interval of the range",
            hint="\n".join(f"{file}: {why}" for file, why in failures)
            or "check the range and the time zone",
        )
    yield _reported(ready, log)


def _finished(
    paths: Sequence[str],
    options: ArchiveOptions,
    start: float | None,
    end: float | None,
    log: QualityLog,
) -> Iterator[Counters]:
    pending: Day | None = None
    for path in _in_time_order(paths, options, start, end, log):
        try:
            day = read_day(path, options)
        except DataError as wrong:
            if options.strict:
                raise
            log.failure(path, _reason(wrong, path))
            continue
        if pending is None:
            pending = day
            continue
        table, pending = _joined(pending, day, log)
        if table.n_intervals:
            yield table
    if pending is not None:
        yield pending.on_time(None, log)


def _reported(table: Counters, log: QualityLog) -> Counters:
    """Hand over with `table` what the log collected so far."""
    log.intervals += table.n_intervals * len(table.targets)
    log.missing += int(table.missing.sum())
    quality = table.quality.merge(log.report())
    log.clear()
    return replace(table, quality=quality)


def _in_time_order(
    paths: Sequence[str],
    options: ArchiveOptions,
    start: float | None,
    end: float | None,
    log: QualityLog,
) -> list[str]:
    spans: list[tuple[float, int, str]] = []
    for number, path in enumerate(paths):
        try:
            first, last = tokio.span(path)
        except DataError as wrong:
            if options.strict:
                raise
            log.failure(path, _reason(wrong, path))
            continue
        # the file after the range may hold the load of the range's last interval
        if (start is None or last > start) and (end is None or first <= end):
            spans.append((first, number, path))
    return [path for _, _, path in sorted(spans)]


def _joined(before: Day, after: Day, log: QualityLog) -> tuple[Counters, Day]:
    """Return what is certain of the earlier day, and the later one with what is left."""
    if after.table.targets == (tokio.UNKNOWN_MDS,) and len(before.table.targets) == 1:
        after = _named(after, before.table, log)
    elif before.table.targets == (tokio.UNKNOWN_MDS,) and len(after.table.targets) == 1:
        before = _named(before, after.table, log)
    edge = float(after.table.start[0])
    last = float(before.table.end[-1])
    usual = float(before.table.step[-1])
    if float(after.table.step[0]) != usual:
        log.repair(
            Repair.STEP,
            after.table.n_intervals,
            file=after.table.sources[-1],
            message=f"{after.table.step[0]:g} s after {usual:g} s",
        )
    if edge >= last:
        log.repair(Repair.GAP, round((edge - last) / usual), file=after.table.sources[-1])
        return before.on_time(after.table, log), after
    log.note(f"{after.table.sources[-1]} overlaps {before.table.sources[-1]}")
    late = before.late_cpu and after.late_cpu
    if late:
        both = concat([before.table, after.table])
    else:
        both = concat([before.on_time(None, log), after.on_time(None, log)])
    # later files begin no earlier than this one, so everything before it is final
    rest = both.between(edge, np.inf)
    head = Day(both.between(-np.inf, edge), late)
    if head.table.n_intervals == 0:
        return head.table, Day(both, late)
    return head.on_time(rest, log), Day(replace(rest, quality=DataQuality()), late)


def _named(day: Day, like: Counters, log: QualityLog) -> Day:
    """Give the one unnamed server of an h5lmt file the name of the one server beside it."""
    log.repair(
        Repair.COLUMNS,
        file=day.table.sources[-1],
        message=f"its one server taken for {like.targets[0]}",
    )
    servers = like.servers if len(like.servers) == len(day.table.servers) else day.table.servers
    owners = like.server_of if servers == like.servers else day.table.server_of
    named = replace(day.table, targets=like.targets, servers=servers, server_of=owners)
    return replace(day, table=named)


def _reason(wrong: DataError, path: str) -> str:
    return str(wrong).removeprefix(f"{path}: ")
