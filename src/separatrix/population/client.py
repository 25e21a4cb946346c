r"""A client's retry budget and circuit breaker as axes.

**Budget.** Whole tokens spent, 0 .. burst; a first attempt gives back :math:`\lfloor \text{ratio}\rfloor` or
one more, with the chance that makes the mean right. A retry takes one when it is sent.

**Breaker.** Three axes: f, the failures in the window of N attempts while closed; *open* and *probing*, which
are 0 or 1. A new outcome replaces one of the N at random (the mean of the true window). With
:math:`\lceil \text{threshold}\,N \rceil` failures it opens, for an exponential time. The first attempt after
that decides: it closes the breaker with the chance that all probes would be answered in time.
"""

from __future__ import annotations

from math import ceil, floor

import numpy as np

from separatrix.model.policies import Breaker, RetryBudget
from separatrix.population.frame import (
    Frame,
    Outcome,
    certain,
    constant,
    product,
    rest,
    room,
)
from separatrix.population.lattice import Array, RateFunction, State


class Budget:
    """The tokens of one source."""

    def __init__(self, frame: Frame, name: str, budget: RetryBudget) -> None:
        self._ratio = budget.ratio
        self._most = floor(budget.burst)
        self._axis = frame.axis(f"budget spent[{name}]", self._most + 1, "tokens")
        frame.note("a retry budget counts whole tokens, which first attempts add by chance")

    def first(self) -> list[Outcome]:
        """A first attempt is sent: what it adds."""
        whole = floor(self._ratio)
        part = self._ratio - whole
        added = [(whole + 1, part), (whole, 1.0 - part)]
        return [
            outcome
            for count, chance in added
            if chance > 0
            for outcome in self._adds(count, chance)
        ]

    def _adds(self, count: int, chance: float) -> list[Outcome]:
        axis, most = self._axis, self._most
        if not count:
            return [Outcome(constant(chance), {})]

        def exactly(n: int) -> RateFunction:
            # n tokens are missing, no more: a triangle around n, or all beyond it
            if n == count:
                return lambda x: chance * np.clip(x[axis] - (count - 1), 0.0, 1.0)
            return lambda x: chance * np.maximum(1.0 - np.abs(x[axis] - n), 0.0)

        return [Outcome(exactly(n), {axis: -n}) for n in range(min(count, most) + 1)]

    def granted(self) -> list[Outcome]:
        """A retry is decided on: with a token it goes on, else the request fails."""
        axis, most = self._axis, self._most

        def has(x: State) -> Array:
            return room(x[axis], most)

        return [Outcome(has, {axis: 1}), Outcome(rest([has]), {}, "failed")]


class CircuitBreaker:
    """The circuit breaker of one source."""

    def __init__(self, frame: Frame, name: str, breaker: Breaker) -> None:
        self._window, self.probes = breaker.window, breaker.probes
        self._trip = min(max(ceil(breaker.threshold * breaker.window - 1e-9), 1), breaker.window)
        self._failures = frame.axis(f"failures[{name}]", self._trip, "breaker")
        self._open = frame.axis(f"open[{name}]", 2, "breaker")
        self._probing = frame.axis(f"probing[{name}]", 2, "breaker")
        o, p, pause = self._open, self._probing, breaker.open_for
        frame.move(f"breaker of {name} probes", lambda x: np.minimum(x[o], 1 - x[p]) / pause,
                   {o: -1, p: 1})  # fmt: skip
        # both at once cannot be reached; from there the way back
        frame.move(f"breaker of {name} is one thing", lambda x: np.maximum(x[o] + x[p] - 1, 0.0) / pause,
                   {p: -1})  # fmt: skip
        frame.note(
            "a breaker keeps the number of failures in its window, not their order (a new outcome "
            "replaces one at random), and stays open for an exponential time"
        )
        frame.note(
            "an attempt that is answered in time tells its breaker when it is sent; one probe decides, "
            "when it is sent, with the chance that all would be answered"
        )

    def closed(self, x: State) -> Array:
        """1 while closed."""
        return np.clip(1.0 - x[self._open] - x[self._probing], 0.0, 1.0)

    def probing(self, x: State) -> Array:
        """1 while half-open."""
        return np.minimum(x[self._probing], 1.0 - x[self._open])

    def refuses(self, x: State) -> Array:
        """1 while open."""
        return np.maximum(1.0 - self.closed(x) - self.probing(x), 0.0)

    def hears_success(self) -> list[Outcome]:
        """A closed breaker hears of an answer in time."""
        f, n = self._failures, self._window
        if self._trip == 1:
            return [Outcome(certain, {})]

        def replaces(x: State) -> Array:
            return x[f] / n

        return [Outcome(replaces, {f: -1}), Outcome(rest([replaces]), {})]

    def hears_failure(self) -> tuple[list[Outcome], list[Outcome]]:
        """A closed breaker hears of a failure: ways in which it stays closed, and in which it opens."""
        f, n, top = self._failures, self._window, self._trip - 1

        def more(x: State) -> Array:
            return 1.0 - x[f] / n

        def below(x: State) -> Array:
            return room(x[f], top)

        trips = Outcome(product(more, rest([below])), {f: -top, self._open: 1})
        stays = [Outcome(product(more, below), {f: 1})] if top else []
        return [*stays, Outcome(rest([more]), {})], [trips]

    def probed(self, good: bool, answered: RateFunction) -> list[Outcome]:
        """The probe is sent: it will be answered in time, or not."""
        p, o = self._probing, self._open
        opens = {p: -1, o: 1}
        if not good:
            return [Outcome(certain, opens)]
        if self.probes == 1:
            return [Outcome(certain, {p: -1})]

        def others(x: State) -> Array:
            return answered(x) ** (self.probes - 1)

        return [Outcome(others, {p: -1}), Outcome(rest([others]), opens)]
