"""One server as it runs: a bounded queue, threads, a discipline, calls, faults, in real time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import unquote

import numpy as np

from separatrix.emulate.admission import ControlledDelay, Gate
from separatrix.emulate.caller import DEADLINE, KEY, Caller
from separatrix.emulate.draws import service_sampler
from separatrix.emulate.lag import LagMeter
from separatrix.emulate.series import Grid
from separatrix.model.faults import Schedule
from separatrix.model.parts import Constants, Server
from separatrix.model.policies import AdaptiveLifo, CoDel, Fifo


class Responder(Protocol):
    """Where an attempt's answer goes; `gone` once its client has closed the connection."""

    gone: bool

    def answer(self, status: int) -> None:
        """Send a status."""
        ...


@dataclass(eq=False)
class Held:
    """An attempt at the server; times on the run's clock [s]."""

    end: Responder
    api: str
    arrived: float
    deadline: float
    key: str
    work_left: float = 0.0
    since: float = 0.0
    timer: asyncio.TimerHandle | None = None

    def given_up(self, time: float) -> bool:
        """Whether its client no longer waits."""
        return self.end.gone or time >= self.deadline


class Service:
    """A server of a program on the running event loop.

    A thread that finds an attempt waiting when its service is over takes it at the moment the
    service was *due* to end: what a timer of the operating system is late does not slow the
    server down, it only delays the one answer (and is metered as lag).

    Parameters
    ----------
    server, faults : as in the model.
    calls : API -> callers of its downstream calls, with each whether it is waited for.
    grid, lag : where to count, and where to say how late timers were.
    t0 : the run's time 0 on the loop's clock [s].
    rng : for service times, admission and the warm cache.
    burn : spends a service time [s] on a processor and calls back; None to sleep it.
    """

    def __init__(
        self,
        server: Server,
        faults: Schedule,
        calls: dict[str, list[tuple[Caller, str]]],
        grid: Grid,
        lag: LagMeter,
        t0: float,
        rng: np.random.Generator,
        burn: Callable[[float, Callable[[], None]], None] | None = None,
    ) -> None:
        self.server = server
        self._calls, self._grid, self._lag, self._t0, self._burn = calls, grid, lag, t0, burn
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Held] = deque()
        self._serving: set[Held] = set()
        self._busy = 0
        self._draw = {api: service_sampler(work, rng) for api, work in server.apis.items()}
        self._gate = Gate(server.admission, rng)
        admission = server.admission
        self._codel = ControlledDelay(admission) if isinstance(admission, CoDel) else None
        self._speed = faults.service_factor(server.name, 0.0)
        for time in faults.breakpoints:
            self._loop.call_at(t0 + time, self._change_speed, faults, time)
        self._live_until: dict[str, float] = {}
        if server.cache is not None:
            warm = round(server.cache.warm * server.cache.keys)
            lives = rng.uniform(0.0, server.cache.ttl, warm)
            self._live_until = {str(k): float(life) for k, life in enumerate(lives)}

    def now(self) -> float:
        """The run's clock [s]."""
        return self._loop.time() - self._t0

    def take(self, end: Responder, url: str, headers: dict[str, str]) -> None:
        """An attempt arrives."""
        now = self.now()
        api = unquote(url.lstrip("/"))
        if api not in self.server.apis:
            end.answer(404)
            return
        self._grid.add("arrivals", now)
        deadline = _number(headers.get(DEADLINE, ""), float("inf")) - self._t0
        held = Held(end, api, now, deadline, headers.get(KEY, ""))
        if self.server.cache is not None and self._live_until.get(held.key, 0.0) > now:
            self._grid.add("cache_hits", now)
            end.answer(200)
            return
        present = self._busy + len(self._waiting)
        refused = "full" if present >= self.server.qsize else self._gate.refuses(present, now)
        if refused is not None:
            self._refuse(held, refused, now)
        elif self._busy < self.server.thread_pool and not self._waiting:
            self._start(held, now)
        else:
            self._waiting.append(held)
            self._grid.move("queue", 1, now)

    def _refuse(self, held: Held, reason: str, time: float) -> None:
        self._grid.add(f"drops.{reason}", time)
        if self.server.fail_fast:
            held.end.answer(503)

    # --- service --------------------------------------------------------------------------------

    def _start(self, held: Held, time: float) -> None:
        self._busy += 1
        self._grid.move("in_service", 1, time)
        work = self._draw[held.api]() * self._slower()
        if self._burn is not None:
            self._burn(work, lambda: self._own_work_done(held, self.now()))
            return
        held.work_left, held.since = work, time
        self._serving.add(held)
        self._arm(held)

    def _slower(self) -> float:
        law = self.server.slowdown
        if law is None:
            return 1.0
        # the one that begins is counted: it is in `busy` already, and no longer waits
        n = self._busy + (len(self._waiting) if law.by == "queue" else 0)
        return 1.0 + law.coefficient * (n / law.scale) ** law.exponent

    def _arm(self, held: Held) -> None:
        if held.timer is not None:
            held.timer.cancel()
            held.timer = None
        if self._speed > 0:
            due = held.since + held.work_left / self._speed
            held.timer = self._loop.call_at(self._t0 + due, self._due, held, due)

    def _due(self, held: Held, due: float) -> None:
        self._lag.add(self.now() - due)
        self._serving.discard(held)
        self._own_work_done(held, due)

    def _change_speed(self, faults: Schedule, time: float) -> None:
        self._lag.add(self.now() - time)
        speed = faults.service_factor(self.server.name, time)
        for held in self._serving:
            held.work_left = max(held.work_left - (time - held.since) * self._speed, 0.0)
            held.since = max(time, held.since)
        self._speed = speed
        for held in self._serving:
            self._arm(held)

    def _own_work_done(self, held: Held, time: float) -> None:
        calls = self._calls.get(held.api, [])
        awaited = [caller for caller, kind in calls if kind == Constants.WAIT_UNTIL_DONE]
        for caller, kind in calls:
            if kind == Constants.FIRE_AND_FORGET:
                caller.begin()
        if awaited:
            _Join(awaited, self, held)
        else:
            self.leave(held, True, time)

    def leave(self, held: Held, good: bool, time: float) -> None:
        """An attempt leaves the server at `time`, served or failed; its thread turns to the next."""
        self._busy -= 1
        self._grid.move("in_service", -1, time)
        self._grid.add("throughput", time)
        if not good:
            self._grid.add("failures", time)
        elif held.given_up(time):
            self._grid.add("served_late", time)
        if good and self.server.cache is not None and held.key:
            self._live_until[held.key] = time + self.server.cache.ttl
        held.end.answer(200 if good else 500)
        following = self._next(time)
        if following is not None:
            self._start(following, max(time, following.arrived))

    def _next(self, time: float) -> Held | None:
        while self._waiting:
            held = self._waiting.popleft() if self._from_the_front() else self._waiting.pop()
            self._grid.move("queue", -1, time)
            if self.server.drop_expired and held.given_up(time):
                self._grid.add("expired", time)
                continue
            waited, left = time - held.arrived, len(self._waiting)
            if self._codel is not None and self._codel.drops(waited, left, time):
                self._refuse(held, "codel", time)
                continue
            return held
        if self._codel is not None:
            self._codel.emptied()
        return None

    def _from_the_front(self) -> bool:
        discipline = self.server.discipline
        if isinstance(discipline, AdaptiveLifo):
            return len(self._waiting) < discipline.threshold
        return isinstance(discipline, Fifo)


class _Join:
    """Waits for the calls of one attempt; the first that fails ends them all."""

    def __init__(self, callers: list[Caller], service: Service, held: Held) -> None:
        self._left, self._over = len(callers), False
        self._service, self._held = service, held
        self._open = [(caller, caller.begin(ended=self._ended)) for caller in callers]

    def _ended(self, answered: bool) -> None:
        if self._over:
            return
        self._left -= 1
        if answered and self._left > 0:
            return
        self._over = True
        for caller, request in self._open:
            caller.abandon(request)
        self._service.leave(self._held, answered, self._service.now())


def _number(text: str, default: float) -> float:
    try:
        return float(text)
    except ValueError:
        return default
