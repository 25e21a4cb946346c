"""LMT databases, SQLite copies and live MySQL or MariaDB, to `Counters`.

``MDS_OPS_DATA`` holds counters that only grow, ``MDS_DATA`` the CPU load, and ``TIMESTAMP_INFO``
the clock of the site at the *end* of the interval: the row stamped t_i gives the interval
[t_{i-1}, t_i). Ambiguous clock readings (end of daylight saving) are told apart by the order of
``TS_ID``. Schema: LMT's ``create_schema``, version 1.1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
import numpy.typing as npt

from separatrix.errors import DataError
from separatrix.telemetry.counters import OPERATIONS, Counters
from separatrix.telemetry.cumulative import GAP, Readings, differences, usual_step
from separatrix.telemetry.lmt_catalogue import Catalogue, catalogue_of
from separatrix.telemetry.lmt_connection import Database, connected
from separatrix.telemetry.quality import QualityLog, Repair
from separatrix.telemetry.zones import epochs, naive_local

Floats = npt.NDArray[np.float64]

_DAY = timedelta(days=1)


def read_lmt(
    source: str,
    *,
    fs: str | None = None,
    start: float | None = None,
    end: float | None = None,
    zone: str = "UTC",
    operations: Sequence[str] | None = None,
    log: QualityLog | None = None,
) -> Iterator[Counters]:
    """Yield the table of each local day of a database; memory holds one day.

    Parameters
    ----------
    source : an SQLite file, or ``mysql://user:password@host:port/database`` (see `connected`).
    fs : file system name, needed where the database has several.
    start, end : range of interval begins [s since 1970 UTC], end excluded; None for all.
    zone : IANA zone of the database's clock.
    operations : names in the singular; default the twelve of TOKIO archives.

    Raises
    ------
    DataError : no such database or server, not LMT's schema, unknown file system, empty range.
    """
    log = log or QualityLog()
    with connected(source) as database:
        catalogue = catalogue_of(database, fs, tuple(operations or OPERATIONS), log)
        log.files += 1
        carried: _Window | None = None
        step: float | None = None
        found = False
        for low, high in _days(database, start, end, zone):
            window = _window(database, catalogue, low, high, zone, log)
            if window is None:
                continue
            whole = window if carried is None else _after(carried, window)
            if step is None and len(whole.readings.stamps) > 1:
                step = usual_step(whole.readings.stamps)
            carried = _last(whole)
            if len(whole.readings.stamps) < 2 or step is None:
                continue
            table = _table(database, catalogue, whole, step, zone, log)
            table = table.between(
                -np.inf if start is None else start, np.inf if end is None else end
            )
            if table.n_intervals == 0:
                continue
            found = True
            log.intervals += table.n_intervals * len(table.targets)
            log.missing += int(table.missing.sum())
            yield replace(table, quality=log.report())
            log.clear()
        if not found:
            raise DataError(
                "holds fewer than two readings in the range",
                file=database.name,
                hint="check the range and the time zone of the database's clock",
            )


@dataclass(frozen=True, eq=False)
class _Window:
    readings: Readings
    load: Floats  # (n_targets, n) [percent]


def _days(
    database: Database, start: float | None, end: float | None, zone: str
) -> Iterator[tuple[str, str]]:
    """Yield the clock readings between which to look, a day at a time."""
    first, last = database.all("SELECT MIN(TIMESTAMP), MAX(TIMESTAMP) FROM TIMESTAMP_INFO")[0]
    if first is None:
        raise DataError("is empty (TIMESTAMP_INFO has no row)", file=database.name)
    low, high = _clock(database, [first, last]).tolist()
    high += timedelta(seconds=1)
    # an hour more on both sides: a clock that is set back shows times from outside the range
    if start is not None:
        low = max(low, naive_local(start, zone) - timedelta(hours=1, minutes=10))
    if end is not None:
        high = min(high, naive_local(end, zone) + timedelta(hours=1, minutes=10))
    while low < high:
        until = min(low + _DAY, high)
        yield f"{low:%Y-%m-%d %H:%M:%S}", f"{until:%Y-%m-%d %H:%M:%S}"
        low = until


def _clock(database: Database, readings: Sequence[object]) -> npt.NDArray[np.datetime64]:
    try:
        return np.array([str(reading) for reading in readings], dtype="datetime64[s]")
    except ValueError as wrong:
        raise DataError(f"TIMESTAMP_INFO: {wrong}", file=database.name) from wrong


def _window(
    database: Database, catalogue: Catalogue, low: str, high: str, zone: str, log: QualityLog
) -> _Window | None:
    mark = database.mark
    moments = database.all(
        "SELECT TS_ID, TIMESTAMP FROM TIMESTAMP_INFO "  # noqa: S608  (the mark is ? or %s)
        f"WHERE TIMESTAMP >= {mark} AND TIMESTAMP < {mark} ORDER BY TS_ID",
        (low, high),
    )
    if not moments:
        return None
    numbers = np.array([row[0] for row in moments], dtype=np.int64)
    clock = _clock(database, [row[1] for row in moments]).astype(np.float64)
    stamps = epochs(clock, zone, log, database.name)
    names = list(dict.fromkeys(catalogue.operation.values()))
    shape = (len(names), len(catalogue.mds), len(numbers))
    counts, latency = np.full(shape, np.nan), np.full(shape, np.nan)
    load = np.full(shape[1:], np.nan)
    mds = _lookup({number: place for place, number in enumerate(catalogue.mds)})
    kinds = {number: names.index(name) for number, name in catalogue.operation.items()}
    kind = _lookup(kinds)
    limits = (int(numbers[0]), int(numbers[-1]))
    query = (
        "SELECT TS_ID, MDS_ID, OPERATION_ID, SAMPLES, SUM FROM MDS_OPS_DATA "  # noqa: S608
        f"WHERE TS_ID BETWEEN {mark} AND {mark} "
        f"AND OPERATION_ID IN ({', '.join(str(k) for k in kinds)})"
    )
    for block in database.blocks(query, limits):
        at, ok = _position(numbers, block[:, 0])
        m, k = _placed(mds, block[:, 1]), _placed(kind, block[:, 2])
        ok &= (m >= 0) & (k >= 0)
        counts[k[ok], m[ok], at[ok]] = block[ok, 3]
        latency[k[ok], m[ok], at[ok]] = block[ok, 4]
    query = (
        "SELECT TS_ID, MDS_ID, PCT_CPU FROM MDS_DATA "  # noqa: S608
        f"WHERE TS_ID BETWEEN {mark} AND {mark}"
    )
    for block in database.blocks(query, limits):
        at, ok = _position(numbers, block[:, 0])
        m = _placed(mds, block[:, 1])
        ok &= m >= 0
        load[m[ok], at[ok]] = block[ok, 2]
    order = np.argsort(stamps, kind="stable")
    fresh = np.concatenate([[True], np.diff(stamps[order]) > 0])
    log.repair(Repair.DUPLICATE, int(np.sum(~fresh)), file=database.name, message="TIMESTAMP_INFO")
    log.repair(Repair.UNSORTED, int(np.sum(np.diff(stamps) < 0)), file=database.name)
    keep = order[fresh]
    timed = np.array([name in catalogue.timed for name in names])
    latency[~timed] = np.nan
    useful = bool(timed.any()) and bool(np.nansum(latency) > 0)
    readings = Readings(stamps, counts, latency if useful else None).rows(keep)
    return _Window(readings, load[:, keep])


def _table(
    database: Database,
    catalogue: Catalogue,
    window: _Window,
    step: float,
    zone: str,
    log: QualityLog,
) -> Counters:
    names = tuple(dict.fromkeys(catalogue.operation.values()))
    operations = differences(window.readings, log, database.name, step=step)
    kept = np.diff(window.readings.stamps) <= GAP * step
    load = window.load[:, 1:][:, kept]
    below = load < 0
    log.repair(Repair.NEGATIVE, int(below.sum()), file=database.name)
    load[below] = np.nan
    log.repair(Repair.SHIFTED_OPERATIONS, len(operations.start), file=database.name)
    log.repair(Repair.SHIFTED_CPU, len(operations.start), file=database.name)
    targets = [target for target, _ in catalogue.mds.values()]
    hosts = [host for _, host in catalogue.mds.values()]
    silent = [
        m
        for m in range(len(targets))
        if np.isnan(window.readings.counts[:, m]).all() and np.isnan(load[m]).all()
    ]
    log.repair(
        Repair.NO_DATA,
        len(silent),
        file=database.name,
        message=", ".join(targets[m] for m in silent),
    )
    speaking = [m for m in range(len(targets)) if m not in silent]
    servers = list(dict.fromkeys(hosts[m] for m in speaking if hosts[m]))
    cpu = np.full((len(servers), len(operations.start)), np.nan)
    for m in reversed(speaking):
        if hosts[m] in servers:
            row = cpu[servers.index(hosts[m])]
            row[:] = np.where(np.isnan(load[m]), row, load[m])
    latency = operations.latency
    return Counters(
        start=operations.start,
        step=operations.step,
        targets=tuple(targets[m] for m in speaking),
        operations=names,
        values=operations.counts[:, speaking],
        stored="counts",
        servers=tuple(servers),
        cpu=cpu,
        server_of=tuple(hosts[m] for m in speaking),
        latency_sum=None if latency is None else latency[:, speaking],
        latency_samples=None if latency is None else operations.counts[:, speaking].copy(),
        fs=catalogue.fs,
        zone=zone,
        sources=(database.name,),
    )


def _after(carried: _Window, window: _Window) -> _Window:
    before, now = carried.readings, window.readings
    latency = None
    if now.latency is not None:
        earlier = before.latency
        blank = np.full_like(before.counts, np.nan)
        latency = np.concatenate([blank if earlier is None else earlier, now.latency], axis=2)
    keep = np.flatnonzero(now.stamps > before.stamps[-1])
    joined = Readings(
        np.concatenate([before.stamps, now.stamps[keep]]),
        np.concatenate([before.counts, now.counts[:, :, keep]], axis=2),
        None if latency is None else latency[:, :, np.concatenate([[0], keep + 1])],
    )
    return _Window(joined, np.concatenate([carried.load, window.load[:, keep]], axis=1))


def _last(window: _Window) -> _Window:
    return _Window(window.readings.rows(slice(-1, None)), window.load[:, -1:])


def _lookup(places: dict[int, int]) -> npt.NDArray[np.int64]:
    """Return an array that maps a database number to its place, and other numbers to -1."""
    table = np.full(max(places) + 2, -1, dtype=np.int64)
    table[list(places)] = list(places.values())
    return table


def _placed(table: npt.NDArray[np.int64], numbers: Floats) -> npt.NDArray[np.int64]:
    inside = (numbers >= 0) & (numbers < len(table))
    return table[np.where(inside, numbers, len(table) - 1).astype(np.int64)]


def _position(
    numbers: npt.NDArray[np.int64], wanted: Floats
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    at = np.searchsorted(numbers, wanted)
    inside = at < len(numbers)
    return at, inside & (numbers[np.minimum(at, len(numbers) - 1)] == wanted)
