"""One run: the event loop driven to its end, its samples and its request log collected."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import ModelError, Problem
from separatrix.model import Program
from separatrix.simulate import layout as at
from separatrix.simulate.compile import Compiled, compile_program
from separatrix.simulate.features import Features
from separatrix.simulate.request_log import OUTCOMES
from separatrix.simulate.state import RunState, new_run

ROWS_PER_CHUNK = 4096
LINES_PER_CHUNK = 65_536


@dataclass(frozen=True)
class ServerTotals:
    """What happened at one server; counts of attempts unless a unit is given.

    ``attempts = in_time + late + failed + expired + cache_hits + dropped + present``.

    Attributes
    ----------
    attempts : attempts that came.
    in_time, late : served while the client waited; after it had given up.
    failed : served, but a call on the way failed.
    expired : discarded because the client had given up (``drop_expired``).
    cache_hits : answered by the look-aside cache.
    dropped_full, dropped_threshold, dropped_token, dropped_concurrency, dropped_codel : refused.
    present : still there at the end.
    mean_present, mean_in_service : time averages over the run [attempts].
    sojourn : time at the server, summed over the attempts that left it [s].
    """

    attempts: int
    in_time: int
    late: int
    failed: int
    expired: int
    cache_hits: int
    dropped_full: int
    dropped_threshold: int
    dropped_token: int
    dropped_concurrency: int
    dropped_codel: int
    present: int
    mean_present: float
    mean_in_service: float
    sojourn: float

    @property
    def dropped(self) -> int:
        """Refused attempts, whatever the reason."""
        return (
            self.dropped_full
            + self.dropped_threshold
            + self.dropped_token
            + self.dropped_concurrency
            + self.dropped_codel
        )


@dataclass(frozen=True)
class StreamTotals:
    """What happened to the requests of one source, or of one call between servers.

    ``requests = answered + answered_late + failed + open``.

    Attributes
    ----------
    requests, attempts, timeouts : begun; sent; given up.
    retries_after_late, retries_after_drop, retries_after_refusal, retries_after_failure : retries
        by what became of the attempt before: it was too slow, dropped silently, refused at once, or
        failed downstream.
    answered, answered_late, failed, open : requests answered in time; by a late response that the
        client accepts; not at all; not yet.
    denied_by_budget, denied_by_breaker : attempts that the client did not make.
    latency : time from a request's begin to its answer, summed over `answered` [s].
    """

    requests: int
    attempts: int
    timeouts: int
    retries_after_late: int
    retries_after_drop: int
    retries_after_refusal: int
    retries_after_failure: int
    answered: int
    answered_late: int
    failed: int
    denied_by_budget: int
    denied_by_breaker: int
    latency: float

    @property
    def retries(self) -> int:
        """Retries that clients decided on, whatever the reason."""
        return (
            self.retries_after_late
            + self.retries_after_drop
            + self.retries_after_refusal
            + self.retries_after_failure
        )

    @property
    def open(self) -> int:
        """Requests that have not ended."""
        return self.requests - self.answered - self.answered_late - self.failed


@dataclass(frozen=True)
class Request:
    """One request that has ended.

    Attributes
    ----------
    stream : the source, or the call, that made it.
    start, end : when it began and ended [s].
    attempts : attempts sent.
    outcome : ``"answered"``, ``"late"`` (by an accepted late response) or ``"failed"``.
    """

    stream: str
    start: float
    end: float
    attempts: int
    outcome: str


@dataclass(frozen=True)
class Run:
    """One run of a program from time 0 to `horizon`.

    Attributes
    ----------
    horizon : length [s].
    servers, streams : totals by name.
    requests : requests that ended, in order of their end; empty unless asked for.
    events : number of events.
    """

    horizon: float
    servers: dict[str, ServerTotals]
    streams: dict[str, StreamTotals]
    requests: tuple[Request, ...]
    events: int


@dataclass
class Buffers:
    """What the event loop writes to; reused from run to run.

    rows : (chunk, observed) int64; orbit : (samples + 1, columns) int32; sketch : (windows,
    streams + servers, buckets) int32; log : (chunk, words) int64.
    """

    rows: NDArray[np.int64]
    orbit: NDArray[np.int32]
    sketch: NDArray[np.int32]
    log: NDArray[np.int64]
    flog: NDArray[np.float64]

    @classmethod
    def fit(cls, compiled: Compiled, features: Features, horizon: float) -> Buffers:
        """Buffers for runs of `compiled` to `horizon` [s]."""
        step = float(compiled.words.view(np.float64)[at.STEP])
        samples = math.floor(horizon / step) + 1 if features.record else 0
        observed = observed_words(compiled)
        columns = max(1, compiled.orbit_columns[-1])
        streams = len(compiled.streams) + len(compiled.servers)
        windows = max(1, math.ceil((samples - 1) / int(compiled.words[at.SAMPLES_PER_WINDOW])))
        log = np.zeros((LINES_PER_CHUNK if features.log else 1, at.LOG_WORDS), np.int64)
        return cls(
            rows=np.zeros((min(samples, ROWS_PER_CHUNK), observed), np.int64),
            orbit=np.zeros((samples + 1, columns), np.int32),
            sketch=np.zeros((windows, streams, at.BUCKETS), np.int32),
            log=log,
            flog=log.view(np.float64),
        )

    def clear(self) -> None:
        """Forget what the last run wrote and nobody has collected."""
        self.orbit[:] = 0
        self.sketch[:] = 0


def observed_words(compiled: Compiled) -> int:
    """Words of one sample."""
    return (
        len(compiled.servers) * at.SERVER_OBSERVED + len(compiled.streams) * at.STREAM_OBSERVED
    )


def drive(
    loop: Callable[..., int],
    compiled: Compiled,
    state: RunState,
    buffers: Buffers,
    until: float,
    *,
    on_rows: Callable[[NDArray[np.int64]], None] | None = None,
    on_log: Callable[[NDArray[np.int64]], None] | None = None,
) -> int:
    """Advance `state` to `until` [s]; return `DONE`, or `STOPPED` where a watched score ended it.

    on_rows, on_log : called with each chunk of samples or log lines; the array is reused after.
    """
    P, G = compiled.words, compiled.words.view(np.float64)
    state.F[at.UNTIL] = until
    while True:
        b = buffers
        code = loop(state.X, state.F, state.U, P, G, b.rows, b.orbit, b.sketch, b.log, b.flog)
        if code == at.NEED_SLOTS:
            state.grow(len(state.X) // state.slot_words)
            continue
        if code != at.LOG_FULL and on_rows is not None and state.X[at.ROW_FILL] > 0:
            on_rows(b.rows[: state.X[at.ROW_FILL]])
        if code != at.ROWS_FULL and on_log is not None and state.X[at.LOG_FILL] > 0:
            on_log(b.log[: state.X[at.LOG_FILL]])
            state.X[at.LOG_FILL] = 0
        if code != at.LOG_FULL:
            state.X[at.ROW_FILL] = 0
        if code in (at.DONE, at.STOPPED):
            return code


def run_once(
    program: Program,
    *,
    horizon: float,
    seed: int = 0,
    requests: bool = False,
    features: Features | None = None,
    plain: bool = False,
) -> Run:
    """Follow every request of `program` from time 0 to `horizon` [s].

    Parameters
    ----------
    seed : of the random stream; the run is a function of (program, seed) alone.
    requests : keep every request that ends.
    features : what the loop is compiled for, where it is to honour more than the program uses.
    plain : run the loop uncompiled (slow; for tests).

    Raises ModelError where the program or the horizon cannot be simulated.
    """
    from separatrix.simulate.event_loop import event_loop

    if not (0 < horizon < math.inf):
        raise ModelError(
            Problem(f"must be a finite time > 0 s, got {horizon:g}", "horizon", 'write "1h"')
        )
    compiled = compile_program(program, step=horizon)
    if features is None:
        features = dataclasses.replace(compiled.features, log=requests)
    state = new_run(compiled, features, np.random.SeedSequence(seed))
    buffers = Buffers.fit(compiled, features, horizon)
    ended: list[Request] = []

    def keep(lines: NDArray[np.int64]) -> None:
        times = lines.view(np.float64)
        for line, time in zip(lines, times, strict=True):
            ended.append(
                Request(
                    compiled.streams[line[1]], float(time[4]), float(time[5]), int(line[2]),
                    OUTCOMES[line[3]],
                )
            )  # fmt: skip

    loop = event_loop(features, plain=plain)
    drive(loop, compiled, state, buffers, horizon, on_log=keep if requests else None)
    return Run(
        horizon=horizon,
        servers=server_totals(compiled, state, horizon),
        streams=stream_totals(compiled, state),
        requests=tuple(ended),
        events=int(state.X[at.EVENTS]),
    )


def server_totals(compiled: Compiled, state: RunState, horizon: float) -> dict[str, ServerTotals]:
    """Totals by server at the end of a run."""
    found: dict[str, ServerTotals] = {}
    for i, name in enumerate(compiled.servers):
        v = int(compiled.words[at.X_SERVERS]) + i * at.SERVER_WORDS
        n: list[Any] = [int(word) for word in state.X[v : v + at.SERVER_WORDS]]
        f = state.F[v : v + at.SERVER_WORDS]
        d = at.DROPPED
        found[name] = ServerTotals(
            attempts=n[at.ATTEMPTS], in_time=n[at.IN_TIME], late=n[at.LATE], failed=n[at.FAILED],
            expired=n[at.EXPIRED], cache_hits=n[at.CACHE_HITS], dropped_full=n[d + at.FULL],
            dropped_threshold=n[d + at.THRESHOLD], dropped_token=n[d + at.TOKEN],
            dropped_concurrency=n[d + at.CONCURRENCY], dropped_codel=n[d + at.CODEL],
            present=n[at.PRESENT], mean_present=float(f[at.AREA_PRESENT]) / horizon,
            mean_in_service=float(f[at.AREA_BUSY]) / horizon, sojourn=float(f[at.SOJOURN]),
        )  # fmt: skip
    return found


def stream_totals(compiled: Compiled, state: RunState) -> dict[str, StreamTotals]:
    """Totals by stream at the end of a run."""
    found: dict[str, StreamTotals] = {}
    for i, name in enumerate(compiled.streams):
        ss = int(compiled.words[at.X_STREAMS]) + i * at.STREAM_WORDS
        n = [int(word) for word in state.X[ss : ss + at.STREAM_OBSERVED]]
        r = at.RETRIES
        found[name] = StreamTotals(
            requests=n[at.REQUESTS], attempts=n[at.SENT_ATTEMPTS], timeouts=n[at.TIMEOUTS],
            retries_after_late=n[r + at.AFTER_LATE], retries_after_drop=n[r + at.AFTER_DROP],
            retries_after_refusal=n[r + at.AFTER_REFUSAL],
            retries_after_failure=n[r + at.AFTER_FAILURE], answered=n[at.ANSWERED],
            answered_late=n[at.ANSWERED_LATE], failed=n[at.REQUESTS_FAILED],
            denied_by_budget=n[at.DENIED_BY_BUDGET], denied_by_breaker=n[at.DENIED_BY_BREAKER],
            latency=float(state.F[ss + at.LATENCY]),
        )  # fmt: skip
    return found
