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
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

from separatrix.atomic import directory_draft_of
from separatrix.telemetry.counters import Counters
from separatrix.telemetry.files import Fingerprint, fingerprint
from separatrix.telemetry.quality import QualityLog, Repair
from separatrix.telemetry.series_columns import arrow_of, counters_of

FORMAT = 1
_MANIFEST = "manifest.json"


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
    with suppress(_Unsound), directory_draft_of(entry) as place:
        with closing(_Writer(place)) as writer:
            for table in tables:
                writer.add(table)
                yield table
        if not (writer.sound and _unchanged(key)):
            raise _Unsound
        (place / _MANIFEST).write_text(
            json.dumps({"key": key.text, "parts": writer.parts}), encoding="utf-8"
        )


class _Unsound(Exception):
    """What was read must not be kept."""


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
        arrow = arrow_of(table)
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
                yield counters_of(file.read_row_group(group, use_threads=False))
