r"""Fates that turn with the services: what one fast or slow service does to all who wait at once.

The lowering foresees an attempt's fate when it is admitted: with chance :math:`p(n, T)` its sojourn behind n
others outlasts the time-out T, and its request joins the *doomed* that will come back. That chance is
right on the average, but fates of attempts that wait together are no separate draws: they see the same
services. While an attempt of age u waits behind n others its chance :math:`p(n, T - u)` is a martingale, and
one service takes :math:`p(n, T-u) - p(n-1, T-u)` from *every* attempt that waits. Seen backwards, the
attempts at a busy server came at its own rate :math:`c\mu` (the departures of the reversed queue), so
that the one of age u stands behind :math:`q - 1 - c\mu u` others, and a service turns

.. math::
    \delta(q) = a \int_0^T \bigl[ p(q - 1 - c\mu u,\ T - u) - p(q - 2 - c\mu u,\ T - u) \bigr] du

doomed attempts of a kind, sent at rate a, to the better: that many (a whole number, rounded by chance) go
with the service itself. Between services as many turn to the worse at the rate :math:`\delta` times that of
services, so that the mean is what it was and only the noise is common. No more can turn than are doomed,
nor than the :math:`aT` under way are not: :math:`\delta \le \min(o, aT - o)`.

Not kept: how far each time-out has come (it is exponential), and the true times between arrivals.
Measured in verification/closures: without the turns collapses come 1.5 to 6 times too late.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product as every
from math import ceil, prod

import numpy as np

from separatrix.population.frame import Once, product, room
from separatrix.population.lattice import Array, RateFunction, State, Transition
from separatrix.population.launches import Flow
from separatrix.population.sojourn import sojourn_tail
from separatrix.population.station import Station

MOST_TURNS = 2
"""Most doomed attempts of a kind that one service turns; what is beyond is left out."""
MOST_WAYS = 64
"""Most ways in which the turns of all kinds at a server may go together with one service."""
MOST_LENGTHS = 32
"""Most queue lengths at which the largest number of turns is looked for."""
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(40)


@dataclass(frozen=True)
class Turn:
    """The doomed of one kind, as the services of their server turn them.

    Attributes
    ----------
    queue : axis of the server's queue.
    doomed : axis of the requests that wait to come back.
    most : most that one service turns.
    count : mean number that one service turns, by state.
    services : rate [1/s] of services at the server.
    """

    queue: int
    doomed: int
    most: int
    count: RateFunction
    services: RateFunction


def turns(flows: Sequence[Flow]) -> tuple[Turn, ...]:
    """The turns of all streams whose attempts have a plain life: no thread held by calls, late responses
    discarded, neither breaker nor cache."""
    found: list[Turn] = []
    for flow in flows:
        if _plain(flow):
            found += _of(flow)
    if any(prod(t.most + 1 for t in found if t.queue == q) > MOST_WAYS for q in _queues(found)):
        # every kind then turns by one at most, or none does
        found = [Turn(t.queue, t.doomed, 1, _at_most(t.count, 1), t.services) for t in found]
        crowded = [q for q in _queues(found) if 2 ** sum(t.queue == q for t in found) > MOST_WAYS]
        found = [t for t in found if t.queue not in crowded]
    return tuple(found)


def turned(transitions: tuple[Transition, ...], found: Sequence[Turn]) -> tuple[Transition, ...]:
    """The transitions with turns: each service in all the ways in which fates turn with it."""
    result: list[Transition] = []
    for transition in transitions:
        here = [t for t in found if transition.jump[t.queue] == -1]
        for counts in every(*(range(t.most + 1) for t in here)):
            result.append(_with(transition, here, counts))
    for turn in found:
        n = len(transitions[0].jump)
        jump = tuple(int(i == turn.doomed) for i in range(n))
        result.append(
            Transition("fates turn to the worse", jump, product(turn.services, turn.count))
        )
    return tuple(result)


def _with(transition: Transition, here: list[Turn], counts: tuple[int, ...]) -> Transition:
    jump = list(transition.jump)
    chances: list[RateFunction] = []
    for turn, n in zip(here, counts, strict=True):
        jump[turn.doomed] -= n
        chances.append(_exactly(turn.count, n))
    name = f"{transition.name}: fates turn" if any(counts) else transition.name
    return Transition(name, tuple(jump), product(transition.rate, *chances))


def _exactly(count: RateFunction, n: int) -> RateFunction:
    """Chance that `count`, rounded up or down so that the mean is kept, is n."""
    return lambda x: np.maximum(1.0 - np.abs(count(x) - n), 0.0)


def _at_most(count: RateFunction, n: int) -> RateFunction:
    return Once(lambda x: np.minimum(count(x), n))


def _queues(found: Sequence[Turn]) -> set[int]:
    return {turn.queue for turn in found}


def _plain(flow: Flow) -> bool:
    stream, station = flow.stream, flow.station
    return (
        stream.call is None
        and not stream.accepts
        and flow.breaker is None
        and (station.phases.plain or station.server.slowdown is None)
        and station.server.cache is None
        and not station.call_time
        and np.isfinite(stream.timeout)
        and stream.rate > 0
    )


def _of(flow: Flow) -> list[Turn]:
    found: list[Turn] = []
    station = flow.station
    share = Once(
        lambda x: turned_share(x[station.q], station, flow.stream.apis, flow.stream.timeout)
    )
    queues = _looked_at(station.server.qsize)
    most_share = float(np.max(turned_share(queues, station, flow.stream.apis, flow.stream.timeout)))
    for number, axis in enumerate(flow.waits):
        doomed = [
            i for i, a in enumerate(flow.way.attempts) if _dooms(flow, i, number) and not a.ghost
        ]
        if doomed:
            rate = _sending(flow, doomed)
            # one orbit for all attempts: each request may make all of them there
            all_there = flow.way.waits[number].again < 1.0
            typical = flow.stream.rate * (1 + flow.stream.retries * all_there)
            most = min(MOST_TURNS, max(ceil(typical * most_share), 1))
            found.append(
                Turn(
                    station.q,
                    axis,
                    most,
                    _count(flow, number, rate, share, most),
                    station.work_done(),
                )
            )
    return found


def _looked_at(qsize: int) -> Array:
    """Queue lengths among which the largest share is looked for: all, or so many that cost does not grow."""
    if qsize <= MOST_LENGTHS:
        return np.arange(qsize + 1.0)
    even = np.linspace(0.0, qsize, MOST_LENGTHS // 2)
    return np.unique(np.rint(np.append(even, np.geomspace(1.0, qsize, MOST_LENGTHS // 2))))


def _dooms(flow: Flow, attempt: int, wait: int) -> bool:
    return any(b.to == wait for b in flow.way.attempts[attempt].branches)


def _sending(flow: Flow, attempts: list[int]) -> RateFunction:
    """Rate [1/s] at which these attempts are sent, in the mean."""
    new = flow.stream.rate if 0 in attempts else 0.0
    back = [
        (axis, wait.again / wait.mean)
        for axis, wait in zip(flow.waits, flow.way.waits, strict=True)
        if wait.attempt in attempts and wait.again > 0
    ]

    def rate(x: State) -> Array:
        return np.asarray(new + sum((a * x[axis] for axis, a in back), start=np.zeros(())))

    return rate


def _count(
    flow: Flow, number: int, rate: RateFunction, share: RateFunction, most: int
) -> RateFunction:
    axis, T = flow.waits[number], flow.stream.timeout
    open_ = T / flow.way.waits[number].mean
    top = flow.frame.axes[axis].size - 1

    def count(x: State) -> Array:
        a, doomed = rate(x), open_ * x[axis]
        found = a * share(x)
        return np.minimum(
            np.minimum(found, float(most)),
            np.minimum(doomed, np.maximum(a * T - doomed, 0.0)) * room(x[axis], top),
        )

    return Once(count)


def turned_share(queue: Array, station: Station, apis: dict[str, float], timeout: float) -> Array:
    r"""Attempts that one service turns to the better, per attempt sent a second: :math:`\delta(q)/a` [s].

    Parameters
    ----------
    queue : q, attempts at the server, any real >= 0, any shape.
    station, apis : whose attempts, of which mix.
    timeout : T [s].
    """
    q = np.asarray(queue, dtype=np.float64)
    # as many coordinates as the station's functions look at; they ask for the queue alone
    rate = np.asarray(1.0 / station.holding(_at(station, q)))
    # u = T (1 - z^2): the integrand grows like (T - u)^(-1/2) at the end
    if station.phases.plain:
        return _turned_plain(q, rate, 0.5 * (_NODES + 1.0), _WEIGHTS, timeout, station)
    total = np.zeros(q.shape)
    for at, weight in zip(0.5 * (_NODES + 1.0), _WEIGHTS, strict=True):
        left = timeout * at**2
        ahead = q - 1.0 - station.server.thread_pool * rate * (timeout - left)
        now, then = (_late(station, apis, n, rate, left) for n in (ahead, ahead - 1.0))
        total = total + weight * timeout * at * np.maximum(now - then, 0.0)
    return total


def _turned_plain(
    q: Array, rate: Array, at: Array, weights: Array, timeout: float, station: Station
) -> Array:
    """The same for exponential services, all nodes together: rate and time count by their product alone."""
    threads = station.server.thread_pool
    column = (len(at), *[1] * max(q.ndim, rate.ndim))
    share = timeout * (at * at).reshape(column)
    ahead = q - 1.0 - threads * rate * (timeout - share)

    def late(others: Array) -> Array:
        there = np.clip(others + 1.0, 0.0, 1.0)
        return there * sojourn_tail(np.maximum(others, 0.0), 1.0, rate * share, threads)

    turned = np.maximum(late(ahead) - late(ahead - 1.0), 0.0)
    return np.asarray((turned * (timeout * weights * at).reshape(column)).sum(axis=0))


def _late(
    station: Station, apis: dict[str, float], ahead: Array, rate: Array, left: float
) -> Array:
    """P(late) behind so many others; 0 for one that has left (-1 others), linear in between."""
    there, others = np.clip(ahead + 1.0, 0.0, 1.0), np.maximum(ahead, 0.0)
    if station.phases.plain:
        return there * sojourn_tail(others, left, rate, station.server.thread_pool)
    return there * station.new_tail(apis, left)(_at(station, others))


def _at(station: Station, queue: Array) -> State:
    """A state of which only this station's queue is known."""
    return (*[np.zeros(())] * station.q, queue)
