r"""The parts that the staged and the geometric closure share: fates of an attempt, and measures.

An attempt that arrives at queue length q is

* *served in time* with probability :math:`A(q)\,(1 - p(q))`,
* *doomed*: accepted, but its client gives up first, with probability :math:`A(q)\,p(q)`,
* *refused* with probability :math:`1 - A(q)`,

with A the probability of admission and p the tail of the sojourn time at the time-out. Functions
of q are exact at integers and continuous between them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from separatrix.population.lattice import Array, Measure, RateFunction, Sojourn, State
from separatrix.population.sojourn import sojourn_moments, sojourn_tail
from separatrix.population.streams import Station, Stream

ORBIT_CUT = 1e-9
"""Most probability mass that a sized orbit may cut off, all axes together."""


def room(x: ArrayLike, size: int) -> Array:
    """1 while ``x <= size - 1``, 0 at `size`, linear between: is there room for one more?"""
    return np.clip(size - np.asarray(x, dtype=np.float64), 0.0, 1.0)


def poisson_bound(mean: float, mass: float) -> tuple[int, float]:
    """Smallest n with P(Poisson(mean) >= n) <= mass, and that probability."""
    from scipy.special import pdtrc
    from scipy.stats import poisson

    n = int(poisson.isf(mass, mean)) + 1
    while n > 1 and pdtrc(n - 2, mean) <= mass:
        n -= 1
    return n, float(pdtrc(n - 1, mean))


@dataclass(frozen=True)
class Fates:
    """Probabilities of an attempt's fates at one station.

    Attributes
    ----------
    station : where the attempt arrives.
    timeout : the client's patience [s].
    tries : attempts made at once until one is admitted: 1, or with `fail_fast` (and no backoff) as
        many as the request has left.
    """

    station: Station
    timeout: float
    tries: int = 1

    def _admit_one(self, q: Array) -> Array:
        station, qsize = self.station, self.station.server.qsize
        threshold = min(station.admission_threshold, qsize)
        below = room(q, threshold)
        if threshold == qsize:
            return below
        return (below + (1 - below) * station.admit) * room(q, qsize)

    def admitted(self, q: Array) -> Array:
        """Probability that one of the tries is admitted at queue length `q`."""
        chance = self._admit_one(q)
        return chance if self.tries == 1 else 1.0 - (1.0 - chance) ** self.tries

    def refused(self, q: Array) -> Array:
        """Probability that none is admitted."""
        return (1.0 - self._admit_one(q)) ** self.tries

    def sent(self, q: Array) -> Array:
        """Mean number of attempts sent, counting those refused at once."""
        refusal = 1.0 - self._admit_one(q)
        return np.asarray(sum(refusal**i for i in range(self.tries)), dtype=np.float64)

    def late(self, q: Array) -> Array:
        """Probability that an *admitted* attempt is not answered within the time-out."""
        return sojourn_tail(
            q, self.timeout, self.station.service_rate, self.station.server.thread_pool
        )

    def in_time(self, q: Array) -> Array:
        """Probability that an attempt is admitted and answered in time."""
        return self.admitted(q) * (1.0 - self.late(q))

    def doomed(self, q: Array) -> Array:
        """Probability that an attempt is admitted and answered too late."""
        return self.admitted(q) * self.late(q)


@dataclass(frozen=True)
class Launch:
    """Attempts of one kind (new, or a given retry) of one stream: their rate and their fates."""

    stream: Stream
    rate: RateFunction
    fates: Fates

    def of(self, fate: Callable[[Array], Array]) -> RateFunction:
        """Rate of these attempts times a probability (or count) that depends on the queue."""
        return lambda x: self.rate(x) * fate(x[0])


def service(station: Station) -> RateFunction:
    r"""Rate of service completions :math:`\mu \min(q, c)` [1/s]."""
    c, mu = station.server.thread_pool, station.service_rate
    return lambda x: mu * np.minimum(x[0], c)


def summed(functions: Sequence[RateFunction]) -> RateFunction:
    """The sum of functions of the state."""

    def total(x: State) -> Array:
        value = functions[0](x)
        for other in functions[1:]:
            value = value + other(x)
        return value

    return total


def measures(
    station: Station, launches: Sequence[Launch], failures: dict[str, RateFunction]
) -> tuple[Measure, ...]:
    """Long-run measures of a station, in total and per source.

    `failures` maps a stream's name to the rate at which its requests are given up for good.
    """
    per_source: list[Measure] = []
    for stream in station.streams:
        own = [launch for launch in launches if launch.stream is stream]
        for name, rate in zip(stream.sources, stream.rates, strict=True):
            part = rate / stream.rate if stream.rate > 0 else 0.0
            for quantity, functions in _quantities(own).items():
                per_source.append(
                    Measure(f"{quantity}[{name}]", "1/s", _scaled(summed(functions), part))
                )
            failed = _scaled(failures[stream.name], part)
            per_source.append(Measure(f"failures[{name}]", "1/s", failed))
    qsize = station.server.qsize
    totals = [
        Measure(quantity, "1/s", summed(functions))
        for quantity, functions in _quantities(launches).items()
    ]
    return (
        *totals,
        Measure("failures", "1/s", summed(list(failures.values()))),
        Measure("throughput", "1/s", service(station)),
        Measure("queue full", "1", lambda x: 1.0 - room(x[0], qsize)),
        *per_source,
    )


def _quantities(launches: Sequence[Launch]) -> dict[str, list[RateFunction]]:
    return {
        "goodput": [launch.of(launch.fates.in_time) for launch in launches],
        "attempts": [launch.of(launch.fates.sent) for launch in launches],
        "drops": [launch.of(_drops(launch.fates)) for launch in launches],
    }


def _drops(fates: Fates) -> Callable[[Array], Array]:
    return lambda q: fates.sent(q) - fates.admitted(q)


def sojourns(station: Station, launches: Sequence[Launch]) -> tuple[Sojourn, ...]:
    """Sojourn times of admitted attempts, one entry per API."""
    mu, c = station.service_rate, station.server.thread_pool
    admitted = summed([launch.of(launch.fates.admitted) for launch in launches])
    return tuple(
        Sojourn(
            name=api,
            tail=lambda x, t: sojourn_tail(x[0], t, mu, c),
            moments=lambda x: sojourn_moments(x[0], mu, c),
            weight=_scaled(admitted, part),
        )
        for api, part in station.apis.items()
    )


def _scaled(function: RateFunction, by: float) -> RateFunction:
    return lambda x: by * function(x)
