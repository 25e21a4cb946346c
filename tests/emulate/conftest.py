"""A loop whose clock jumps to the next timer, and connections without sockets: stories in no time."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any

import numpy as np
import pytest

from separatrix.emulate.caller import Caller, Manners
from separatrix.emulate.client import manners_of
from separatrix.emulate.lag import LagMeter
from separatrix.emulate.series import Grid, server_grid, stream_grid
from separatrix.emulate.service import Service
from separatrix.model import Program


class _JumpingSelector(selectors.SelectSelector):
    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if not ready and timeout:
            self.loop.virtual += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.virtual = 0.0
        selector = _JumpingSelector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return self.virtual


def in_virtual_time(main: Coroutine[Any, Any, Any]) -> Any:
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(main)
    finally:
        loop.close()


class FakeEnd:
    """Both ends of a connection to a service in the same process."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._ended: Callable[[int | None], None] | None = None
        self.open, self.gone = True, False

    def send(self, request: bytes, ended: Callable[[int | None], None]) -> None:
        self._ended = ended
        lines = request.decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines[1:] if line)
        responder = FakeResponder(self)
        self._service.take(responder, lines[0].split()[1], headers)

    def close(self) -> None:
        self._ended, self.open, self.gone = None, False, True


class FakeResponder:
    def __init__(self, end: FakeEnd) -> None:
        self._end = end

    @property
    def gone(self) -> bool:
        return self._end.gone

    def answer(self, status: int) -> None:
        ended, self._end._ended = self._end._ended, None
        if ended is None:
            return
        if status == 200:
            ended(status)  # a response reaches its client before the thread turns to the next
        else:
            asyncio.get_running_loop().call_soon(ended, status)


class FakePool:
    host, port = "127.0.0.1", 1

    def __init__(self, service: Service) -> None:
        self._service = service

    def idle(self) -> FakeEnd:
        return FakeEnd(self._service)

    def put(self, end: FakeEnd) -> None:
        pass


class Stage:
    """A program's services and callers on one virtual loop."""

    def __init__(self, program: Program, horizon: float, step: float, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.lag = LagMeter()
        self.grids: dict[str, Grid] = {}
        self.services: dict[str, Service] = {}
        self.callers: dict[str, Caller] = {}
        order = list(program.servers)
        # callees first: a call needs the service that it goes to
        while order:
            server = order.pop(0)
            wanted = {c.callee for w in server.apis.values() for c in w.downstream}
            if not wanted <= set(self.services):
                order.append(server)
                continue
            calls: dict[str, list[tuple[Caller, str]]] = {}
            for api, work in server.apis.items():
                for call in work.downstream:
                    manners = Manners(call.timeout, call.retry, call.backoff, call.late_responses)
                    name = f"{server.name}.{api} -> {call.callee}.{call.api_name}"
                    caller = self._caller(
                        call.callee, call.api_name, manners, horizon, step, rng, name
                    )
                    calls.setdefault(api, []).append((caller, call.call_type))
            grid = server_grid(step, horizon)
            self.grids[server.name] = grid
            self.services[server.name] = Service(
                server, program.faults, calls, grid, self.lag, 0.0, rng
            )
        for source in program.sources:
            server = program.server_of(source.name)
            self.callers[source.name] = self._caller(
                server.name, source.api, manners_of(source), horizon, step, rng, source.name
            )

    def _caller(
        self, server: str, api: str, manners: Manners, horizon: float, step: float,
        rng: np.random.Generator, name: str,
    ) -> Caller:  # fmt: skip
        grid = stream_grid(step, horizon)
        self.grids[name] = grid
        pool: Any = FakePool(self.services[server])
        return Caller(pool, f"/{api}", manners, grid, self.lag, 0.0, rng)


@pytest.fixture
def stage() -> type[Stage]:
    return Stage


@pytest.fixture
def virtually() -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Runs a coroutine on a loop whose clock jumps."""
    return in_virtual_time
