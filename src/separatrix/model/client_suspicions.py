"""Sources, calls and faults that look wrong: impatient, never waiting, or doing nothing.

Each check is arithmetic on means, so it holds for every law and needs no engine.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from separatrix.model.demand import Api, patience, waited
from separatrix.model.faults import Outage, Spike
from separatrix.model.parts import Source
from separatrix.model.program import Program
from separatrix.model.quantities import duration_text as time
from separatrix.model.quantities import number_text, seconds_text
from separatrix.model.suspicion import Warning_, numbered_calls, without_effect


def timeout_suspicions(program: Program, holding: Mapping[Api, float]) -> Iterator[Warning_]:
    """Suspicions about timeouts of sources and calls, given how long each API holds a thread."""
    outer: dict[tuple[str, str], list[tuple[str, float]]] = {}
    for source in program.sources:
        api = (program.server_of(source.name).name, source.api)
        outer.setdefault(api, []).append((f"source {source.name}", source.timeout))
        field = f"sources.{source.name}.timeout"
        yield from _timeout(field, source.timeout, api, holding[api])
    for server in program.servers:
        for name, i, call in numbered_calls(server):
            if waited(call):
                api = (call.callee, call.api_name)
                outer.setdefault(api, []).append((f"{name} on {server.name}", call.timeout))
                field = f"servers.{server.name}.apis.{name}.downstream.{i}.timeout"
                yield from _timeout(field, call.timeout, api, holding[api])
    for server in program.servers:
        for name, i, call in numbered_calls(server):
            askers = outer.get((server.name, name), [])
            inner = patience(call.timeout, call.retry, call.backoff)
            inner += 1 / server.apis[name].processing_rate
            who, least = min(askers, key=lambda a: a[1], default=("", math.inf))
            if waited(call) and inner > least:
                yield Warning_(
                    "nested-timeouts-inverted",
                    f"servers.{server.name}.apis.{name}.downstream.{i}.timeout",
                    f"{name} may take {time(inner)} with all attempts of this call, but {who} "
                    f"gives up after {time(least)}",
                    "The server goes on working for a client that has left",
                    f"Keep timeout x (1 + retry) of the call below {time(least)}, or let {who} "
                    "wait longer",
                )


def _timeout(field: str, timeout: float, api: Api, held: float) -> Iterator[Warning_]:
    taken = f"the {time(held)} that {api[1]} takes on average on an idle {api[0]}"
    more = f"Set it to {time(5 * held)} or more, and check the units of both"
    if timeout <= held:
        message = f"{time(timeout)} is not more than {taken}"
        reason = "Most attempts time out although nobody waits"
        yield Warning_("timeout-below-service", field, message, reason, more)
    elif timeout < 2 * held:
        message = f"{time(timeout)} is less than twice {taken}"
        reason = "A good part of the attempts times out although nobody waits"
        yield Warning_("timeout-near-service", field, message, reason, more)
    elif timeout >= 600:
        message = f"clients wait {time(timeout)} for {api[1]}, which takes {time(held)}"
        reason = "A number without a unit is in seconds"
        hint = f'Write "{number_text(timeout)}ms" if milliseconds are meant'
        yield Warning_("timeout-in-wrong-unit", field, message, reason, hint)


def retry_suspicions(source: Source) -> Iterator[Warning_]:
    """Suspicions about the retries of one source."""
    place = f"sources.{source.name}"
    if source.retries and source.backoff.base == 0:
        often = "once" if source.retries == 1 else f"up to {source.retries} times"
        yield Warning_(
            "retries-without-backoff",
            f"{place}.backoff",
            f"after a timeout a client asks again without waiting, {often}",
            "Retries come when the server is least able to serve them",
            f"Add backoff: {{base: {seconds_text(source.timeout)}, multiplier: 2, jitter: 1}}",
        )
    if source.retries and 0 < source.backoff.cap < source.backoff.base:
        yield Warning_(
            "backoff-above-cap",
            f"{place}.backoff.cap",
            f"the cap ({time(source.backoff.cap)}) is below the base ({time(source.backoff.base)})",
            "Every wait is the cap; it never grows",
            "Swap the two, or raise the cap",
        )
    if not source.retries:
        for name, given in (("backoff", source.backoff.base > 0), ("budget", source.budget)):
            if given:
                reason = "A client of this source never retries"
                yield without_effect(f"{place}.{name}", "is given, but retries is 0", reason)


def fault_suspicions(program: Program) -> Iterator[Warning_]:
    """Suspicions about sources that send nothing and faults that do nothing."""
    spiked = {f.source for f in program.faults.faults if isinstance(f, Spike)}
    for source in program.sources:
        if source.mean_rate == 0 and source.name not in spiked:
            yield without_effect(
                f"sources.{source.name}.arrival_rate", "is 0", "This source never sends anything"
            )
    for i, fault in enumerate(program.faults.faults):
        if isinstance(fault, Outage):
            continue
        place = f"faults.{i}.factor"
        if isinstance(fault, Spike) and program.get_source(fault.source).mean_rate == 0:
            yield without_effect(
                f"faults.{i}.source",
                f"the rate of {fault.source} is 0, and {fault.factor:g} times 0 is 0",
                "The spike does nothing",
            )
        elif fault.factor == 1:
            yield without_effect(place, "is 1", "The fault changes nothing")
        elif fault.factor < 1:
            what = "sends less" if isinstance(fault, Spike) else "works faster"
            yield Warning_(
                "fault-that-helps",
                place,
                f"with a factor of {fault.factor:g} it {what} during this {fault.kind}",
                "A fault is meant to make things worse",
                f"Write {1 / fault.factor:.3g}x if that is meant",
            )
