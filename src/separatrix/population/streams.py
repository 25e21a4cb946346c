"""One server and its streams of like requests: where every closure of a single server starts."""

from __future__ import annotations

from dataclasses import dataclass
from math import isclose

from separatrix.errors import Unsupported
from separatrix.model import (
    ConcurrencyLimit,
    Exponential,
    Fifo,
    Poisson,
    Program,
    Server,
    Source,
    ThresholdAdmission,
)

ENGINE = "analytic (population)"
_SIMULATE = "use `simulate`, which follows every request, or change the model"


@dataclass(frozen=True)
class Stream:
    """Requests that differ in nothing that matters after they are sent; sources merged.

    Attributes
    ----------
    name : the sources' names, joined by ``+``.
    sources : the sources' names.
    rates : rate of new requests of each source [1/s].
    timeout : [s].
    retries : further attempts after the first.
    waits : mean backoff before retry 1, 2, ... [s]; as long as `retries`.
    """

    name: str
    sources: tuple[str, ...]
    rates: tuple[float, ...]
    timeout: float
    retries: int
    waits: tuple[float, ...]

    @property
    def rate(self) -> float:
        """Rate of new requests of all sources [1/s]."""
        return sum(self.rates)


@dataclass(frozen=True)
class Station:
    """One server with its streams.

    Attributes
    ----------
    server : the server as described.
    streams : its streams.
    service_rate : of one thread [1/s].
    apis : API name -> share of the new requests.
    admission_threshold, admit : at or above this many attempts, an arrival is admitted with
        probability `admit`; the queue bound itself always refuses.
    notes : where the station approximates the program.
    """

    server: Server
    streams: tuple[Stream, ...]
    service_rate: float
    apis: dict[str, float]
    admission_threshold: int
    admit: float
    notes: tuple[str, ...]

    @property
    def rate(self) -> float:
        """Rate of all new requests [1/s]."""
        return sum(stream.rate for stream in self.streams)


def station_of(program: Program) -> Station:
    """The one server of `program` with its streams.

    Raises `Unsupported`, naming the feature, for whatever a queue length and an orbit of exponential
    clocks cannot carry.
    """
    program.check()
    if len(program.servers) != 1:
        raise Unsupported(
            ENGINE, f"{len(program.servers)} servers", "a single server is understood; " + _SIMULATE
        )
    server = program.servers[0]
    _refuse_server(server)
    sources = program.sources_of(server.name)
    for source in sources:
        _refuse_source(source, server)
    notes: list[str] = []
    total = sum(s.mean_rate for s in sources)
    weights = {s.name: s.mean_rate / total if total > 0 else 1 / len(sources) for s in sources}
    apis: dict[str, float] = {}
    for source in sources:
        apis[source.api] = apis.get(source.api, 0.0) + weights[source.name]
    mean_service = sum(w / server.apis[api].processing_rate for api, w in apis.items())
    if any(not isclose(server.apis[a].processing_rate * mean_service, 1.0) for a in apis):
        notes.append(
            "the APIs differ in service rate; every attempt is served at the rate of the average "
            "request, as if the mix at the server were that of new requests"
        )
    admission = server.admission
    threshold, admit = server.qsize, 0.0
    if isinstance(admission, ThresholdAdmission):
        threshold, admit = admission.threshold, admission.admit
    elif isinstance(admission, ConcurrencyLimit):
        threshold = min(admission.limit, server.qsize)
    if any(s.backoff.jitter > 0 or s.backoff.base > 0 for s in sources):
        notes.append("time-out and backoff together are one exponential wait of the same mean")
    elif any(s.retries for s in sources):
        notes.append("the time-out of a doomed attempt is an exponential wait of the same mean")
    return Station(
        server, _merge(sources), 1.0 / mean_service, apis, threshold, admit, tuple(notes)
    )


def _merge(sources: tuple[Source, ...]) -> tuple[Stream, ...]:
    groups: dict[tuple[float, int, tuple[float, ...]], list[Source]] = {}
    for source in sources:
        waits = tuple(source.backoff.mean(k) for k in range(1, source.retries + 1))
        groups.setdefault((source.timeout, source.retries, waits), []).append(source)
    return tuple(
        Stream(
            name="+".join(s.name for s in group),
            sources=tuple(s.name for s in group),
            rates=tuple(s.mean_rate for s in group),
            timeout=timeout,
            retries=retries,
            waits=waits,
        )
        for (timeout, retries, waits), group in groups.items()
    )


def _refuse_server(server: Server) -> None:
    place = f"servers.{server.name}"
    if not isinstance(server.discipline, Fifo):
        raise Unsupported(
            ENGINE, f"{server.discipline.kind} service", _SIMULATE, f"{place}.discipline"
        )
    if server.admission is not None and not isinstance(
        server.admission, ThresholdAdmission | ConcurrencyLimit
    ):
        raise Unsupported(
            ENGINE, f"{server.admission.kind} admission", _SIMULATE, f"{place}.admission"
        )
    for feature, on in (
        ("drop_expired", server.drop_expired),
        ("slowdown", server.slowdown is not None),
        ("cache", server.cache is not None),
    ):
        if on:
            raise Unsupported(ENGINE, feature, _SIMULATE, f"{place}.{feature}")
    for api, work in server.apis.items():
        if not isinstance(work.law, Exponential):
            raise Unsupported(
                ENGINE, f"{work.law.kind} service times", _SIMULATE, f"{place}.apis.{api}.law"
            )


def _refuse_source(source: Source, server: Server) -> None:
    place = f"sources.{source.name}"
    if not isinstance(source.arrivals, Poisson):
        raise Unsupported(
            ENGINE, f"{source.arrivals.kind} arrivals", _SIMULATE, f"{place}.arrivals"
        )
    for feature, on in (
        ("a retry budget", source.budget is not None),
        ("a circuit breaker", source.breaker is not None),
        ("late responses that end the request", source.late_responses == "accept"),
    ):
        if on:
            raise Unsupported(ENGINE, feature, _SIMULATE, place)
    if server.fail_fast and source.retries and source.backoff.base > 0:
        raise Unsupported(ENGINE, "fail_fast with backoff", _SIMULATE, f"{place}.backoff")
