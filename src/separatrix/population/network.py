"""A program as stations and streams: what every closure starts from.

A *station* is a server. A *stream* is a flow of requests to one station that share patience and
manners: a source (or several alike, merged) or a call that one station makes to another. One server
with its sources is the network of one station without calls.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from separatrix.model import Poisson, Program, Server, Source
from separatrix.model.arrivals import Arrivals
from separatrix.model.demand import calls_of, order, waited
from separatrix.model.parts import DependentCall
from separatrix.model.policies import Breaker, RetryBudget
from separatrix.population.refusals import refuse_last_first, refuse_server, refuse_source


@dataclass(frozen=True)
class Call:
    """Where a stream of calls comes from.

    Attributes
    ----------
    caller, api : server and API whose own work, when it is over, makes the call.
    place : of the call among those of the API.
    waited : whether the caller's thread is held until it is answered.
    """

    caller: str
    api: str
    place: int
    waited: bool


@dataclass(frozen=True)
class Stream:
    """Requests that differ in nothing that matters after they are sent.

    Attributes
    ----------
    name : the sources' names, joined by ``+``; of a call ``"caller.api->callee.api"``.
    target : server asked.
    apis : API asked -> share of the requests.
    timeout : [s].
    retries : further attempts after the first.
    waits : mean backoff before retry 1, 2, ... [s]; as long as `retries`.
    accepts : whether a late response ends the request.
    sources, rates : names and rates of new requests [1/s]; empty for a call.
    arrivals : how new requests are spaced; None for a call.
    budget, breaker : of the client.
    call : where a call comes from; None for sources.
    """

    name: str
    target: str
    apis: dict[str, float]
    timeout: float
    retries: int
    waits: tuple[float, ...]
    accepts: bool = False
    sources: tuple[str, ...] = ()
    rates: tuple[float, ...] = ()
    arrivals: Arrivals | None = None
    budget: RetryBudget | None = None
    breaker: Breaker | None = None
    call: Call | None = None

    @property
    def rate(self) -> float:
        """Rate of new requests of all sources [1/s]."""
        return sum(self.rates)

    @property
    def held(self) -> bool:
        """Whether somebody's thread waits for the answer."""
        return self.call is not None and self.call.waited

    @property
    def mean_wait(self) -> float:
        """Mean of time-out plus backoff [s]."""
        return self.timeout + (sum(self.waits) / self.retries if self.retries else 0.0)


@dataclass(frozen=True)
class Network:
    """Stations and streams.

    Attributes
    ----------
    servers : in the program's order.
    upstream : names of the servers, each before those that it calls.
    streams : sources first, then calls.
    shares : server -> API -> share of the attempts, as the mix of first attempts has it.
    notes : approximations that come from merging.
    """

    servers: tuple[Server, ...]
    upstream: tuple[str, ...]
    streams: tuple[Stream, ...]
    shares: dict[str, dict[str, float]] = field(default_factory=dict[str, dict[str, float]])
    notes: tuple[str, ...] = ()

    def server(self, name: str) -> Server:
        """The server of that name."""
        return next(s for s in self.servers if s.name == name)

    def to(self, server: str) -> tuple[Stream, ...]:
        """Streams that ask `server`."""
        return tuple(s for s in self.streams if s.target == server)

    def calls_of(self, server: str, api: str) -> tuple[Stream, ...]:
        """Calls that `api` of `server` makes."""
        return tuple(
            s
            for s in self.streams
            if s.call is not None and (s.call.caller, s.call.api) == (server, api)
        )


def network_of(program: Program) -> Network:
    """The stations and streams of `program`.

    Raises ModelError where the program is wrong and `Unsupported`, naming the feature and what to do
    instead, for what a population cannot carry.
    """
    program.check()
    for server in program.servers:
        refuse_server(server)
        called = any(c.callee == server.name for s in program.servers for c in calls_of(s))
        refuse_last_first(server, program.sources_of(server.name), called)
    for source in program.sources:
        refuse_source(source)
    streams = [*_sources(program), *_calls(program)]
    return Network(
        servers=program.servers,
        upstream=tuple(order(program)),
        streams=tuple(streams),
        shares=_shares(program),
        notes=tuple(_notes(program, streams)),
    )


def _sources(program: Program) -> list[Stream]:
    groups: dict[object, list[Source]] = {}
    for i, source in enumerate(program.sources):
        waits = tuple(source.backoff.mean(k) for k in range(1, source.retries + 1))
        alike = isinstance(source.arrivals, Poisson) and not (source.budget or source.breaker)
        like = (
            program.server_of(source.name).name, source.timeout, source.retries, waits,
            source.late_responses, -1 if alike else i,
        )  # fmt: skip
        groups.setdefault(like, []).append(source)
    found: list[Stream] = []
    for group in groups.values():
        first, total = group[0], sum(s.mean_rate for s in group)
        apis: dict[str, float] = {}
        for s in group:
            part = s.mean_rate / total if total > 0 else 1 / len(group)
            apis[s.api] = apis.get(s.api, 0.0) + part
        found.append(
            Stream(
                name="+".join(s.name for s in group),
                target=program.server_of(first.name).name,
                apis=apis,
                timeout=first.timeout,
                retries=first.retries,
                waits=tuple(first.backoff.mean(k) for k in range(1, first.retries + 1)),
                accepts=first.late_responses == "accept",
                sources=tuple(s.name for s in group),
                rates=tuple(s.mean_rate for s in group),
                arrivals=first.arrivals,
                budget=first.budget,
                breaker=first.breaker,
            )
        )
    return found


def _calls(program: Program) -> list[Stream]:
    found: list[Stream] = []
    for server in program.servers:
        for api, work in server.apis.items():
            for place, call in enumerate(work.downstream):
                found.append(_call(server.name, api, place, call))
    return found


def _call(caller: str, api: str, place: int, call: DependentCall) -> Stream:
    number = f"#{place}" if place else ""
    return Stream(
        name=f"{caller}.{api}->{call.callee}.{call.api_name}{number}",
        target=call.callee,
        apis={call.api_name: 1.0},
        timeout=call.timeout,
        retries=call.retry,
        waits=tuple(call.backoff.mean(k) for k in range(1, call.retry + 1)),
        accepts=call.late_responses == "accept",
        call=Call(caller, api, place, waited(call)),
    )


def _shares(program: Program) -> dict[str, dict[str, float]]:
    """Mix of APIs at each server, as first attempts that all succeed would have it."""
    asked = {(s.name, api): 0.0 for s in program.servers for api in s.apis}
    for source in program.sources:
        asked[program.server_of(source.name).name, source.api] += source.mean_rate
    for name in order(program):
        for api, work in program.get_server(name).apis.items():
            for call in work.downstream:
                asked[call.callee, call.api_name] += asked[name, api]
    shares: dict[str, dict[str, float]] = {}
    for server in program.servers:
        total = sum(asked[server.name, api] for api in server.apis)
        shares[server.name] = {
            api: asked[server.name, api] / total if total > 0 else 1 / len(server.apis)
            for api in server.apis
        }
    return shares


def _notes(program: Program, streams: list[Stream]) -> list[str]:
    notes: list[str] = []
    if any(sum(s.waits) > 0 for s in streams):
        notes.append("time-out and backoff together are one exponential wait of the same mean")
    elif any(s.retries for s in streams):
        notes.append("the time-out of a doomed attempt is an exponential wait of the same mean")
    if len(program.servers) > 1:
        notes.append("the mix of APIs at each server is that of first attempts")
    return notes
