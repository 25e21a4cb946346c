"""Long-run measures of a population: in total, by source, by call and by server."""

from __future__ import annotations

from collections.abc import Callable

from separatrix.population.frame import Frame, room, summed
from separatrix.population.lattice import Array, Measure, RateFunction, Sojourn, State
from separatrix.population.launches import Flow
from separatrix.population.network import Network, Stream
from separatrix.population.station import Station

_OF_REQUESTS = {"goodput": "answered", "failures": "failed"}
_OF_ATTEMPTS = {"attempts": "attempts", "drops": "drops"}


def measures(frame: Frame, network: Network, stations: dict[str, Station]) -> tuple[Measure, ...]:
    """All measures.

    Without brackets: goodput, answers that came late and ended their request (where that is the
    rule), and failures of the sources' requests, attempts and drops of sources and calls,
    throughput (attempts whose own work is done) and the chance that the first queue is full.
    In brackets: the same by source, call or server.
    """
    sources = [s for s in network.streams if s.call is None]
    late = {"late answers": "late"} if any(s.accepts for s in network.streams) else {}
    hits = {"cache hits": "hits"} if any(s.cache for s in network.servers) else {}
    of_requests = {**_OF_REQUESTS, **late}
    of_attempts = {**_OF_ATTEMPTS, **hits}
    found = [
        Measure(name, "1/s", frame.tallied(what, [s.name for s in sources]))
        for name, what in of_requests.items()
    ]
    everyone = [s.name for s in network.streams]
    found += [
        Measure(name, "1/s", frame.tallied(what, everyone)) for name, what in of_attempts.items()
    ]
    done = {name: station.work_done() for name, station in stations.items()}
    found.append(Measure("throughput", "1/s", summed(list(done.values()))))
    first = next(iter(stations.values()))
    found.append(Measure("queue full", "1", _full(first)))
    for name, station in stations.items() if len(stations) > 1 else ():
        found.append(Measure(f"throughput[{name}]", "1/s", done[name]))
        found.append(Measure(f"queue full[{name}]", "1", _full(station)))
    for stream in network.streams:
        for name, part in _parts(stream):
            for quantity, what in {**of_requests, **of_attempts}.items():
                rate = _scaled(frame.tallied(what, [stream.name]), part)
                found.append(Measure(f"{quantity}[{name}]", "1/s", rate))
    return tuple(found)


def _parts(stream: Stream) -> list[tuple[str, float]]:
    """Names under which a stream is shown, and their shares of it."""
    if stream.call is not None:
        return [(stream.name, 1.0)]
    total = stream.rate
    pairs = zip(stream.sources, stream.rates, strict=True)
    return [(name, rate / total if total > 0 else 0.0) for name, rate in pairs]


def _full(station: Station) -> RateFunction:
    return lambda x: 1.0 - room(x[station.q], station.server.qsize)


def _scaled(function: RateFunction, by: float) -> RateFunction:
    return function if by == 1.0 else lambda x: by * function(x)


def sojourns(
    network: Network, stations: dict[str, Station], flows: list[Flow]
) -> tuple[Sojourn, ...]:
    """Sojourn times of admitted attempts, one entry for each API that is asked."""
    found: list[Sojourn] = []
    for name, station in stations.items():
        for api in station.server.apis:
            weights = [
                _scaled(summed(flow.admitted), flow.stream.apis[api])
                for flow in flows
                if flow.station is station and api in flow.stream.apis
            ]
            if not weights:
                continue
            only = {api: 1.0}
            label = api if len(network.servers) == 1 else f"{name}.{api}"
            found.append(
                Sojourn(label, _tail(station, only), _moments(station, only), summed(weights))
            )
    return tuple(found)


def _tail(station: Station, apis: dict[str, float]) -> Callable[[State, float], Array]:
    return lambda x, t: station.new_tail(apis, t)(x)


def _moments(station: Station, apis: dict[str, float]) -> Callable[[State], tuple[Array, Array]]:
    sojourn = station.sojourn(apis)

    def moments(x: State) -> tuple[Array, Array]:
        mean, variance = sojourn(x)
        return mean, variance + mean**2

    return moments
