"""What a population cannot carry: refused by name, with what to do instead."""

from __future__ import annotations

from collections.abc import Sequence

from separatrix.errors import Unsupported
from separatrix.model import (
    CoDel,
    Erlang,
    Exponential,
    Fifo,
    Hyperexponential,
    Lifo,
    Poisson,
    Server,
    Source,
)
from separatrix.model.arrivals import Trace

ENGINE = "analytic (population)"
_SIMULATE = "use `simulate`, which follows every request"


def refuse_server(server: Server) -> None:
    """Raise `Unsupported` for a feature of `server` that a queue length cannot carry."""
    place = f"servers.{server.name}"
    if not isinstance(server.discipline, Fifo | Lifo):
        raise Unsupported(
            ENGINE,
            f"{server.discipline.kind} service (who overtakes whom does not follow from a queue length)",
            f"{_SIMULATE}, or fifo",
            f"{place}.discipline",
        )
    if isinstance(server.admission, CoDel):
        raise Unsupported(
            ENGINE,
            "codel admission (it watches waiting times, which a queue length does not hold)",
            f"{_SIMULATE}, or a threshold at target x capacity attempts",
            f"{place}.admission",
        )
    if server.drop_expired:
        raise Unsupported(
            ENGINE,
            "drop_expired (the age of each attempt decides)",
            f"{_SIMULATE}, or a smaller qsize",
            f"{place}.drop_expired",
        )
    for api, work in server.apis.items():
        if not isinstance(work.law, Exponential | Erlang | Hyperexponential):
            raise Unsupported(
                ENGINE,
                f"{work.law.kind} service times",
                f"{_SIMULATE}, or an erlang or hyperexponential law of the same coefficient of "
                "variation (erlang: cv = 1/sqrt(stages))",
                f"{place}.apis.{api}.law",
            )
        for i, call in enumerate(work.downstream):
            if call.late_responses == "accept" and call.call_type == "wait_until_done":
                raise Unsupported(
                    ENGINE,
                    "late responses that end a call which a thread waits for",
                    f'{_SIMULATE}, or late_responses="discard"',
                    f"{place}.apis.{api}.downstream.{i}",
                )


def refuse_last_first(server: Server, sources: Sequence[Source], called: bool) -> None:
    """Raise `Unsupported` where last in, first out is asked of a server whose arrivals look back.

    How long an attempt is overtaken follows from the queue length only if those who come later do not
    depend on who waits: new requests at constant rates, exponential service, and nothing that holds
    attempts back.
    """
    if not isinstance(server.discipline, Lifo):
        return
    works = list(server.apis.values())
    alike = all(
        isinstance(w.law, Exponential) and w.processing_rate == works[0].processing_rate
        for w in works
    )
    beside = {
        "retries": any(s.retries for s in sources),
        "arrivals other than Poisson": any(not isinstance(s.arrivals, Poisson) for s in sources),
        "calls from other servers": called,
        "calls to other servers": any(w.downstream for w in works),
        "service times that differ or are not exponential": not alike,
        "a slowdown": server.slowdown is not None,
        "a cache": server.cache is not None,
        "an admission rule": server.admission is not None,
    }
    for what, on in beside.items():
        if on:
            raise Unsupported(
                ENGINE,
                f"lifo service with {what} (who overtakes whom does not follow from a queue length)",
                f"{_SIMULATE}, or fifo",
                f"servers.{server.name}.discipline",
            )


def refuse_source(source: Source) -> None:
    """Raise `Unsupported` for a feature of `source` that a population cannot carry."""
    if isinstance(source.arrivals, Trace):
        raise Unsupported(
            ENGINE,
            "trace arrivals",
            f"{_SIMULATE}, or fit a state machine or a phase type to the trace",
            f"sources.{source.name}.arrivals",
        )
