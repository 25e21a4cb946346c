"""The series of a run on a fixed grid: which there are, and how samples become them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from separatrix.simulate import layout as at
from separatrix.simulate.compile import Compiled

Cells = NDArray[np.int32]

REASONS = ("full", "threshold", "token", "concurrency", "codel")
ORIGINS = ("late", "drop", "refusal", "failure")


@dataclass(frozen=True)
class Series:
    """One series, kept per server or per stream.

    Attributes
    ----------
    name : its name in the dataset.
    of : ``"server"`` or ``"stream"``.
    words : the observed words summed up in it; one column each where `labels` are given.
    minus : a word subtracted from a level.
    level : a level is sampled; a count is taken over the step that ends at the sample.
    dimension, labels : name and labels of the further dimension, where there is one.
    long_name : what it says, in words.
    """

    name: str
    of: str
    words: tuple[int, ...]
    long_name: str
    minus: int | None = None
    level: bool = False
    dimension: str = ""
    labels: tuple[str, ...] = ()

    @property
    def columns(self) -> int:
        """Columns per server or stream."""
        return len(self.labels) if self.labels else 1


SERIES: tuple[Series, ...] = (
    Series("queue", "server", (at.PRESENT,), "attempts waiting", at.BUSY, True),
    Series("in_service", "server", (at.BUSY,), "threads taken", None, True),
    Series("arrivals", "server", (at.ATTEMPTS,), "attempts that came"),
    Series(
        "throughput", "server", (at.IN_TIME, at.LATE, at.FAILED), "attempts whose service ended"
    ),
    Series("served_late", "server", (at.LATE,), "attempts served after the client had given up"),
    Series("failures", "server", (at.FAILED,), "attempts that failed because a call failed"),
    Series("expired", "server", (at.EXPIRED,), "attempts discarded as given up"),
    Series("cache_hits", "server", (at.CACHE_HITS,), "attempts answered by the cache"),
    Series(
        "drops", "server", tuple(at.DROPPED + i for i in range(5)), "attempts refused, by reason",
        dimension="reason", labels=REASONS,
    ),
    Series("offered", "stream", (at.REQUESTS,), "requests begun"),
    Series("attempts", "stream", (at.SENT_ATTEMPTS,), "attempts sent"),
    Series("timeouts", "stream", (at.TIMEOUTS,), "attempts given up"),
    Series(
        "retries", "stream", tuple(at.RETRIES + i for i in range(4)),
        "retries decided on, by what became of the attempt before",
        dimension="origin", labels=ORIGINS,
    ),
    Series("goodput", "stream", (at.ANSWERED,), "requests answered in time"),
    Series("accepted_late", "stream", (at.ANSWERED_LATE,), "requests ended by a late response"),
    Series("failed", "stream", (at.REQUESTS_FAILED,), "requests that failed"),
    Series(
        "denied", "stream", (at.DENIED_BY_BUDGET, at.DENIED_BY_BREAKER),
        "attempts that the client's policy did not make",
        dimension="policy", labels=("budget", "breaker"),
    ),
    Series("away", "stream", (at.AWAY,), "requests waiting to come back", None, True),
)  # fmt: skip


class Columns:
    """Where each series lies among the columns of the cells of a compiled program."""

    def __init__(self, compiled: Compiled) -> None:
        self.compiled = compiled
        self.slices: dict[str, slice] = {}
        begin = 0
        for series in SERIES:
            many = len(self._names(series))
            self.slices[series.name] = slice(begin, begin + many * series.columns)
            begin += many * series.columns
        self.slices["orbit"] = slice(begin, begin + compiled.orbit_columns[-1])
        self.count = begin + compiled.orbit_columns[-1]
        # linear maps from the observed words to cells: one for levels, one for counts
        observed = len(compiled.servers) * at.SERVER_OBSERVED
        observed += len(compiled.streams) * at.STREAM_OBSERVED
        self._plus: list[tuple[int, list[int], bool]] = []
        self._minus: list[tuple[int, int]] = []
        for series in SERIES:
            for i in range(len(self._names(series))):
                base = i * at.SERVER_OBSERVED
                if series.of == "stream":
                    base = len(compiled.servers) * at.SERVER_OBSERVED + i * at.STREAM_OBSERVED
                first = self.slices[series.name].start + i * series.columns
                groups = [[w] for w in series.words] if series.labels else [list(series.words)]
                for k, words in enumerate(groups):
                    self._plus.append((first + k, [base + w for w in words], series.level))
                if series.minus is not None:
                    self._minus.append((first, base + series.minus))
        self.observed = observed

    def _names(self, series: Series) -> tuple[str, ...]:
        return self.compiled.servers if series.of == "server" else self.compiled.streams

    def cells(self, rows: NDArray[np.int64], before: NDArray[np.int64]) -> Cells:
        """Cells of the samples `rows`, where `before` is the sample that precedes them.

        Orbit columns are left 0; `orbit` fills them.
        """
        steps = np.diff(rows, axis=0, prepend=before[None])
        cells = np.zeros((len(rows), self.count), np.int32)
        for column, words, level in self._plus:
            source = rows if level else steps
            cells[:, column] = source[:, words[0]]
            for word in words[1:]:
                cells[:, column] += source[:, word].astype(np.int32)
        for column, word in self._minus:
            cells[:, column] -= rows[:, word].astype(np.int32)
        return cells


class Recorder:
    """Collects the samples of one run.

    Attributes
    ----------
    cells : (samples, columns) int32.
    present, busy, sojourn : (samples, servers) running integrals of the attempts at each server and
        in service [attempt s], and running sum of the times at the server [s].
    latency : (samples, streams) running sum of the latencies of answered requests [s].
    """

    def __init__(self, columns: Columns, samples: int) -> None:
        servers, streams = len(columns.compiled.servers), len(columns.compiled.streams)
        self.columns = columns
        self.cells = np.zeros((samples, columns.count), np.int32)
        self.present = np.zeros((samples, servers))
        self.busy = np.zeros((samples, servers))
        self.sojourn = np.zeros((samples, servers))
        self.latency = np.zeros((samples, streams))
        self._begin = 0
        self._last = np.zeros(columns.observed, np.int64)

    def restart(self) -> None:
        """Be ready for another run."""
        self._begin = 0
        self._last[:] = 0

    def take(self, rows: NDArray[np.int64]) -> None:
        """Add the samples `rows` as the event loop wrote them."""
        span = slice(self._begin, self._begin + len(rows))
        self._begin += len(rows)
        self.cells[span] = self.columns.cells(rows, self._last)
        self._last[:] = rows[-1]
        servers = len(self.columns.compiled.servers)
        split = servers * at.SERVER_OBSERVED
        floats = rows.view(np.float64)
        by_server = floats[:, :split].reshape(len(rows), servers, at.SERVER_OBSERVED)
        self.present[span] = by_server[:, :, at.AREA_PRESENT]
        self.busy[span] = by_server[:, :, at.AREA_BUSY]
        self.sojourn[span] = by_server[:, :, at.SOJOURN]
        self.latency[span] = floats[:, split + at.LATENCY :: at.STREAM_OBSERVED]

    def take_orbit(self, changes: NDArray[np.int32]) -> None:
        """Fill in the orbits, given their changes at each sample."""
        where = self.columns.slices["orbit"]
        columns = where.stop - where.start
        np.cumsum(changes[:-1, :columns], axis=0, out=self.cells[:, where])
