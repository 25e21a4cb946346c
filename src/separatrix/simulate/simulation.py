"""The experiment a user asks for: replications of a program, until they say enough."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import ModelError, Problem
from separatrix.model import Program
from separatrix.simulate import layout as at
from separatrix.simulate.compile import compile_program
from separatrix.simulate.intervals import Estimate, student
from separatrix.simulate.progress import progress_bar
from separatrix.simulate.record import Columns
from separatrix.simulate.replicate import replicate
from separatrix.simulate.replication import SERVER_METRICS, STREAM_METRICS, Batch, Job
from separatrix.simulate.result import SimulationResult
from separatrix.simulate.series_file import SeriesFile
from separatrix.simulate.store import Store

SAMPLES = 1000  # of a run, where no step is given
LATENCY_WINDOWS = 128
KEEP_BYTES = 16_000_000
MOST_CELL_BYTES = 120_000_000


def simulate(
    program: Program,
    *,
    horizon: float,
    runs: int = 100,
    seed: int = 0,
    step: float | None = None,
    warmup: float | Literal["auto"] = "auto",
    precision: float | None = None,
    keep: bool | None = None,
    series: str | Path | None = None,
    requests: str | Path | None = None,
    store: str | Path | None = None,
    workers: int | None = None,
    scheduler: Any = None,
    progress: bool | Callable[[int, int], None] = True,
) -> SimulationResult:
    """Replicate `program` from time 0 to `horizon` [s], following every request.

    Parameters
    ----------
    runs : replications; with `precision`, at most so many.
    seed : of all random streams; run i draws from child i of its `numpy.random.SeedSequence`, so
        results are the same to the bit whatever `workers` or `scheduler`.
    step : sampling step [s]; None for a thousandth of `horizon`.
    warmup : left out at the start of each run before estimating [s]; "auto" finds it by MSER-5,
        unless the program has faults: then nothing is left out.
    precision : stop as soon as the 95 % intervals of each source's goodput and each server's queue
        reach no further than this share of the mean, or of 1/s and 1 attempt where that is more.
    keep : keep the series of every run; None does if they take less than 16 MB.
    series : write the series of every run to this Parquet file.
    requests : write a log of every request to this directory, one Parquet file per run.
    store : keep finished runs in this directory, and do not run again what is there.
    workers : processes; None for as many as there are processors, where that pays.
    scheduler : address of a Dask scheduler, or a client, instead of local processes.
    progress : a bar with the time left, on a terminal; or a function of (runs done, runs).

    Raises ModelError for a program or settings that cannot be simulated, DataError where a file
    cannot be written: with `store`, what had finished is kept.
    """
    job = plan(
        program, horizon=horizon, seed=seed, step=step,
        warmup=0.0 if warmup == "auto" and program.faults.faults else warmup,
        runs=runs, keep=keep, requests=requests, series=series is not None,
    )  # fmt: skip
    kept = store if store is None else Store(store, job)
    total = _Total(job)
    writer = None if series is None else SeriesFile(series, job.columns, job.step)

    with progress_bar(runs, progress) as advance:

        def take(batch: Batch) -> None:
            total.add(batch)
            if writer is not None:
                writer.take(batch)
            advance(total.runs)

        def enough(_: int) -> bool:
            return precision is not None and total.misses(precision) == ""

        try:
            replicate(
                job, runs, workers=workers, scheduler=scheduler, store=kept, take=take,
                enough=enough if precision is not None else None,
            )  # fmt: skip
            if writer is not None:
                writer.close()
        finally:
            if writer is not None:
                writer.discard()
    return total.result(program.name, precision)


def plan(
    program: Program,
    *,
    horizon: float,
    runs: int = 1,
    seed: int = 0,
    step: float | None = None,
    warmup: float | Literal["auto"] = "auto",
    keep: bool | None = None,
    requests: str | Path | None = None,
    series: bool = False,
) -> Job:
    """Check the settings and compile the program: the job that workers get.

    warmup : left out at the start of each run before estimating [s]; "auto" finds it by MSER-5.
    """
    problems: list[Problem] = []
    if not (0 < horizon < math.inf):
        problems.append(
            Problem(f"must be a finite time > 0 s, got {horizon:g}", "horizon", 'write "1h"')
        )
    if runs < 1:
        problems.append(Problem(f"must be at least 1, got {runs}", "runs", "ask for 100"))
    if seed < 0:
        problems.append(Problem(f"must be >= 0, got {seed}", "seed", "take another number"))
    if step is None:
        step = horizon / SAMPLES
    if not problems and not (0 < step <= horizon):
        problems.append(
            Problem(
                f"must be > 0 s and at most the horizon ({horizon:g} s), got {step:g}",
                "step",
                "leave it out for a thousandth of the horizon",
            )
        )
    wait = None if warmup == "auto" else warmup
    if wait is not None and not problems and not (0 <= wait < horizon - step):
        problems.append(
            Problem(
                f"must leave something of the horizon ({horizon:g} s), got {wait:g}",
                "warmup",
                'write "auto", or simulate longer',
            )
        )
    if problems:
        raise ModelError(problems)
    samples = math.floor(horizon / step) + 1
    per_window = max(1, math.ceil((samples - 1) / LATENCY_WINDOWS))
    compiled = compile_program(program, step=step, samples_per_window=per_window)
    size = samples * Columns(compiled).count
    if size * 20 > MOST_CELL_BYTES:
        least = horizon / (MOST_CELL_BYTES / (20 * Columns(compiled).count) - 1)
        raise ModelError(
            Problem(
                f"{samples:,} samples of {Columns(compiled).count} series would take "
                f"{size * 20 / 1e6:,.0f} MB",
                "step",
                f"sample every {least:.3g} s or more",
            )
        )
    if keep is None:
        keep = size * runs * 4 <= KEEP_BYTES
    return Job(
        compiled, horizon, step, seed, wait, keep or series,
        None if requests is None else str(requests),
    )  # fmt: skip


class _Total:
    """Adds up batches in their order."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.runs = 0
        shape = (job.samples, job.columns.count)
        self.sums = np.zeros(shape, np.int64)
        self.squares = np.zeros(shape, np.int64)
        self.sketch: NDArray[np.int64] | None = None
        self.batches: list[Batch] = []

    def add(self, batch: Batch) -> None:
        self.sums += batch.sums
        self.squares += batch.squares
        self.sketch = batch.sketch if self.sketch is None else self.sketch + batch.sketch
        self.runs += batch.count
        self.batches.append(batch)
        nothing = np.zeros((0, 0), np.int64)
        batch.sums = batch.squares = batch.sketch = nothing

    def estimates(self) -> tuple[dict[str, dict[str, Estimate]], dict[str, dict[str, Estimate]]]:
        compiled = self.job.compiled
        servers = np.concatenate([b.server_metrics for b in self.batches])
        streams = np.concatenate([b.stream_metrics for b in self.batches])
        return (
            {
                name: {
                    metric: student(servers[:, i, k], unit)
                    for k, (metric, unit) in enumerate(SERVER_METRICS.items())
                }
                for i, name in enumerate(compiled.servers)
            },
            {
                name: {
                    metric: student(streams[:, i, k], unit)
                    for k, (metric, unit) in enumerate(STREAM_METRICS.items())
                }
                for i, name in enumerate(compiled.streams)
            },
        )

    def misses(self, precision: float) -> str:
        """The first estimate that is not as precise as asked, in words; empty if all are."""
        servers, streams = self.estimates()
        sources = list(streams)[: self.job.compiled.sources]
        for kind, name, e in (
            *(("goodput", name, streams[name]["goodput"]) for name in sources),
            *(("queue", name, servers[name]["queue"]) for name in servers),
        ):
            allowed = precision * max(abs(e.mean), 1.0)
            if not e.half_width <= allowed:
                return (
                    f"the interval of {kind} of {name!r} is +- {e.half_width:.3g}, "
                    f"asked for +- {allowed:.3g}"
                )
        return ""

    def result(self, program: str, precision: float | None) -> SimulationResult:
        servers, streams = self.estimates()
        settled = np.concatenate([b.settled for b in self.batches])
        reasons: list[str] = []
        if self.runs == 1:
            reasons.append("one run gives no interval; ask for 2 runs or more")
        if settled.mean() < 0.9:
            reasons.append(
                f"in {np.sum(~settled)} of {self.runs} runs the start still shows at half time; "
                "simulate longer, or give `warmup`"
            )
        if precision is not None and (missed := self.misses(precision)):
            reasons.append(missed)
        job = self.job
        assert self.sketch is not None  # noqa: S101 - there is at least one run
        return SimulationResult(
            program=program,
            horizon=job.horizon,
            step=job.step,
            runs=self.runs,
            seed=job.seed,
            events=int(sum(b.events.sum() for b in self.batches)),
            status="inconclusive" if reasons else "ok",
            reason="; ".join(reasons),
            servers=servers,
            streams=streams,
            warmup=float(np.concatenate([b.warmups for b in self.batches]).mean()),
            columns=job.columns,
            sums=self.sums,
            squares=self.squares,
            sketch=self.sketch,
            window=job.step * int(job.compiled.words[at.SAMPLES_PER_WINDOW]),
            cells=np.concatenate([b.cells for b in self.batches]) if job.keep else None,
        )
