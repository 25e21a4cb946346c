"""Every run's series as arrays, with the mean time at a server step by step: data to learn from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from separatrix.model import Program
from separatrix.simulate import layout as at
from separatrix.simulate.record import Cells
from separatrix.simulate.replication import Job, Replicator
from separatrix.simulate.simulation import plan


@dataclass(frozen=True)
class ServerTrajectories:
    """What was seen at one server in several runs; every array is (runs, samples).

    Attributes
    ----------
    queue, in_service : attempts waiting, and threads taken, at each sample.
    orbit : requests that lost an attempt there, or will, and come back, at each sample; those whose
        requests go to this server.
    time_at_server : mean over the attempts whose service ended in the step before the sample [s];
        NaN where none did.
    served, dropped, in_time : attempts whose service ended, that were refused, and that were served
        while their client waited, in the step before the sample.
    """

    queue: NDArray[np.float64]
    in_service: NDArray[np.float64]
    orbit: NDArray[np.float64]
    time_at_server: NDArray[np.float64]
    served: NDArray[np.float64]
    dropped: NDArray[np.float64]
    in_time: NDArray[np.float64]


def trajectories(
    program: Program,
    *,
    horizon: float,
    step: float,
    runs: int,
    seed: int = 0,
    go_on: Callable[[int], bool] = lambda done: True,
) -> tuple[NDArray[np.float64], dict[str, ServerTrajectories]]:
    """Sample `runs` runs every `step` seconds: (samples,) times [s], and what was seen by server.

    go_on : called with the number of runs done after each but the last; False ends it there.

    Raises ModelError as `separatrix.simulate.simulate` does.
    """
    job = plan(program, horizon=horizon, step=step, runs=runs, seed=seed, warmup=0.0, keep=False)
    replicator = Replicator(job)
    names = job.compiled.servers
    many = len(names)
    seen: list[list[dict[str, NDArray[np.float64]]]] = [[] for _ in names]
    targets = _targets(job)
    for index in range(runs):
        record = replicator.record(index)
        cells, slices = record.cells, job.columns.slices
        sojourn = np.diff(record.sojourn, axis=0, prepend=0.0)
        for i in range(many):
            drops = cells[:, slices["drops"]].reshape(len(cells), many, -1)[:, i]
            throughput = cells[:, slices["throughput"]][:, i].astype(np.float64)
            lost = cells[:, slices["expired"]][:, i] + drops[:, -1]
            left = throughput + lost
            seen[i].append(
                {
                    "queue": cells[:, slices["queue"]][:, i].astype(np.float64),
                    "in_service": cells[:, slices["in_service"]][:, i].astype(np.float64),
                    "orbit": _orbit(job, cells, targets, i),
                    "time_at_server": np.divide(
                        sojourn[:, i], left, out=np.full(len(left), np.nan), where=left > 0
                    ),
                    "served": throughput,
                    "dropped": drops.sum(axis=1).astype(np.float64),
                    "in_time": (
                        throughput
                        - cells[:, slices["served_late"]][:, i]
                        - cells[:, slices["failures"]][:, i]
                    ),
                }
            )
        if index + 1 < runs and not go_on(index + 1):
            break
    times = np.arange(job.samples, dtype=np.float64) * step
    return times, {
        name: ServerTrajectories(**{k: np.array([run[k] for run in seen[i]]) for k in seen[i][0]})
        for i, name in enumerate(names)
    }


def _targets(job: Job) -> list[int]:
    """Index of the server that each stream's requests go to."""
    words = job.compiled.words
    first = int(words[at.P_STREAMS]) + at.SERVER
    return [int(words[first + i * at.P_STREAM_WORDS]) for i in range(len(job.compiled.streams))]


def _orbit(job: Job, cells: Cells, targets: list[int], server: int) -> NDArray[np.float64]:
    orbit = cells[:, job.columns.slices["orbit"]]
    columns = job.compiled.orbit_columns
    total = np.zeros(len(cells))
    for stream, target in enumerate(targets):
        if target == server:
            total += orbit[:, columns[stream] : columns[stream + 1]].sum(axis=1)
    return total
