"""``md_stats`` text of every Lustre version to counter snapshots.

Lines are ``name count samples [unit] min max sum sumsq``, of which older versions give only the
first three or five; the sum is handler time where the unit is ``usecs``. A file may hold many
snapshots, one after the other, and of several targets, each after its ``mdt.NAME.md_stats=`` line.
"""

from __future__ import annotations

import heapq
import math
import os
import re
from collections.abc import Iterator, Sequence

from separatrix.errors import DataError
from separatrix.telemetry.quality import QualityLog, Repair
from separatrix.telemetry.snapshots import Snapshot
from separatrix.telemetry.textfiles import lines_of

_HEADER = re.compile(r"^(?P<kind>\w+)\.(?P<target>[^.=\s]+)\.(?:md_)?stats=\s*$")
_TIME = re.compile(r"^(?P<name>snapshot_time|start_time|elapsed_time):?\s+(?P<value>[\d.]+)")
_COUNT = re.compile(
    r"^(?P<name>[a-z_]+)\s+(?P<count>\d+) samples \[(?P<unit>\w+)\]"
    r"(?:\s+(?P<min>\d+)\s+(?P<max>\d+)\s+(?P<sum>\d+)(?:\s+\d+)?)?\s*$"
)
_TARGET = re.compile(r"(?P<target>[A-Za-z0-9_.-]*?[A-Za-z0-9_]+-MDT[0-9a-fA-F]{4})")


def read_md_stats(
    paths: Sequence[str], log: QualityLog, *, strict: bool = False
) -> Iterator[Snapshot]:
    """Yield the snapshots of all files in the order of time.

    A file whose text does not name its target takes the name from the file's or directory's name.
    A file without a ``snapshot_time`` takes its time of modification (counted).

    Raises
    ------
    DataError : with `strict`, for the first file that is no ``md_stats`` text.
    """
    heap: list[tuple[float, int, Snapshot | None, Iterator[Snapshot]]] = []
    for number, path in enumerate(paths):
        try:
            # closed again until it is its turn: there may be more files than may be open
            first = next(_snapshots(path, QualityLog()), None)
            if first is None:
                raise DataError("holds no snapshot of any operation", file=path)
        except DataError as wrong:
            if strict:
                raise
            log.failure(path, str(wrong).removeprefix(f"{path}: "))
        else:
            log.files += 1
            heap.append((first.stamp, number, None, iter(())))
    heapq.heapify(heap)
    while heap:
        _, number, snapshot, rest = heapq.heappop(heap)
        if snapshot is None:
            rest = _snapshots(paths[number], log)
        else:
            yield snapshot
        try:
            following = next(rest, None)
        except DataError as error:
            log.failure(paths[number], str(error))
            continue
        if following is not None:
            heapq.heappush(heap, (following.stamp, number, following, rest))


def target_of(path: str) -> str:
    """Return the target that a path names (``lquake-MDT0004``), else the file's name."""
    parts = os.path.normpath(path).split(os.sep)
    for part in reversed(parts):
        found = _TARGET.search(part)
        if found:
            return found["target"]
    return os.path.splitext(parts[-1])[0]


def _snapshots(path: str, log: QualityLog) -> Iterator[Snapshot]:
    target, metadata = target_of(path), True
    stamp = since = float("nan")
    counts: dict[str, float] = {}
    latency: dict[str, float] = {}

    def finished() -> Snapshot | None:
        nonlocal stamp
        if not counts:
            return None
        if math.isnan(stamp):
            stamp = os.stat(path).st_mtime
            log.repair(Repair.NO_STAMP, file=path)
        return Snapshot(target, stamp, since, counts, latency, path)

    for number, line in enumerate(lines_of(path), start=1):
        text = line.strip()
        if not text:
            continue
        moment = _TIME.match(text)
        header = None if moment else _HEADER.match(text)
        if header or (moment and moment["name"] == "snapshot_time"):
            done = finished()
            if done is not None:
                yield done
            stamp = since = float("nan")
            counts, latency = {}, {}
            if header:
                target, metadata = header["target"], header["kind"] == "mdt"
            elif moment:
                stamp = float(moment["value"])
            continue
        if moment:
            if moment["name"] == "start_time":
                since = float(moment["value"])
            continue
        found = _COUNT.match(text)
        if found is None:
            log.repair(Repair.BROKEN_LINE, file=path, message=f"line {number}: {text[:60]!r}")
        elif metadata and found["unit"] != "bytes":
            counts[found["name"]] = float(found["count"])
            if found["unit"] == "usecs" and found["sum"] is not None:
                latency[found["name"]] = float(found["sum"])
    done = finished()
    if done is not None:
        yield done
