r"""What is asked of each server and what it can do, in the mean and without queueing.

Rates of first attempts follow from sources and calls alone. An attempt for an API holds a thread
for :math:`h = 1/\mu + \max_j h_j` over the calls j that are waited for (they run side by side), so
a server with c threads completes at most :math:`c / \bar h` attempts per second, where the mean is
over the mix of APIs that is asked of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import TopologicalSorter

from separatrix.model.parts import Constants, DependentCall, Server, Source, Work
from separatrix.model.policies import Backoff
from separatrix.model.program import Program

Api = tuple[str, str]
"""Server name and API name."""


@dataclass(frozen=True)
class Demand:
    """Load of one server.

    Attributes
    ----------
    first : first attempts that reach the queue [1/s]; behind a cache, its misses in steady state.
    cold : first attempts that reach the queue while the cache is empty [1/s].
    worst : attempts when every attempt fails and all retries are made, budgets kept [1/s].
    capacity : attempts that it can complete [1/s].
    unanswered : the same while no server that it waits for answers [1/s].
    """

    first: float
    cold: float
    worst: float
    capacity: float
    unanswered: float


def demands(program: Program) -> dict[str, Demand]:
    """Server name -> its load. `program` must be whole (`Program.check`)."""
    servers = {s.name: s for s in program.servers}
    first: dict[Api, float] = {}
    worst: dict[Api, float] = {}
    for source in program.sources:
        api = (program.server_of(source.name).name, source.api)
        first[api] = first.get(api, 0.0) + source.mean_rate
        worst[api] = worst.get(api, 0.0) + source.mean_rate * attempts(source)
    holding = holding_times(program)
    found: dict[str, Demand] = {}
    for name in order(program):
        server = servers[name]
        mix = {a: first.get((name, a), 0.0) for a in server.apis}
        cold, worst_here = sum(mix.values()), sum(worst.get((name, a), 0.0) for a in server.apis)
        misses = _misses(server, cold)
        share = {a: r / cold for a, r in mix.items()} if cold else _even(mix)
        hold = sum(share[a] * holding[name, a] for a in mix)
        stuck = sum(share[a] * _unanswered(work) for a, work in server.apis.items())
        capacity = server.thread_pool / hold
        found[name] = Demand(
            cold * misses, cold, worst_here, capacity, server.thread_pool / max(stuck, hold)
        )
        served = min(1.0, capacity / worst_here) if worst_here else 0.0
        for a, work in server.apis.items():
            for call in work.downstream:
                api = (call.callee, call.api_name)
                first[api] = first.get(api, 0.0) + mix[a] * misses
                retried = worst.get((name, a), 0.0) * served * (1 + call.retry)
                worst[api] = worst.get(api, 0.0) + retried
    return {s.name: found[s.name] for s in program.servers}


def order(program: Program) -> list[str]:
    """Server names, each before the servers that it calls."""
    callers: dict[str, list[str]] = {s.name: [] for s in program.servers}
    for server in program.servers:
        for call in calls_of(server):
            callers[call.callee].append(server.name)
    return list(TopologicalSorter(callers).static_order())


def holding_times(program: Program) -> dict[Api, float]:
    """(server, API) -> mean time that an attempt holds a thread, nobody else being there [s]."""
    servers = {s.name: s for s in program.servers}
    found: dict[Api, float] = {}
    for name in reversed(order(program)):
        for api, work in servers[name].apis.items():
            waits = (found[c.callee, c.api_name] for c in work.downstream if waited(c))
            found[name, api] = 1 / work.processing_rate + max(waits, default=0.0)
    return found


def calls_of(server: Server) -> Iterator[DependentCall]:
    """Every call that `server` makes."""
    for work in server.apis.values():
        yield from work.downstream


def waited(call: DependentCall) -> bool:
    """Whether the caller holds its thread until `call` is answered."""
    return call.call_type == Constants.WAIT_UNTIL_DONE


def attempts(source: Source) -> float:
    """Most attempts per request in the long run: 1 + retries, or what the budget allows."""
    allowed = source.retries if source.budget is None else source.budget.ratio
    return 1 + min(source.retries, allowed)


def patience(timeout: float, retries: int, backoff: Backoff) -> float:
    """How long a caller tries before it gives up: all timeouts and mean waits between [s]."""
    return (1 + retries) * timeout + sum(backoff.mean(k) for k in range(1, retries + 1))


def _unanswered(work: Work) -> float:
    """Mean time that an attempt holds a thread while no call is answered [s]."""
    waits = (patience(c.timeout, c.retry, c.backoff) for c in work.downstream if waited(c))
    return 1 / work.processing_rate + max(waits, default=0.0)


def _misses(server: Server, rate: float) -> float:
    r"""Steady share of misses at light load, :math:`1 / (1 + \lambda \tau / K)`: one a cycle of a key."""
    if server.cache is None:
        return 1.0
    return 1 / (1 + rate * server.cache.ttl / server.cache.keys)


def _even(mix: dict[str, float]) -> dict[str, float]:
    return dict.fromkeys(mix, 1 / len(mix))
