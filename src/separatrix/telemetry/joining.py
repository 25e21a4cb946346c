"""Joining tables: columns matched by name, repeated and overlapping intervals resolved."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from separatrix.errors import DataError
from separatrix.telemetry.accounts import concat_accounts
from separatrix.telemetry.counters import Counters, Floats
from separatrix.telemetry.quality import DataQuality, QualityLog, Repair


def concat(tables: Iterable[Counters]) -> Counters:
    """Join tables into one, sorted by time.

    Targets, servers and operations are matched by *name*; what a table lacks is NaN in its rows. An
    interval given twice is kept once: the first table's values win, and its holes are filled
    from the later ones (counted as duplicate; as conflict where both know a value and differ). An
    interval that begins before the previous one ends is dropped (counted as overlap).

    Parameters
    ----------
    tables : any number of tables (at least one) of one file system.

    Raises
    ------
    DataError : where there is no table, or the tables are of different file systems or zones.
    """
    parts = list(tables)
    if not parts:
        raise DataError("no telemetry to join", hint="check the file names and the time range")
    fs = _one("file system", [p.fs for p in parts if p.fs])
    zone = _one("time zone", [p.zone for p in parts])
    if len(parts) == 1:
        return parts[0]
    operations = tuple(dict.fromkeys(o for p in parts for o in p.operations))
    targets = tuple(dict.fromkeys(t for p in parts for t in p.targets))
    servers = tuple(dict.fromkeys(s for p in parts for s in p.servers))
    stored = "counts" if all(p.stored == "counts" for p in parts) else "rates"
    accounts = [p.accounts for p in parts if p.accounts is not None]
    log = QualityLog()
    n = sum(p.n_intervals for p in parts)
    joined = Counters(
        start=np.arange(n, dtype=np.float64),  # replaced below, once sorted
        step=np.ones(n),
        targets=targets,
        operations=operations,
        values=_stack(
            [p.counts if stored == "counts" else p.rates for p in parts],
            parts,
            operations,
            targets,
            n,
        ),
        stored=stored,
        servers=servers,
        cpu=_stack_cpu(parts, servers, n),
        server_of=_owners(parts, targets),
        latency_sum=_stack_optional([p.latency_sum for p in parts], parts, operations, targets, n),
        latency_samples=_stack_optional(
            [p.latency_samples for p in parts], parts, operations, targets, n
        ),
        accounts=concat_accounts(accounts) if accounts else None,
        fs=fs,
        zone=zone or "UTC",
        sources=tuple(dict.fromkeys(s for p in parts for s in p.sources)),
    )
    start = np.concatenate([p.start for p in parts])
    step = np.concatenate([p.step for p in parts])
    if n and not np.all(np.diff(start) >= step[:-1]):
        joined = _resolved(joined, start, step, log)
    else:
        joined = replace(joined, start=start, step=step)
    quality = DataQuality.merged([*(p.quality for p in parts), log.report()])
    return replace(joined, quality=quality)


def aligned(
    table: Counters,
    operations: tuple[str, ...],
    targets: tuple[str, ...],
    servers: tuple[str, ...],
) -> Counters:
    """Return `table` with exactly these columns in this order; columns that it lacks are NaN."""
    if (operations, targets, servers) == (table.operations, table.targets, table.servers):
        return table
    n = table.n_intervals

    def cube(values: Floats | None) -> Floats | None:
        return _stack_optional([values], [table], operations, targets, n)

    return replace(
        table,
        operations=operations,
        targets=targets,
        servers=servers,
        values=_stack([table.values], [table], operations, targets, n),
        cpu=_stack_cpu([table], servers, n),
        server_of=_owners([table], targets),
        latency_sum=cube(table.latency_sum),
        latency_samples=cube(table.latency_samples),
    )


def _one(what: str, names: Sequence[str]) -> str:
    distinct = tuple(dict.fromkeys(names))
    if len(distinct) > 1:
        raise DataError(
            f"telemetry of more than one {what}: {', '.join(distinct)}",
            hint=f"read one {what} at a time",
        )
    return distinct[0] if distinct else ""


def _owners(parts: Sequence[Counters], targets: tuple[str, ...]) -> tuple[str, ...]:
    owner: dict[str, str] = {}
    for part in parts:
        for target, server in zip(part.targets, part.server_of, strict=True):
            if server:
                owner[target] = server  # after a failover, the latest
    return tuple(owner.get(t, "") for t in targets)


def _stack(
    cubes: Sequence[Floats | None],
    parts: Sequence[Counters],
    operations: tuple[str, ...],
    targets: tuple[str, ...],
    n: int,
) -> Floats:
    out = np.full((len(operations), len(targets), n), np.nan)
    at = 0
    for cube, part in zip(cubes, parts, strict=True):
        rows = slice(at, at + part.n_intervals)
        at = rows.stop
        if cube is None:
            continue
        ks, from_ks = _matched(operations, part.operations)
        ms, from_ms = _matched(targets, part.targets)
        out[np.ix_(ks, ms)[0], np.ix_(ks, ms)[1], rows] = cube[np.ix_(from_ks, from_ms)]
    return out


def _stack_optional(
    cubes: Sequence[Floats | None],
    parts: Sequence[Counters],
    operations: tuple[str, ...],
    targets: tuple[str, ...],
    n: int,
) -> Floats | None:
    if all(cube is None for cube in cubes):
        return None
    return _stack(cubes, parts, operations, targets, n)


def _stack_cpu(parts: Sequence[Counters], servers: tuple[str, ...], n: int) -> Floats:
    out = np.full((len(servers), n), np.nan)
    at = 0
    for part in parts:
        ss, from_ss = _matched(servers, part.servers)
        out[ss, at : at + part.n_intervals] = part.cpu[from_ss]
        at += part.n_intervals
    return out


def _matched(wanted: tuple[str, ...], given: tuple[str, ...]) -> tuple[list[int], list[int]]:
    place = {name: i for i, name in enumerate(given)}
    pairs = [(i, place[name]) for i, name in enumerate(wanted) if name in place]
    return [i for i, _ in pairs], [j for _, j in pairs]


def _resolved(table: Counters, start: Floats, step: Floats, log: QualityLog) -> Counters:
    """Sort by begin, fold intervals of equal begin and length together, drop overlapping ones."""
    order = np.lexsort((step, start))  # stable: of equal intervals the first table's comes first
    start, step = start[order], step[order]
    same = np.concatenate([[False], (np.diff(start) == 0) & (np.diff(step) == 0)])
    group = np.flatnonzero(~same)
    cubes = [table.values, table.cpu, table.latency_sum, table.latency_samples]
    quiet = QualityLog()  # what is repeated in the latency sums is counted with the values
    folded = [
        None if c is None else _folded(c[..., order], same, group, log if i < 2 else quiet)
        for i, c in enumerate(cubes)
    ]
    start, step = start[group], step[group]
    keep = disjoint(start, start + step)
    log.repair(Repair.OVERLAP, int((~keep).sum()))
    values, cpu, latency_sum, latency_samples = (
        None if c is None else c[..., keep] for c in folded
    )
    return replace(
        table,
        start=start[keep],
        step=step[keep],
        values=table.values if values is None else values,
        cpu=table.cpu if cpu is None else cpu,
        latency_sum=latency_sum,
        latency_samples=latency_samples,
    )


def _folded(
    columns: Floats, same: npt.NDArray[np.bool_], group: npt.NDArray[np.intp], log: QualityLog
) -> Floats:
    """Of adjacent equal intervals keep the first known value of every column."""
    out = columns[..., group]
    label = np.cumsum(~same) - 1
    repeated = np.flatnonzero(same)
    # one round per repetition: the second copies of all intervals together, then the third ...
    rank = repeated - group[label[repeated]]
    for r in range(1, int(rank.max(initial=0)) + 1):
        at = repeated[rank == r]
        into = label[at]
        here, there = out[..., into], columns[..., at]
        both = ~np.isnan(here) & ~np.isnan(there)
        if columns.ndim == 3:  # tables of other targets may share an interval without repeating it
            log.repair(Repair.DUPLICATE, int(np.any(both, axis=(0, 1)).sum()))
        log.repair(Repair.CONFLICT, int(np.sum(both & (here != there))))
        out[..., into] = np.where(np.isnan(here), there, here)
    return out


def disjoint(start: Floats, end: Floats) -> npt.NDArray[np.bool_]:
    """Mask of the intervals kept when each must begin no earlier than the last kept one ends."""
    keep = np.ones(len(start), dtype=np.bool_)
    if not np.any(start[1:] < end[:-1]):
        return keep
    last = -np.inf
    for i, (begin, stop) in enumerate(zip(start.tolist(), end.tolist(), strict=True)):
        if begin < last:
            keep[i] = False
        else:
            last = stop
    return keep
