"""TOKIO Time Series (TTS) HDF5 files and their older h5lmt form, exactly as stored.

The only module that opens HDF5. It knows names, shapes, attributes and versions, and repairs
nothing: `archive` turns what is read here into `Counters`. Layouts: pytokio 0.13,
``tokio.connectors.hdf5`` (schema "1", and the unversioned h5lmt).
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from separatrix.errors import DataError
from separatrix.telemetry.chunks import columns_of
from separatrix.telemetry.counters import OPERATIONS, Stored
from separatrix.telemetry.h5lmt import STEPS, needs_two, read_h5lmt, read_h5lmt_dataset
from separatrix.telemetry.stored import (
    Archive,
    Dataset,
    Floats,
    Layout,
    array_of,
    groups_of,
    names_of,
    operation_name,
    text_of,
)

KNOWN_VERSION = "1"


@dataclass
class _Known:
    """What the datasets of a group share, read once: stamps by name, source by group."""

    stamps: dict[str, npt.NDArray[np.int64]] = field(
        default_factory=dict[str, npt.NDArray[np.int64]]
    )
    source: dict[str, str] = field(default_factory=dict[str, str])


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
    version = text_of(file.attrs.get("version"))
    if version == KNOWN_VERSION:
        return "tts"
    if version is None and STEPS in file:
        return "h5lmt"
    if version is None:
        raise DataError(
            f"is neither TOKIO Time Series (no root attribute 'version') nor h5lmt (no {STEPS})",
            file=path,
        )
    raise DataError(f"has TOKIO schema version {version!r}, known is {KNOWN_VERSION!r}", file=path)


def span(path: str) -> tuple[float, float]:
    """Return the first stamp of a file and the end of its last interval [s since 1970 UTC]."""
    with opened(path) as file:
        if layout_of(file, path) == "h5lmt":
            stamps = array_of(file[STEPS], np.int64)
            needs_two(stamps, path)
            return float(stamps.min()), float(stamps.max())
        group = next((g for g in ("mdtargets", "mdservers") if f"{g}/timestamps" in file), None)
        if group is None:
            raise DataError(groups_of(file), file=path)
        stamps = array_of(file[f"{group}/timestamps"], np.int64)
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
            return read_h5lmt(file, path, tuple(operations or OPERATIONS))
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
            return read_h5lmt_dataset(file, path, group, leaf)
        if f"{group}/{leaf}" in file:
            return _dataset(file, path, f"{group}/{leaf}")
        pair = _other_form(leaf)
        if pair is None or f"{group}/{pair}" not in file:
            raise DataError(f"has no dataset {name!r}", file=path, hint=groups_of(file))
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


def _tts(file: Any, path: str, wanted: Sequence[str] | None) -> Archive:
    if "mdtargets" not in file:
        raise DataError(groups_of(file), file=path, hint="metadata archives have group mdtargets")
    group = file["mdtargets"]
    held: dict[str, tuple[str, Stored]] = {}
    for leaf in list[str](group):
        known = operation_name(leaf)
        if known and group[leaf].size != 0:
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
    read = _Known()
    shapes = [group[held[name][0]].shape for name in found]
    # one block for all of a day's series, which `archive` takes as it is where nothing is amiss
    cube = np.empty((len(found), *shapes[0][::-1])) if len(set(shapes)) == 1 else None
    operations = {
        name: _dataset(
            file, path, f"mdtargets/{held[name][0]}", read, None if cube is None else cube[k]
        )
        for k, name in enumerate(found)
    }
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


def _dataset(
    file: Any, path: str, name: str, read: _Known | None = None, out: Floats | None = None
) -> Dataset:
    data = file[name]
    attributes = data.attrs
    version = text_of(attributes.get("version"))
    if version not in (None, KNOWN_VERSION):
        raise DataError(
            f"dataset {name} has schema version {version!r}, known is {KNOWN_VERSION!r}", file=path
        )
    stamps_name = text_of(attributes.get("timestamps")) or f"{name.rpartition('/')[0]}/timestamps"
    stamps = read.stamps.get(stamps_name) if read is not None else None
    if stamps is None:
        if stamps_name not in file:
            raise DataError(f"dataset {name} has no timestamps ({stamps_name})", file=path)
        stamps = array_of(file[stamps_name], np.int64)
        if read is not None:
            read.stamps[stamps_name] = stamps
    values = columns_of(data, path, out)
    rows = min(len(stamps), values.shape[1])
    known = operation_name(name.rpartition("/")[2])
    return Dataset(
        stamps if rows == len(stamps) else stamps[:rows],  # the same array for a whole group
        values if rows == values.shape[1] else values[:, :rows],
        names_of(attributes.get("columns")),
        known[1] if known else "rates",
        _source(file, name, read),
    )


def _source(file: Any, name: str, read: _Known | None) -> str:
    group = name.rpartition("/")[0]
    known = read.source.get(group) if read is not None else None
    if known is None:
        known = text_of(file[group].attrs.get("source")) or ""
        if read is not None:
            read.source[group] = known
    return known


def _other_form(leaf: str) -> str | None:
    known = operation_name(leaf)
    if known is None:
        return None
    return f"{known[0]}s" if known[1] == "rates" else f"{known[0]}rates"


def _step(file: Any, stamps: npt.NDArray[np.int64], path: str) -> float:
    stamps = stamps[stamps > 0]  # rows never reached keep a stamp of 0
    distances = np.abs(np.diff(stamps))
    distances = distances[distances > 0]
    if len(distances):  # stamps[1] - stamps[0] in a sound file; the median survives bad stamps
        return float(np.sort(distances)[(len(distances) - 1) // 2])
    start, end = file.attrs.get("start"), file.attrs.get("end")
    if len(stamps) == 1 and start is not None and end is not None and int(end) > int(stamps[0]):
        return float(int(end) - int(stamps[0]))
    raise DataError(f"has {len(stamps)} usable timestamp(s): its step is unknown", file=path)
