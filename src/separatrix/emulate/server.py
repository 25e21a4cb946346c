"""The server process of an emulation: ``python -m separatrix.emulate.server``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Container
from concurrent.futures import ProcessPoolExecutor
from itertools import chain, count
from typing import Any
from urllib.parse import quote

import numpy as np

from separatrix.emulate import process
from separatrix.emulate.caller import Caller, Manners
from separatrix.emulate.lag import LagMeter
from separatrix.emulate.series import Grid, server_grid, stream_grid
from separatrix.emulate.service import Service
from separatrix.emulate.wire import Pool, ServerEnd
from separatrix.model.files import loads
from separatrix.model.parts import DependentCall, Server

LOOPBACK = "127.0.0.1"
BACKLOG = 4096


async def serve(given: dict[str, Any]) -> None:
    """Listen, say where, wait for the start, serve until the end, give the result."""
    loop = asyncio.get_running_loop()
    program = loads(given["model"])
    server = program.get_server(given["server"])
    step, horizon = float(given["step"]), float(given["horizon"])
    rng = np.random.default_rng(given["seed"])
    service: Service | None = None
    ends: set[ServerEnd] = set()

    def take(end: ServerEnd, url: str, headers: dict[str, str]) -> None:
        if service is None:
            end.close()  # nobody is let in before the start
        else:
            service.take(end, url, headers)

    def connection() -> ServerEnd:
        end = ServerEnd(take)
        ends.add(end)
        return end

    listening = await loop.create_server(connection, LOOPBACK, 0, backlog=BACKLOG)
    workers = _burners(server.thread_pool) if given["service"] == "burn" else None
    process.say({"port": listening.sockets[0].getsockname()[1]})
    start = await process.told()
    t0 = float(start["t0"])
    grid, lag = server_grid(step, horizon), LagMeter()
    calls, streams = _calls(server, start["ports"], t0, (step, horizon), rng)
    burn = None if workers is None else _burn(loop, workers)
    service = Service(server, program.faults, calls, grid, lag, t0, rng, burn)
    await process.until(t0 + horizon)
    listening.close()
    overflowed = any(caller.overflowed for of in calls.values() for caller, _ in of)
    process.say(
        {
            "server": grid.to_plain(),
            "streams": {name: (own.to_plain(), ()) for name, own in streams.items()},
            "lag": vars(lag.read()),
            "overflowed": overflowed,
        }
    )
    for end in ends:
        end.close()
    if workers is not None:
        workers.shutdown(wait=False, cancel_futures=True)


def _calls(
    server: Server,
    ports: dict[str, int],
    t0: float,
    timing: tuple[float, float],
    rng: np.random.Generator,
) -> tuple[dict[str, list[tuple[Caller, str]]], dict[str, Grid]]:
    """Callers of each API's downstream calls, and their series by the simulator's names."""
    calls: dict[str, list[tuple[Caller, str]]] = {}
    streams: dict[str, Grid] = {}
    lag = LagMeter()
    for api, work in server.apis.items():
        for call in work.downstream:
            grid = stream_grid(*timing)
            streams[_name(server, api, call, streams)] = grid
            manners = Manners(call.timeout, call.retry, call.backoff, call.late_responses)
            pool = Pool(LOOPBACK, ports[call.callee])
            path = "/" + quote(call.api_name)
            caller = Caller(pool, path, manners, grid, lag, t0, rng)
            calls.setdefault(api, []).append((caller, call.call_type))
    return calls, streams


def _name(server: Server, api: str, call: DependentCall, taken: Container[str]) -> str:
    """The call's name, as in the simulator's series."""
    name = f"{server.name}.{api} -> {call.callee}.{call.api_name}"
    return next(n for n in chain([name], (f"{name} #{i}" for i in count(2))) if n not in taken)


def spin(seconds: float) -> None:
    """Keep a processor busy for so many seconds of its time."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def _burners(threads: int) -> ProcessPoolExecutor:
    workers = ProcessPoolExecutor(threads)
    for future in [workers.submit(spin, 0.01) for _ in range(threads)]:
        future.result()  # they are there before the first request
    return workers


def _burn(
    loop: asyncio.AbstractEventLoop, workers: ProcessPoolExecutor
) -> Callable[[float, Callable[[], None]], None]:
    def burn(seconds: float, done: Callable[[], None]) -> None:
        future = workers.submit(spin, seconds)
        future.add_done_callback(lambda _: loop.call_soon_threadsafe(done))

    return burn


if __name__ == "__main__":
    process.run(serve)
