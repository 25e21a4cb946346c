"""One TOKIO archive, usually of one day, to `Counters`.

Alignment. A TTS row stamped t covers [t, t + step) for operations, but LMT archives keep for the
CPU load the database's right-aligned stamp: the load stored at t is that of [t - step, t). The load
of a day's last interval is therefore the first one stored in the *next* file, and `late_cpu` says
that `succession` still has to move it. In h5lmt files both are right-aligned: row i + 1 covers
[t_i, t_{i+1}).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from separatrix.errors import DataError
from separatrix.telemetry import tokio
from separatrix.telemetry.cleaning import note_silent, remove_markers, remove_unwritten
from separatrix.telemetry.counters import Counters
from separatrix.telemetry.files import fingerprint
from separatrix.telemetry.joining import disjoint
from separatrix.telemetry.quality import QualityLog, Repair

Floats = npt.NDArray[np.float64]
Stamps = Literal["auto", "left", "right"]


@dataclass(frozen=True)
class ArchiveOptions:
    """How to read archives.

    Attributes
    ----------
    operations : names in the singular; None for all that the layout calls metadata operations.
    cpu_stamps : whether the CPU load's stamps are the begin ("left") or the end ("right") of its
        interval; "auto" takes "right" for files made from LMT and "left" for others.
    fs, zone : name of the file system and time zone, kept with the result.
    strict : whether a bad file is an error and not a counted failure.
    """

    operations: tuple[str, ...] | None = None
    cpu_stamps: Stamps = "auto"
    fs: str = ""
    zone: str = "UTC"
    strict: bool = False


@dataclass(frozen=True, eq=False)
class Day:
    """One file's table; with `late_cpu` its load is still stored one interval too late."""

    table: Counters
    late_cpu: bool

    def on_time(self, following: Counters | None, log: QualityLog) -> Counters:
        """Return the table with CPU loads moved to the interval that they describe.

        Parameters
        ----------
        following : the table that goes on where this one ends, or None.
        """
        table = self.table
        if not self.late_cpu:
            return table
        load = np.full_like(table.cpu, np.nan)
        adjacent = np.isclose(table.start[1:], table.end[:-1])
        load[:, :-1] = np.where(adjacent, table.cpu[:, 1:], np.nan)
        if following is not None and table.n_intervals:
            at = int(np.searchsorted(following.start, float(table.end[-1])))
            if at < following.n_intervals and following.start[at] == table.end[-1]:
                for s, name in enumerate(table.servers):
                    if name in following.servers:
                        load[s, -1] = following.cpu[following.servers.index(name), at]
        log.repair(Repair.SHIFTED_CPU, table.n_intervals, file=table.sources[-1])
        return replace(table, cpu=load)


def read_day(path: str, options: ArchiveOptions) -> Day:
    """Read a file, once more if it was written to meanwhile.

    Raises
    ------
    DataError : where the file is empty, is not an archive, or holds no metadata operation.
    """
    log = QualityLog()
    before = fingerprint(path)
    if before.size == 0:
        raise DataError("is empty (0 bytes)", file=path)
    day = _day(path, options, log)
    if fingerprint(path) != before:
        log = QualityLog()
        log.repair(Repair.CHANGED_FILE, file=path)
        day = _day(path, options, log)
    log.files += 1
    return Day(replace(day.table, quality=log.report(), sources=(path,)), day.late_cpu)


def _day(path: str, options: ArchiveOptions, log: QualityLog) -> Day:
    archive = tokio.read_archive(path, options.operations)
    names = tuple(archive.operations)
    parts = list(archive.operations.values())
    if len(parts[0].stamps) == 0:
        raise DataError("holds no row", file=path)
    log.repair(
        Repair.ABSENT_DATASET, len(archive.absent), file=path, message=", ".join(archive.absent)
    )
    if archive.cpu is None:
        log.repair(Repair.ABSENT_DATASET, file=path, message="CPU load")
    if archive.others:
        log.note(f"also held and not asked for: {', '.join(archive.others)}")
    stamps = parts[0].stamps
    if np.any(np.diff(stamps) <= 0):
        stamps = np.unique(stamps)
    unset = int(np.searchsorted(stamps, 0, side="right"))
    log.repair(Repair.UNWRITTEN, unset, file=path, message="stamps of 0")
    stamps = stamps[unset:]
    stored = "rates" if all(p.stored == "rates" for p in parts) else "counts"
    targets = _columns(parts, log, path)
    cube = np.full((len(names), len(targets), len(stamps)), -0.0)
    for k, part in enumerate(parts):
        factor = archive.step if stored == "counts" and part.stored == "rates" else None
        _place(part, stamps, targets, cube[k], factor, log if k == 0 else None, path)
    servers: tuple[str, ...] = ()
    load = np.empty((0, len(stamps)))
    if archive.cpu is not None:
        servers = _columns([archive.cpu], log, path)
        load = np.full((len(servers), len(stamps)), -0.0)
        _place(archive.cpu, stamps, servers, load, None, None, path)
    start = stamps.astype(np.float64)
    step = np.full(len(start), archive.step)
    if archive.layout == "h5lmt":
        cube, load = np.ascontiguousarray(cube[:, :, 1:]), np.ascontiguousarray(load[:, 1:])
        start, step = start[:-1], np.diff(start)
        log.repair(Repair.SHIFTED_OPERATIONS, len(start), file=path)
        log.repair(Repair.SHIFTED_CPU, len(start) if servers else 0, file=path)
    if remove_markers(cube, log, path, carries=True):
        written = np.flatnonzero(~np.isnan(cube).all(axis=(0, 1)))
        tail = cube.shape[2] - 1 - (int(written[-1]) if len(written) else -1)
        log.repair(Repair.UNWRITTEN, tail, file=path, message="intervals at the end of the file")
    remove_markers(load, log, path, carries=False)
    if archive.layout == "h5lmt":
        remove_unwritten(cube, load if servers else None, log, path)
        note_silent(cube, step, log, path, rates=stored == "rates")
    late = {"auto": parts[0].source == "lmt", "left": False, "right": True}[options.cpu_stamps]
    table = Counters(
        start=start,
        step=step,
        targets=targets,
        operations=names,
        values=cube,
        stored=stored,
        servers=servers,
        cpu=load,
        server_of=tuple(name if name in servers else "" for name in targets),
        fs=options.fs,
        zone=options.zone,
    )
    table = _regular(_without_silent_columns(table, log, path), archive.step, log, path)
    return Day(table, late and archive.layout == "tts" and bool(table.servers))


def _columns(parts: Sequence[tokio.Dataset], log: QualityLog, path: str) -> tuple[str, ...]:
    """Return the union of the column names, giving a name to columns that have none."""
    names: dict[str, None] = {}
    for part in parts:
        names.update(dict.fromkeys(_names(part)))
        unnamed = part.values.shape[1] - len(part.columns)
        log.repair(Repair.COLUMNS, unnamed, file=path, message=f"{unnamed} column(s) had no name")
        if part.columns != parts[0].columns:
            log.repair(Repair.COLUMNS, file=path, message="datasets list columns differently")
    return tuple(names)


def _names(part: tokio.Dataset) -> list[str]:
    """Return one distinct name per column; absent and repeated ones get a number."""
    names: list[str] = []
    for j in range(part.values.shape[1]):
        given = part.columns[j] if j < len(part.columns) else ""
        names.append(given if given and given not in names else f"{given or 'column'}#{j}")
    return names


def _place(
    part: tokio.Dataset,
    stamps: npt.NDArray[np.int64],
    columns: tuple[str, ...],
    out: Floats,
    factor: float | None,
    log: QualityLog | None,
    path: str,
) -> None:
    """Write a dataset's values into `out` (columns x stamps), matched by name and stamp."""
    to = [columns.index(name) for name in _names(part)]
    values = part.values if factor is None else part.values * factor
    if np.array_equal(part.stamps, stamps):
        out[to] = values.T
        return
    if log is not None:
        log.repair(Repair.UNSORTED, int(np.sum(np.diff(part.stamps) < 0)), file=path)
        log.repair(Repair.DUPLICATE, len(part.stamps) - len(np.unique(part.stamps)), file=path)
    unique, first = np.unique(part.stamps, return_index=True)
    at = np.searchsorted(stamps, unique)
    known = (at < len(stamps)) & (stamps[np.minimum(at, len(stamps) - 1)] == unique)
    out[np.ix_(to, at[known].tolist())] = values[first[known]].T


def _without_silent_columns(table: Counters, log: QualityLog, path: str) -> Counters:
    """Drop targets and servers without a single sample; LMT lists servers that it cannot read."""
    targets = [
        name for m, name in enumerate(table.targets) if not bool(np.isnan(table.values[:, m]).all())
    ]
    servers = [
        name for s, name in enumerate(table.servers) if not bool(np.isnan(table.cpu[s]).all())
    ]
    names = dict.fromkeys((*table.targets, *table.servers))
    lost = [name for name in names if name not in targets and name not in servers]
    log.repair(Repair.NO_DATA, len(lost), file=path, message=", ".join(lost))
    if not lost or not targets:
        return table
    return table.select(targets=targets, servers=servers)


def _regular(table: Counters, step: float, log: QualityLog, path: str) -> Counters:
    """Count gaps and drop intervals that begin before the previous one ends."""
    keep = disjoint(table.start, table.end)
    if not keep.all():
        log.repair(Repair.OVERLAP, int((~keep).sum()), file=path)
        table = table.rows(keep)
    distance = np.diff(table.start)
    if table.n_intervals > 1 and distance.max() > 1.5 * step:
        holes = distance > 1.5 * step
        log.repair(Repair.GAP, int(np.sum(np.round(distance[holes] / step) - 1)), file=path)
    return table
