"""TOKIO Time Series (TTS) HDF5 files and their older h5lmt form, exactly as stored.

The only module that opens HDF5. It knows names, shapes, attributes and versions, and repairs
nothing: `archive` turns what is read here into `Counters`. Layouts: pytokio 0.13,
``tokio.connectors.hdf5`` (schema "1", and the unversioned h5lmt).
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt

from separatrix.errors import DataError
from separatrix.telemetry.counters import OPERATIONS, Stored

Floats = npt.NDArray[np.float64]
Layout = Literal["tts", "h5lmt"]
_Axes = dict[str, npt.NDArray[np.int64]]

KNOWN_VERSION = "1"
UNKNOWN_MDS = "unknown_mds"
"""Name, as in pytokio, of the one metadata server of an h5lmt file, which does not name it."""

_NOT_OPERATIONS = frozenset({"read", "write", "readop", "writeop", "readbyte", "writebyte"})
_STEPS = "FSStepsGroup/FSStepsDataSet"
_OPS = "MDSOpsGroup/MDSOpsDataSet"
_CPU = "MDSCPUGroup/MDSCPUDataSet"


@dataclass(frozen=True, eq=False)
class Dataset:
    """One table of an archive.

    Attributes
    ----------
    stamps : (n,) epoch seconds as stored.
    values : (n, n_columns) float64 as stored.
    columns : the names that the file gives; may be fewer than the columns.
    stored : counts per step or rates per second (loads are "rates").
    source : what the archiver read, such as ``"lmt"``; "" where the file does not say.
    """

    stamps: npt.NDArray[np.int64]
    values: Floats
    columns: tuple[str, ...]
    stored: Stored
    source: str


@dataclass(frozen=True, eq=False)
class Archive:
    """The metadata part of one file: operations by their names in the singular, and CPU load.

    ``step`` [s] is the distance of the first two stamps; ``absent`` names the wanted operations
    that the file does not hold, ``others`` the operations it holds that were not wanted.
    """

    layout: Layout
    step: float
    operations: Mapping[str, Dataset]
    cpu: Dataset | None
    absent: tuple[str, ...]
    others: tuple[str, ...]


@contextmanager
def opened(path: str, mode: Literal["r", "w"] = "r") -> Generator[Any]:
    """Open an `h5py.File`, which has no types; what HDF5 dislikes becomes a `DataError`."""
    import h5py

    try:
        with h5py.File(path, mode) as file:
            yield file
    except (OSError, RuntimeError, KeyError) as wrong:
        reason = str(wrong).strip("'\"").splitlines()[0] if str(wrong) else type(wrong).__name__
        raise DataError(
            f"HDF5 cannot read it: {reason}", file=path, hint="it may be truncated or still open"
        ) from wrong


def layout_of(file: Any, path: str) -> Layout:
    """Return which layout the file has, or raise a `DataError` for an unknown one."""
    version = _text(file.attrs.get("version"))
    if version == KNOWN_VERSION:
        return "tts"
    if version is None and _STEPS in file:
        return "h5lmt"
    if version is None:
        raise DataError(
            f"is neither TOKIO Time Series (no root attribute 'version') nor h5lmt (no {_STEPS})",
            file=path,
        )
    raise DataError(f"has TOKIO schema version {version!r}, known is {KNOWN_VERSION!r}", file=path)


def span(path: str) -> tuple[float, float]:
    """Return the first stamp of a file and the end of its last interval [s since 1970 UTC]."""
    with opened(path) as file:
        if layout_of(file, path) == "h5lmt":
            stamps = _array(file[_STEPS], np.int64)
            _needs_two(stamps, path)
            return float(stamps.min()), float(stamps.max())
        group = next((g for g in ("mdtargets", "mdservers") if f"{g}/timestamps" in file), None)
        if group is None:
            raise DataError(_no_group(file), file=path)
        stamps = _array(file[f"{group}/timestamps"], np.int64)
        step = _step(file, stamps, path)
        stamps = stamps[stamps > 0]
        return float(stamps.min()), float(stamps.max()) + step


def read_archive(path: str, operations: Sequence[str] | None = None) -> Archive:
    """Read the metadata operations and the CPU load of one file.

    Parameters
    ----------
    path : an HDF5 file in the TTS or h5lmt layout.
    operations : names in the singular; default the twelve of TOKIO archives, and in a TTS file
        whatever further ones it holds.

    Raises
    ------
    DataError : not HDF5, truncated, of an unknown version, or without any metadata operation.
    """
    with opened(path) as file:
        if layout_of(file, path) == "h5lmt":
            return _h5lmt(file, path, tuple(operations or OPERATIONS))
        return _tts(file, path, operations)


def read_dataset(path: str, name: str) -> Dataset:
    """Read one dataset under its TTS name (``"mdtargets/openrates"``), deriving it if need be.

    Counts and rates are derived from one another with the step, and from the h5lmt layout.

    Raises
    ------
    DataError : where the file holds neither form.
    """
    group, _, leaf = name.strip("/").partition("/")
    with opened(path) as file:
        if layout_of(file, path) == "h5lmt":
            return _h5lmt_dataset(file, path, group, leaf)
        if f"{group}/{leaf}" in file:
            return _dataset(file, path, f"{group}/{leaf}")
        pair = _other_form(leaf)
        if pair is None or f"{group}/{pair}" not in file:
            raise DataError(f"has no dataset {name!r}", file=path, hint=_no_group(file))
        other = _dataset(file, path, f"{group}/{pair}")
        step = _step(file, other.stamps, path)
        rates = leaf.endswith("rates")
        return Dataset(
            other.stamps,
            other.values / step if rates else other.values * step,
            other.columns,
            "rates" if rates else "counts",
            other.source,
        )


def operation_name(leaf: str) -> tuple[str, Stored] | None:
    """Return operation and kind of a TTS dataset: ``"statfss"`` is counts of ``"statfs"``."""
    if leaf.endswith("rates"):
        name, kind = leaf.removesuffix("rates"), "rates"
    elif leaf.endswith("s") and leaf != "timestamps":
        name, kind = leaf.removesuffix("s"), "counts"
    else:
        return None
    return None if name in _NOT_OPERATIONS or not name else (name, kind)


def _tts(file: Any, path: str, wanted: Sequence[str] | None) -> Archive:
    if "mdtargets" not in file:
        raise DataError(_no_group(file), file=path, hint="metadata archives have group mdtargets")
    group = file["mdtargets"]
    held: dict[str, tuple[str, Stored]] = {}
    for leaf in list[str](group):
        known = operation_name(leaf)
        if known and group[leaf].ndim == 2 and group[leaf].shape[1] > 0:
            name, kind = known
            if name not in held or kind == "counts":  # stored in both forms: take the counts
                held[name] = (leaf, kind)
    chosen = [*OPERATIONS, *(n for n in held if n not in OPERATIONS)] if wanted is None else wanted
    found = [name for name in chosen if name in held]
    if not found:
        raise DataError(
            f"group mdtargets holds none of the operations {', '.join(chosen)}",
            file=path,
            hint=f"it holds {', '.join(list[str](group)) or 'nothing'}",
        )
    read: _Axes = {}  # the datasets of a group share their stamps: read them once
    operations = {name: _dataset(file, path, f"mdtargets/{held[name][0]}", read) for name in found}
    first = operations[found[0]]
    cpu_name = "mdservers/cpuload"
    has_cpu = cpu_name in file and file[cpu_name].shape[1] > 0
    return Archive(
        layout="tts",
        step=_step(file, first.stamps, path),
        operations=operations,
        cpu=_dataset(file, path, cpu_name) if has_cpu else None,
        absent=tuple(name for name in chosen if name not in held),
        others=tuple(name for name in held if name not in chosen),
    )


def _dataset(file: Any, path: str, name: str, read: _Axes | None = None) -> Dataset:
    data = file[name]
    version = _text(data.attrs.get("version"))
    if version not in (None, KNOWN_VERSION):
        raise DataError(
            f"dataset {name} has schema version {version!r}, known is {KNOWN_VERSION!r}", file=path
        )
    stamps_name = _text(data.attrs.get("timestamps")) or f"{name.rpartition('/')[0]}/timestamps"
    stamps = (read or {}).get(stamps_name)
    if stamps is None:
        if stamps_name not in file:
            raise DataError(f"dataset {name} has no timestamps ({stamps_name})", file=path)
        stamps = _array(file[stamps_name], np.int64)
        if read is not None:
            read[stamps_name] = stamps
    values = _array(data, np.float64)
    if values.ndim == 1:
        values = values.reshape(-1, 1)
    rows = min(len(stamps), len(values))
    known = operation_name(name.rpartition("/")[2])
    return Dataset(
        stamps[:rows],
        values[:rows],
        _names(data.attrs.get("columns")),
        known[1] if known else "rates",
        _text(data.parent.attrs.get("source")) or "",
    )


def _h5lmt(file: Any, path: str, wanted: tuple[str, ...]) -> Archive:
    if _OPS not in file:
        raise DataError(f"has no dataset {_OPS}", file=path, hint=_no_group(file))
    stamps = _array(file[_STEPS], np.int64)
    _needs_two(stamps, path)
    data = file[_OPS]
    names = _names(data.attrs.get("OpNames"))
    table = _array(data, np.float64)
    if not names or table.ndim != 2:
        raise DataError(f"dataset {_OPS} has no attribute OpNames or is not a table", file=path)
    found = [name for name in wanted if name in names[: len(table)]]
    if not found:
        raise DataError(f"{_OPS} has none of the operations {', '.join(wanted)}", file=path)
    busy = [n for n, row in zip(names, table, strict=False) if n not in wanted and row.any()]
    cpu = _array(file[_CPU], np.float64) if _CPU in file else None

    def column(row: Floats) -> Dataset:
        rows = min(len(stamps), len(row))
        one = np.ascontiguousarray(row[:rows]).reshape(-1, 1)
        return Dataset(stamps[:rows], one, (UNKNOWN_MDS,), "rates", "lmt")

    return Archive(
        layout="h5lmt",
        step=float(stamps[1] - stamps[0]),
        operations={name: column(table[names.index(name)]) for name in found},
        cpu=column(cpu) if cpu is not None else None,
        absent=tuple(name for name in wanted if name not in found),
        others=tuple(busy),
    )


def _h5lmt_dataset(file: Any, path: str, group: str, leaf: str) -> Dataset:
    known = operation_name(leaf)
    if group == "mdtargets" and known:
        archive = _h5lmt(file, path, (known[0],))
        held = archive.operations[known[0]]
        # pytokio labels this column with the name of the operation
        values = held.values if known[1] == "rates" else held.values * archive.step
        return Dataset(held.stamps, values, (known[0],), known[1], "lmt")
    if (group, leaf) == ("mdservers", "cpuload") and _CPU in file:
        stamps = _array(file[_STEPS], np.int64)
        values = _array(file[_CPU], np.float64).reshape(-1, 1)
        return Dataset(stamps, values[: len(stamps)], (UNKNOWN_MDS,), "rates", "lmt")
    raise DataError(f"h5lmt files have no counterpart of {group}/{leaf}", file=path)


def _other_form(leaf: str) -> str | None:
    known = operation_name(leaf)
    if known is None:
        return None
    return f"{known[0]}s" if known[1] == "rates" else f"{known[0]}rates"


def _array(data: Any, kind: type[np.generic]) -> Any:
    values = data[...]
    return values if values.dtype == kind else np.ascontiguousarray(values, dtype=kind)


def _step(file: Any, stamps: npt.NDArray[np.int64], path: str) -> float:
    stamps = stamps[stamps > 0]  # rows never reached keep a stamp of 0
    distances = np.abs(np.diff(stamps))
    distances = distances[distances > 0]
    if len(distances):  # stamps[1] - stamps[0] in a sound file; the median survives bad stamps
        return float(np.median(distances))
    start, end = file.attrs.get("start"), file.attrs.get("end")
    if len(stamps) == 1 and start is not None and end is not None and int(end) > int(stamps[0]):
        return float(int(end) - int(stamps[0]))
    raise DataError(f"has {len(stamps)} usable timestamp(s): its step is unknown", file=path)


def _needs_two(stamps: npt.NDArray[np.int64], path: str) -> None:
    if len(stamps) < 2 or stamps[1] == stamps[0]:
        raise DataError(f"{_STEPS} has {len(stamps)} usable stamp(s), needs two", file=path)


def _text(value: object) -> str | None:
    """Decode an attribute; real files hold the literal text 'None' for an absent version."""
    if value is None:
        return None
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return None if text in ("None", "") else text


def _names(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    items = np.atleast_1d(cast(Any, value)).tolist()
    return tuple((_text(item) or "").rstrip("\x00") for item in items)


def _no_group(file: Any) -> str:
    return f"it holds the groups {', '.join(list[str](file)) or 'none'}"
