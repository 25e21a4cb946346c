"""What each job did since the last dump: lives of jobs, their resets, and intervals.

A life of a job on a target begins when the server first sees it (or sees it again after having
forgotten it) and ends when it is forgotten. Within a life counters only grow. With counters c at
the time s of a dump, and c' at s' in the dump before it,

    same life:  c - c' in [s', s)          new life:  c in [begin of the life, s).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt

from separatrix.telemetry.accounts import Accounts, factorised
from separatrix.telemetry.jobstats_scan import SNAPSHOT, START, Scan
from separatrix.telemetry.quality import QualityLog, Repair
from separatrix.telemetry.snapshots import Snapshot

Floats = npt.NDArray[np.float64]

SHORTEST = 1.0
"""Shortest interval given to a job [s]: a life of one operation begins and ends at once."""

_SAME_START = 1.0  # [s]; start times of one life waver by less


@dataclass(frozen=True, eq=False)
class Records:
    """Job records of one block of text.

    Attributes
    ----------
    targets : names of targets.
    owner : (n_jobs,) index into `targets`, or -1 for records that do not belong to metadata.
    labels : one name per record.
    scan : the numbers.
    """

    targets: tuple[str, ...]
    owner: npt.NDArray[np.int64]
    labels: list[str]
    scan: Scan


@dataclass(frozen=True)
class _Life:
    """What a record of the last dump said of one job: entries begin to end of the dump's list."""

    snapshot: float
    start: float
    begin: int
    end: int


class _Dump:
    """The last dump: lives by (target, label, occurrence), and their non-zero counters."""

    def __init__(self) -> None:
        self.lives: dict[tuple[str, str, int], _Life] = {}
        self.latest: dict[str, float] = {}
        self.operation: list[npt.NDArray[np.int32]] = []
        self.samples: list[Floats] = []
        self.total: list[Floats] = []
        self.size = 0

    def pack(self) -> None:
        """Join the lists, so that lives can be looked up."""
        self.operation = [np.concatenate([np.empty(0, np.int32), *self.operation])]
        self.samples = [np.concatenate([np.empty(0), *self.samples])]
        self.total = [np.concatenate([np.empty(0), *self.total])]


class Lives:
    """Follows jobs from dump to dump: `begin`, `accounts` for each block, `end`."""

    def __init__(self) -> None:
        self._before = _Dump()
        self._now = _Dump()
        self._keep = True
        self._sums: dict[str, dict[str, float]] = {}
        self._times: dict[str, dict[str, float]] = {}
        self._first: dict[str, float] = {}
        self._seen: dict[str, float] = {}

    def begin(self, *, last: bool) -> None:
        """Begin a dump; of the `last` one nothing needs to be kept for a next one."""
        self._now = _Dump()
        self._keep = not last
        self._seen = {}

    def end(self) -> None:
        """End a dump: it becomes the one that the next is compared with."""
        self._now.pack()
        self._now.latest = {**self._before.latest, **self._seen}
        self._before = self._now

    def totals(self, file: str) -> Iterator[Snapshot]:
        """Yield, per target of the dump that ended, the sum of all jobs' operations so far."""
        for target, stamp in self._seen.items():
            yield Snapshot(
                target,
                stamp,
                self._first.get(target, float("nan")),
                dict(self._sums.get(target, {})),
                dict(self._times.get(target, {})),
                file,
            )

    def accounts(
        self, records: Records, names: list[bytes], log: QualityLog, file: str
    ) -> Accounts:
        """Return what the jobs of a block did since the dump before."""
        scan = records.scan
        operations = tuple(name.decode("ascii", "replace") for name in names)
        n = len(records.labels)
        counts = np.zeros((len(operations), n))
        total = np.zeros((len(operations), n))
        counts[scan.operation, scan.job] = scan.samples
        total[scan.operation, scan.job] = scan.total  # NaN where the unit is no time
        earlier = np.zeros_like(counts)
        earlier_total = np.zeros_like(total)
        snapshot, start = scan.times[SNAPSHOT], scan.times[START]
        before, life, first = np.full(n, np.nan), np.full(n, np.nan), np.full(n, np.nan)
        bounds = np.searchsorted(scan.job, np.arange(n + 1))
        owners = cast(list[int], records.owner.tolist())
        for j, (label, m) in enumerate(zip(records.labels, owners, strict=True)):
            if m < 0:
                continue
            target = records.targets[m]
            first[j] = self._before.latest.get(target, np.nan)
            key = self._key(target, label, log, file)
            held = self._before.lives.get(key)
            if held is not None:
                before[j], life[j] = held.snapshot, held.start
                entries = slice(held.begin, held.end)
                rows = self._before.operation[0][entries]
                earlier[rows, j] = self._before.samples[0][entries]
                earlier_total[rows, j] = self._before.total[0][entries]
            if self._keep:
                size = self._now.size
                self._now.lives[key] = _Life(
                    float(snapshot[j]),
                    float(start[j]),
                    size + int(bounds[j]),
                    size + int(bounds[j + 1]),
                )
        if self._keep:
            self._now.operation.append(scan.operation.astype(np.int32))
            self._now.samples.append(scan.samples)
            self._now.total.append(scan.total)
            self._now.size += len(scan.samples)
        back = ~np.isnan(before)
        moved = ~np.isnan(start) & ~np.isnan(life) & (np.abs(start - life) > _SAME_START)
        fallen = np.any(counts < earlier, axis=0)
        same = back & ~moved & ~fallen
        log.repair(Repair.COUNTER_RESET, int((back & ~same).sum()), file=file)
        done = np.where(same, counts - earlier, counts)
        spent = np.where(same, total - earlier_total, total)
        begin = np.where(
            same, before, np.where(np.isnan(start), np.where(back, before, first), start)
        )
        log.repair(
            Repair.FIRST_SAMPLE,
            int((np.isnan(begin) & (records.owner >= 0)).sum()),
            file=file,
            message="jobs that do not say since when they count: their interval is unknown",
        )
        step = np.maximum(snapshot - begin, SHORTEST)
        kinds = [k for k, name in enumerate(operations) if not name.endswith("_bytes")]
        keep = np.flatnonzero((records.owner >= 0) & np.any(done[kinds] > 0, axis=0))
        self._add(records, operations, kinds, keep, done, spent, begin, snapshot)
        timed = bool(np.any(spent[kinds][:, keep] > 0))
        labels, account = factorised(records.labels[j] for j in keep.tolist())
        return Accounts(
            labels=labels,
            targets=records.targets,
            operations=tuple(operations[k] for k in kinds),
            account=account,
            target=records.owner[keep].astype(np.int32),
            start=np.where(np.isnan(begin), snapshot, begin)[keep],
            step=step[keep],
            counts=done[kinds][:, keep],
            latency_sum=spent[kinds][:, keep] if timed else None,
        )

    def _key(self, target: str, label: str, log: QualityLog, file: str) -> tuple[str, str, int]:
        """Return the key of a record; an id that a dump holds twice gets a number."""
        key = (target, label, 0)
        if not self._keep and not self._before.lives:
            return key
        while key in self._now.lives:
            log.repair(Repair.DUPLICATE, file=file, message=f"job id {label!r}")
            key = (target, label, key[2] + 1)
        return key

    def _add(
        self,
        records: Records,
        operations: tuple[str, ...],
        kinds: list[int],
        keep: npt.NDArray[np.intp],
        done: Floats,
        spent: Floats,
        begin: Floats,
        snapshot: Floats,
    ) -> None:
        for m, target in enumerate(records.targets):
            mine = np.flatnonzero((records.owner == m) & ~np.isnan(snapshot))
            if len(mine) == 0:
                continue
            self._seen[target] = max(self._seen.get(target, -np.inf), float(snapshot[mine].max()))
            known = begin[mine][~np.isnan(begin[mine])]
            if target not in self._before.latest and len(known):
                self._first[target] = min(self._first.get(target, np.inf), float(known.min()))
            rows = np.intersect1d(keep, mine)
            sums = self._sums.setdefault(target, {})
            times = self._times.setdefault(target, {})
            for k in kinds:
                name = operations[k]
                sums[name] = sums.get(name, 0.0) + float(done[k, rows].sum())
                spell = float(spent[k, rows].sum())
                if not np.isnan(spell):
                    times[name] = times.get(name, 0.0) + spell
