r"""How long a caller's thread is held by its calls, and how often they fail.

A call waited for is answered in time with chance g at each attempt, as its server stands now; then all of
its r + 1 attempts fail with :math:`(1-g)^{r+1}`, and the thread is held for

.. math:: H = \sum_{a=0}^{r} (1-g)^a \bigl[ g\,E(S \mid S \le T) + (1-g)(T + b_{a+1}) \bigr],

with :math:`E(S \mid S \le T) = m - T/(e^{T/m} - 1)` as for an exponential time of mean m. Of several calls
the longest counts: as independent exponential times.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from separatrix.errors import Unsupported
from separatrix.population.frame import Once
from separatrix.population.lattice import Array, RateFunction, State
from separatrix.population.launches import Flow
from separatrix.population.network import Network
from separatrix.population.refusals import ENGINE
from separatrix.population.station import Station

MOST_WAITED = 12
"""Most calls that one piece of work waits for: the mean of the longest is a sum over all sets of them."""
APART = "use `simulate`, or let a server in between make some of the calls"
"""What to do about too many calls."""


def holding(flow: Flow) -> tuple[RateFunction, RateFunction]:
    """Mean time [s] that a thread waits for this call, and chance that the call fails, by state."""
    stream, station = flow.stream, flow.station
    T, r = stream.timeout, stream.retries
    sojourn = station.sojourn(stream.apis)
    good = Once(flow.in_time)
    admits = station.admits(1)
    patience = 0.0 if station.server.fail_fast else T

    def time(x: State) -> Array:
        g = good(x)
        mean = np.maximum(sojourn(x)[0], 1e-12)
        answered = mean - T / np.expm1(np.minimum(T / mean, 700.0))
        lost = 1.0 - g
        # of those not in time, the refused may learn at once
        late = np.maximum(admits(x) - g, 0.0)
        waits = late * T + np.maximum(lost - late, 0.0) * patience
        total = np.zeros(())
        for a in range(r + 1):
            pause = lost * stream.waits[a] if a < r else 0.0
            total = total + lost**a * (g * answered + waits + pause)
        return total

    def fails(x: State) -> Array:
        return (1.0 - good(x)) ** (r + 1)

    return Once(time), Once(fails)


def longest(times: list[RateFunction]) -> RateFunction:
    """Mean of the longest of independent exponential times of these means [s]."""
    if len(times) == 1:
        return times[0]

    def mean(x: State) -> Array:
        rates = [1.0 / np.maximum(t(x), 1e-12) for t in times]
        total = np.zeros(())
        for n in range(1, len(rates) + 1):
            for some in combinations(rates, n):
                total = total + (-1.0) ** (n + 1) / sum(some)
        return total

    return Once(mean)


def all_answered(fails: list[RateFunction]) -> RateFunction:
    """Chance that one call at least fails."""

    def chance(x: State) -> Array:
        good = np.ones(())
        for failing in fails:
            good = good * (1.0 - failing(x))
        return 1.0 - good

    return chance if len(fails) > 1 else fails[0]


def foresee(network: Network, stations: dict[str, Station], flows: list[Flow]) -> None:
    """Tell each caller how long its calls take and how often they fail; callees come first."""
    for name in reversed(network.upstream):
        station = stations[name]
        for api in station.server.apis:
            waited = [f for f in flows if is_call(f, name, api) and f.stream.held]
            if len(waited) > MOST_WAITED:
                raise Unsupported(
                    ENGINE,
                    f"{len(waited)} calls waited for by one piece of work (at most {MOST_WAITED})",
                    APART,
                    f"servers.{name}",
                )
            if waited:
                both = [holding(flow) for flow in waited]
                station.call_time[api] = longest([time for time, _ in both])
                station.call_fails[api] = all_answered([fails for _, fails in both])


def is_call(flow: Flow, server: str, api: str) -> bool:
    """Whether the stream of `flow` is a call that this API of this server makes."""
    call = flow.stream.call
    return call is not None and (call.caller, call.api) == (server, api)
