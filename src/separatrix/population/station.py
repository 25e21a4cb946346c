r"""One station of a network: what happens to an attempt there, by state.

An attempt that finds q others starts on the :math:`k = (q - c + 1)^+`-th departure; a departure
takes h/c, where h is how long an attempt holds a thread: its own service and the calls it waits for.
All this is taken as the arrival finds it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from separatrix.model import ConcurrencyLimit, Server, ThresholdAdmission
from separatrix.model.policies import TokenBucket
from separatrix.population.cache import Cache
from separatrix.population.frame import (
    Frame,
    Once,
    Outcome,
    certain,
    product,
    rest,
    room,
    summed,
)
from separatrix.population.itinerary import Attempt
from separatrix.population.last_first import last_first_moments, last_first_tail
from separatrix.population.lattice import Array, RateFunction, State
from separatrix.population.service_phases import ServicePhases, moments
from separatrix.population.sojourn import matched_tail, sojourn_tail
from separatrix.population.workplace import Workplace


class Station(Workplace):
    """A server in a frame, as its streams see it.

    Attributes
    ----------
    shares : API -> share of the attempts.
    call_time, call_fails : API -> mean time [s] and chance of failure of the calls that it waits for.
    holding : mean time [s] that an attempt holds a thread.
    newest_first : rate of arrivals [1/s] where the last come first is served; None: first in, first out.
    """

    def __init__(
        self, frame: Frame, server: Server, phases: ServicePhases, shares: dict[str, float]
    ) -> None:
        super().__init__(frame, server, phases)
        self.shares = shares
        self.call_time: dict[str, RateFunction] = {}
        self.call_fails: dict[str, RateFunction] = {}
        self.tokens: int | None = None
        if isinstance(server.admission, TokenBucket):
            self.tokens = self._bucket(server.admission)
        self.cache: Cache | None = None
        self.newest_first: float | None = None
        self._admits_one: RateFunction = Once(self._admission)
        self._tails: dict[tuple[tuple[tuple[str, float], ...], float], RateFunction] = {}
        self.holding: RateFunction = Once(self._holding)

    def _bucket(self, bucket: TokenBucket) -> int:
        burst = bucket.burst
        axis = self.frame.axis(f"tokens spent[{self.server.name}]", burst + 1, "tokens")
        self.frame.move(
            f"token of {self.server.name}",
            lambda x: bucket.rate * np.minimum(x[axis], 1.0),
            {axis: -1},
        )
        self.frame.note("tokens come one by one at exponential intervals, not evenly")
        return axis

    def on_arrival(self) -> list[Outcome]:
        """An admitted attempt joins: queue and, if a thread is free, a service phase."""
        q, c = self.q, self.server.thread_pool
        joined = [Outcome(certain, {q: 1})]
        tokens = [Outcome(certain, {self.tokens: 1})] if self.tokens is not None else []
        for part in (self.starting(lambda x: room(x[q], c)), tokens):
            if part:
                joined = [Outcome(_both(a, b), {**a.jump, **b.jump}) for a in joined for b in part]
        return joined

    # --- admission -------------------------------------------------------------------------------

    def _admission(self, x: State) -> Array:
        server, q = self.server, x[self.q]
        inside = room(q, server.qsize)
        if isinstance(server.admission, ThresholdAdmission):
            below = room(q, min(server.admission.threshold, server.qsize))
            return (below + (1 - below) * server.admission.admit) * inside
        if isinstance(server.admission, ConcurrencyLimit):
            return room(q, min(server.admission.limit, server.qsize))
        return inside

    def _token(self, x: State) -> Array:
        if self.tokens is None:
            return np.ones(())
        return room(x[self.tokens], self.frame.axes[self.tokens].size - 1)

    def admits(self, tries: int) -> RateFunction:
        """Probability that one of the tries is admitted."""
        if tries == 1 and self.tokens is None:
            return self._admits_one
        return lambda x: (1.0 - (1.0 - self._admits_one(x)) ** tries) * self._token(x)

    def sent(self, tries: int) -> RateFunction:
        """Mean number of attempts sent, counting those refused at once."""
        if tries == 1:
            return certain

        def count(x: State) -> Array:
            refusal = 1.0 - self._admits_one(x) * self._token(x)
            each = 1.0 - self._admits_one(x)
            first = sum(each**i for i in range(tries))
            return self._token(x) * first + (1.0 - self._token(x)) * (tries * (refusal > 0))

        return count

    # --- time at the station ---------------------------------------------------------------------

    def service_time(self, apis: dict[str, float]) -> RateFunction:
        """Mean time [s] that an attempt of this mix holds a thread, as found by an arrival."""
        own = sum(p * moments(self.server.apis[a])[0] for a, p in apis.items())
        if self.phases.averaged:
            own = self.phases.mean
        calls = [(p, self.call_time[a]) for a, p in apis.items() if a in self.call_time]
        if not calls and self.speed is certain:
            return lambda x: np.full((), own)
        return lambda x: own / self.speed(x) + sum(p * time(x) for p, time in calls)

    def _holding(self, x: State) -> Array:
        return self.service_time(self.shares)(x)

    def sojourn(self, apis: dict[str, float]) -> Callable[[State], tuple[Array, Array]]:
        """Mean [s] and variance [s²] of the time at the station of an attempt of this mix."""
        if self.newest_first is not None:
            arrivals, mu, size = self.newest_first, 1.0 / self.phases.mean, self.server.qsize
            pool = self.server.thread_pool
            return lambda x: last_first_moments(x[self.q], arrivals, mu, pool, size)
        threads, scv = self.server.thread_pool, self.phases.scv if not self.phases.plain else 1.0
        own = self.service_time(apis)
        spread = [moments(self.server.apis[a]) for a in apis]
        first = sum(p * m for p, (m, _) in zip(apis.values(), spread, strict=True))
        second = sum(p * s for p, (_, s) in zip(apis.values(), spread, strict=True))
        own_scv = 1.0 if self.phases.plain else second / first**2 - 1.0

        def moments_at(x: State) -> tuple[Array, Array]:
            k = np.maximum(x[self.q] - threads + 1.0, 0.0)
            hold, mine = self.holding(x) / threads, own(x)
            return k * hold + mine, k * scv * hold**2 + own_scv * mine**2

        return moments_at

    def tail(self, apis: dict[str, float], t: float) -> RateFunction:
        """P(sojourn > t) of an attempt of this mix admitted in the state given, kept for its t."""
        if t == 0.0 or not np.isfinite(t):
            return lambda x: np.full((), 1.0 if t == 0.0 else 0.0)
        key = (tuple(sorted(apis.items())), t)
        if key not in self._tails:
            self._tails[key] = Once(self.new_tail(apis, t))
        return self._tails[key]

    def new_tail(self, apis: dict[str, float], t: float) -> RateFunction:
        """The same, not kept."""
        q, threads = self.q, self.server.thread_pool
        if self.newest_first is not None:
            arrivals, mu, size = self.newest_first, 1.0 / self.phases.mean, self.server.qsize
            return lambda x: last_first_tail(x[q], t, arrivals, mu, threads, size)
        if self.phases.plain:
            return lambda x: sojourn_tail(x[q], t, 1.0 / self.holding(x), threads)
        sojourn = self.sojourn(apis)
        return lambda x: matched_tail(*sojourn(x), t)

    def fails(self, apis: dict[str, float]) -> RateFunction:
        """Probability that an admitted attempt of this mix fails, since one of its calls does."""
        parts = [(p, self.call_fails[a]) for a, p in apis.items() if a in self.call_fails]
        if not parts:
            return lambda x: np.zeros(())
        return lambda x: sum((p * failing(x) for p, failing in parts), start=np.zeros(()))

    def branch(self, apis: dict[str, float], above: float, up_to: float) -> RateFunction:
        """P(above < sojourn <= up_to) of an admitted attempt; a failed one never is answered."""
        early, late = self.tail(apis, above), self.tail(apis, up_to)
        if not self.call_fails:
            if above == 0.0:
                return lambda x: 1.0 - late(x)
            if not np.isfinite(up_to):
                return early
            return lambda x: np.maximum(early(x) - late(x), 0.0)
        fails = self.fails(apis)
        if not np.isfinite(up_to):
            return lambda x: fails(x) + (1.0 - fails(x)) * early(x)
        return lambda x: (1.0 - fails(x)) * np.maximum(early(x) - late(x), 0.0)

    def goes_on(self, apis: dict[str, float], deadlines: tuple[float, ...]) -> RateFunction:
        r"""Chance that one more attempt follows where n are to follow: :math:`1 - 1/E[n | n \ge 1]`."""
        tails = [self.tail(apis, t) for t in deadlines]

        def chance(x: State) -> Array:
            following = summed(tails)(x)
            first = tails[0](x)
            return np.where(following > 0, 1.0 - first / np.maximum(following, 1e-300), 0.0)

        return chance

    # --- an attempt ------------------------------------------------------------------------------

    def outcomes(self, attempt: Attempt, apis: dict[str, float], waits: list[int]) -> list[Outcome]:
        """Ways in which an attempt of this mix can go here; ``waits[i]`` is the axis of wait i."""

        def into(to: int | None) -> dict[int, int]:
            return {} if to is None else {waits[to]: 1}

        admits = self.admits(attempt.tries)
        arrivals = [Outcome(product(admits, a.chance), a.jump) for a in self.on_arrival()]
        refused = Outcome(rest([admits]), {}, "")
        if attempt.ghost:
            on = [Outcome(certain, into(attempt.refused))]
            if attempt.deadlines:
                chance = self.goes_on(apis, attempt.deadlines)
                on = [Outcome(chance, into(attempt.refused)), Outcome(rest([chance]), {})]
            return [
                Outcome(_both(a, b), {**a.jump, **b.jump}) for a in [*arrivals, refused] for b in on
            ]
        found = [
            Outcome(
                product(a.chance, self.branch(apis, b.above, b.up_to)),
                {**a.jump, **into(b.to)},
                b.ending,
            )
            for a in arrivals
            for b in attempt.branches
        ]
        ending = "failed" if attempt.refused is None else ""
        return [*found, Outcome(refused.chance, into(attempt.refused), ending)]


def _both(a: Outcome, b: Outcome) -> RateFunction:
    return product(a.chance, b.chance)
