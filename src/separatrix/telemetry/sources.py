"""Every kind of source under one call; each reader is imported when its kind is met."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from separatrix.errors import DataError
from separatrix.telemetry.archive import ArchiveOptions, Stamps
from separatrix.telemetry.counters import Counters
from separatrix.telemetry.formats import Kind
from separatrix.telemetry.quality import QualityLog
from separatrix.telemetry.snapshots import Snapshot, tables
from separatrix.telemetry.tabular import Align

TOGETHER = frozenset({Kind.ARCHIVE, Kind.MD_STATS, Kind.JOB_STATS, Kind.EXPOSITION})
"""Kinds whose files are read together, because each needs what the one before it says."""


@dataclass(frozen=True)
class Options:
    """What a reading depends on besides its sources.

    Attributes
    ----------
    fs : file system; selects it where a source holds several.
    start, end : range of interval begins [s since 1970 UTC], end excluded; None for all.
    zone : IANA zone of local days and stamps.
    operations : names in the singular; None for what the source calls metadata operations.
    jobid : the site's ``jobid_name`` template, None to try common ones.
    align : whether stamps of tables are the begin or the end of their interval.
    cpu_stamps : the same for the CPU load of archives, see `ArchiveOptions`.
    strict : whether a bad source is an error and not a counted failure.
    token, timeout, step : see `prometheus.Server`.
    """

    fs: str = ""
    start: float | None = None
    end: float | None = None
    zone: str = "UTC"
    operations: tuple[str, ...] | None = None
    jobid: str | None = None
    align: Align = "left"
    cpu_stamps: Stamps = "auto"
    strict: bool = False
    token: str | None = field(default=None, repr=False)
    timeout: float = 30.0
    step: float = 60.0


def tables_of(
    kind: Kind, names: list[str], options: Options, log: QualityLog, *, alone: bool
) -> Iterator[Counters]:
    """Return the tables of sources of one kind.

    Parameters
    ----------
    alone : whether there are no sources of another kind.

    Raises
    ------
    DataError : nothing could be read; with ``options.strict``, anything could not.
    """
    if kind is Kind.ARCHIVE:
        return _archives(names, options, log)
    if kind is Kind.MD_STATS:
        return _md_stats(names, options, log)
    if kind is Kind.JOB_STATS:
        return _job_stats(names, options, log, alone)
    if kind is Kind.EXPOSITION:
        return _expositions(names, options, log)
    return _single(kind, names[0], options, log)


def _archives(names: list[str], options: Options, log: QualityLog) -> Iterator[Counters]:
    from separatrix.telemetry.succession import read_archives

    settings = ArchiveOptions(
        options.operations, options.cpu_stamps, options.fs, options.zone, options.strict
    )
    return read_archives(names, settings, start=options.start, end=options.end, log=log)


def _md_stats(names: list[str], options: Options, log: QualityLog) -> Iterator[Counters]:
    from separatrix.telemetry.mdstats import read_md_stats

    snapshots = read_md_stats(names, log, strict=options.strict)
    return tables(snapshots, fs=options.fs, zone=options.zone, log=log)


def _job_stats(
    names: list[str], options: Options, log: QualityLog, alone: bool
) -> Iterator[Counters]:
    """Yield accounts; where nothing else gives intervals, also the sums over all jobs."""
    from separatrix.telemetry.jobstats import read_job_stats

    totals: list[Snapshot] | None = [] if alone else None
    yield from read_job_stats(
        names,
        log,
        jobid=options.jobid,
        fs=options.fs,
        zone=options.zone,
        strict=options.strict,
        totals=totals,
    )
    if totals:
        log.note("intervals are sums over the jobs of job_stats: no source gives the targets' own")
        yield from tables(totals, fs=options.fs, zone=options.zone, log=log)


def _expositions(names: list[str], options: Options, log: QualityLog) -> Iterator[Counters]:
    from separatrix.telemetry.exposition import read_exposition
    from separatrix.telemetry.jobstats import accounts_table

    found: list[Snapshot] = []
    for scrape in read_exposition(
        names, log, fs=options.fs, jobid=options.jobid, strict=options.strict
    ):
        found.extend(scrape.snapshots)
        if scrape.accounts is not None:
            yield accounts_table(scrape.accounts, options.fs, options.zone, scrape.file, log)
    yield from tables(found, fs=options.fs, zone=options.zone, log=log)


def _single(kind: Kind, name: str, options: Options, log: QualityLog) -> Iterator[Counters]:
    fs, zone, jobid = options.fs, options.zone, options.jobid
    if kind is Kind.LMT:
        from separatrix.telemetry.lmt import read_lmt

        yield from read_lmt(
            name,
            fs=fs or None,
            start=options.start,
            end=options.end,
            zone=zone,
            operations=options.operations,
            log=log,
        )
    elif kind is Kind.SERVER:
        from separatrix.telemetry.prometheus import Server, read_prometheus

        if options.start is None or options.end is None:
            raise DataError("a server needs a range", file=name, hint="give --from and --to")
        server = Server(name, token=options.token, timeout=options.timeout, step=options.step)
        yield from read_prometheus(
            server, start=options.start, end=options.end, fs=fs, zone=zone, jobid=jobid, log=log
        )
    elif kind is Kind.SAVED:
        from separatrix.telemetry.prometheus import read_saved

        own = QualityLog()
        yield read_saved(name, fs=fs, zone=zone, jobid=jobid, log=own)
    else:
        from separatrix.telemetry.tabular import read_table

        own = QualityLog()
        yield read_table(name, fs=fs, zone=zone, align=options.align, log=own)
