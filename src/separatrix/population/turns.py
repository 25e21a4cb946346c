r"""Fates that turn with the services: what one fast or slow service does to all who wait at once.

The lowering foresees an attempt's fate when it is admitted: with chance :math:`p(n)`, that of a sojourn behind n
others beyond the time-out T, it is *doomed*, and its request will come back. That chance is right on the
average, but fates of attempts that wait together are no separate draws: they see the same services. So give
each attempt a uniform number U when it comes, and call it doomed while :math:`U < P_t`, with :math:`P_t` its chance
to be late by what is known at t. :math:`P_t` is a martingale that ends at 0 or 1: doomed is in the end who is late.

**What waits.** Of a queue of q at a busy server only q is kept. Seen backwards, its attempts came at the
server's own rate :math:`c\mu` (the departures of the reversed queue are Poisson, and independent of q), and a
share s of them is of the kind in question, which is sent at rate a of all A: :math:`N = (a/A)\,c\mu T` within the
time-out. One that came u ago stands behind q - 1 less those that came after, Poisson(:math:`c\mu u`); it is late if
no more are served in the T - u that are left, Poisson(:math:`c\mu(T - u)`); both together are
Poisson(:math:`c\mu T`) whatever u. So in the mean every one of the N is late with chance :math:`p(q - 1)`, and a
service, which takes one from in front of all, lowers the sum of their chances by

.. math:: \delta(q) = N \Delta, \qquad \Delta = p(q - 1) - p(q - 2) .

**What the doomed say.** The sum :math:`\Sigma` of the chances is not Np, and what a service takes from it not
:math:`\delta`: those that wait together came fast or slowly together, and many or few of them. The number o of
doomed that wait is a measurement of both; `population.credibility` has the best linear estimates
:math:`\hat\Sigma` and :math:`\hat\delta` by it. Nearly full, the server refused some (`population.overflow`), a/A of
them of this kind, and no service saves these. Of all that will come back a share Np over Np and the refused is thus
taken to wait.

**What a service does.** Each of the doomed is saved by it with chance :math:`\hat\delta / \hat\Sigma`, since its U is
uniform below its P: that many, :math:`o\,\hat\delta / \hat\Sigma`, a whole number rounded by chance, go with the
service itself; of a queue of one it is all. Between services every P grows, and in the time of one :math:`\delta`
turn to the worse, one by one, in the mean; by o, only so far as chances that wait together are alike. No more than q
can wait doomed: so many are saved at least, and so few turn to the worse.

The two balance at o = Np, near which the mean dynamics rest; these (`Population.averages`) leave the turns out.
Not kept: how far each time-out has come (it is exponential: verification/clocks), and the true times between
arrivals. Measured, term by term, in verification/turning_rates, and by what follows in verification/closures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product as every
from math import pi, prod, sqrt

import numpy as np

from separatrix.population.credibility import Chances, chances
from separatrix.population.frame import Once, product, room
from separatrix.population.lattice import Array, RateFunction, State, Transition
from separatrix.population.launches import Flow
from separatrix.population.overflow import refused_lately
from separatrix.population.sojourn import sojourn_tail
from separatrix.population.station import Station

FEW_TURNS, MOST_TURNS = 2, 6
"""Most doomed attempts of a kind that one service turns; where it would be more, fewer turn either way."""
MOST_WAYS = 64
"""Most ways in which the turns of all kinds at a server may go together with one service."""


@dataclass(frozen=True)
class Turn:
    """The doomed of one kind, as the services of their server turn them.

    Attributes
    ----------
    stream : whose attempts.
    queue : axis of the server's queue.
    doomed : axis of the requests that wait to come back.
    most : most that one service turns.
    better, worse : mean number that turns with one service, and in the time of one, by state.
    services : rate [1/s] of services at the server.
    """

    stream: str
    queue: int
    doomed: int
    most: int
    better: RateFunction
    worse: RateFunction
    services: RateFunction


def turns(flows: Sequence[Flow]) -> tuple[Turn, ...]:
    """The turns of all streams whose attempts have a plain life: no thread held by calls, late responses
    discarded, neither breaker nor cache.

    Their requests are counted as answered when they are saved, and no longer when they turn to the worse.
    """
    found = _uncrowded(flows)
    for turn in found:
        saved = Once(lambda x, t=turn: t.services(x) * (t.better(x) - t.worse(x)))
        flows[0].frame.tally("answered", turn.stream, saved)
    return found


def _uncrowded(flows: Sequence[Flow]) -> tuple[Turn, ...]:
    """All turns; fewer at a time, or none at a server, where too many might go together."""
    found: list[Turn] = []
    crowded: set[int] = set()
    for most in range(MOST_TURNS, 0, -1):
        found = [turn for flow in flows if _plain(flow) for turn in _of(flow, flows, most)]
        crowded = {t.queue for t in found if _ways(found, t.queue) > MOST_WAYS}
        if not crowded:
            break
    return tuple(t for t in found if t.queue not in crowded)


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
            Transition("fates turn to the worse", jump, product(turn.services, turn.worse))
        )
    return tuple(result)


def _with(transition: Transition, here: list[Turn], counts: tuple[int, ...]) -> Transition:
    jump = list(transition.jump)
    chances: list[RateFunction] = []
    for turn, n in zip(here, counts, strict=True):
        jump[turn.doomed] -= n
        chances.append(_exactly(turn.better, n))
    name = f"{transition.name}: fates turn" if any(counts) else transition.name
    return Transition(name, tuple(jump), product(transition.rate, *chances))


def _exactly(count: RateFunction, n: int) -> RateFunction:
    """Chance that `count`, rounded up or down so that the mean is kept, is n."""
    return lambda x: np.maximum(1.0 - np.abs(count(x) - n), 0.0)


def _ways(found: Sequence[Turn], queue: int) -> int:
    return prod(turn.most + 1 for turn in found if turn.queue == queue)


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


def _of(flow: Flow, flows: Sequence[Flow], most: int) -> list[Turn]:
    found: list[Turn] = []
    station, stream = flow.station, flow.stream
    outlook = _Outlook(station, stream.apis, stream.timeout)
    names = [f.stream.name for f in flows if f.station is station]
    sent = Once(flow.frame.tallied("attempts", names))
    enough = _enough(flow)
    for number, axis in enumerate(flow.waits):
        doomed = [
            i for i, a in enumerate(flow.way.attempts) if _dooms(flow, i, number) and not a.ghost
        ]
        if doomed:
            kind = _Kind(flow, number, min(most, enough), outlook, _sending(flow, doomed), sent)
            better, worse = Once(kind.better), Once(kind.worse)
            found.append(
                Turn(stream.name, station.q, axis, kind.most, better, worse, station.work_done())
            )
    return found


def _enough(flow: Flow) -> int:
    r"""So many turn with a service at most, in the mean: :math:`N \Delta \le \sqrt{c\mu T / 2\pi}`, the top of a
    Poisson law; some more where many are doomed, which `FEW_TURNS` leaves room for in short queues."""
    station, empty = flow.station, tuple(np.zeros(()) for _ in flow.frame.axes)
    served = station.server.thread_pool / float(station.holding(empty)) * flow.stream.timeout
    return max(FEW_TURNS, round(sqrt(served / (2.0 * pi))))


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


class _Outlook:
    """Chances to be late of attempts that wait, by the queue that they wait in."""

    def __init__(self, station: Station, apis: dict[str, float], timeout: float) -> None:
        self._station, self._apis, self._timeout = station, apis, timeout
        self._seen: tuple[State, Chances] | None = None

    def chances(self, x: State) -> Chances:
        """Their moments in these states, worked out once for all kinds that ask of the same."""
        if self._seen is None or self._seen[0] is not x:
            self._seen = x, chances(*(self._behind(x, fewer) for fewer in (1.0, 2.0, 3.0)))
        return self._seen[1]

    def _behind(self, x: State, fewer: float) -> Array:
        return late_behind(x[self._station.q] - fewer, self._station, self._apis, self._timeout)


class _Kind:
    """One kind of attempts at one station, and how many of its doomed turn: with one service `most`, at most."""

    def __init__(
        self, flow: Flow, number: int, most: int, outlook: _Outlook, rate: RateFunction,
        sent: RateFunction,
    ) -> None:  # fmt: skip
        self._axis, self._timeout = flow.waits[number], flow.stream.timeout
        self._open = self._timeout / flow.way.waits[number].mean
        # who learns at once that it was refused does not wait among those that will be late
        self._hears = all(a.refused != number for a in flow.way.attempts)
        self._top = flow.frame.axes[self._axis].size - 1
        self._station, self._outlook, self.most = flow.station, outlook, most
        self._rate, self._sent = rate, sent
        self._estimate = Once(self._by_the_doomed)

    def better(self, x: State) -> Array:
        """Mean number that one service turns to the better."""
        return np.minimum(self._estimate(x)[0], self.most)

    def worse(self, x: State) -> Array:
        """Mean number that turns to the worse in the time of one service."""
        saved, worse = self._estimate(x)
        fewer = np.minimum(1.0, self.most / np.maximum(saved, self.most))
        return worse * fewer * room(x[self._axis], self._top)

    def _by_the_doomed(self, x: State) -> Array:
        """(2, ...) numbers that one service turns to the better, and that turn to the worse in its time."""
        waiting, chances = self._let_in(x), self._outlook.chances(x)
        expected, taken = waiting * chances.late, waiting * chances.gain
        lost = self._lost(x)
        # of those that wait to come back, only these have their time-out still before them ...
        doomed = self._open * x[self._axis]
        # ... and only these their attempt at the server
        doomed = doomed * expected / np.where(expected > 0.0, expected + lost, 1.0)
        slopes, more = chances.slopes(waiting), doomed - expected
        late = expected + slopes.chances * more
        from_all = np.maximum(taken + slopes.taken * more, 0.0)
        share = np.minimum(from_all / np.where(late > 0.0, late, 1.0), 1.0)
        # no more than are at the server: one goes with the service, and all others may be doomed
        queue = x[self._station.q]
        saved = np.maximum(doomed * share, doomed - np.maximum(queue - 1.0, 0.0))
        saved = np.minimum(saved, x[self._axis])  # to the last digit
        worse = np.maximum(taken + slopes.worse * more, 0.0) * np.clip(queue - doomed, 0.0, 1.0)
        return np.stack(np.broadcast_arrays(saved, worse))

    def _lost(self, x: State) -> Array:
        """Attempts of this kind that found the server full within the time-out, and nobody told them."""
        if self._hears:
            return np.zeros(())
        places = np.maximum(self._station.server.qsize - x[self._station.q], 0.0)
        sent = np.maximum(self._sent(x), self._rate(x))
        lost = refused_lately(places, sent, self._served(x), self._timeout)
        return self._rate(x) / sent * lost

    def _let_in(self, x: State) -> Array:
        """N: attempts of this kind that a busy server let in within the time-out."""
        rate = self._rate(x)
        return rate / np.maximum(self._sent(x), rate) * self._served(x) * self._timeout

    def _served(self, x: State) -> Array:
        return self._station.server.thread_pool / self._station.holding(x)


def late_behind(ahead: Array, station: Station, apis: dict[str, float], left: float) -> Array:
    """P(late) behind so many others with so much time left [s]; 0 for one that has left (-1 others), linear
    in between."""
    there, others = np.clip(ahead + 1.0, 0.0, 1.0), np.maximum(ahead, 0.0)
    # as many coordinates as the station's functions look at; they ask for the queue alone
    at = (*[np.zeros(())] * station.q, others)
    if station.phases.plain:
        rate = np.asarray(1.0 / station.holding(at))
        return there * sojourn_tail(others, left, rate, station.server.thread_pool)
    return there * station.new_tail(apis, left)(at)
