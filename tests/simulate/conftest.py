"""Tiny programs whose every event can be computed by hand: given arrivals, fixed service times."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from separatrix.model import Deterministic, Program, Schedule, Server, Source, Trace, Work
from separatrix.simulate import Run, run_once
from separatrix.simulate.features import Features

NEVER = 1e6  # a trace needs two arrivals; this one is beyond every horizon


def trace(times: list[float]) -> Trace:
    return Trace(times=(*times, NEVER))


def work(service: float, calls: tuple[Any, ...] = ()) -> Work:
    return Work(1.0 / service, calls, law=Deterministic())


def _one_server(
    times: list[float],
    *,
    service: float = 1.0,
    faults: tuple[Any, ...] = (),
    timeout: float = 1000.0,
    retries: int = 0,
    qsize: int = 100,
    source: dict[str, Any] | None = None,
    **server: Any,
) -> Program:
    program = Program("story", faults=Schedule(faults))
    program.add_server(Server("s", {"get": work(service)}, qsize=qsize, **server))
    program.add_source(
        Source(
            "c", "get", arrivals=trace(times), timeout=timeout, retries=retries, **(source or {})
        )
    )
    program.connect("c", "s")
    return program


def _story(program: Program, until: float = 1000.0, seed: int = 0) -> Run:
    """Run, and check what holds in every story: everything ends exactly once.

    Two loops tell the same story: the one for the program's own features, uncompiled, and the
    compiled one that honours everything.
    """
    run = run_once(program, horizon=until, seed=seed, requests=True, plain=True)
    everything = run_once(program, horizon=until, seed=seed, requests=True, features=Features())
    assert run == everything
    for server in run.servers.values():
        ended = server.in_time + server.late + server.failed + server.expired + server.cache_hits
        assert server.attempts == ended + server.dropped + server.present, server
        if server.present == 0:
            # Little's law without an average: both sides count the same attempt seconds
            assert server.mean_present * until == pytest.approx(server.sojourn)
    for stream in run.streams.values():
        ended = stream.answered + stream.answered_late + stream.failed
        assert stream.requests == ended + stream.open, stream
        assert stream.attempts <= stream.requests + stream.retries
    return run


@pytest.fixture
def one_server() -> Callable[..., Program]:
    return _one_server


@pytest.fixture
def story() -> Callable[..., Run]:
    return _story


@pytest.fixture
def ends() -> Callable[[Run], list[tuple[float, float, int, str]]]:
    """(start, end, attempts, outcome) of each source request that has ended, by start."""

    def table(run: Run, stream: str = "c") -> list[tuple[float, float, int, str]]:
        rows = [r for r in run.requests if r.stream == stream]
        return sorted((round(r.start, 9), round(r.end, 9), r.attempts, r.outcome) for r in rows)

    return table
