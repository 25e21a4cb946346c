"""A program made real on this machine: a process per server, one for all clients, real sockets."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as LateError
from contextlib import contextmanager
from typing import Any, Literal, cast

import numpy as np

from separatrix.emulate.draws import MOST_REQUESTS
from separatrix.emulate.lag import Lag
from separatrix.emulate.result import Emulation
from separatrix.emulate.target import Target
from separatrix.errors import ModelError, NotConverged, Problem
from separatrix.model import Program
from separatrix.model.files import dumps

MOST_SECONDS = 3600.0
MOST_SERVERS = 16
LAG_SHARE = 0.05
"""A run is valid while 99 % of its timers are late by at most this share of the shortest mean
service time or time-out."""
_GRACE = 30.0  # seconds a process may take to begin, and to hand its result over


def emulate(
    program: Program,
    *,
    horizon: float,
    step: float | None = None,
    seed: int = 0,
    service: Literal["sleep", "burn"] = "sleep",
    lag_limit: float | None = None,
    target: Target | None = None,
) -> Emulation:
    """Run `program` for real, from time 0 to `horizon` [s]; it takes so long.

    Every server is a process of its own that answers HTTP/1.1 on 127.0.0.1; one more process sends
    the requests of all sources in an open loop, with their time-outs, retries, backoff, budget and
    breaker. Where the program meets the simulator's rules, the series have the simulator's names.

    Parameters
    ----------
    horizon : length of the run [s], at most an hour.
    step : sampling step [s]; None for a hundredth of the horizon.
    seed : of the arrivals, service times and jitter; the operating system adds its own chance.
    service : ``"sleep"`` through a service time, or ``"burn"`` it on a processor.
    lag_limit : most that 99 % of the timers may be late [s]; None for 5 % of the shortest mean
        service time or time-out. A run beyond it is marked invalid.
    target : a server of the user's to send to instead of ours.

    Raises
    ------
    ModelError : the program or a setting cannot be emulated here.
    NotConverged : a process of the emulation failed; its last words are in the message.
    """
    program.check()
    step = horizon / 100 if step is None else step
    _refuse(program, horizon, step, seed, service, target)
    given = {"model": dumps(program), "horizon": horizon, "step": step, "service": service}
    own = () if target is not None else program.servers
    seeds = [int(s) for s in np.random.SeedSequence(seed).generate_state(len(own) + 1, np.uint64)]
    with _processes(len(own)) as (servers, client, reader):
        for server, child, child_seed in zip(own, servers, seeds[1:], strict=True):
            child.say({**given, "server": server.name, "seed": child_seed})
        client.say({**given, "seed": seeds[0]})
        hear = [reader.submit(child.hear) for child in (*servers, client)]
        heard = [_within(future, _GRACE) for future in hear]
        ports = {s.name: int(m["port"]) for s, m in zip(own, heard[:-1], strict=True)}
        t0 = time.monotonic() + 0.2
        addresses = {
            source.name: (
                {"host": "127.0.0.1", "port": ports[program.server_of(source.name).name]}
                if target is None
                else {"host": target.host, "port": target.port, "path": target.path}
            )
            for source in program.sources
        }
        for child in (*servers, client):
            child.say({"t0": t0, "ports": ports, "addresses": addresses})
        hear = [reader.submit(child.hear) for child in (*servers, client)]
        results = [_within(future, horizon + _GRACE) for future in hear]
    return _result(program, horizon, step, seed, results, _limit(program, lag_limit), own)


def _result(
    program: Program,
    horizon: float,
    step: float,
    seed: int,
    results: list[dict[str, Any]],
    limit: float,
    own: tuple[Any, ...],
) -> Emulation:
    names = [*(server.name for server in own), "clients"]
    lags = {name: Lag(**r["lag"]) for name, r in zip(names, results, strict=True)}
    reasons = [
        f"1 % of the timers of {name!r} were {lag.p99 * 1e3:.3g} ms late or more, "
        f"more than the limit of {limit * 1e3:.3g} ms"
        for name, lag in lags.items()
        if lag.p99 > limit
    ]
    reasons += [
        f"{name!r} had too many attempts under way and sent no more"
        for name, r in zip(names, results, strict=True)
        if r["overflowed"]
    ]
    # sources first, then calls: the simulator's order
    streams: dict[str, Any] = {}
    for r in (results[-1], *results[:-1]):
        streams |= r["streams"]
    return Emulation(
        program=program.name,
        horizon=horizon,
        step=step,
        seed=seed,
        servers={s.name: r["server"] for s, r in zip(own, results[:-1], strict=True)},
        streams={name: series for name, (series, _) in streams.items()},
        latencies={
            name: np.array(pairs, dtype=np.float64).reshape(-1, 2)
            for name, (_, pairs) in streams.items()
            if name in {s.name for s in program.sources}
        },
        lags=lags,
        lag_limit=limit,
        status="inconclusive" if reasons else "ok",
        reason="; ".join(reasons),
    )


def _limit(program: Program, given: float | None) -> float:
    if given is not None:
        return given
    services = [1 / w.processing_rate for s in program.servers for w in s.apis.values()]
    return LAG_SHARE * min(*services, *(s.timeout for s in program.sources))


def _refuse(
    program: Program,
    horizon: float,
    step: float,
    seed: int,
    service: str,
    target: Target | None,
) -> None:
    problems: list[Problem] = []
    if not 0 < horizon <= MOST_SECONDS:
        problems.append(
            Problem(
                f"must be > 0 s and at most {MOST_SECONDS:g} s, got {horizon:g}",
                "horizon",
                "a real server takes real time: emulate a minute",
            )
        )
    elif not 1e-3 <= step <= horizon:
        problems.append(
            Problem(f"must be 1 ms to the horizon, got {step:g} s", "step", "leave it out")
        )
    if seed < 0:
        problems.append(Problem(f"must be >= 0, got {seed}", "seed", "take another number"))
    if len(program.servers) > MOST_SERVERS:
        problems.append(
            Problem(
                f"{len(program.servers)} servers would take as many processes",
                "servers",
                f"emulate at most {MOST_SERVERS}",
            )
        )
    if service == "burn":
        problems += _burn_problems(program)
    total = sum(s.mean_rate * (1 + s.retries) for s in program.sources) * horizon
    if not problems and total > 4 * MOST_REQUESTS:
        problems.append(
            Problem(
                f"up to {total:,.0f} attempts are too many to send for real",
                "horizon",
                "emulate a shorter time, or a smaller copy of the service",
            )
        )
    if target is not None:
        problems += target.problems(program)
    if problems:
        raise ModelError(problems)


def _burn_problems(program: Program) -> list[Problem]:
    import os

    threads = sum(s.thread_pool for s in program.servers)
    processors = len(os.sched_getaffinity(0))
    found: list[Problem] = []
    if threads > processors:
        found.append(
            Problem(
                f"{threads} threads that burn would share {processors} processors, and serve slower "
                "than the model says",
                "service",
                'use service="sleep", or a model with fewer threads',
            )
        )
    if any(not hasattr(f, "source") for f in program.faults.faults):
        found.append(
            Problem(
                "a slowdown or an outage needs services that can be paused",
                "faults",
                'use service="sleep"',
            )
        )
    return found


class _Child:
    """A process of the emulation, spoken to in lines."""

    def __init__(self, module: str) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own modules
            [sys.executable, "-m", f"separatrix.emulate.{module}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def say(self, message: dict[str, Any]) -> None:
        """Send one line; a process that is gone says why when it is next listened to."""
        stdin = self._process.stdin
        assert stdin is not None  # noqa: S101 - asked for above
        try:
            stdin.write(json.dumps(message) + "\n")
            stdin.flush()
        except BrokenPipeError:
            return

    def hear(self) -> dict[str, Any]:
        """The next line; NotConverged with the process's last words where it has ended."""
        assert self._process.stdout is not None  # noqa: S101 - asked for above
        line = self._process.stdout.readline()
        if not line:
            assert self._process.stderr is not None  # noqa: S101 - asked for above
            words = self._process.stderr.read().strip().splitlines()
            raise NotConverged(
                "a process of the emulation ended early: " + (words[-1] if words else "no word")
            )
        return cast(dict[str, Any], json.loads(line))

    def end(self) -> None:
        """End the process, whatever it is doing."""
        self._process.kill()
        self._process.communicate()


@contextmanager
def _processes(servers: int) -> Generator[tuple[list[_Child], _Child, ThreadPoolExecutor]]:
    children: list[_Child] = []
    reader = ThreadPoolExecutor(servers + 1)
    try:
        children.extend(_Child("server") for _ in range(servers))
        client = _Child("client")
        children.append(client)
        yield children[:-1], client, reader
    finally:
        for child in children:
            child.end()
        reader.shutdown(wait=True)


def _within(future: Any, seconds: float) -> dict[str, Any]:
    try:
        return cast(dict[str, Any], future.result(timeout=seconds))
    except LateError:
        raise NotConverged(
            f"a process of the emulation gave no answer within {seconds:.0f} s"
        ) from None
