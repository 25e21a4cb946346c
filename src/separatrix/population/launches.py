"""Attempts of a stream: from a source, a call or a wait, through budget, breaker and cache."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from separatrix.population.client import Budget, CircuitBreaker
from separatrix.population.frame import (
    Frame,
    Jump,
    Outcome,
    added,
    certain,
    constant,
    crossed,
    product,
    rest,
    summed,
)
from separatrix.population.itinerary import Attempt, Itinerary, Wait
from separatrix.population.lattice import Array, RateFunction, State
from separatrix.population.network import Stream
from separatrix.population.station import Station


class Flow:
    """A stream in a frame: its waits as axes, and what its attempts do.

    Attributes
    ----------
    stream : as described.
    station : that it asks.
    way : its itinerary.
    waits : axis of each wait.
    answering : axis of the calls under way that will be answered in time; None where nobody's thread
        waits for them.
    on_failure : what else happens when a request of this stream fails (a caller's attempt fails, too).
    """

    def __init__(
        self, frame: Frame, stream: Stream, station: Station, way: Itinerary, waits: list[int]
    ) -> None:
        self.frame, self.stream, self.station = frame, stream, station
        self.way, self.waits = way, waits
        self.answering: int | None = None
        self.on_failure: list[Outcome] = []
        self.budget = Budget(frame, stream.name, stream.budget) if stream.budget else None
        self.breaker = (
            CircuitBreaker(frame, stream.name, stream.breaker) if stream.breaker else None
        )
        self.admitted: list[RateFunction] = []
        at_once = any(a.tries > 1 for a in way.attempts)
        if at_once and (self.budget is not None or self.breaker is not None):
            frame.note("retries at once after a refusal ask neither budget nor breaker")
        if stream.accepts and stream.retries:
            frame.note(
                "where late responses end the request, the first admitted attempt is answered first, and "
                "how many attempts follow it is settled when it is admitted"
            )

    # --- one attempt -----------------------------------------------------------------------------

    def outcomes(self, attempt: Attempt, again: RateFunction | None = None) -> list[Outcome]:
        """Ways in which one attempt can go; `again` is its chance of a cache hit, if any."""
        found = self.station.outcomes(attempt, self.stream.apis, self.waits)
        cache = self.station.cache
        if cache is not None:
            hit = again if again is not None else cache.hit
            ending = "" if attempt.ghost else "answered"
            miss = rest([hit])
            found = [replace(o, chance=product(miss, o.chance)) for o in found]
            found.append(Outcome(hit, {}, ending))
        return found

    def ended(
        self, outcomes: Iterable[Outcome], lost: str = "failed", *, caller: bool = True
    ) -> list[Outcome]:
        """The same outcomes, with orbits bounded and what a thread that waits makes of the end.

        caller : let the caller's attempt fail where its call does.
        """
        found: list[Outcome] = []
        for outcome in outcomes:
            if self.answering is not None and outcome.ending == "answered":
                outcome = replace(outcome, jump=added(outcome.jump, {self.answering: 1}))
            found.append(outcome)
        bound = [*self.waits, *([self.answering] if self.answering is not None else [])]
        found = self.frame.bounded(found, bound, lost)
        if not self.on_failure or not caller:
            return found
        return [o for f in found for o in self._failing(f)]

    def _failing(self, outcome: Outcome) -> list[Outcome]:
        if outcome.ending != "failed":
            return [outcome]
        return self.frame.both([outcome], self.on_failure, outcome.chance)

    def in_time(self, x: State) -> Array:
        """Probability that an attempt sent in state `x` is admitted and answered in time."""
        branch = self.station.branch(self.stream.apis, 0.0, self.stream.timeout)
        return self.station.admits(1)(x) * branch(x)

    # --- sending ---------------------------------------------------------------------------------

    def launch(
        self, what: str, rate: RateFunction, before: list[Outcome], attempt: Attempt,
        *, again: RateFunction | None = None, after_failure: bool = False,
    ) -> None:  # fmt: skip
        """Send attempts at a rate [1/s]; `before` is what has happened when they are sent.

        Outcomes of `before` that end the request send nothing. `after_failure`: the breaker hears
        at the same moment that the attempt before was not answered in time.
        """
        sending = [o for o in before if not o.ending]
        over = [o for o in before if o.ending]
        fate = self.outcomes(attempt, again)
        allowed = summed([o.chance for o in sending])
        if self.breaker is None:
            going = crossed(sending, fate)
        else:
            passes, trips = self._hearing() if after_failure else ([Outcome(certain, {})], [])
            closed = self._while(self.breaker.closed, crossed(sending, passes))
            probing = self._while(self.breaker.probing, sending)
            allowed = summed([o.chance for o in [*closed, *probing]])
            going = [
                *crossed(closed, self._closed(fate, attempt)),
                *crossed(probing, self._probing(fate)),
            ]
            if after_failure:
                heard = self._while(self.breaker.closed, crossed(over, [*passes, *trips]))
                over = [*heard, *self._while(rest([self.breaker.closed]), over)]
            ends = [replace(o, ending="failed") for o in sending]
            over = [*over, *self._while(self.breaker.refuses, ends)]
            over += self._while(self.breaker.closed, crossed(ends, trips))
        ending = "gone" if attempt.ghost else "failed"
        for outcome in self.ended([*going, *over], ending):
            self._happens(what, rate, outcome)
        self._count(product(rate, allowed), attempt, again)

    def _hearing(self) -> tuple[list[Outcome], list[Outcome]]:
        return self._breaker.hears_failure()

    def _while(self, condition: RateFunction, outcomes: list[Outcome]) -> list[Outcome]:
        return [replace(o, chance=product(condition, o.chance)) for o in outcomes]

    def _closed(self, fate: list[Outcome], attempt: Attempt) -> list[Outcome]:
        """What a closed breaker makes of an attempt."""
        stays, trips = self._hearing()
        at_once = self.station.server.fail_fast and not attempt.ghost
        found: list[Outcome] = []
        for outcome in fate:
            heard = [Outcome(certain, {})]
            if outcome.ending == "answered":
                heard = self._breaker.hears_success()
            elif at_once and self.station.q not in outcome.jump:
                heard = [*stays, *trips]
            found += crossed([outcome], heard)
        return found

    def _probing(self, fate: list[Outcome]) -> list[Outcome]:
        """What a half-open breaker makes of an attempt."""
        found: list[Outcome] = []
        for outcome in fate:
            good = outcome.ending == "answered"
            found += crossed([outcome], self._breaker.probed(good, self.in_time))
        return found

    @property
    def _breaker(self) -> CircuitBreaker:
        assert self.breaker is not None  # noqa: S101 - asked only where there is one
        return self.breaker

    def _happens(self, what: str, rate: RateFunction, outcome: Outcome) -> None:
        frequency = product(rate, outcome.chance)
        self.frame.move(f"{what}{_words(outcome)}", frequency, outcome.jump)
        if outcome.ending:
            self.frame.tally(outcome.ending, self.stream.name, frequency)

    def _count(self, rate: RateFunction, attempt: Attempt, again: RateFunction | None) -> None:
        """Count attempts sent, refused and admitted."""
        station, cache = self.station, self.station.cache
        sent, admits = station.sent(attempt.tries), station.admits(attempt.tries)
        hit = constant(0.0) if cache is None else (again or cache.hit)
        misses = product(rate, rest([hit])) if cache is not None else rate
        name = self.stream.name
        self.frame.tally("attempts", name, product(misses, sent))
        if cache is not None:
            self.frame.tally("attempts", name, product(rate, hit))
            self.frame.tally("hits", name, product(rate, hit))
        self.frame.tally("drops", name, product(misses, lambda x: sent(x) - admits(x)))
        self.admitted.append(product(misses, admits))

    def first(self, what: str, rate: RateFunction, before: list[Outcome]) -> None:
        """Send first attempts at a rate [1/s], with what has happened `before`."""
        if self.budget is not None:
            before = crossed(before, self.budget.first())
        self.launch(what, rate, before, self.way.attempts[0])

    def made(self, rate: RateFunction, outcomes: list[Outcome]) -> None:
        """Count first attempts that a caller sends at a rate [1/s], by how they go."""
        name, station = self.stream.name, self.station
        for outcome in outcomes:
            if outcome.ending:
                self.frame.tally(outcome.ending, name, product(rate, outcome.chance))
        joins = summed([o.chance for o in outcomes if station.q in o.jump])
        sent = station.sent(self.way.attempts[0].tries)
        hit = constant(0.0) if station.cache is None else station.cache.hit
        self.admitted.append(product(rate, joins))
        self.frame.tally("hits", name, product(rate, hit))
        self.frame.tally("attempts", name, product(rate, lambda x: hit(x) + (1 - hit(x)) * sent(x)))
        self.frame.tally("drops", name, product(rate, lambda x: (1 - hit(x)) * sent(x) - joins(x)))

    # --- coming back -----------------------------------------------------------------------------

    def come_back(self) -> None:
        """Let those who wait come back."""
        for axis, wait in zip(self.waits, self.way.waits, strict=True):
            self._wait_over(axis, wait)

    def _wait_over(self, axis: int, wait: Wait) -> None:
        what = f"attempt {wait.attempt} of {self.stream.name}"
        if wait.name == "":
            what = f"retry of {self.stream.name}"
        rate = _clock(axis, wait.mean)
        left: Jump = {axis: -1}
        attempt = self.way.attempts[wait.attempt]
        before = [Outcome(certain, left)]
        if wait.again < 1.0:
            over = [Outcome(constant(1.0 - wait.again), {}, "" if attempt.ghost else "failed")]
            going = [Outcome(constant(wait.again), {})] if wait.again > 0.0 else []
            before = _followed(before, [*going, *over])
        if self.budget is not None and wait.again > 0.0:
            before = _followed(before, self.budget.granted())
        cache = self.station.cache
        again = cache.hit_again(wait.mean) if cache is not None else None
        if attempt.ghost:
            # its ending was settled when the attempt before it was admitted
            before = [replace(o, ending="gone") if o.ending else o for o in before]
        heard = self.station.server.fail_fast and "refused" in wait.name
        self.launch(
            what, rate, before, attempt, again=again,
            after_failure=self.breaker is not None and not heard,
        )  # fmt: skip


def _followed(before: list[Outcome], then: list[Outcome]) -> list[Outcome]:
    """What happens next to those that go on; the others have ended."""
    going = [o for o in before if not o.ending]
    return [*crossed(going, then), *[o for o in before if o.ending]]


def _clock(axis: int, mean: float) -> RateFunction:
    rate = 1.0 / mean
    return lambda x: rate * x[axis]


def _words(outcome: Outcome) -> str:
    return f": {outcome.ending}" if outcome.ending else ""
