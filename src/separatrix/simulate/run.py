"""One run: the event loop driven to its end, its samples and its request log collected."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import ModelError, Problem
from separatrix.model import Program
from separatrix.simulate import layout as at
from separatrix.simulate.compile import Compiled, compile_program
from separatrix.simulate.features import Features
from separatrix.simulate.request_log import OUTCOMES
from separatrix.simulate.state import RunState, new_run
from separatrix.simulate.totals import (
    ServerTotals,
    StreamTotals,
    server_totals,
    stream_totals,
)

ROWS_PER_CHUNK = 4096
LINES_PER_CHUNK = 65_536


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
    return len(compiled.servers) * at.SERVER_OBSERVED + len(compiled.streams) * at.STREAM_OBSERVED


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
    from separatrix.simulate.event_loop import event_loop, plain_event_loop

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
                    compiled.streams[int(line[1])], float(time[4]), float(time[5]), int(line[2]),
                    OUTCOMES[int(line[3])],
                )
            )  # fmt: skip

    loop = plain_event_loop(features) if plain else event_loop(features)
    drive(loop, compiled, state, buffers, horizon, on_log=keep if requests else None)
    return Run(
        horizon=horizon,
        servers=server_totals(compiled, state, horizon),
        streams=stream_totals(compiled, state),
        requests=tuple(ended),
        events=int(state.X[at.EVENTS]),
    )
