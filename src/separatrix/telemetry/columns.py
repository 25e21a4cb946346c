"""Columns of CSV and Parquet files: names, numbers and times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from separatrix.errors import DataError
from separatrix.telemetry.counters import OPERATIONS, Stored
from separatrix.telemetry.files import fingerprint
from separatrix.telemetry.quality import QualityLog, Repair
from separatrix.telemetry.textfiles import binary, head_of
from separatrix.telemetry.zones import epochs

Floats = npt.NDArray[np.float64]

TIME = ("time", "timestamp", "start", "date", "datetime")
TARGET = ("target", "mdt", "server", "mds")
CPU = ("cpu", "cpuload", "pct_cpu", "mds_cpu")
ACCOUNT = ("job", "user", "project", "account")
_RATES = ("_per_s", "_per_sec", "_rate", "rates", "/s")
MORE = (
    "setxattr",
    "sync",
    "samedir_rename",
    "crossdir_rename",
    "migrate",
    "read",
    "write",
    "punch",
)
"""Operations recognised as columns beside the twelve of `OPERATIONS`."""


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of a file by lower-case name, as pyarrow gives them; `n` rows."""

    columns: dict[str, Any]
    n: int
    path: str

    def first(self, names: Sequence[str]) -> str | None:
        """Return the first of `names` that is a column, or None."""
        return next((name for name in names if name in self.columns), None)

    def numbers(self, name: str) -> Floats:
        """Return a column as float64, nulls as NaN; a `DataError` where it holds words."""
        try:
            column = self.columns[name].cast("float64").to_numpy(zero_copy_only=False)
        except (ValueError, TypeError) as wrong:
            raise DataError(f"column {name!r} holds no numbers: {wrong}", file=self.path) from wrong
        return np.array(column, dtype=np.float64)

    def words(self, name: str) -> list[str]:
        """Return a column as text, nulls as ""."""
        return ["" if v is None else str(v) for v in self.columns[name].to_pylist()]


def loaded(path: str, log: QualityLog) -> Table:
    """Read a file; CSV lines with too few or too many fields are skipped and counted.

    Raises
    ------
    DataError : empty, damaged, or neither CSV nor Parquet.
    """
    import pyarrow
    import pyarrow.csv
    import pyarrow.parquet

    if fingerprint(path).size == 0:
        raise DataError("is empty (0 bytes)", file=path)
    arrow, csv = cast(Any, pyarrow), cast(Any, pyarrow.csv)

    def skipped(row: Any) -> str:
        log.repair(Repair.BROKEN_LINE, file=path, message=str(row.text or "")[:60])
        return "skip"

    try:
        with open(path, "rb") as file:
            parquet = file.read(4) == b"PAR1"
        if parquet:
            table = cast(Any, pyarrow.parquet).read_table(path)
        else:
            head = _first_line(path)
            table = csv.read_csv(
                binary(path),
                parse_options=csv.ParseOptions(
                    delimiter=max(",\t;", key=head.count), invalid_row_handler=skipped
                ),
            )
    except (arrow.ArrowInvalid, OSError, ValueError) as wrong:
        raise DataError(f"is no readable table: {str(wrong).splitlines()[0]}", file=path) from wrong
    columns = {
        name.strip().lower(): column
        for name, column in zip(table.column_names, table.columns, strict=True)
    }
    return Table(columns, int(table.num_rows), path)


def _first_line(path: str) -> str:
    return head_of(path, 8_192).split(b"\n", 1)[0].decode("utf-8", "replace")


def stamps_of(table: Table, name: str, zone: str, log: QualityLog) -> Floats:
    """Return a time column as seconds since 1970 UTC.

    Raises
    ------
    DataError : no times, or some with and some without an offset.
    """
    column = table.columns[name]
    kind = str(column.type)
    if kind.startswith(("int", "uint", "double", "float")):
        return table.numbers(name)
    if kind.startswith(("timestamp", "date")):
        offset = "tz=" in kind
        plain = column.cast("timestamp[us, tz=UTC]" if offset else "timestamp[us]")
        seconds = plain.cast("int64").to_numpy().astype(np.float64) / 1e6
        return seconds if offset else epochs(seconds, zone, log, table.path)
    words = table.words(name)
    try:
        aware = np.array([w.endswith("Z") or "+" in w[10:] or "-" in w[10:] for w in words])
        if aware.all():
            return np.array([datetime.fromisoformat(w).timestamp() for w in words])
        clock = np.array(words, dtype="datetime64[us]").astype(np.float64) / 1e6
    except ValueError as wrong:
        raise DataError(
            f"column {name!r} holds no times: {wrong}",
            file=table.path,
            hint="write epoch seconds or ISO 8601, with or without an offset but not both",
        ) from wrong
    return epochs(clock, zone, log, table.path)


def operation_of(name: str) -> tuple[str, Stored] | None:
    """Return operation and kind of a column: ``open``, ``opens``, ``openrates``, ``open_rate``."""
    known = (*OPERATIONS, *MORE)
    for ending in _RATES:
        if name.endswith(ending) and name.removesuffix(ending) in known:
            return name.removesuffix(ending), "rates"
    if name in known:
        return name, "counts"
    return (name[:-1], "counts") if name.endswith("s") and name[:-1] in known else None
