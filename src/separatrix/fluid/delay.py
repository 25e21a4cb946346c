r"""The delay form: a fluid of attempts in which a timed-out attempt comes back exactly on time.

Requests begin at rate :math:`\lambda(t)`. Attempt a of a request begun at t is sent at :math:`t + D_a`, where
:math:`D_a` sums a time-outs and the waits between, if no earlier attempt b was answered:

.. math:: \ell_a(t + D_a) = \lambda(t) \prod_{b<a} \bigl(1 - A(t_b)\,F(P_b - W(t_b))\bigr), \qquad t_b = t + D_b,

with A the share admitted, W the time until service begins (first in, first out: found when the line that
stood ahead is gone), F the law of the service time (counted in work done, where faults change the speed), and
the patience :math:`P_b` the time-out, or :math:`D_a - D_b` where late responses are accepted. Queues follow

.. math:: \dot q = A \sum_a \ell_a - \mu\,s(t) \min(q, c),\qquad 0 \le q \le K .

This is the limit of large scale (arrival rate, threads and queue size in proportion) of the model that
`simulate` follows request by request: no chance delays, no exponential orbit. Built from the `Program`, it
shares nothing with the population. The mean field of a server with many threads: Whitt, Fluid models for
multiserver queues with abandonments, Operations Research 54 (2006).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, inf
from typing import Any

import numpy as np

from separatrix.errors import ModelError, Problem, Unsupported
from separatrix.model import (
    ConcurrencyLimit,
    Constants,
    Exponential,
    Fifo,
    Program,
    Schedule,
    Server,
    ThresholdAdmission,
)
from separatrix.model.demand import calls_of, order
from separatrix.model.policies import Backoff
from separatrix.population import Array

ENGINE = "fluid (delay form)"
STEPS_A_TIMEOUT = 40
"""Steps within the shortest time-out, and within the shortest mean service time at least two."""
MOST_STEPS = 4_000_000


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


@dataclass(frozen=True)
class DelayCourse:
    """A run of the delay form.

    Attributes
    ----------
    model : what ran.
    times : (n + 1,) ends of the steps [s].
    queue : (n_servers, n + 1) attempts at each server.
    launched : (n_flows, n) attempts sent in each step [1/s].
    begun : (n_flows, n) new requests in each step [1/s].
    admitted, wait : (n_servers, n) share admitted of those sent in each step, and their time until service
        begins [s]; infinite where it has not begun by the end.
    work : (n_servers, n + 1) what a thread of each server can have done [s at full speed].
    """

    model: DelayModel
    times: Array
    queue: Array
    launched: Array
    begun: Array
    admitted: Array
    wait: Array
    work: Array

    def in_time(self, flow: int) -> Array:
        """(n,) chance that an attempt sent in each step is answered within its time-out.

        Too low for those sent less than a time-out before the end: what comes after it is not known.
        """
        one = self.model.flows[flow]
        sent = 0.5 * (self.times[:-1] + self.times[1:])
        wait = np.minimum(self.wait[one.server], one.timeout)
        work = self.work[one.server]
        begun = np.asarray(np.interp(sent + wait, self.times, work), dtype=np.float64)
        end = np.asarray(np.interp(sent + one.timeout, self.times, work), dtype=np.float64)
        return self.admitted[one.server] * -np.expm1(-one.service_rate * (end - begun))

    def goodput(self) -> Array:
        """(n,) attempts of sources answered in time [1/s], by when they were sent.

        With accepted late responses some of them answer requests that a late response has ended.
        """
        own = [i for i, flow in enumerate(self.model.flows) if flow.caller < 0]
        return np.asarray(sum(self.launched[i] * self.in_time(i) for i in own))

    def share(self, begin: float, end: float) -> float:
        """Share of first attempts of sources sent in ``[begin, end)`` [s] that are answered in time."""
        inside = (self.times[:-1] >= begin) & (self.times[:-1] < end)
        own = [i for i, flow in enumerate(self.model.flows) if flow.caller < 0]
        asked = sum(float(self.begun[i][inside].sum()) for i in own)
        good = sum(float((self.begun[i] * self.in_time(i))[inside].sum()) for i in own)
        return good / asked if asked > 0 else 1.0

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "schema": "separatrix.delay_course/1",
            "servers": [server.name for server in self.model.servers],
            "times_s": self.times.tolist(),
            "queue": self.queue.tolist(),
            "goodput_per_s": self.goodput().tolist(),
            "notes": list(self.model.notes),
        }


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
                raise _unsupported(feature, f"sources.{source.name}")
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


def delay_course(
    model: DelayModel,
    horizon: float,
    *,
    faults: Schedule | None = None,
    queue: Array | None = None,
    step: float | None = None,
) -> DelayCourse:
    """The delay form from time 0 to `horizon` [s], through faults.

    Parameters
    ----------
    faults : by default those of the program.
    queue : (n_servers,) attempts at each server at time 0, all of them in no flow's memory; default empty.
    step : [s]; by default a fortieth of the shortest time-out (or half a mean service time). The error falls in
        proportion to it.

    Raises ModelError for a horizon that is none or takes more than four million steps.
    """
    from separatrix.fluid.delay_steps import course

    h = model.shortest / STEPS_A_TIMEOUT if step is None else step
    if not 0 < horizon < inf or horizon / h > MOST_STEPS:
        raise ModelError(
            Problem(
                f"{horizon:g} s in steps of {h:.3g} s is too long, or no time",
                "horizon", f"stay below {MOST_STEPS * h:.3g} s",
            )
        )  # fmt: skip
    n = ceil(horizon / h)
    times = np.arange(n + 1, dtype=np.float64) * h
    schedule = model.program.faults if faults is None else faults
    flows, servers = model.flows, model.servers
    rates, speeds = _rates(model, schedule, times[:-1] + 0.5 * h)
    most = max(flow.retries for flow in flows)
    sent_after = np.zeros((len(flows), most + 1))
    for i, flow in enumerate(flows):
        sent_after[i, : flow.retries + 1] = flow.sent_after
    s = len(servers)
    launched, admitted = np.zeros((len(flows), n)), np.ones((s, n))
    wait, held = np.full((s, n), inf), np.zeros((s, n + 1))
    if queue is not None:
        held[:, 0] = queue
    limits = [_limits(server) for server in servers]
    drops = [_drop_age(model, j) for j in range(s)]
    course(
        h, rates, speeds,
        np.array([f.server for f in flows]), np.array([f.timeout for f in flows]),
        np.array([f.service_rate for f in flows]), np.array([f.retries for f in flows]), sent_after,
        np.array([f.accepts for f in flows]), np.array([f.caller for f in flows]),
        np.array([f.calls for f in flows]), np.array([float(v.thread_pool) for v in servers]),
        np.array(model.rates), np.array([float(v.qsize) for v in servers]),
        np.array([t for t, _ in limits]), np.array([a for _, a in limits]),
        np.array(model.order), np.array(drops), launched, admitted, wait, held,
    )  # fmt: skip
    work = np.concatenate([np.zeros((s, 1)), np.cumsum(h * speeds, axis=1)], axis=1)
    return DelayCourse(model, times, held, launched, rates, admitted, wait, work)


def _rates(model: DelayModel, schedule: Schedule, at: Array) -> tuple[Array, Array]:
    """(n_flows, n) rates of new requests and (n_servers, n) speeds, by the faults that are on."""
    edges = [-inf, *schedule.breakpoints, inf]
    piece = np.searchsorted(edges, at, side="right") - 1
    times = [0.0, *schedule.breakpoints] if schedule.breakpoints else [0.0]
    before = [-1.0, *times[1:]]
    arrivals = np.array(
        [
            [f.rate * schedule.arrival_factor(f.name, t) for t in before] if f.caller < 0
            else [0.0] * len(before)
            for f in model.flows
        ]
    )  # fmt: skip
    speeds = np.array([[schedule.service_factor(v.name, t) for t in before] for v in model.servers])
    return np.ascontiguousarray(arrivals[:, piece]), np.ascontiguousarray(speeds[:, piece])


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


def _limits(server: Server) -> tuple[float, float]:
    """(attempts from which only a share is admitted, that share)."""
    if isinstance(server.admission, ThresholdAdmission):
        return float(min(server.admission.threshold, server.qsize)), server.admission.admit
    if isinstance(server.admission, ConcurrencyLimit):
        return float(min(server.admission.limit, server.qsize)), 0.0
    return float(server.qsize), 1.0


def _drop_age(model: DelayModel, server: int) -> float:
    """Age at which attempts waiting at a server are dropped [s]."""
    if not model.servers[server].drop_expired:
        return inf
    ages = {flow.timeout for flow in model.flows if flow.server == server}
    if len(ages) > 1:
        raise _unsupported(
            "drop_expired with different time-outs", f"servers.{model.servers[server].name}"
        )
    return min(ages, default=inf)


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
            raise _unsupported(feature, place)
    for api, work in server.apis.items():
        if not isinstance(work.law, Exponential):
            raise _unsupported(f"{work.law.kind} service times", f"{place}.apis.{api}.law")


def _unsupported(feature: str, place: str) -> Unsupported:
    return Unsupported(
        ENGINE, feature, "use `simulate`, or the mean field of the population", place
    )
