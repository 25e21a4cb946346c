"""Text exposition of Lustre's exporters (one scrape per file) to snapshots and accounts."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from separatrix.errors import DataError
from separatrix.telemetry.accounts import Accounts
from separatrix.telemetry.files import fingerprint
from separatrix.telemetry.jobids import guessed, template
from separatrix.telemetry.joblives import Lives, Records
from separatrix.telemetry.jobstats import described
from separatrix.telemetry.jobstats_scan import Scan
from separatrix.telemetry.promseries import JOBS, STATS, TIME
from separatrix.telemetry.quality import QualityLog, Repair
from separatrix.telemetry.snapshots import Snapshot
from separatrix.telemetry.textfiles import lines_of

_SAMPLE = re.compile(
    r"^(?P<name>[a-zA-Z_:][\w:]*)\{(?P<labels>.*)\}\s+(?P<value>[^\s{}]+)(?:\s+(?P<stamp>-?[\d.]+))?$"
)
_LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(r'\\(n|"|\\)')


@dataclass(frozen=True)
class Scrape:
    """What one file says: a snapshot per metadata target, and accounts where it names jobs."""

    snapshots: tuple[Snapshot, ...]
    accounts: Accounts | None
    file: str


def read_exposition(
    paths: Sequence[str],
    log: QualityLog,
    *,
    fs: str = "",
    jobid: str | None = None,
    strict: bool = False,
) -> Iterator[Scrape]:
    """Yield the scrapes of all files in the order of time.

    A sample without a time of its own takes the file's time of modification (counted), as exporters
    write none.

    Raises
    ------
    DataError : with `strict`, for the first file without a sample of a metadata target.
    """
    lives = Lives()
    chosen = template(jobid) if jobid is not None else None
    stamped = sorted((os.stat(path).st_mtime, n, path) for n, path in enumerate(paths))
    for number, (modified, _, path) in enumerate(stamped):
        lives.begin(last=number == len(stamped) - 1)
        before = fingerprint(path)
        try:
            stamp, totals, times, jobs = _samples(path, fs, modified, log)
        except DataError as wrong:
            if strict:
                raise
            log.failure(path, str(wrong).removeprefix(f"{path}: "))
            continue
        log.files += 1
        if fingerprint(path) != before:
            log.repair(Repair.CHANGED_FILE, file=path)
        accounts = None
        if jobs:
            accounts = _accounts(lives, jobs, stamp, log, path)
            if chosen is None:
                chosen = guessed(accounts.labels)
            accounts = described(accounts, chosen)
        lives.end()
        yield Scrape(
            tuple(
                Snapshot(name, stamp, float("nan"), counts, times.get(name, {}), path)
                for name, counts in totals.items()
            ),
            accounts,
            path,
        )


_PerTarget = dict[str, dict[str, float]]


def _samples(
    path: str, fs: str, modified: float, log: QualityLog
) -> tuple[float, _PerTarget, _PerTarget, dict[tuple[str, str], dict[str, float]]]:
    stamp = float("nan")
    totals: _PerTarget = {}
    times: _PerTarget = {}
    jobs: dict[tuple[str, str], dict[str, float]] = {}
    for number, line in enumerate(lines_of(path), start=1):
        text = line.strip()
        if not text.startswith((STATS, TIME, JOBS)):
            continue
        found = _SAMPLE.match(text)
        try:
            value = float(found["value"]) if found else float("nan")
        except ValueError:
            found = None
            value = float("nan")
        if found is None:
            log.repair(Repair.BROKEN_LINE, file=path, message=f"line {number}: {text[:60]!r}")
            continue
        labels = {k: _ESCAPE.sub(_resolved, v) for k, v in _LABEL.findall(found["labels"])}
        target, operation = labels.get("target", ""), labels.get("operation", "")
        if labels.get("component", "mdt") != "mdt" or operation.endswith("_bytes") or not target:
            continue
        if fs and "-MDT" in target and not target.startswith(f"{fs}-"):
            continue
        if found["stamp"]:
            own = float(found["stamp"])
            stamp = own / 1_000.0 if own > 1e11 else own  # Prometheus text: ms; OpenMetrics: s
        if found["name"] == JOBS:
            jobs.setdefault((target, labels.get("jobid", "")), {})[operation] = value
        elif found["name"] in (STATS, TIME):
            (totals if found["name"] == STATS else times).setdefault(target, {})[operation] = value
    if not totals and not jobs:
        raise DataError(f"holds no sample of {STATS} or {JOBS} of a metadata target", file=path)
    if np.isnan(stamp):
        stamp = modified
        log.repair(Repair.NO_STAMP, file=path)
    return stamp, totals, times, jobs


def _accounts(
    lives: Lives,
    jobs: dict[tuple[str, str], dict[str, float]],
    stamp: float,
    log: QualityLog,
    path: str,
) -> Accounts:
    names = list(dict.fromkeys(name for done in jobs.values() for name in done))
    targets = tuple(dict.fromkeys(target for target, _ in jobs))
    entries = [
        (j, names.index(name), count)
        for j, done in enumerate(jobs.values())
        for name, count in done.items()
        if count > 0
    ]
    table = np.array(entries, dtype=np.float64).reshape(-1, 3)
    nothing = np.empty((0, 3), dtype=np.int64)
    scan = Scan(
        ids=nothing,
        times=np.stack([np.full(len(jobs), stamp), np.full(len(jobs), np.nan)]),
        headers=nothing,
        job=table[:, 0].astype(np.int64),
        operation=table[:, 1].astype(np.int64),
        samples=table[:, 2],
        total=np.full(len(table), np.nan),
        unknown=nothing,
        broken=0,
        first_broken=-1,
    )
    owner = np.array([targets.index(target) for target, _ in jobs], dtype=np.int64)
    labels = [label for _, label in jobs]
    records = Records(targets, owner, labels, scan)
    return lives.accounts(records, [name.encode() for name in names], log, path)


def _resolved(found: re.Match[str]) -> str:
    return {"n": "\n"}.get(found[1], found[1])
