"""One service with one source, and how long its queue takes to fill by the closed form."""

from __future__ import annotations

from separatrix import Program, Server, Source, Work

SERVICE_RATE = 10.0


def one_queue(rate=6.0, *, qsize=30, retries=0, timeout=100.0, server=None, **source) -> Program:
    """M/M/1/K at 10/s; clients with the patience of a saint unless told otherwise."""
    program = Program("queue")
    program.add_server(Server("s", {"get": Work(SERVICE_RATE)}, qsize=qsize, **(server or {})))
    program.add_source(Source("c", "get", rate, timeout=timeout, retries=retries, **source))
    program.connect("c", "s")
    return program


def rise(rate: float, goal: int) -> float:
    """Mean time of M/M/1 from empty to `goal`: a step up takes 1/rate, and mu/rate as long again."""
    step = total = 1 / rate
    for _ in range(1, goal):
        step = (1 + SERVICE_RATE * step) / rate
        total += step
    return total
