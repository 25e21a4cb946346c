"""A client's side of the request's life: attempts, time-outs, retries, late responses.

One `Caller` sends the requests of one source, or the calls of one piece of work, to one address.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from separatrix.emulate.lag import LagMeter
from separatrix.emulate.manners import BreakerState, Budget
from separatrix.emulate.series import Grid
from separatrix.emulate.wire import ClientEnd, Pool
from separatrix.model.parts import LateResponses
from separatrix.model.policies import Backoff, Breaker, RetryBudget

DEADLINE = "separatrix-deadline"
"""Header: when the client gives up, on the machine's monotonic clock [s]."""
KEY = "separatrix-key"
"""Header: what the request asks a look-aside cache for."""


@dataclass(frozen=True)
class Manners:
    """What a client does under stress; fields as in `Source`."""

    timeout: float
    retries: int
    backoff: Backoff
    late_responses: LateResponses
    budget: RetryBudget | None = None
    breaker: Breaker | None = None


@dataclass(eq=False)
class Attempt:
    """One attempt: `live` until its client gives it up or hears of it, `counted` while it is open."""

    request: Request
    number: int
    epoch: int
    end: ClientEnd | None = None
    timer: asyncio.TimerHandle | None = None
    live: bool = True
    counted: bool = True


@dataclass(eq=False)
class Request:
    """One request of a caller.

    Attributes
    ----------
    born : when it began, on the run's clock [s].
    key : what it asks a cache for; empty where there is none.
    ended : told once whether the request was answered.
    open : not yet answered or failed.
    now : its attempt under way, if any.
    wait : the timer of its backoff, if it waits.
    late : attempts given up whose connection is kept for a late response.
    """

    born: float
    key: str
    ended: Callable[[bool], None] | None
    open: bool = True
    now: Attempt | None = None
    wait: asyncio.TimerHandle | None = None
    late: list[Attempt] = field(default_factory=list[Attempt])


class Caller:
    """Sends requests to one path of one server, with one set of manners.

    Parameters
    ----------
    pool : connections to the server.
    path : of the URL.
    manners : what to do when no response comes.
    grid, lag : where to count, and where to say how late timers were.
    t0 : the run's time 0 on the loop's clock [s].
    rng : for jitter.
    most_open : attempts that may be under way at once; beyond it nothing more is sent, and
        `overflowed` says so.
    """

    def __init__(
        self,
        pool: Pool,
        path: str,
        manners: Manners,
        grid: Grid,
        lag: LagMeter,
        t0: float,
        rng: np.random.Generator,
        most_open: int = 8000,
    ) -> None:
        self.manners = manners
        self.latencies: list[tuple[float, float]] = []
        self.overflowed = False
        self._pool, self._grid, self._lag, self._rng = pool, grid, lag, rng
        self._head = f"GET {path} HTTP/1.1\r\nHost: {pool.host}:{pool.port}\r\n"
        self._t0 = t0
        self._loop = asyncio.get_running_loop()
        self._budget = None if manners.budget is None else Budget(manners.budget)
        self._breaker = None if manners.breaker is None else BreakerState(manners.breaker)
        self._tasks: set[asyncio.Task[None]] = set()
        self._under_way = 0
        self._most = most_open

    def now(self) -> float:
        """The run's clock [s]."""
        return self._loop.time() - self._t0

    def begin(self, key: str = "", ended: Callable[[bool], None] | None = None) -> Request:
        """Begin a request; `ended` is told whether it was answered."""
        request = Request(self.now(), key, ended)
        self._grid.add("offered", request.born)
        self._send(request, 0)
        return request

    def abandon(self, request: Request) -> None:
        """Give a request up for good: no retry; what was sent costs its full service."""
        request.ended = None
        self._fail(request)

    # --- one attempt ----------------------------------------------------------------------------

    def _send(self, request: Request, number: int) -> None:
        now = self.now()
        epoch = 0
        if self._breaker is not None:
            let = self._breaker.lets(now)
            if let is None:
                self._grid.add("denied.breaker", now)
                self._fail(request)
                return
            epoch = let
        if self._under_way >= self._most:
            self.overflowed = True
            self._fail(request)
            return
        self._under_way += 1
        self._grid.add("attempts", now)
        if self._budget is not None and number == 0:
            self._budget.first_attempt()
        attempt = Attempt(request, number, epoch)
        request.now = attempt
        due = self._t0 + now + self.manners.timeout
        attempt.timer = self._loop.call_at(due, self._timed_out, attempt, due)
        end = self._pool.idle()
        if end is not None:
            self._write(attempt, end, due)
            return
        task = self._loop.create_task(self._connect(attempt, due))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, attempt: Attempt, due: float) -> None:
        try:
            end = await self._pool.connect()
        except OSError:
            self._responded(attempt, None)
            return
        if attempt.live:
            self._write(attempt, end, due)
        else:
            self._pool.put(end)

    def _write(self, attempt: Attempt, end: ClientEnd, due: float) -> None:
        attempt.end = end
        key = f"{KEY}: {attempt.request.key}\r\n" if attempt.request.key else ""
        text = f"{self._head}{DEADLINE}: {due!r}\r\n{key}\r\n"
        end.send(text.encode("latin-1"), lambda status: self._responded(attempt, status))

    def _timed_out(self, attempt: Attempt, due: float) -> None:
        self._lag.add(self._loop.time() - due)
        request = attempt.request
        now = self.now()
        attempt.live = False
        attempt.timer = None
        self._grid.add("timeouts", now)
        if self.manners.late_responses == "accept":
            request.late.append(attempt)
        else:
            self._drop(attempt)
        self._hears(attempt, good=False)
        self._lost(request, attempt.number, "late")

    def _responded(self, attempt: Attempt, status: int | None) -> None:
        request = attempt.request
        if attempt.end is not None:
            self._pool.put(attempt.end)
        self._release(attempt)
        if not attempt.live:
            if status == 200 and request.open and attempt in request.late:
                self._accept_late(request)
            return
        attempt.live = False
        if attempt.timer is not None:
            attempt.timer.cancel()
        good = status == 200
        self._hears(attempt, good=good)
        if good:
            now = self.now()
            self._grid.add("goodput", now)
            self.latencies.append((now, now - request.born))
            self._finish(request, True)
        else:
            self._lost(request, attempt.number, "failure" if status == 500 else "refusal")

    def _accept_late(self, request: Request) -> None:
        if request.now is not None and request.now.live:
            self._hears(request.now, good=True)
        self._grid.add("accepted_late", self.now())
        self._finish(request, True)

    def _hears(self, attempt: Attempt, *, good: bool) -> None:
        if self._breaker is not None:
            self._breaker.hears(attempt.epoch, good, self.now())

    # --- what comes after a lost attempt --------------------------------------------------------

    def _lost(self, request: Request, number: int, origin: str) -> None:
        now = self.now()
        if number >= self.manners.retries:
            self._fail(request)
            return
        if self._budget is not None and not self._budget.retry():
            self._grid.add("denied.budget", now)
            self._fail(request)
            return
        self._grid.add(f"retries.{origin}", now)
        wait = self.manners.backoff.longest(number + 1)
        if wait > 0:
            wait *= 1.0 - self.manners.backoff.jitter * float(self._rng.random())
            due = self._t0 + now + wait
            request.wait = self._loop.call_at(due, self._return, request, number + 1, due)
        else:
            self._send(request, number + 1)

    def _return(self, request: Request, number: int, due: float) -> None:
        self._lag.add(self._loop.time() - due)
        request.wait = None
        self._send(request, number)

    def _fail(self, request: Request) -> None:
        if request.open:
            self._grid.add("failed", self.now())
            self._finish(request, False)

    def _finish(self, request: Request, answered: bool) -> None:
        request.open = False
        if request.wait is not None:
            request.wait.cancel()
        for attempt in (*request.late, *([request.now] if request.now is not None else [])):
            if attempt.timer is not None:
                attempt.timer.cancel()
            if attempt.live or attempt in request.late:
                attempt.live = False
                self._drop(attempt)
        if request.ended is not None:
            request.ended(answered)

    def _drop(self, attempt: Attempt) -> None:
        """Close the attempt's connection, as a client that no longer listens does."""
        if attempt.end is not None:
            attempt.end.close()
        self._release(attempt)

    def _release(self, attempt: Attempt) -> None:
        if attempt.counted:
            attempt.counted = False
            self._under_way -= 1
        attempt.end = None
