"""What Metafor's chain can carry: plain servers and sources, anything else refused by name."""

from __future__ import annotations

from separatrix.errors import Unsupported
from separatrix.model import Exponential, Fifo, Poisson, Program, Server

ENGINE = "metafor closure"
_OTHER = 'use the "staged" or the "geometric" closure, or `simulate`'


def plain_server(program: Program) -> Server:
    """The one server of a program without features that Metafor's chain does not know.

    Raises ModelError for a wrong program and `Unsupported`, naming the feature, for any other.
    """
    program.check()
    if len(program.servers) != 1:
        raise Unsupported(ENGINE, f"{len(program.servers)} servers", _OTHER)
    require_plain(program)
    return program.servers[0]


def require_plain(program: Program) -> None:
    """Raise `Unsupported` for any feature that Metafor's chains do not know."""
    for server in program.servers:
        place = f"servers.{server.name}"
        features = {
            "discipline": not isinstance(server.discipline, Fifo),
            "admission": server.admission is not None,
            "drop_expired": server.drop_expired,
            "fail_fast": server.fail_fast,
            "slowdown": server.slowdown is not None,
            "cache": server.cache is not None,
        }
        for feature, on in features.items():
            if on:
                raise Unsupported(ENGINE, feature, _OTHER, f"{place}.{feature}")
        for api, work in server.apis.items():
            if not isinstance(work.law, Exponential):
                law = f"{work.law.kind} service times"
                raise Unsupported(ENGINE, law, _OTHER, f"{place}.apis.{api}.law")
    for source in program.sources:
        place = f"sources.{source.name}"
        features = {
            f"{source.arrivals.kind} arrivals": not isinstance(source.arrivals, Poisson),
            "a retry budget": source.budget is not None,
            "a circuit breaker": source.breaker is not None,
            "late responses that end the request": source.late_responses == "accept",
            "backoff": source.backoff.base > 0,
        }
        for feature, on in features.items():
            if on:
                raise Unsupported(ENGINE, feature, _OTHER, place)
