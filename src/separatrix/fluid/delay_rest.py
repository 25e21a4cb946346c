r"""Resting points of the delay form, with stability from the characteristic equation.

At a server in balance, attempts come in at a rate that its queue decides through the wait
:math:`W = (q-c)^+/(c\mu)` and the share admitted A. Below the limit A = 1 and :math:`a(W, 1) = \mu\min(q, c)`;
at a full queue :math:`A\,a(W_K, A) = c\mu`. Calls nobody waits for only go down, so that servers are
settled one by one, callers first.

A disturbance :math:`\delta q` changes what comes back :math:`\Delta = D_a - D_b` later:

.. math:: \delta q'(t) = \sum_{b<a} \frac{\partial \ell_a}{\partial W_b}\,\frac{\delta q(t - \Delta)}{c\mu} .
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from separatrix.errors import NotConverged, Unsupported
from separatrix.fluid.characteristic import characteristic_roots
from separatrix.fluid.delay_model import DelayModel, Flow
from separatrix.model import ConcurrencyLimit, ThresholdAdmission
from separatrix.notebook import Shown
from separatrix.population import Array

MOST_POINTS = 512
_GRID = 400


@dataclass(frozen=True)
class DelayRest(Shown):
    """A resting point of the delay form.

    Attributes
    ----------
    queue : (n_servers,) attempts at each.
    admitted : (n_servers,) share admitted.
    wait : (n_servers,) time until service begins [s].
    growth : (n_servers,) real part of the rightmost characteristic root of each server's own loop [1/s].
    residual : largest imbalance of a server [1/s].
    """

    queue: tuple[float, ...]
    admitted: tuple[float, ...]
    wait: tuple[float, ...]
    growth: tuple[float, ...]
    residual: float

    @property
    def stable(self) -> bool:
        """Whether small disturbances die out: no server's loop feeds itself (calls only go down)."""
        return max(self.growth) < 0

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"schema": "separatrix.delay_rest/1", **vars(self), "stable": self.stable}


def delay_rests(model: DelayModel) -> tuple[DelayRest, ...]:
    """All resting points of the delay form, by increasing total queue.

    Raises Unsupported for admission control and drop_expired, NotConverged where more than 512 points come
    from servers that can get stuck each on their own.
    """
    for server in model.servers:
        admission = isinstance(server.admission, ThresholdAdmission | ConcurrencyLimit)
        if admission or server.drop_expired:
            raise Unsupported(
                "fluid (delay form)", "resting points with admission control or drop_expired",
                "follow the course with delay_course", f"servers.{server.name}",
            )  # fmt: skip
    partial: list[dict[int, tuple[float, float, float, float, float]]] = [{}]
    for j in model.order:
        further: list[dict[int, tuple[float, float, float, float, float]]] = []
        for known in partial:
            flows = [(f, _rate(model, f, known)) for f in model.flows if f.server == j]
            further += [{**known, j: rest} for rest in _server_rests(model, j, flows)]
        partial = further
        if len(partial) > MOST_POINTS:
            raise NotConverged(
                f"more than {MOST_POINTS} resting points: several servers can get stuck on their own",
                partial=partial,
                certificate=f"{len(partial)} combinations",
            )
    found: list[DelayRest] = []
    for rest in partial:
        queue, admitted, wait, growth, residual = zip(
            *(rest[j] for j in range(len(rest))), strict=True
        )
        found.append(DelayRest(queue, admitted, wait, growth, max(residual)))
    return tuple(sorted(found, key=lambda rest: sum(rest.queue)))


def _rate(model: DelayModel, flow: Flow, known: dict[int, tuple[float, ...]]) -> float:
    if flow.caller < 0:
        return flow.rate
    server = model.servers[flow.caller]
    return flow.calls * model.rates[flow.caller] * min(known[flow.caller][0], server.thread_pool)


def _answer(flow: Flow, patience: Array, wait: Array) -> Array:
    return -np.expm1(-flow.service_rate * np.maximum(patience - wait, 0.0))


def _patience(flow: Flow, a: int, b: int) -> float:
    return flow.sent_after[a] - flow.sent_after[b] if flow.accepts else flow.timeout


def inflow(flows: list[tuple[Flow, float]], wait: Array, admitted: Array) -> Array:
    """Attempts per second at constant `wait` [s] and share `admitted`, in their shape."""
    total = np.zeros(np.broadcast_shapes(np.shape(wait), np.shape(admitted)))
    for flow, rate in flows:
        for a in range(flow.retries + 1):
            share = np.ones_like(total)
            for b in range(a):
                share = share * (
                    1.0 - admitted * _answer(flow, np.asarray(_patience(flow, a, b)), wait)
                )
            total = total + rate * share
    return total


def _server_rests(
    model: DelayModel, j: int, flows: list[tuple[Flow, float]]
) -> list[tuple[float, float, float, float, float]]:
    """(queue, admitted, wait, growth, residual) of each balance of one server."""
    from scipy.optimize import brentq

    find: Any = brentq
    server, mu = model.servers[j], model.rates[j]
    c, size = float(server.thread_pool), float(server.qsize)
    capacity = c * mu

    def excess(q: Array) -> Array:
        wait = np.maximum(q - c, 0.0) / capacity
        return inflow(flows, wait, np.ones(())) - mu * np.minimum(q, c)

    def balance(at: float) -> float:
        return float(excess(np.asarray(at)))

    # below the threads the wait is nought and the balance is one line
    calm = float(inflow(flows, np.zeros(()), np.ones(()))) / mu
    found: list[tuple[float, float, float, float, float]] = []
    if calm < c:
        found.append((calm, 1.0, 0.0, -mu, 0.0))
    q = np.linspace(c, size, _GRID)
    value = excess(q)
    for i in np.flatnonzero((value[:-1] > 0) != (value[1:] > 0)):
        root = float(find(balance, q[i], q[i + 1], xtol=1e-12))
        wait = (root - c) / capacity
        growth = _growth(flows, wait, capacity)
        found.append((root, 1.0, wait, growth, abs(balance(root))))
    full = (size - c) / capacity

    def turned_away(share: float) -> float:
        return share * float(inflow(flows, np.asarray(full), np.asarray(share))) - capacity

    if value[-1] > 0:
        share = float(find(turned_away, 0.0, 1.0, xtol=1e-15))
        growth = _full_growth(flows, full, share, capacity)
        found.append((size, share, full, growth, abs(turned_away(share))))
    return found


def _loop(
    flows: list[tuple[Flow, float]], wait: float, admitted: float
) -> list[tuple[float, Array]]:
    """(delay, (d l_a / d W_b, d l_a / d A_b)) of every way in which an attempt brings back another."""
    found: list[tuple[float, Array]] = []
    for flow, rate in flows:
        for a in range(1, flow.retries + 1):
            answered = [
                float(_answer(flow, np.asarray(_patience(flow, a, b)), np.asarray(wait)))
                for b in range(a)
            ]
            failed = [1.0 - admitted * p for p in answered]
            for b in range(a):
                others = rate * float(np.prod([failed[i] for i in range(a) if i != b]))
                patience = _patience(flow, a, b)
                density = flow.service_rate * (1.0 - answered[b]) if patience > wait else 0.0
                slopes = others * np.array([admitted * density, -answered[b]])
                found.append((flow.sent_after[a] - flow.sent_after[b], slopes))
    return found


def _growth(flows: list[tuple[Flow, float]], wait: float, capacity: float) -> float:
    """Real part of the rightmost root while the queue is neither idle nor full [1/s]."""
    loop = _loop(flows, wait, 1.0)
    if not loop:
        return 0.0
    weights = np.array([slopes[0] / capacity for _, slopes in loop])
    delays = np.array([delay for delay, _ in loop])
    return float(characteristic_roots(weights, delays, count=1)[0].real)


def _full_growth(
    flows: list[tuple[Flow, float]], wait: float, admitted: float, capacity: float
) -> float:
    r"""Growth at a full queue, where the share admitted answers at once: a difference equation.

    :math:`\delta a(t) = \sum \rho_i\,\delta a(t - \tau_i)` dies out where :math:`\sum|\rho_i| < 1`, at least as
    fast as :math:`\ln \sum|\rho_i| / \max \tau`; without any loop at the rate at which the last place fills.
    """
    loop = _loop(flows, wait, admitted)
    gain = sum(abs(slopes[1]) for _, slopes in loop) * admitted**2 / capacity
    if gain == 0.0:
        return -capacity
    return float(np.log(gain) / max(delay for delay, _ in loop))
