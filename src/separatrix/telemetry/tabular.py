"""CSV and Parquet tables to `Counters`, and back.

Wide form: one row per interval (and target), one column per operation. Long form: one row per
interval, target and operation, with a column ``operation`` and a column ``count`` or ``rate``.
Columns are matched by name, whatever their order and case:

* time: ``time``, ``timestamp``, ``start``, ``date`` or ``datetime``; epoch seconds, or ISO 8601,
  which is local time of the zone where it has no offset;
* target: ``target``, ``mdt``, ``server`` or ``mds`` (absent: a single target);
* CPU load [percent]: ``cpu``, ``cpuload``, ``pct_cpu``, ``mds_cpu``;
* length of the interval [s]: ``step`` (absent: the usual distance of the stamps);
* operations: ``open`` or ``opens`` (counts), ``openrates``, ``open_rate``, ``open_per_s`` (rates);
* accounts, in the long form: ``job``, ``user``, ``project`` or ``account``.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt

from separatrix.atomic import draft_of
from separatrix.errors import DataError
from separatrix.telemetry.accounts import Accounts, factorised
from separatrix.telemetry.cleaning import remove_markers
from separatrix.telemetry.columns import (
    ACCOUNT,
    CPU,
    TARGET,
    TIME,
    Table,
    loaded,
    operation_of,
    stamps_of,
)
from separatrix.telemetry.counters import OPERATIONS, Counters, Stored
from separatrix.telemetry.cumulative import usual_step
from separatrix.telemetry.files import fingerprint
from separatrix.telemetry.joining import disjoint
from separatrix.telemetry.quality import QualityLog, Repair

Floats = npt.NDArray[np.float64]
Align = Literal["left", "right"]


def read_table(
    path: str,
    *,
    fs: str = "",
    zone: str = "UTC",
    align: Align = "left",
    log: QualityLog | None = None,
) -> Counters:
    """Return the table of a CSV (comma, tab or semicolon, plain or gzipped) or Parquet file.

    Parameters
    ----------
    align : whether stamps are the begin ("left") or the end ("right") of their interval.

    Raises
    ------
    DataError : unreadable, no time column, no operation column, one stamp only.
    """
    log = log or QualityLog()
    before = fingerprint(path)
    table = loaded(path, log)
    if fingerprint(path) != before:
        log.clear()
        log.repair(Repair.CHANGED_FILE, file=path)
        table = loaded(path, log)
    log.files += 1
    if table.n == 0:
        raise DataError("has a header and no row", file=path)
    time = table.first(TIME)
    if time is None:
        raise DataError(
            f"has no time column among {', '.join(table.columns)}",
            file=path,
            hint=f"name it one of {', '.join(TIME)}",
        )
    stamps = stamps_of(table, time, zone, log)
    target = table.first(TARGET)
    names, place = factorised(table.words(target)) if target else (("mdt",), np.zeros(table.n, int))
    if "operation" in table.columns:
        made = _long(table, stamps, names, place, log)
    else:
        made = _wide(table, stamps, names, place, log)
    if align == "right":
        log.repair(Repair.SHIFTED_OPERATIONS, made.n_intervals, file=path)
        made = replace(made, start=made.start - made.step)
    remove_markers(made.values, log, path, carries=False)
    remove_markers(made.cpu, log, path, carries=False)
    log.intervals += made.n_intervals * len(made.targets)
    log.missing += int(made.missing.sum())
    return replace(made, fs=fs, zone=zone, sources=(path,), quality=log.report())


def write_table(counters: Counters, path: str | os.PathLike[str]) -> None:
    """Write the wide form as CSV or Parquet, as the name ends; read back it is the same table.

    Raises
    ------
    DataError : a name that ends neither in ``.csv`` nor in ``.parquet``.
    """
    import pyarrow
    import pyarrow.csv
    import pyarrow.parquet

    pa = cast(Any, pyarrow)
    suffix = Path(path).suffix
    if suffix not in (".csv", ".parquet"):
        raise DataError(
            f"cannot write {suffix or 'a name without a suffix'}",
            file=os.fspath(path),
            hint="end the name in .csv or .parquet",
        )
    n, m = counters.n_intervals, len(counters.targets)
    ending = "" if counters.stored == "counts" else "_rate"
    columns: dict[str, Any] = {
        "time": np.tile(counters.start, m),
        "step": np.tile(counters.step, m),
        "target": np.repeat(np.array(counters.targets, dtype=object), n),
        **{
            f"{k}{ending}": v.ravel()
            for k, v in zip(counters.operations, counters.values, strict=True)
        },
        "cpu": counters.cpu_of_targets().ravel(),
    }
    table = pa.table({k: pa.array(v, from_pandas=True) for k, v in columns.items()})
    with draft_of(path) as draft:
        if suffix == ".csv":
            cast(Any, pyarrow.csv).write_csv(table, str(draft))
        else:
            cast(Any, pyarrow.parquet).write_table(table, str(draft))


def _wide(
    table: Table, stamps: Floats, names: tuple[str, ...], place: npt.NDArray[Any], log: QualityLog
) -> Counters:
    found = {name: operation_of(name) for name in table.columns}
    held = {name: what for name, what in found.items() if what is not None}
    if not held:
        raise DataError(
            f"has no operation column among {', '.join(table.columns)}",
            file=table.path,
            hint=f"name columns like {', '.join(OPERATIONS[:3])}, or give a column 'operation'",
        )
    operations = tuple(dict.fromkeys(what[0] for what in held.values()))
    stored: Stored = "rates" if all(w[1] == "rates" for w in held.values()) else "counts"
    axis, at, step = _axis(table, stamps, place, log)
    first = _first(place, at)
    values = np.full((len(operations), len(names), len(axis)), np.nan)
    for name, (operation, kind) in held.items():
        column = table.numbers(name)
        if kind == "rates" and stored == "counts":
            column = column * step[at]
        k = operations.index(operation)
        values[k, place[first], at[first]] = column[first]
    load = table.first(CPU)
    cpu = np.full((len(names) if load else 0, len(axis)), np.nan)
    if load:
        cpu[place[first], at[first]] = table.numbers(load)[first]
    return _counters(table, axis, step, names, operations, values, stored, cpu, None, log)


def _long(
    table: Table, stamps: Floats, names: tuple[str, ...], place: npt.NDArray[Any], log: QualityLog
) -> Counters:
    value = table.first(("count", "counts", "rate", "rates", "value"))
    if value is None:
        raise DataError("has a column 'operation' and none 'count' or 'rate'", file=table.path)
    stored: Stored = "rates" if value.startswith("rate") else "counts"
    operations, kind = factorised(w.lower() for w in table.words("operation"))
    axis, at, step = _axis(table, stamps, None, log)
    amount = table.numbers(value)
    who = table.first(ACCOUNT)
    values = np.full((len(operations), len(names), len(axis)), np.nan)
    accounts = None
    if who is None:
        first = _first(kind, place, at)
        values[kind[first], place[first], at[first]] = amount[first]
    else:
        per = step[at] if stored == "rates" else 1.0
        accounts = _accounts(
            table, who, names, operations, place, kind, axis, step, at, amount * per
        )
        sums = np.zeros_like(values)
        np.add.at(sums, (kind, place, at), amount)
        values = sums
    load = table.first(CPU)
    cpu = np.full((len(names) if load else 0, len(axis)), np.nan)
    if load:
        first = _first(place, at)
        cpu[place[first], at[first]] = table.numbers(load)[first]
    return _counters(table, axis, step, names, operations, values, stored, cpu, accounts, log)


def _first(*keys: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
    """Return the first row of each distinct combination of keys."""
    _, rows = np.unique(np.stack(keys), axis=1, return_index=True)
    return rows


def _axis(
    table: Table, stamps: Floats, place: npt.NDArray[Any] | None, log: QualityLog
) -> tuple[Floats, npt.NDArray[np.intp], Floats]:
    """Return the interval begins, each row's place among them, and their lengths."""
    axis, at = np.unique(stamps, return_inverse=True)
    if np.isnan(axis).any():
        raise DataError("has rows without a time", file=table.path)
    if place is not None:
        cells = at.astype(np.int64) * (int(place.max()) + 1) + place
        log.repair(Repair.DUPLICATE, len(cells) - len(np.unique(cells)), file=table.path)
        back = sum(int(np.sum(np.diff(stamps[place == m]) < 0)) for m in np.unique(place))
        log.repair(Repair.UNSORTED, back, file=table.path)
    if "step" in table.columns:
        step = table.numbers("step")[_first(at)]
        if not np.all(step > 0):
            raise DataError("column 'step' holds values that are not > 0", file=table.path)
    elif len(axis) > 1:
        step = np.full(len(axis), usual_step(axis))
    else:
        raise DataError(
            "has one stamp only: the step is unknown",
            file=table.path,
            hint="give a column 'step' [s]",
        )
    return axis, at, step


def _accounts(
    table: Table,
    who: str,
    names: tuple[str, ...],
    operations: tuple[str, ...],
    place: npt.NDArray[Any],
    kind: npt.NDArray[Any],
    axis: Floats,
    step: Floats,
    at: npt.NDArray[np.intp],
    amount: Floats,
) -> Accounts:
    labels, account = factorised(table.words(who))
    keys = np.stack([account, place, at])
    cells, row = np.unique(keys, axis=1, return_inverse=True)
    counts = np.zeros((len(operations), cells.shape[1]))
    np.add.at(counts, (kind, row.ravel()), amount)
    return Accounts(
        labels=labels,
        targets=names,
        operations=operations,
        account=cells[0].astype(np.int32),
        target=cells[1].astype(np.int32),
        start=axis[cells[2]],
        step=step[cells[2]],
        counts=counts,
        fields={who: labels},
    )


def _counters(
    table: Table,
    axis: Floats,
    step: Floats,
    names: tuple[str, ...],
    operations: tuple[str, ...],
    values: Floats,
    stored: Stored,
    cpu: Floats,
    accounts: Accounts | None,
    log: QualityLog,
) -> Counters:
    servers = names if len(cpu) else ()
    made = Counters(
        start=axis,
        step=step,
        targets=names,
        operations=operations,
        values=values,
        stored=stored,
        servers=servers,
        cpu=cpu,
        server_of=tuple(name if name in servers else "" for name in names),
        accounts=accounts,
    )
    keep = disjoint(axis, axis + step)
    if not keep.all():
        log.repair(Repair.OVERLAP, int((~keep).sum()), file=table.path)
        made = made.rows(keep, accounts=accounts)
    holes = np.diff(made.start) > 1.5 * made.step[:-1]
    if holes.any():
        lost = np.round(np.diff(made.start)[holes] / made.step[:-1][holes]) - 1
        log.repair(Repair.GAP, int(lost.sum()), file=table.path)
    return made
