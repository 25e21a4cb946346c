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

from separatrix.errors import ModelError, Problem
from separatrix.fluid.delay_model import STEPS_A_TIMEOUT, DelayModel, unsupported
from separatrix.model import ConcurrencyLimit, Schedule, Server, ThresholdAdmission
from separatrix.notebook import Shown
from separatrix.population import Array

MOST_STEPS = 4_000_000


@dataclass(frozen=True)
class DelayCourse(Shown):
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
        raise unsupported(
            "drop_expired with different time-outs", f"servers.{model.servers[server].name}"
        )
    return min(ages, default=inf)
