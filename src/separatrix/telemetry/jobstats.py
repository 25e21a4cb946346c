"""``job_stats`` dumps of every Lustre version to accounts: who did how much of what, and when.

A dump shows, for each job that was active lately, counters since the job was first seen. Two dumps
that show the same life of a job give what it did in between; a dump that shows a life from its
begin gives all of it. Dumps are read in blocks, so that memory grows with the number of jobs and
not with the size of the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import cast

import numpy as np
import numpy.typing as npt

from separatrix.errors import DataError
from separatrix.telemetry.accounts import Accounts
from separatrix.telemetry.counters import Counters
from separatrix.telemetry.files import fingerprint
from separatrix.telemetry.jobids import Template, guessed, readable, template
from separatrix.telemetry.joblives import Lives, Records
from separatrix.telemetry.jobstats_scan import Scan, scan
from separatrix.telemetry.mdstats import target_of
from separatrix.telemetry.quality import QualityLog, Repair
from separatrix.telemetry.snapshots import Snapshot
from separatrix.telemetry.textfiles import blocks_of

Floats = npt.NDArray[np.float64]

BLOCK = 8 * 2**20
"""Bytes of text held at a time."""

LARGEST = 8 * BLOCK
"""Bytes after which a text without a new job record is given up."""

_RECORD = b"\n- job_id:"
_HEADER = re.compile(rb"^(\w+)\.([^=\s]+)\.job_stats=$")
_STAMP = re.compile(rb"snapshot_time:\s+(\d+(?:\.\d+)?)")


def read_job_stats(
    paths: Sequence[str],
    log: QualityLog,
    *,
    jobid: str | None = None,
    fs: str = "",
    zone: str = "UTC",
    strict: bool = False,
    totals: list[Snapshot] | None = None,
) -> Iterator[Counters]:
    """Yield, block by block, tables without intervals that carry `Accounts`.

    Parameters
    ----------
    paths : dumps, in any order; ``lctl get_param`` headers name the targets, otherwise the path.
    jobid : the site's ``jobid_name``, which says what is a user, a host ...; None tries
        `jobids.GUESSES` and notes the choice.
    totals : where given, receives one snapshot per dump and target of the sum over all jobs, as
        counters that only grow.

    Raises
    ------
    DataError : with `strict`, for the first file without any job record.
    """
    chosen = template(jobid) if jobid is not None else None
    known = jobid is not None
    names: list[bytes] = []
    lives = Lives()
    dumps = _in_time_order(paths, log, strict)
    for number, path in enumerate(dumps):
        lives.begin(last=number == len(dumps) - 1)
        log.files += 1
        before = fingerprint(path)
        owners = _Owners(target_of(path))
        try:
            for text in _records(path):
                found = scan(text, names)
                if found.broken:
                    line = text[found.first_broken :].split(b"\n", 1)[0]
                    log.repair(Repair.BROKEN_LINE, found.broken, file=path, message=_shown(line))
                owner = owners.of(text, found, log, path)
                ids = [text[a:b] for a, b in cast(list[list[int]], found.ids.tolist())]
                labels = [readable(raw, log, path) for raw in ids]
                if not known and labels:
                    chosen, known = guessed(labels), True
                    log.note(
                        f"job ids understood as {chosen.text!r}"
                        if chosen
                        else "no job id template fits; give one to tell users (--jobid '%e.%u')"
                    )
                records = Records(owners.targets, owner, labels, found)
                accounts = lives.accounts(records, names, log, path)
                if accounts.n_rows:
                    log.intervals += accounts.n_rows
                    yield accounts_table(described(accounts, chosen), fs, zone, path, log)
        except DataError as wrong:
            if strict:
                raise
            log.failure(path, str(wrong).removeprefix(f"{path}: "))
        if fingerprint(path) != before:
            log.repair(Repair.CHANGED_FILE, file=path)
        lives.end()
        if totals is not None:
            totals.extend(lives.totals(path))


class _Owners:
    """Which target each job record belongs to, as the block headers of a dump say."""

    def __init__(self, target: str) -> None:
        self._named = target
        self._metadata = True
        self._places: dict[str, int] = {}

    @property
    def targets(self) -> tuple[str, ...]:
        return tuple(self._places)

    def of(self, text: bytes, found: Scan, log: QualityLog, path: str) -> npt.NDArray[np.int64]:
        """Return the place of each record's target in `targets`, -1 where it is no metadata's."""
        changes = [(0, self._named, self._metadata)]
        for begin, end, number in cast(list[list[int]], found.headers.tolist()):
            header = _HEADER.match(text[begin:end])
            if header is None:
                log.repair(Repair.BROKEN_LINE, file=path, message=_shown(text[begin:end]))
                continue
            self._named = header[2].decode("utf-8", "replace")
            self._metadata = header[1] == b"mdt"
            changes.append((number, self._named, self._metadata))
        owner = np.full(len(found.ids), -1, dtype=np.int64)
        ends = [number for number, _, _ in changes[1:]] + [len(owner)]
        for (first, name, metadata), last in zip(changes, ends, strict=True):
            if last > first and metadata:
                owner[first:last] = self._places.setdefault(name, len(self._places))
        if (owner < 0).any():
            log.note("blocks of targets that are no metadata targets were skipped")
        return owner


def _shown(line: bytes) -> str:
    return repr(line[:60])[2:-1]


def described(accounts: Accounts, chosen: Template | None) -> Accounts:
    """Return the accounts with the fields that the template finds in their labels."""
    return accounts if chosen is None else replace(accounts, fields=chosen.fields(accounts.labels))


def accounts_table(accounts: Accounts, fs: str, zone: str, path: str, log: QualityLog) -> Counters:
    """Return a table without intervals that carries accounts, and what the log collected."""
    quality = log.report()
    log.clear()
    return Counters(
        start=np.empty(0),
        step=np.empty(0),
        targets=accounts.targets,
        operations=accounts.operations,
        values=np.empty((len(accounts.operations), len(accounts.targets), 0)),
        stored="counts",
        servers=(),
        cpu=np.empty((0, 0)),
        server_of=("",) * len(accounts.targets),
        accounts=accounts,
        fs=fs,
        zone=zone,
        sources=(path,),
        quality=quality,
    )


def _in_time_order(paths: Sequence[str], log: QualityLog, strict: bool) -> list[str]:
    """Sort dumps by the latest time of a job in their first and last parts."""
    stamped: list[tuple[float, int, str]] = []
    for number, path in enumerate(paths):
        try:
            times = _some_times(path)
        except DataError as wrong:
            if strict:
                raise
            log.failure(path, str(wrong).removeprefix(f"{path}: "))
        else:
            stamped.append((max(times), number, path))
    return [path for _, _, path in sorted(stamped)]


def _some_times(path: str) -> list[float]:
    blocks = blocks_of(path, 2**20)
    first = next(blocks, b"")
    if b"job_id:" not in first:
        raise DataError(
            "is empty (0 bytes)" if not first else "holds no '- job_id:' record in its first MB",
            file=path,
        )
    last = b""
    if len(first) == 2**20:
        with open(path, "rb") as file:
            zipped = file.read(2) == b"\x1f\x8b"
            if not zipped:
                file.seek(-(2**20), 2)
                last = file.read()
    times = [float(t) for t in _STAMP.findall(first) + _STAMP.findall(last)]
    return times or [float("-inf")]


def _records(path: str) -> Iterator[bytes]:
    """Yield the text of a dump in blocks that end where a job record ends."""
    rest = b""
    for block in blocks_of(path, BLOCK):
        rest += block
        if len(rest) > LARGEST:
            raise DataError(f"a job record is longer than {LARGEST} bytes", file=path)
        cut = rest.rfind(_RECORD)
        if cut > 0:
            yield rest[: cut + 1]
            rest = rest[cut + 1 :]
    if rest:
        yield rest
