"""What happened at each server, and to each stream of requests, in one run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from separatrix.simulate import layout as at
from separatrix.simulate.compile import Compiled
from separatrix.simulate.state import RunState


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
