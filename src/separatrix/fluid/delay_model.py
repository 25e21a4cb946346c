"""A program as the delay form sees it: streams of requests, with when each attempt is sent."""

from __future__ import annotations

from dataclasses import dataclass

from separatrix.errors import Unsupported
from separatrix.model import (
    ConcurrencyLimit,
    Constants,
    Exponential,
    Fifo,
    Program,
    Server,
    ThresholdAdmission,
)
from separatrix.model.demand import calls_of, order
from separatrix.model.policies import Backoff

ENGINE = "fluid (delay form)"
STEPS_A_TIMEOUT = 40
"""Steps within the shortest time-out, and within the shortest mean service time at least two."""


@dataclass(frozen=True)
class Flow:
    """One stream of requests to one server.

    Attributes
    ----------
    name : the source, or ``caller.api->callee``.
    server : number of the server asked.
    rate : new requests [1/s]; for a call, per second and completion of its caller: `calls`.
    timeout : [s]. retries : attempts after the first. sent_after : (retries + 1,) :math:`D_a` [s].
    service_rate : of one thread for this API [1/s].
    accepts : whether late responses end a request.
    caller, calls : server whose completions make the requests (-1 for a source), and how many each.
    """

    name: str
    server: int
    rate: float
    timeout: float
    retries: int
    sent_after: tuple[float, ...]
    service_rate: float
    accepts: bool
    caller: int = -1
    calls: float = 0.0


@dataclass(frozen=True)
class DelayModel:
    """A program as the delay form sees it.

    Attributes
    ----------
    program : what it was built from.
    servers : in the program's order.
    flows : sources first, then calls nobody waits for.
    rates : (n_servers,) service rate of one thread, over the mix of new requests [1/s].
    order : numbers of the servers, callers first.
    notes : where the form approximates the program.
    """

    program: Program
    servers: tuple[Server, ...]
    flows: tuple[Flow, ...]
    rates: tuple[float, ...]
    order: tuple[int, ...]
    notes: tuple[str, ...]

    @property
    def shortest(self) -> float:
        """Shortest time that has to be resolved [s]."""
        timeouts = [flow.timeout for flow in self.flows]
        return min(min(timeouts), STEPS_A_TIMEOUT / 2 / max(self.rates))


def delay_model(program: Program) -> DelayModel:
    """The delay form of `program`.

    Raises ModelError where the program is wrong; `Unsupported`, naming the feature, for calls that are waited
    for, services that are not exponential, orders other than first in first out, token buckets and CoDel,
    fail_fast with retries, budgets, breakers, slowdown and caches.
    """
    program.check()
    names = {server.name: j for j, server in enumerate(program.servers)}
    flows: list[Flow] = []
    notes: list[str] = []
    for server in program.servers:
        _refuse(server, program)
    for source in program.sources:
        server = program.server_of(source.name)
        for feature, on in (
            ("a retry budget", source.budget),
            ("a circuit breaker", source.breaker),
        ):
            if on is not None:
                raise unsupported(feature, f"sources.{source.name}")
        flows.append(
            _flow(
                source.name, names[server.name], source.mean_rate, source.timeout, source.retries,
                source.backoff, server.apis[source.api].processing_rate,
                source.late_responses == "accept",
            )
        )  # fmt: skip
        if source.retries and source.backoff.jitter > 0 and source.backoff.base > 0:
            notes.append(f"the random part of the backoff of {source.name} is taken at its mean")
    first = _first_attempts(program, flows, names)
    for server in program.servers:
        total = sum(first[server.name, api] for api in server.apis)
        for api, work in server.apis.items():
            for call in work.downstream:
                share = first[server.name, api] / total if total > 0 else 0.0
                callee = program.get_server(call.callee)
                flows.append(
                    _flow(
                        f"{server.name}.{api}->{call.callee}", names[call.callee], 0.0,
                        call.timeout, call.retry, call.backoff,
                        callee.apis[call.api_name].processing_rate,
                        call.late_responses == "accept", names[server.name], share,
                    )
                )  # fmt: skip
    rates: list[float] = []
    for server in program.servers:
        mix = {api: first[server.name, api] for api in server.apis}
        total = sum(mix.values())
        mean = sum(
            (rate / total if total > 0 else 1 / len(mix)) / server.apis[api].processing_rate
            for api, rate in mix.items()
        )
        rates.append(1.0 / mean)
        if len({server.apis[a].processing_rate for a, r in mix.items() if r > 0}) > 1:
            notes.append(f"{server.name} serves every attempt at the rate of the average request")
    return DelayModel(
        program, program.servers, tuple(flows), tuple(rates),
        tuple(names[name] for name in order(program)), tuple(notes),
    )  # fmt: skip


def _flow(
    name: str, server: int, rate: float, timeout: float, retries: int, backoff: Backoff,
    service_rate: float, accepts: bool, caller: int = -1, calls: float = 0.0,
) -> Flow:  # fmt: skip
    after = [0.0]
    for k in range(1, retries + 1):
        after.append(after[-1] + timeout + backoff.mean(k))
    return Flow(
        name, server, rate, timeout, retries, tuple(after), service_rate, accepts, caller, calls
    )


def _first_attempts(
    program: Program, flows: list[Flow], names: dict[str, int]
) -> dict[tuple[str, str], float]:
    """(server, API) -> first attempts [1/s], following calls."""
    first = {(v.name, api): 0.0 for v in program.servers for api in v.apis}
    for source, flow in zip(program.sources, flows, strict=True):
        first[program.servers[flow.server].name, source.api] += flow.rate
    for name in order(program):
        for api, work in program.get_server(name).apis.items():
            for call in work.downstream:
                first[call.callee, call.api_name] += first[name, api]
    return first


def _refuse(server: Server, program: Program) -> None:
    place = f"servers.{server.name}"
    known = (ThresholdAdmission, ConcurrencyLimit)
    retried = any(s.retries for s in program.sources_of(server.name))
    waits = any(call.call_type == Constants.WAIT_UNTIL_DONE for call in calls_of(server))
    for feature, on in (
        (f"{server.discipline.kind} service", not isinstance(server.discipline, Fifo)),
        (
            "this admission",
            server.admission is not None and not isinstance(server.admission, known),
        ),
        ("slowdown", server.slowdown is not None),
        ("a cache", server.cache is not None),
        ("fail_fast with retries", server.fail_fast and retried),
        ("calls that are waited for", waits),
    ):
        if on:
            raise unsupported(feature, place)
    for api, work in server.apis.items():
        if not isinstance(work.law, Exponential):
            raise unsupported(f"{work.law.kind} service times", f"{place}.apis.{api}.law")


def unsupported(feature: str, place: str) -> Unsupported:
    """The error for a feature that the delay form cannot carry."""
    return Unsupported(
        ENGINE, feature, "use `simulate`, or the mean field of the population", place
    )
