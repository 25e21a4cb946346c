"""What one worker does: replications of one job, each a function of (job, index) alone."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from separatrix.fingerprint import fingerprint
from separatrix.simulate import layout as at
from separatrix.simulate.compile import Compiled
from separatrix.simulate.features import Features
from separatrix.simulate.packing import Arrays, pack, unpack
from separatrix.simulate.record import SERIES, Cells, Columns, Recorder
from separatrix.simulate.request_log import RequestLog
from separatrix.simulate.run import Buffers, drive
from separatrix.simulate.sketch import quantiles
from separatrix.simulate.state import RunState, new_run
from separatrix.simulate.warmup import mser5

SERVER_METRICS = {
    "queue": "attempts",
    "in_service": "threads",
    "arrivals": "1/s",
    "throughput": "1/s",
    "served_late": "1/s",
    "drops": "1/s",
    "expired": "1/s",
    "time_at_server": "s",
}
STREAM_METRICS = {
    "offered": "1/s",
    "attempts": "1/s",
    "goodput": "1/s",
    "accepted_late": "1/s",
    "failed": "1/s",
    "latency": "s",
    "latency_p50": "s",
    "latency_p99": "s",
}
_COUNTED = ("arrivals", "throughput", "served_late", "drops", "expired")
_COUNTED_STREAM = ("offered", "attempts", "goodput", "accepted_late", "failed")


@dataclass(frozen=True)
class Job:
    """One experiment, as every worker gets it.

    Attributes
    ----------
    compiled : the program.
    horizon : length of a run [s].
    step : sampling step [s].
    seed : of the experiment; run i draws from child i of its `numpy.random.SeedSequence`.
    warmup : what is left out at the start of each run [s]; None finds it by MSER-5.
    keep : return the cells of every run, not only their sums.
    requests : directory for the request logs; None writes none.
    """

    compiled: Compiled
    horizon: float
    step: float
    seed: int
    warmup: float | None
    keep: bool
    requests: str | None = None

    @property
    def samples(self) -> int:
        """Samples of a run."""
        return math.floor(self.horizon / self.step) + 1

    @cached_property
    def columns(self) -> Columns:
        """Where the series lie among the cells."""
        return Columns(self.compiled)

    @cached_property
    def identity(self) -> str:
        """A hash of all that decides what comes out, the version of the engine included."""
        said = {**self._header(), "keep": None, "requests": None}
        return fingerprint(said, self.compiled.words.tobytes())

    def stream_of(self, index: int) -> np.random.SeedSequence:
        """The seed of run `index`, the same as the index-th child that `spawn` would give."""
        return np.random.SeedSequence(self.seed, spawn_key=(index,))

    def _header(self) -> dict[str, Any]:
        c = self.compiled
        return {
            "run_words": c.run_words, "servers": c.servers, "streams": c.streams,
            "sources": c.sources, "orbit_columns": c.orbit_columns, "warm": c.warm.tolist(),
            "features": dataclasses.asdict(c.features), "horizon": self.horizon, "step": self.step,
            "seed": self.seed, "warmup": self.warmup, "keep": self.keep, "requests": self.requests,
        }  # fmt: skip

    def pack(self) -> bytes:
        """The job as bytes."""
        return pack(self._header(), {"words": self.compiled.words})

    @classmethod
    def unpack(cls, data: bytes) -> Job:
        """The job that was made bytes of."""
        h, arrays = unpack(data, "job")
        compiled = Compiled(
            arrays["words"], h["run_words"], tuple(h["servers"]), tuple(h["streams"]),
            h["sources"], tuple(h["orbit_columns"]), np.array(h["warm"], np.int64),
            Features(**h["features"]),
        )  # fmt: skip
        return cls(
            compiled, h["horizon"], h["step"], h["seed"], h["warmup"], h["keep"], h["requests"]
        )


@dataclass
class Batch:
    """Results of some replications; batches add up exactly, in whatever parts they were made.

    Attributes
    ----------
    first, count : run indices ``first .. first + count - 1``.
    sums, squares : (samples, columns) int64, of the cells and of their squares over the runs.
    sketch : (windows, streams + servers, BUCKETS) int64.
    server_metrics : (count, servers, SERVER_METRICS); stream_metrics : (count, streams,
        STREAM_METRICS); float64, NaN where a run has nothing to tell.
    warmups : (count,) left out at the start [s]; settled : (count,) whether that was enough.
    events : (count,) number of events.
    cells : (count, samples, columns) int32, or no rows.
    """

    first: int
    count: int
    sums: NDArray[np.int64]
    squares: NDArray[np.int64]
    sketch: NDArray[np.int64]
    server_metrics: NDArray[np.float64]
    stream_metrics: NDArray[np.float64]
    warmups: NDArray[np.float64]
    settled: NDArray[np.bool_]
    events: NDArray[np.int64]
    cells: Cells

    def pack(self) -> bytes:
        """The batch as bytes."""
        arrays: Arrays = {
            f.name: getattr(self, f.name)
            for f in dataclasses.fields(self)
            if f.name not in ("first", "count")
        }
        return pack({"first": self.first, "count": self.count}, arrays)

    @classmethod
    def unpack(cls, data: bytes, name: str = "batch") -> Batch:
        """The batch that was made bytes of."""
        header, arrays = unpack(data, name)
        return cls(header["first"], header["count"], **arrays)


class Replicator:
    """Runs replications of one job, reusing its memory from run to run."""

    def __init__(self, job: Job) -> None:
        from separatrix.simulate.event_loop import event_loop

        self.job = job
        self.features = dataclasses.replace(job.compiled.features, log=job.requests is not None)
        self.loop: Callable[..., int] = event_loop(self.features)
        self.buffers = Buffers.fit(job.compiled, self.features, job.horizon)
        self.recorder = Recorder(job.columns, job.samples)

    def compile(self) -> None:
        """Compile the loop, or load it from disk, by a run that ends as it begins."""
        state = new_run(self.job.compiled, self.features, self.job.stream_of(0))
        drive(self.loop, self.job.compiled, state, self.buffers, 0.0)

    def run(self, first: int, count: int) -> Batch:
        """Replications ``first .. first + count - 1``."""
        job = self.job
        servers, streams = len(job.compiled.servers), len(job.compiled.streams)
        shape = (job.samples, job.columns.count)
        batch = Batch(
            first, count, np.zeros(shape, np.int64), np.zeros(shape, np.int64),
            np.zeros(self.buffers.sketch.shape, np.int64),
            np.zeros((count, servers, len(SERVER_METRICS))),
            np.zeros((count, streams, len(STREAM_METRICS))),
            np.zeros(count), np.zeros(count, np.bool_), np.zeros(count, np.int64),
            np.zeros((count if job.keep else 0, *shape), np.int32),
        )  # fmt: skip
        for i in range(count):
            state = self._one(first + i)
            cells = self.recorder.cells
            batch.sums += cells
            wide = cells.astype(np.int64)
            batch.squares += wide * wide
            batch.sketch += self.buffers.sketch
            batch.events[i] = state.X[at.EVENTS]
            self._measure(batch, i)
            if job.keep:
                batch.cells[i] = cells
        return batch

    def record(self, index: int) -> Recorder:
        """What was recorded in replication `index`; the same object at every call."""
        self._one(index)
        return self.recorder

    def _one(self, index: int) -> RunState:
        from separatrix.simulate.timers import settle_orbit

        job = self.job
        state = new_run(job.compiled, self.features, job.stream_of(index))
        self.buffers.clear()
        self.recorder.restart()
        with contextlib.ExitStack() as stack:
            take_log = None
            if job.requests is not None:
                log = RequestLog(job.requests, index, job.compiled.streams)
                take_log = stack.enter_context(log).take
            drive(
                self.loop, job.compiled, state, self.buffers, job.horizon,
                on_rows=self.recorder.take, on_log=take_log,
            )  # fmt: skip
        settle_orbit(state.X, job.compiled.words, self.buffers.orbit)
        self.recorder.take_orbit(self.buffers.orbit)
        return state

    def _measure(self, batch: Batch, i: int) -> None:
        job, record = self.job, self.recorder
        level = self._columns("queue").sum(axis=1) + self._columns("in_service").sum(axis=1)
        if job.warmup is None:
            begin, settled = mser5(level.astype(np.float64))
        else:
            begin, settled = min(math.ceil(job.warmup / job.step), job.samples - 2), True
        batch.warmups[i], batch.settled[i] = begin * job.step, settled
        length = (job.samples - 1 - begin) * job.step
        servers, streams = batch.server_metrics[i], batch.stream_metrics[i]
        present = record.present[-1] - record.present[begin]
        busy = record.busy[-1] - record.busy[begin]
        servers[:, 0] = (present - busy) / length
        servers[:, 1] = busy / length
        for k, name in enumerate(_COUNTED):
            servers[:, 2 + k] = self._count("server", name, begin) / length
        left = self._count("server", "throughput", begin) + self._count("server", "expired", begin)
        # attempts that CoDel dropped had been at the server, too; other drops never were
        drops = self._columns("drops")[begin + 1 :].sum(axis=0).reshape(-1, 5)
        left = left + drops[:, at.CODEL]
        sojourn = record.sojourn[-1] - record.sojourn[begin]
        servers[:, 7] = np.divide(sojourn, left, out=np.full(len(servers), np.nan), where=left > 0)
        for k, name in enumerate(_COUNTED_STREAM):
            streams[:, k] = self._count("stream", name, begin) / length
        answered = self._count("stream", "goodput", begin)
        waited = record.latency[-1] - record.latency[begin]
        streams[:, 5] = np.divide(
            waited, answered, out=np.full(len(streams), np.nan), where=answered > 0
        )
        # whole windows after the start only
        window = math.ceil(begin / int(job.compiled.words[at.SAMPLES_PER_WINDOW]))
        window = min(window, len(self.buffers.sketch) - 1)
        counts = self.buffers.sketch[window:, : len(streams)].sum(axis=0, dtype=np.int64)
        streams[:, 6:8] = quantiles(counts, (0.5, 0.99))

    def _columns(self, name: str) -> Cells:
        return self.recorder.cells[:, self.job.columns.slices[name]]

    def _count(self, of: str, name: str, begin: int) -> NDArray[np.int64]:
        many = len(self.job.compiled.servers if of == "server" else self.job.compiled.streams)
        counts = self._columns(name)[begin + 1 :].sum(axis=0, dtype=np.int64)
        return counts.reshape(many, -1).sum(axis=1)


def is_level(name: str) -> bool:
    """Whether the series `name` is a level (sampled) and not a count over a step."""
    return name == "orbit" or any(s.name == name and s.level for s in SERIES)
