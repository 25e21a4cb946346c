"""A program becomes flat arrays: all that never changes during a run, in one buffer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import ModelError, Problem
from separatrix.model import Program, Server
from separatrix.model.parts import Constants
from separatrix.model.policies import (
    AdaptiveLifo,
    ConcurrencyLimit,
    Lifo,
    ThresholdAdmission,
    TokenBucket,
)
from separatrix.simulate import layout as at
from separatrix.simulate.features import Features, features_of
from separatrix.simulate.laws import arrival_table, law_words
from separatrix.simulate.streams import Stream, streams_of, works_of

Words = NDArray[np.int64]


@dataclass(frozen=True)
class Compiled:
    """A program as the event loop reads it.

    Attributes
    ----------
    words : the program's buffer, int64; floats lie in it by their bits.
    run_words : length of a run's buffer before its slots.
    servers, streams : names, in the order of their blocks; sources come first among the streams.
    sources : number of sources.
    orbit_columns : (streams + 1,) first orbit column of each stream, and their total.
    warm : (servers,) cache keys that are live at the start.
    features : what the program uses; `Features.record` and later ones are the caller's choice.
    """

    words: Words
    run_words: int
    servers: tuple[str, ...]
    streams: tuple[str, ...]
    sources: int
    orbit_columns: tuple[int, ...]
    warm: NDArray[np.int64]
    features: Features

    @property
    def clocks(self) -> int:
        """Number of clocks of a run."""
        return 3 + len(self.servers) + 2 * len(self.streams) + self.sources


def compile_program(
    program: Program, *, step: float = math.inf, samples_per_window: int = 1
) -> Compiled:
    """Flat arrays for `program`; samples are taken every `step` seconds, from time 0 on.

    samples_per_window : how many of them share a latency sketch.

    Raises ModelError where the program is not whole, or no source ever sends a request.
    """
    program.check()
    if all(source.mean_rate == 0 for source in program.sources):
        raise ModelError(
            Problem("no source ever sends a request", "sources", "give one an arrival_rate > 0")
        )
    return _Compiler(program, step, samples_per_window).result()


class _Compiler:
    """Collects blocks and tables; offsets are known once the number of blocks is."""

    def __init__(self, program: Program, step: float, samples_per_window: int) -> None:
        self.program = program
        self.step = step
        self.samples_per_window = samples_per_window
        self.works = works_of(program)
        self.streams = streams_of(program)
        self.P_SERVERS = at.P_HEADER
        self.P_STREAMS = self.P_SERVERS + len(program.servers) * at.P_SERVER_WORDS
        self.P_WORKS = self.P_STREAMS + len(self.streams) * at.P_STREAM_WORDS
        self.P_WATCH = self.P_WORKS + len(self.works) * at.P_WORK_WORDS
        self.fixed = self.P_WATCH + len(program.servers) + len(self.streams)
        self.ints: dict[int, int] = {}
        self.floats: dict[int, float] = {}
        self.tables: list[NDArray[np.float64]] = []
        self.table_end = self.fixed
        clocks = 3 + len(program.servers) + 2 * len(self.streams) + len(program.sources)
        fan_out = max(len(s.apis[api].downstream) for s, api in self.works)
        self.margin = 2 * (fan_out + 2)
        self.X_STACK = at.HEADER + clocks
        depth = len(program.servers) + fan_out
        self.X_SERVERS = self.X_STACK + 8 * depth + 32
        self.X_STREAMS = self.X_SERVERS + len(program.servers) * at.SERVER_WORDS
        self.run_end = self.X_STREAMS + len(self.streams) * at.STREAM_WORDS
        self.clocks = clocks

    def result(self) -> Compiled:
        program = self.program
        columns = [0]
        for i, stream in enumerate(self.streams):
            self._stream(i, stream, columns[-1])
            columns.append(columns[-1] + stream.retries)
        for i, server in enumerate(program.servers):
            self._server(i, server)
        for i, (server, api) in enumerate(self.works):
            self._work(i, server, api)
        breaks = self._breaks()
        header = {
            at.N_SERVERS: len(program.servers), at.N_STREAMS: len(self.streams),
            at.N_SOURCES: len(program.sources), at.N_CLOCKS: self.clocks,
            at.N_BREAKS: len(breaks), at.MARGIN: self.margin, at.P_SERVERS: self.P_SERVERS,
            at.P_STREAMS: self.P_STREAMS, at.P_WORKS: self.P_WORKS, at.P_WATCH: self.P_WATCH,
            at.P_BREAKS: self.table_end, at.X_CLOCKS: at.HEADER, at.X_STACK: self.X_STACK,
            at.X_SERVERS: self.X_SERVERS, at.X_STREAMS: self.X_STREAMS, at.X_SLOTS: self.run_end,
        }  # fmt: skip
        self.ints.update(header)
        self.floats[at.STEP] = self.step
        self.ints[at.SAMPLES_PER_WINDOW] = self.samples_per_window
        words = np.zeros(self.table_end + len(breaks) * at.BREAK_WORDS, np.int64)
        floats = words.view(np.float64)
        for offset, value in self.ints.items():
            words[offset] = value
        for offset, number in self.floats.items():
            floats[offset] = number
        end = self.fixed
        for table in self.tables:
            floats[end : end + len(table)] = table
            end += len(table)
        for i, (time, kind, index, factor) in enumerate(breaks):
            b = self.table_end + i * at.BREAK_WORDS
            floats[b], words[b + 1], words[b + 2], floats[b + 3] = time, kind, index, factor
        caches = [s.cache for s in program.servers]
        return Compiled(
            words=words,
            run_words=self.run_end,
            servers=tuple(s.name for s in program.servers),
            streams=tuple(s.name for s in self.streams),
            sources=len(program.sources),
            orbit_columns=tuple(columns),
            warm=np.array([round(c.warm * c.keys) if c else 0 for c in caches], np.int64),
            features=features_of(
                program,
                waits=any(s.backoff.base > 0 and s.retries > 0 for s in self.streams),
                accepts=any(s.accepts for s in self.streams),
                faults=len(breaks) > 0,
                record=self.step < math.inf,
            ),
        )

    def _table(self, values: NDArray[np.float64]) -> int:
        offset = self.table_end
        self.tables.append(values)
        self.table_end += len(values)
        return offset

    def _stream(self, i: int, stream: Stream, column: int) -> None:
        b = self.P_STREAMS + i * at.P_STREAM_WORDS
        backoff = stream.backoff
        kind = at.DRAWN
        if backoff.base == 0 or stream.retries == 0:
            kind = at.AT_ONCE
        elif backoff.jitter == 0 and (backoff.multiplier == 1 or stream.retries == 1):
            kind = at.FIXED
        base = min(backoff.base, backoff.cap)
        self.ints.update({
            b + at.SERVER: stream.server, b + at.WORK: self.P_WORKS + stream.work * at.P_WORK_WORDS,
            b + at.MAX_RETRIES: stream.retries, b + at.WAITS: int(stream.waits),
            b + at.BACKOFF: kind, b + at.ACCEPTS: int(stream.accepts), b + at.ORBIT_COLUMN: column,
        })  # fmt: skip
        self.floats.update({
            b + at.TIMEOUT: stream.timeout, b + at.BASE: base, b + at.CAP: backoff.cap,
            b + at.MULTIPLIER: backoff.multiplier, b + at.JITTER: backoff.jitter,
        })  # fmt: skip
        source = stream.source
        if source is None:
            return
        if source.budget is not None:
            self.ints[b + at.HAS_BUDGET] = 1
            self.floats[b + at.BUDGET_RATIO] = source.budget.ratio
            self.floats[b + at.BUDGET_BURST] = source.budget.burst
        if source.breaker is not None:
            breaker = source.breaker
            self.ints.update({
                b + at.WINDOW: breaker.window, b + at.PROBES: breaker.probes,
                b + at.TRIP: max(1, math.ceil(breaker.threshold * breaker.window - 1e-9)),
                b + at.X_WINDOW: self.run_end,
            })  # fmt: skip
            self.floats[b + at.OPEN_FOR] = breaker.open_for
            self.run_end += breaker.window
        kind, rate, table, size = arrival_table(source)
        self.ints.update({
            b + at.ARRIVALS: kind, b + at.P_TABLE: self._table(table), b + at.TABLE_SIZE: size,
        })  # fmt: skip
        self.floats[b + at.RATE] = rate

    def _server(self, i: int, server: Server) -> None:
        b = self.P_SERVERS + i * at.P_SERVER_WORDS
        discipline = server.discipline
        self.ints.update({
            b + at.QSIZE: server.qsize, b + at.THREADS: server.thread_pool,
            b + at.DROP_EXPIRED: int(server.drop_expired), b + at.FAIL_FAST: int(server.fail_fast),
            b + at.DISCIPLINE: at.FIFO,
        })  # fmt: skip
        if isinstance(discipline, Lifo):
            self.ints[b + at.DISCIPLINE] = at.LIFO
        elif isinstance(discipline, AdaptiveLifo):
            self.ints[b + at.DISCIPLINE] = at.ADAPTIVE
            self.ints[b + at.ADAPTIVE_FROM] = discipline.threshold
        policy = server.admission
        if policy is not None:
            reason, a, c = _admission(policy)
            self.ints[b + at.ADMISSION] = 1 + reason
            self.floats[b + at.ADMIT_A] = a
            self.floats[b + at.ADMIT_B] = c
        slow = server.slowdown
        if slow is not None and slow.coefficient > 0:
            self.ints[b + at.SLOW_BY] = 1 if slow.by == "queue" else 2
            self.floats[b + at.SLOW_A] = slow.coefficient
            self.floats[b + at.SLOW_SCALE] = slow.scale
            self.floats[b + at.SLOW_POWER] = slow.exponent
        if server.cache is not None:
            self.ints[b + at.CACHE_KEYS] = server.cache.keys
            self.ints[b + at.X_CACHE] = self.run_end
            self.floats[b + at.CACHE_TTL] = server.cache.ttl
            self.run_end += server.cache.keys

    def _work(self, i: int, server: Server, api: str) -> None:
        b = self.P_WORKS + i * at.P_WORK_WORDS
        work = server.apis[api]
        law, mean, a, table, size = law_words(work)
        earlier = sum(len(s.apis[k].downstream) for s, k in self.works[:i])
        first = len(self.program.sources) + earlier
        self.ints.update({
            b + at.LAW: law, b + at.P_LAW: self._table(table), b + at.LAW_SIZE: size,
            b + at.FIRST_CALL: first, b + at.N_CALLS: len(work.downstream),
            b + at.N_WAITS: sum(
                call.call_type == Constants.WAIT_UNTIL_DONE for call in work.downstream
            ),
        })  # fmt: skip
        self.floats[b + at.MEAN] = mean
        self.floats[b + at.LAW_A] = a

    def _breaks(self) -> list[tuple[float, int, int, float]]:
        """(time, kind, index, factor) of each change of speed, in order of time."""
        faults = self.program.faults
        found: list[tuple[float, int, int, float]] = []
        for kind, names, factor_at in (
            (0, [s.name for s in self.program.sources], faults.arrival_factor),
            (1, [s.name for s in self.program.servers], faults.service_factor),
        ):
            for index, name in enumerate(names):
                before = 1.0
                for time in faults.breakpoints:
                    factor = factor_at(name, time)
                    if factor != before:
                        found.append((time, kind, index, factor))
                    before = factor
        return sorted(found)


def _admission(policy: Any) -> tuple[int, float, float]:
    if isinstance(policy, ThresholdAdmission):
        return at.THRESHOLD, policy.threshold, policy.admit
    if isinstance(policy, TokenBucket):
        return at.TOKEN, policy.rate, policy.burst
    if isinstance(policy, ConcurrencyLimit):
        return at.CONCURRENCY, policy.limit, 0.0
    return at.CODEL, policy.target, policy.interval
