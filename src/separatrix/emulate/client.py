"""The client process of an emulation: ``python -m separatrix.emulate.client``.

An open loop: requests begin when the arrival process says so, whatever became of those before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import numpy as np

from separatrix.emulate import process
from separatrix.emulate.caller import Caller, Manners
from separatrix.emulate.draws import Times, arrival_times
from separatrix.emulate.lag import LagMeter
from separatrix.emulate.series import Grid, stream_grid
from separatrix.emulate.wire import Pool
from separatrix.model.files import loads
from separatrix.model.parts import Source
from separatrix.model.program import Program


async def ask(given: dict[str, Any]) -> None:
    """Say that all is ready, wait for the start, send until the end, give the result."""
    program = loads(given["model"])
    step, horizon = float(given["step"]), float(given["horizon"])
    seeds = np.random.SeedSequence(given["seed"]).spawn(2 * len(program.sources))
    times = [
        arrival_times(source, program.faults, horizon, np.random.default_rng(seeds[i]))
        for i, source in enumerate(program.sources)
    ]
    process.say({"requests": [len(t) for t in times]})
    start = await process.told()
    t0 = float(start["t0"])
    lag = LagMeter()
    callers: list[tuple[str, Caller, Grid]] = []
    for i, source in enumerate(program.sources):
        grid = stream_grid(step, horizon)
        rng = np.random.default_rng(seeds[len(program.sources) + i])
        where = start["addresses"][source.name]
        path = where.get("path") or "/" + quote(source.api)
        pool = Pool(where["host"], where["port"])
        caller = Caller(pool, path, manners_of(source), grid, lag, t0, rng)
        callers.append((source.name, caller, grid))
        schedule(times[i], caller, lag, t0, _keys(program, source, rng))
    await process.until(t0 + horizon)
    process.say(
        {
            "streams": {
                name: (grid.to_plain(), caller.latencies) for name, caller, grid in callers
            },
            "lag": vars(lag.read()),
            "overflowed": any(caller.overflowed for _, caller, _ in callers),
        }
    )


def manners_of(source: Source) -> Manners:
    """What the clients of a source do under stress."""
    return Manners(
        source.timeout,
        source.retries,
        source.backoff,
        source.late_responses,
        source.budget,
        source.breaker,
    )


def _keys(program: Program, source: Source, rng: np.random.Generator) -> Callable[[], str]:
    cache = program.server_of(source.name).cache
    if cache is None:
        return lambda: ""
    return lambda: str(rng.integers(cache.keys))


def schedule(
    times: Times, caller: Caller, lag: LagMeter, t0: float, key: Callable[[], str]
) -> None:
    """Begin a request at each of `times`, with one timer for the next of them."""
    loop = asyncio.get_running_loop()
    due = iter(times.tolist())

    def begin(moment: float) -> None:
        while True:
            late = loop.time() - t0 - moment
            if late < 0:
                loop.call_at(t0 + moment, begin, moment)
                return
            lag.add(late)
            caller.begin(key())
            following = next(due, None)
            if following is None:
                return
            moment = following

    first = next(due, None)
    if first is not None:
        loop.call_at(t0 + first, begin, first)


if __name__ == "__main__":
    process.run(ask)
