"""One door for every kind of telemetry: name files, a store or a server, and get `Counters`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from separatrix.errors import DataError
from separatrix.telemetry.archive import Stamps
from separatrix.telemetry.cache import CacheKey, cached
from separatrix.telemetry.counters import Counters
from separatrix.telemetry.files import dated_files, expanded, fingerprint, is_url, store_templates
from separatrix.telemetry.formats import Kind, kind_of
from separatrix.telemetry.joining import concat
from separatrix.telemetry.quality import QualityLog
from separatrix.telemetry.sources import TOGETHER, Options, tables_of
from separatrix.telemetry.tabular import Align
from separatrix.telemetry.zones import Instant, instant, stamp, zone_of

Names = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]


def read(
    sources: Names = (),
    *,
    fs: str | None = None,
    start: Instant | None = None,
    end: Instant | None = None,
    tz: str = "UTC",
    config: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    strict: bool = False,
    operations: Sequence[str] | None = None,
    jobid: str | None = None,
    align: Align = "left",
    cpu_stamps: Stamps = "auto",
    cache: str | os.PathLike[str] | None = None,
    token: str | None = None,
    timeout: float = 30.0,
    step: float = 60.0,
) -> Iterator[Counters]:
    """Yield tables of all sources, each with its part of the data-quality report.

    Memory holds a day or a block of text at a time. One bad file among many is left out and
    reported (`DataQuality.failures`).

    Parameters
    ----------
    sources : files, globs, ``mysql://`` and ``http(s)://`` addresses of any kinds. Empty: the files
        of the store `config` for `fs` on the local days from `start` to `end`.
    start, end : range of interval begins, end excluded; naive ones are local times of `tz`.
    cache : folder of the Parquet cache, or None to use none; see `cache.default_folder`.
    token, timeout, step : of Prometheus: bearer token, longest silence [s], distance of points [s].
    fs, tz, config, strict, operations, jobid, align, cpu_stamps : see `Options` and
        `files.store_templates`.

    Raises
    ------
    DataError : nothing could be read; with `strict`, anything could not.
    """
    zone_of(tz)
    options = Options(
        fs=fs or "",
        start=None if start is None else instant(start, tz),
        end=None if end is None else instant(end, tz),
        zone=tz,
        operations=None if operations is None else tuple(operations),
        jobid=jobid,
        align=align,
        cpu_stamps=cpu_stamps,
        strict=strict,
        token=token,
        timeout=timeout,
        step=step,
    )
    if options.start is not None and options.end is not None and options.end <= options.start:
        raise DataError(
            f"the range ends ({stamp(options.end, tz)}) no later than it begins "
            f"({stamp(options.start, tz)})",
            hint="swap --from and --to",
        )
    log = QualityLog()
    given = [sources] if isinstance(sources, (str, os.PathLike)) else list(sources)
    if given:
        files = expanded(given, log, strict=strict)
    else:
        if options.start is None or options.end is None:
            raise DataError("a store needs a range", hint="give --from and --to, or name the files")
        templates = store_templates(config)
        files = dated_files(templates, fs, options.start, options.end, tz, log)
    log.note(f"local days and stamps are those of {tz}")
    before = log.report()

    def source() -> Iterator[Counters]:
        mine = QualityLog()
        mine.add(before)
        return _sound(_all(files, options, mine), mine)

    if cache is None or any(is_url(name) for name in files):
        yield from source()
        return
    wanted = asdict(replace(options, token=None))
    key = CacheKey(
        files=tuple(fingerprint(name) for name in files),
        fs=wanted.pop("fs"),
        zone=wanted.pop("zone"),
        start=wanted.pop("start"),
        end=wanted.pop("end"),
        operations=wanted.pop("operations"),
        options=wanted,
    )
    yield from cached(cache, key, source)


def load(sources: Names = (), **options: Any) -> Counters:
    """Return one table of everything that `read` yields; takes the same arguments.

    Memory holds the whole range; for months of 5-second samples iterate over `read` instead.
    """
    return concat(read(sources, **options))


def _sound(tables: Iterator[Counters], log: QualityLog) -> Iterator[Counters]:
    """Hold one table back, so that what is found wrong after the last one is reported with it."""
    held: Counters | None = None
    for table in tables:
        if held is not None:
            yield held
        held = table
    rest = log.report()
    if held is None:
        raise DataError(
            "no telemetry could be read",
            hint="\n".join(
                [f"{file}: {why}" for file, why in rest.failures]
                or ["no file was found" if not rest.repairs else str(rest)]
            ),
        )
    yield replace(held, quality=held.quality.merge(rest))


def _all(
    files: Sequence[str],
    options: Options,
    log: QualityLog,
) -> Iterator[Counters]:
    groups: dict[Kind, list[str]] = {}
    for name in files:
        try:
            groups.setdefault(kind_of(name), []).append(name)
        except DataError as wrong:
            _failed(name, wrong, options, log)
    for kind in Kind:
        names = groups.get(kind, [])
        if kind in TOGETHER:
            attempts = [(", ".join(names[:3]), names)] if names else []
        else:
            attempts = [(name, [name]) for name in names]
        for name, some in attempts:
            try:
                for table in tables_of(kind, some, options, log, alone=len(groups) == 1):
                    cut = _cut(table, options, log)
                    if cut is not None:
                        yield cut
            except DataError as wrong:
                _failed(name, wrong, options, log)


def _failed(name: str, wrong: DataError, options: Options, log: QualityLog) -> None:
    if options.strict:
        raise wrong
    log.failure(name, str(wrong).removeprefix(f"{name}: "))


def _cut(table: Counters, options: Options, log: QualityLog) -> Counters | None:
    """Cut to the range, the operations and the file system; keep the report if nothing is left."""
    low = -np.inf if options.start is None else options.start
    high = np.inf if options.end is None else options.end
    if options.fs:
        others = [t for t in table.targets if "-MDT" in t and not t.startswith(f"{options.fs}-")]
        if others:
            log.note(f"targets of other file systems left out: {', '.join(others)}")
            mine = [t for t in table.targets if t not in others]
            accounts = table.accounts.of_targets(mine) if table.accounts is not None else None
            table = replace(table.select(targets=mine), accounts=accounts)
    cut = table.between(low, high)
    if options.operations is not None and cut.operations != options.operations:
        cut = cut.select(operations=options.operations)
    if (cut.n_intervals == 0 or not cut.targets) and not (cut.accounts and cut.accounts.n_rows):
        log.add(table.quality)
        return None
    return cut
