"""Which files hold the telemetry: lists, globs and date-templated stores, in order and as they are.

A store is what pytokio's ``site.json`` calls ``hdf5_files``: a map from file system name to one or
more `strftime` templates, of which the first that exists is taken for each local day.
``PYTOKIO_CONFIG`` names that JSON file and ``PYTOKIO_HDF5_FILES`` overrides the key, with JSON or a
plain template.
"""

from __future__ import annotations

import glob
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from separatrix.errors import DataError
from separatrix.telemetry.quality import QualityLog, Repair
from separatrix.telemetry.zones import local_days

Template = str | Sequence[str] | Mapping[str, "Template"]


@dataclass(frozen=True)
class Fingerprint:
    """What tells one state of a file from another: absolute name, size [bytes], mtime [ns]."""

    name: str
    size: int
    mtime_ns: int


def fingerprint(path: str) -> Fingerprint:
    """Return the present state of a file; a `DataError` where it cannot be looked at."""
    try:
        state = os.stat(path)
    except OSError as wrong:
        raise DataError(
            f"cannot be read: {wrong.strerror}", file=path, hint="check the path"
        ) from wrong
    return Fingerprint(os.path.abspath(path), state.st_size, state.st_mtime_ns)


def is_url(name: str) -> bool:
    """Tell whether a source is a database or HTTP address and not a file."""
    return name.startswith(("http://", "https://", "mysql://", "mariadb://"))


def expanded(
    names: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    log: QualityLog,
    *,
    strict: bool = False,
) -> list[str]:
    """Return the files that `names` and globs stand for, each once, in the order of their names.

    Directories are skipped and counted; a name without a file is a failure.

    Raises
    ------
    DataError : with `strict`, where a name has no file.
    """
    given = [names] if isinstance(names, (str, os.PathLike)) else list(names)
    found: dict[str, None] = {}
    for item in given:
        name = os.fspath(item)
        if is_url(name):
            found[name] = None
            continue
        pattern = os.path.expanduser(name)
        matches = sorted(glob.glob(pattern, recursive=True)) if glob.has_magic(pattern) else []
        if not matches and os.path.exists(pattern):
            matches = [pattern]
        if not matches:
            if strict:
                raise DataError("no such file", file=name, hint="check the path or the pattern")
            log.failure(name, "no such file")
        for match in matches:
            if os.path.isdir(match):
                log.repair(Repair.DIRECTORY, file=match)
            else:
                found[match] = None
    return list(found)


def store_templates(config: str | os.PathLike[str] | Mapping[str, Any] | None) -> Template:
    """Return the ``hdf5_files`` of a site configuration.

    Parameters
    ----------
    config : a JSON file, its contents, or None for the one that ``PYTOKIO_CONFIG`` names.
        ``PYTOKIO_HDF5_FILES`` overrides all of them but contents given directly.

    Raises
    ------
    DataError : where there is no configuration, or it has no ``hdf5_files``.
    """
    if isinstance(config, Mapping):
        if "hdf5_files" not in config:
            raise DataError("the configuration has no key 'hdf5_files'")
        return cast(Template, config["hdf5_files"])
    override = os.environ.get("PYTOKIO_HDF5_FILES")
    if override is not None:
        try:
            return cast(Template, json.loads(override))
        except ValueError:
            return override
    path = os.fspath(config) if config is not None else os.environ.get("PYTOKIO_CONFIG")
    if path is None:
        raise DataError(
            "no files and no store given",
            hint="name files, or give --config site.json (or set PYTOKIO_CONFIG)",
        )
    try:
        loaded = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as wrong:
        raise DataError(f"cannot be read: {wrong.strerror}", file=path) from wrong
    except ValueError as wrong:
        raise DataError(f"is not JSON: {wrong}", file=path) from wrong
    if not isinstance(loaded, dict) or "hdf5_files" not in loaded:
        raise DataError("has no key 'hdf5_files'", file=path, hint="see pytokio's site.json")
    return cast(Template, loaded["hdf5_files"])


def dated_files(
    templates: Template, fs: str | None, start: float, end: float, zone: str, log: QualityLog
) -> list[str]:
    """Return the file of each local day from `start` to `end` inclusive, where there is one.

    Of several templates the first whose file exists wins; days without a file are counted.

    Raises
    ------
    DataError : where the store does not know the file system.
    """
    patterns = _patterns(templates, fs)
    files: dict[str, None] = {}
    for day in local_days(start, end, zone):
        names = [day.strftime(pattern) for pattern in patterns]
        first = next((name for name in names if os.path.exists(name)), None)
        if first is None:
            log.repair(
                Repair.ABSENT_FILE, file=names[0] if names else "", message=f"{day:%Y-%m-%d}"
            )
        else:
            files[first] = None
    return list(files)


def _patterns(templates: Template, fs: str | None) -> list[str]:
    if isinstance(templates, str):
        return [templates]
    if isinstance(templates, Mapping):
        if fs is None:
            if len(templates) != 1:
                raise DataError(
                    f"the store holds several file systems: {', '.join(sorted(templates))}",
                    hint="choose one with --fs",
                )
            return _patterns(next(iter(templates.values())), fs)
        if fs not in templates:
            raise DataError(
                f"the store has no file system {fs!r}",
                hint=f"it has {', '.join(sorted(templates)) or 'none'}",
            )
        return _patterns(templates[fs], fs)
    return [pattern for entry in templates for pattern in _patterns(entry, fs)]
