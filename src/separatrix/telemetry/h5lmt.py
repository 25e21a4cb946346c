"""The h5lmt layout, older than TTS: one table of all operations, transposed, of one unnamed server.

Rates are stored; a row stamped t_i covers the time *before* it; holes are plain zeros.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from separatrix.errors import DataError
from separatrix.telemetry.stored import (
    UNKNOWN_MDS,
    Archive,
    Dataset,
    Floats,
    array_of,
    groups_of,
    names_of,
    operation_name,
)

STEPS = "FSStepsGroup/FSStepsDataSet"
_OPS = "MDSOpsGroup/MDSOpsDataSet"
_CPU = "MDSCPUGroup/MDSCPUDataSet"


def read_h5lmt(file: Any, path: str, wanted: tuple[str, ...]) -> Archive:
    """Return the wanted operations of an open file; see `tokio.read_archive`."""
    if _OPS not in file:
        raise DataError(f"has no dataset {_OPS}", file=path, hint=groups_of(file))
    stamps = array_of(file[STEPS], np.int64)
    needs_two(stamps, path)
    data = file[_OPS]
    names = names_of(data.attrs.get("OpNames"))
    table = array_of(data, np.float64)
    if not names or table.ndim != 2:
        raise DataError(f"dataset {_OPS} has no attribute OpNames or is not a table", file=path)
    found = [name for name in wanted if name in names[: len(table)]]
    if not found:
        raise DataError(f"{_OPS} has none of the operations {', '.join(wanted)}", file=path)
    busy = [n for n, row in zip(names, table, strict=False) if n not in wanted and row.any()]
    cpu = array_of(file[_CPU], np.float64) if _CPU in file else None

    def column(row: Floats) -> Dataset:
        rows = min(len(stamps), len(row))
        one = np.ascontiguousarray(row[:rows]).reshape(1, -1)
        return Dataset(stamps[:rows], one, (UNKNOWN_MDS,), "rates", "lmt")

    return Archive(
        layout="h5lmt",
        step=float(stamps[1] - stamps[0]),
        operations={name: column(table[names.index(name)]) for name in found},
        cpu=column(cpu) if cpu is not None else None,
        absent=tuple(name for name in wanted if name not in found),
        others=tuple(busy),
    )


def read_h5lmt_dataset(file: Any, path: str, group: str, leaf: str) -> Dataset:
    """Return one dataset under its TTS name; see `tokio.read_dataset`."""
    known = operation_name(leaf)
    if group == "mdtargets" and known:
        archive = read_h5lmt(file, path, (known[0],))
        held = archive.operations[known[0]]
        # pytokio labels this column with the name of the operation
        values = held.values if known[1] == "rates" else held.values * archive.step
        return Dataset(held.stamps, values, (known[0],), known[1], "lmt")
    if (group, leaf) == ("mdservers", "cpuload") and _CPU in file:
        stamps = array_of(file[STEPS], np.int64)
        values = array_of(file[_CPU], np.float64).reshape(1, -1)
        return Dataset(stamps, values[:, : len(stamps)], (UNKNOWN_MDS,), "rates", "lmt")
    raise DataError(f"h5lmt files have no counterpart of {group}/{leaf}", file=path)


def needs_two(stamps: npt.NDArray[np.int64], path: str) -> None:
    """Refuse a file whose step cannot be told."""
    if len(stamps) < 2 or stamps[1] == stamps[0]:
        raise DataError(f"{STEPS} has {len(stamps)} usable stamp(s), needs two", file=path)
