"""Realistic ``job_stats`` dumps from known weights, in the words of old and new Lustre versions."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from separatrix.atomic import draft_of
from separatrix.errors import DataError
from separatrix.telemetry.synthesize import System, synthesize

Floats = npt.NDArray[np.float64]
Version = Literal["2.14", "old"]

_PROGRAMS = ("ior", "python3", "vasp", "rsync", "tar", "lmp", "wrf.exe")


def write_job_stats(
    path: str | os.PathLike[str],
    blocks: Mapping[str, tuple[Sequence[str], Floats]],
    operations: Sequence[str],
    *,
    snapshot: float,
    since: float,
    handler_time: Mapping[str, float] | None = None,
    version: Version = "2.14",
) -> None:
    """Write one dump as ``lctl get_param mdt.*.job_stats`` prints it, atomically.

    Parameters
    ----------
    path : file to write; replaced where it exists.
    blocks : target -> (job ids, (n_operations, n_jobs) counts since `since`).
    operations : names of the rows.
    snapshot, since : when the dump was made and when the jobs were first seen [s since 1970 UTC].
    handler_time : operation -> mean time of one [us]; version "2.14" writes the sums.
    version : "2.14" (usecs, min ... sumsq, start and elapsed time) or "old" (reqs, whole seconds).

    Raises
    ------
    DataError : where a block's counts do not fit its job ids.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with draft_of(path) as draft, draft.open("w", encoding="utf-8") as file:
        for target, (labels, counts) in blocks.items():
            if counts.shape != (len(operations), len(labels)):
                raise DataError(
                    f"counts of {target} have shape {counts.shape}, "
                    f"expected ({len(operations)}, {len(labels)})"
                )
            file.write(f"mdt.{target}.job_stats=\njob_stats:\n")
            for label, column in zip(labels, counts.T.tolist(), strict=True):
                file.write(
                    _record(label, operations, column, snapshot, since, handler_time, version)
                )


def write_job_dumps(
    folder: str | os.PathLike[str],
    system: System,
    seed: int,
    *,
    start: float,
    dumps: int,
    version: Version = "2.14",
    fs: str = "synthetic",
) -> Iterator[Path]:
    """Write `dumps` dumps, 60 steps apart, of the jobs of one made-up system; yield their paths.

    User j runs one program throughout; the job id template is ``%e:%u:%h`` and user ids begin at
    20000. Handler times are three times the true cost of an operation.
    """
    if dumps < 1:
        raise DataError(f"dumps must be >= 1, got {dumps}")
    table = synthesize(system, seed, start=start, intervals=60 * dumps, accounts=True)
    accounts = table.accounts
    if accounts is None:
        raise DataError("the synthesis gave no accounts")
    times = {name: 3e6 * weight for name, weight in system.weights.items()}
    labels = [
        f"{_PROGRAMS[j % len(_PROGRAMS)]}:{20_000 + j}:nid{j:05d}"
        for j in range(len(accounts.labels))
    ]
    period = 60 * system.step
    number = np.round((accounts.start - start) / period).astype(np.int64)
    so_far = np.zeros((len(accounts.operations), len(labels)))
    home = np.zeros(len(labels), dtype=np.int64)
    for n in range(dumps):
        rows = np.flatnonzero(number == n)
        so_far[:, accounts.account[rows]] += accounts.counts[:, rows]
        home[accounts.account[rows]] = accounts.target[rows]
        blocks = {
            f"{fs}-MDT{m:04x}": ([labels[j] for j in mine.tolist()], so_far[:, mine])
            for m in range(system.n_targets)
            if len(mine := np.flatnonzero((home == m) & so_far.any(axis=0)))
        }
        moment = start + period * (n + 1)
        path = Path(folder) / f"job_stats.{int(moment)}.txt"
        write_job_stats(
            path,
            blocks,
            accounts.operations,
            snapshot=moment,
            since=start,
            handler_time=times,
            version=version,
        )
        yield path


def _record(
    label: str,
    operations: Sequence[str],
    counts: list[float],
    snapshot: float,
    since: float,
    handler_time: Mapping[str, float] | None,
    version: Version,
) -> str:
    if version == "old":
        lines = [f"- job_id:          {label}", f"  snapshot_time:   {int(snapshot)}"]
        lines += [
            f"  {name + ':':<16} {{ samples: {int(count):11d}, unit:  reqs }}"
            for name, count in zip(operations, counts, strict=True)
        ]
        return "\n".join(lines) + "\n"
    lines = [
        f'- job_id:          "{label}"',
        f"  snapshot_time:   {snapshot:.9f} secs.nsecs",
        f"  start_time:      {since:.9f} secs.nsecs",
        f"  elapsed_time:    {snapshot - since:.9f} secs.nsecs",
    ]
    for name, count in zip(operations, counts, strict=True):
        mean = (handler_time or {}).get(name, 0.0)
        total = round(count * mean)
        low, high = (round(0.2 * mean), round(9.0 * mean)) if count else (0, 0)
        lines.append(
            f"  {name + ':':<16} {{ samples: {int(count):11d}, unit: usecs, min: {low:8d}, "
            f"max: {high:8d}, sum: {total:16d}, sumsq: {round(2 * count * mean * mean):18d} }}"
        )
    return "\n".join(lines) + "\n"
