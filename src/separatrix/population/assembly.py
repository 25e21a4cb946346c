"""Network -> Population: stations, streams and calls put together in one frame."""

from __future__ import annotations

from separatrix.model import Lifo
from separatrix.population.cache import Cache
from separatrix.population.call_times import foresee
from separatrix.population.calls import make_joins, work
from separatrix.population.frame import Frame, Outcome, certain
from separatrix.population.itinerary import Itinerary, Kind, itinerary
from separatrix.population.joins import Departures
from separatrix.population.lattice import Population
from separatrix.population.launches import Flow
from separatrix.population.measures import measures, sojourns
from separatrix.population.network import Network, Stream
from separatrix.population.orbit_bound import ORBIT_CUT, poisson_bound
from separatrix.population.service_phases import service_phases
from separatrix.population.sources import Emission, emissions, highest_rate
from separatrix.population.station import Station
from separatrix.population.turns import turned, turns

_GEOMETRIC = "the number of retries is geometric with the right mean (recovers too early)"
_CALLS = (
    "whether a call will be in time, and how long a thread is held for it, is judged as the called "
    "server stands when it is sent; whose attempt leaves a server is drawn evenly from those at it"
)
_TURNS = (
    "whether an attempt will be late is foreseen when it is admitted, and turns with the services that "
    "follow, for all who wait at once, in the mean"
)
_FAILED = "a client whose attempt failed at its server learns that at its time-out, not at once"


def assembled(
    name: str,
    network: Network,
    kind: Kind,
    *,
    averaged: bool = False,
    means: bool = False,
    bounded: bool = True,
) -> Population:
    """The population of a network under a closure.

    averaged : serve all APIs of a server at the rate of the average request.
    means : for the mean dynamics alone: fates do not turn, and what happens together may be told apart.
    bounded : refuse what an orbit has no room for; else only where its size is the model's.
    """
    frame = Frame(means=means)
    for note in network.notes:
        frame.note(note)
    stations = {
        s.name: Station(
            frame, s, service_phases(s, network.shares[s.name], averaged=averaged),
            network.shares[s.name],
        )
        for s in network.servers
    }  # fmt: skip
    for name, station in stations.items():
        if isinstance(station.server.discipline, Lifo):
            station.newest_first = sum(s.rate for s in network.to(name))
    ways = {
        s.name: itinerary(s, kind, stations[s.target].server.fail_fast) for s in network.streams
    }
    sized = sum(len(w.waits) for w in ways.values())
    emitted: dict[str, list[Emission]] = {}
    flows: list[Flow] = []
    for stream in network.streams:
        if stream.call is None:
            emitted[stream.name] = emissions(frame, stream)
        flows.append(_flow(frame, network, stream, stations, ways[stream.name], sized))
        if not bounded:
            frame.endless |= {i for i in flows[-1].waits if frame.axes[i].cut > 0.0}
    departures = Departures(frame, flows)
    joins = make_joins(frame, stations, flows, departures)
    for station in stations.values():
        if station.server.cache is not None:
            station.cache = Cache(
                frame, station.server.name, station.server.cache, station.q, station.work_done()
            )
    foresee(network, stations, flows)
    for flow in flows:
        if flow.stream.call is not None and flow.stream.held:
            call = flow.stream.call
            flow.on_failure = joins[call.caller, call.api].failed(flow)
    for station in stations.values():
        work(frame, station, flows, joins, departures)
        station.mend()
    for flow in flows:
        for emission in emitted.get(flow.stream.name, []):
            before = [Outcome(certain, emission.jump)]
            flow.first(f"attempt 0 of {flow.stream.name}", emission.rate, before)
        flow.come_back()
    for join in joins.values():
        join.mend(frame)
    if joins:
        frame.note(_CALLS)
        frame.note(_FAILED)
    found = () if means else turns(flows)
    if found:
        frame.note(_TURNS)
    moves = frame.transitions()
    if kind == "geometric" and any(s.retries for s in network.streams):
        frame.note(_GEOMETRIC)
    return Population(
        name=name,
        closure=kind,
        axes=tuple(frame.axes),
        transitions=turned(moves, found) if found else moves,
        measures=measures(frame, network, stations),
        sojourns=sojourns(network, stations, flows),
        notes=tuple(frame.notes),
        averages=moves if found else (),
    )


def _flow(
    frame: Frame, network: Network, stream: Stream, stations: dict[str, Station],
    way: Itinerary, sized: int,
) -> Flow:  # fmt: skip
    station = stations[stream.target]
    waits: list[int] = []
    answering: int | None = None
    call = stream.call
    threads = 0
    if call is not None and call.waited:
        threads = network.server(call.caller).thread_pool
        answering = frame.axis(f"answering[{stream.name}]", threads + 1, "calls")
    most = _most(stations, stream)
    for wait, longest in zip(way.waits, way.longest, strict=True):
        size, cut = station.server.orbit_size, 0.0
        if threads:
            size = threads + 1
        if size is None:
            size, cut = poisson_bound(most * longest, ORBIT_CUT / sized)
            size = max(size, 2)
        label = f"{stream.name},{wait.name}" if wait.name else stream.name
        waits.append(frame.axis(f"orbit[{label}]", size, "orbit", cut))
    flow = Flow(frame, stream, station, way, waits)
    flow.answering = answering
    return flow


def _most(stations: dict[str, Station], stream: Stream) -> float:
    """Highest rate of new requests in any state [1/s]."""
    call = stream.call
    if call is None:
        return highest_rate(stream)
    caller = stations[call.caller]
    each = max(p.rate * p.done.get(call.api, 0.0) for p in caller.phases.phases)
    return caller.server.thread_pool * each
