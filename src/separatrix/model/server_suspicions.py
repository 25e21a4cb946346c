"""Servers that look wrong: overloaded, queueing for nothing, waiting, or never asked.

Each check is arithmetic on means, so it holds for every law and needs no engine.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from separatrix.model.demand import Demand, patience, waited
from separatrix.model.parts import Server, Source
from separatrix.model.policies import (
    AdaptiveLifo,
    CoDel,
    ConcurrencyLimit,
    Fifo,
    ThresholdAdmission,
    TokenBucket,
)
from separatrix.model.program import Program
from separatrix.model.quantities import duration_text as time
from separatrix.model.quantities import rate_text
from separatrix.model.suspicion import Warning_, numbered_calls, without_effect


def server_suspicions(
    server: Server, sources: tuple[Source, ...], load: Demand
) -> Iterator[Warning_]:
    """Suspicions about one server, the sources connected to it and its load."""
    yield from _overload(server, sources, load)
    yield from _queue(server, sources, load)
    yield from _orbit(server, sources)
    yield from _admission(server, load)
    yield from _slower(server, load)
    yield from _waiting(server, load)


def _overload(server: Server, sources: tuple[Source, ...], load: Demand) -> Iterator[Warning_]:
    place, can = f"servers.{server.name}", f"the {rate_text(load.capacity)} that it can complete"
    if load.first >= load.capacity:
        yield Warning_(
            "overload",
            place,
            f"{rate_text(load.first)} of first attempts are not less than {can}",
            "Its queue fills and stays full, whatever clients do",
            "Add threads, raise processing_rate or lower arrival_rate",
        )
    elif load.worst > load.capacity and all(s.budget for s in sources if s.retries):
        for source in sources:
            if source.budget is not None and source.mean_rate > 0:
                spare = (load.capacity - load.first) / load.first
                yield Warning_(
                    "budget-above-spare-capacity",
                    f"sources.{source.name}.budget.ratio",
                    f"retries may be {source.budget.ratio:.3g} of first attempts, but the spare "
                    f"capacity of {server.name} is {spare:.3g} of them",
                    "Retries alone can keep the server full",
                    f"Set the ratio below {spare:.2g}",
                )
    elif load.worst > load.capacity:
        yield Warning_(
            "overload-with-retries",
            place,
            f"with every retry made, {rate_text(load.worst)} of attempts exceed {can}",
            "Once attempts time out, retries can keep it full after the cause is gone",
            "Retry less, give sources a budget, or refuse early (admission with fail_fast)",
        )


def _queue(server: Server, sources: tuple[Source, ...], load: Demand) -> Iterator[Warning_]:
    hopeless = [s for s in sources if s.late_responses == "discard"]
    mends = server.drop_expired or isinstance(server.admission, CoDel)
    if not hopeless or mends or not isinstance(server.discipline, Fifo):
        return
    least = min(hopeless, key=lambda s: s.timeout)
    places = server.qsize
    if isinstance(server.admission, ConcurrencyLimit):
        places = min(places, server.admission.limit)
    wait = places / load.capacity
    if wait > least.timeout * (1 + 1e-9):  # equal is not longer, whatever the last digit says
        fits = max(server.thread_pool, math.floor(min(places, least.timeout * load.capacity)))
        yield Warning_(
            "queue-outlasts-timeout",
            f"servers.{server.name}.qsize",
            f"a full queue takes {time(wait)} to serve, longer than the timeout of "
            f"{least.name} ({time(least.timeout)})",
            "When it is full, every attempt is served after its client gave up, for nothing",
            f"Lower qsize to {fits} or less, or set drop_expired: true",
        )


def _orbit(server: Server, sources: tuple[Source, ...]) -> Iterator[Warning_]:
    if server.orbit_size is None:
        return
    for source in sources:
        waits = [source.timeout + source.backoff.mean(k) for k in range(1, source.retries + 1)]
        each = source.mean_rate * max(waits, default=0.0)
        whole = source.mean_rate * sum(waits)
        if server.orbit_size - 1 < whole:
            yield Warning_(
                "orbit-truncated",
                f"servers.{server.name}.orbit_size",
                f"keeps at most {server.orbit_size - 1} waiting clients, but about {whole:.3g} of "
                f"{source.name} wait when it is stuck, {each:.3g} in each round of retries",
                "An orbit that is cut recovers too early, and the verdict is too good",
                "Leave orbit_size out; it is then sized so that nothing that matters is cut",
            )


def _admission(server: Server, load: Demand) -> Iterator[Warning_]:
    admission, place = server.admission, f"servers.{server.name}.admission"
    level, name = None, ""
    if isinstance(admission, ConcurrencyLimit):
        level, name = admission.limit, "limit"
    elif isinstance(admission, ThresholdAdmission):
        level, name = admission.threshold, "threshold"
    elif isinstance(admission, TokenBucket) and admission.rate < load.first:
        yield Warning_(
            "admission-refuses-normal-load",
            f"{place}.rate",
            f"admits {rate_text(admission.rate)} of {rate_text(load.first)} first attempts",
            "It refuses requests all the time, not only under stress",
            f"Set the rate between {rate_text(load.first)} and {rate_text(load.capacity)}",
        )
    if isinstance(server.discipline, AdaptiveLifo):
        waiting = server.qsize - server.thread_pool
        if server.discipline.threshold > waiting:
            yield without_effect(
                f"servers.{server.name}.discipline.threshold",
                f"is {server.discipline.threshold}, but at most {waiting} can wait",
                "The order of service never changes",
            )
    if level is not None and level >= server.qsize:
        yield without_effect(
            f"{place}.{name}",
            f"is {level}, but the queue is full at {server.qsize}",
            "Admission never refuses anything",
        )
    elif level is not None and level < server.thread_pool:
        yield Warning_(
            "idle-threads",
            f"{place}.{name}",
            f"is {level}, less than the {server.thread_pool} threads",
            "Attempts are refused while threads are idle",
            f"Set it to {server.thread_pool} or more",
        )


def _slower(server: Server, load: Demand) -> Iterator[Warning_]:
    slow = server.slowdown
    if slow is not None and load.first < load.capacity:
        most = server.qsize if slow.by == "queue" else server.thread_pool
        slowed = load.capacity / (1 + slow.coefficient * (most / slow.scale) ** slow.exponent)
        if slowed <= load.first:
            yield Warning_(
                "slowdown-overload",
                f"servers.{server.name}.slowdown",
                f"with {most} attempts {'at it' if slow.by == 'queue' else 'in service'} it "
                f"completes {rate_text(slowed)}, and {rate_text(load.first)} arrive",
                "Once it is that full, it never catches up, even without retries",
                "Lower qsize, or refuse early (admission)",
            )
    if server.cache is not None and load.first < load.capacity <= load.cold:
        yield Warning_(
            "cold-cache-overload",
            f"servers.{server.name}.cache",
            f"while it is cold, {rate_text(load.cold)} reach a server that can complete "
            f"{rate_text(load.capacity)}",
            "Once the cache is lost, timeouts can keep it from filling again",
            "Add capacity for a cold start, or refuse early while the cache is cold",
        )


def _waiting(server: Server, load: Demand) -> Iterator[Warning_]:
    for api, i, call in numbered_calls(server):
        wait = patience(call.timeout, call.retry, call.backoff)
        own = 1 / server.apis[api].processing_rate
        field = f"servers.{server.name}.apis.{api}.downstream.{i}"
        if not waited(call):
            continue
        if server.thread_pool == 1 and wait > own:
            yield Warning_(
                "single-thread-waits",
                f"servers.{server.name}.thread_pool",
                f"the only thread may wait {time(wait)} for {call.callee}",
                "Nobody is served meanwhile",
                f"Add threads, or lower the timeout of the call ({field})",
            )
        elif load.unanswered < load.first < load.capacity:
            yield Warning_(
                "callee-outage-drains-threads",
                field,
                f"if {call.callee} stops answering, it holds each thread for {time(own + wait)}: "
                f"{server.name} gets through {rate_text(load.unanswered)} of "
                f"{rate_text(load.first)}",
                f"A fault of {call.callee} becomes a fault of {server.name}",
                "Lower the timeout or the retries of the call, or add threads",
            )


def never_asked(program: Program) -> Iterator[Warning_]:
    """Suspicions about APIs that take no part."""
    asked = {(program.server_of(s.name).name, s.api) for s in program.sources}
    for server in program.servers:
        asked |= {(call.callee, call.api_name) for _, _, call in numbered_calls(server)}
    for server in program.servers:
        for api in server.apis:
            if (server.name, api) not in asked:
                yield Warning_(
                    "api-never-asked",
                    f"servers.{server.name}.apis.{api}",
                    "no source and no call asks for it",
                    "It takes no part in the model",
                    "Connect what should ask for it, or remove it",
                )
