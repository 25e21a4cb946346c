"""A Parquet cache of tables already read, keyed on what they were read from.

An entry is a directory whose name is the SHA-256 of its key: the files (name, size, time of
modification), file system, time zone, range, operations and options, never the dates alone. It
appears at once, by renaming a finished directory, and holds Parquet parts with one row group per
table (checksummed pages) and a manifest. Whatever is wrong with an entry, it is read again from the
source with a warning, and counted.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from separatrix.telemetry.counters import Counters
from separatrix.telemetry.files import Fingerprint, fingerprint
from separatrix.telemetry.quality import DataQuality, QualityLog, Repair

Floats = npt.NDArray[np.float64]

FORMAT = 1
_MANIFEST = "manifest.json"
_ABSENT = -1  # stands for NaN among whole counts, which are stored as int32


@dataclass(frozen=True)
class CacheKey:
    """Everything that decides what a reading returns."""

    files: tuple[Fingerprint, ...]
    fs: str
    zone: str
    start: float | None
    end: float | None
    operations: tuple[str, ...] | None
    options: Mapping[str, Any]

    @property
    def text(self) -> str:
        """The key as JSON."""
        return json.dumps({"format": FORMAT, **asdict(self)}, sort_keys=True)

    @property
    def name(self) -> str:
        """The directory name of its entry."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def default_folder() -> Path:
    """Return the user's cache directory: ``$XDG_CACHE_HOME`` or ``~/.cache``, below it ours."""
    root = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(root) / "separatrix" / "telemetry"


def cached(
    folder: str | os.PathLike[str], key: CacheKey, read: Callable[[], Iterator[Counters]]
) -> Iterator[Counters]:
    """Yield the tables of an entry, or of `read` while an entry is written.

    The entry is kept only when all tables were taken, no file was left out and the files are still
    as the key says. Tables with accounts are not cached (job dumps are quick to read).

    Parameters
    ----------
    folder : directory of the cache; made where it is absent.
    read : reads the source; called where there is no sound entry.
    """
    entry = Path(folder) / key.name
    given = 0
    damage = ""
    if entry.exists():
        try:
            for table in _entry(entry, key):
                yield table
                given += 1
            return
        except Exception as wrong:
            # a damaged file can make Parquet, JSON or numpy fail in any way, and all mean the same
            damage = f"{type(wrong).__name__}: {wrong}"
            warnings.warn(
                f"{entry}: damaged cache ({damage}); reading the source again", stacklevel=2
            )
            shutil.rmtree(entry, ignore_errors=True)
    tables = _kept(entry, key, read())
    for number, table in enumerate(tables):
        if number < given:
            continue  # already handed out before the damage was met
        if damage:
            log = QualityLog()
            log.repair(Repair.CACHE, file=str(entry), message=damage.splitlines()[0])
            table = replace(table, quality=table.quality.merge(log.report()))
            damage = ""
        yield table


def _kept(entry: Path, key: CacheKey, tables: Iterator[Counters]) -> Iterator[Counters]:
    entry.parent.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(dir=entry.parent, prefix=".writing-"))
    writer = _Writer(place)
    complete = False
    try:
        for table in tables:
            writer.add(table)
            yield table
        complete = True
    finally:
        writer.close()
        if complete and writer.sound and _unchanged(key):
            (place / _MANIFEST).write_text(
                json.dumps({"key": key.text, "parts": writer.parts}), encoding="utf-8"
            )
            if entry.exists():  # another process was quicker
                shutil.rmtree(place, ignore_errors=True)
            else:
                os.replace(place, entry)
        else:
            shutil.rmtree(place, ignore_errors=True)


def _unchanged(key: CacheKey) -> bool:
    try:
        return all(fingerprint(f.name) == f for f in key.files)
    except Exception:  # a file that is gone is a changed file
        return False


class _Writer:
    """Writes tables as row groups; a new part begins where the columns change."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.parts: list[dict[str, Any]] = []
        self.sound = True
        self._writer: Any = None
        self._schema: Any = None

    def add(self, table: Counters) -> None:
        if table.accounts is not None or table.quality.failures:
            self.sound = False
        if not self.sound:
            return
        import pyarrow
        import pyarrow.parquet

        pa, pq = cast(Any, pyarrow), cast(Any, pyarrow.parquet)
        arrow = _arrow(table)
        if self._schema is None or not arrow.schema.equals(self._schema):
            self.close()
            self._schema = arrow.schema
            name = f"part-{len(self.parts):04d}.parquet"
            self._writer = pq.ParquetWriter(
                self.folder / name,
                arrow.schema,
                compression="lz4" if pa.Codec.is_available("lz4") else "snappy",
                write_statistics=False,
                write_page_checksum=True,
                use_dictionary=[f.name for f in arrow.schema if str(f.type) == "int32"],
            )
            self.parts.append({"name": name})
        self._writer.write_table(arrow, row_group_size=max(1, arrow.num_rows))

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
            part = self.parts[-1]
            part["size"] = (self.folder / part["name"]).stat().st_size


def _arrow(table: Counters) -> Any:
    """One row per interval; the first row of `about` holds what is not a column."""
    import pyarrow

    pa = cast(Any, pyarrow)
    about = {
        "targets": table.targets,
        "operations": table.operations,
        "stored": table.stored,
        "servers": table.servers,
        "server_of": table.server_of,
        "fs": table.fs,
        "zone": table.zone,
        "sources": table.sources,
        "quality": table.quality.to_dict(),
    }
    columns: dict[str, Any] = {
        "about": pa.array([json.dumps(about), *[None] * (table.n_intervals - 1)], pa.string()),
        "start": _column(table.start),
        "step": _column(table.step),
    }
    cubes = {
        "values": table.values,
        "latency_sum": table.latency_sum,
        "latency_samples": table.latency_samples,
    }
    for name, cube in cubes.items():
        if cube is not None:
            rows = _whole(cube)
            for i, row in enumerate(cube.reshape(-1, table.n_intervals) if rows is None else rows):
                columns[f"{name} {i}"] = _column(row)
    for s, row in enumerate(table.cpu):
        columns[f"cpu {s}"] = _column(row)
    return pa.table(columns)


def _column(row: npt.NDArray[Any]) -> Any:
    """Return a numpy row as an Arrow column; pyarrow's own way would import pandas."""
    import pyarrow

    pa = cast(Any, pyarrow)
    kind = pa.int32() if row.dtype == np.int32 else pa.float64()
    data = pa.py_buffer(np.ascontiguousarray(row))
    return pa.Array.from_buffers(kind, len(row), [None, data])


def _whole(cube: Floats) -> list[npt.NDArray[np.int32]] | None:
    """Return the rows as int32 where that loses nothing: half the bytes, and quicker to read."""
    rows: list[npt.NDArray[np.int32]] = []
    for row in cube.reshape(-1, cube.shape[-1]):  # a row at a time stays in the processor's cache
        missing = np.isnan(row)
        filled = np.where(missing, float(_ABSENT), row) if missing.any() else row
        if filled.size and not -1.0 <= filled.min() <= filled.max() < 2**31:
            return None
        whole = filled.astype(np.int32)
        if not np.array_equal(whole, filled) or np.any((whole < 0) & ~missing):
            return None
        rows.append(whole)
    return rows


def _entry(entry: Path, key: CacheKey) -> Iterator[Counters]:
    import pyarrow.parquet

    pq = cast(Any, pyarrow.parquet)
    manifest = json.loads((entry / _MANIFEST).read_text(encoding="utf-8"))
    if manifest["key"] != key.text:
        raise ValueError("its manifest belongs to another request")
    for part in manifest["parts"]:
        path = entry / part["name"]
        if path.stat().st_size != part["size"]:
            raise ValueError(f"{part['name']} has {path.stat().st_size} of {part['size']} bytes")
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            for group in range(file.num_row_groups):
                yield _counters(file.read_row_group(group, use_threads=False))


def _counters(arrow: Any) -> Counters:
    about = cast(dict[str, Any], json.loads(arrow.column("about")[0].as_py()))
    n = int(arrow.num_rows)
    names = cast(list[str], arrow.column_names)
    column = {name: _plain(arrow.column(name)) for name in names if name != "about"}
    shape = (len(about["operations"]), len(about["targets"]), n)

    def cube(name: str) -> Floats | None:
        if f"{name} 0" not in column:
            return None
        out = np.empty(shape)
        for i, row in enumerate(out.reshape(-1, n)):
            stored = column[f"{name} {i}"]
            row[:] = stored
            if stored.dtype == np.int32 and stored.min() < 0:
                row[stored < 0] = np.nan
        return out

    values = cube("values")
    servers = cast(list[str], about["servers"])
    return Counters(
        start=column["start"].copy(),
        step=column["step"].copy(),
        targets=tuple(about["targets"]),
        operations=tuple(about["operations"]),
        values=np.empty(shape) if values is None else values,
        stored=about["stored"],
        servers=tuple(servers),
        cpu=np.array([column[f"cpu {s}"] for s in range(len(servers))]).reshape(-1, n),
        server_of=tuple(about["server_of"]),
        latency_sum=cube("latency_sum"),
        latency_samples=cube("latency_samples"),
        fs=about["fs"],
        zone=about["zone"],
        sources=tuple(about["sources"]),
        quality=DataQuality.from_dict(about["quality"]),
    )


def _plain(column: Any) -> npt.NDArray[Any]:
    """Return a column without nulls as numpy; pyarrow's own way would import pandas."""
    parts: list[npt.NDArray[Any]] = []
    for chunk in column.chunks:
        if chunk.null_count:
            raise ValueError("a column holds nulls")
        kind = np.dtype(np.int32 if str(chunk.type) == "int32" else np.float64)
        data = np.frombuffer(chunk.buffers()[1], dtype=kind)
        parts.append(data[chunk.offset : chunk.offset + len(chunk)])
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
