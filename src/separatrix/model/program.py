"""Program, Server, Work, Source, DependentCall: what serves, what is asked, and by whom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, cast

from pydantic import Field, field_validator, model_validator

from separatrix.errors import ModelError, Problem
from separatrix.model.arrivals import Arrivals, Poisson
from separatrix.model.faults import Schedule
from separatrix.model.limits import Limit
from separatrix.model.policies import (
    Admission,
    Backoff,
    Breaker,
    Discipline,
    Fifo,
    RetryBudget,
)
from separatrix.model.quantities import (
    Count,
    CountOrZero,
    Name,
    PerSecond,
    PerSecondOrZero,
    Seconds,
)
from separatrix.model.service import Exponential, LoadSlowdown, LookAsideCache, ServiceLaw
from separatrix.model.validated import part

LateResponses = Literal["discard", "accept"]
"""What a response to an attempt that was already given up does: nothing, or end the request."""


class Constants:
    """How a caller treats a dependent call (names as in Metafor)."""

    WAIT_UNTIL_DONE = "wait_until_done"
    FIRE_AND_FORGET = "fire_and_forget"


@part
class DependentCall:
    """A call that `caller` makes to `callee` while it serves an API.

    All calls of one `Work` start together when the work's own service time is over. With
    ``wait_until_done`` the caller's thread is held until the call is answered; the attempt is
    answered when the last of them is (join). A call whose last attempt fails makes the caller's
    attempt fail: its thread is free and its client learns at once and may retry; the other calls of
    that attempt are given up and not retried, what they sent costs its full service. With
    ``fire_and_forget`` the caller neither waits nor cares; timeout and retries of the call go on
    without it.

    Attributes
    ----------
    callee, caller : server names.
    api_name : API of the callee.
    call_type : ``"wait_until_done"`` or ``"fire_and_forget"``.
    timeout : the caller gives an attempt up after this long [s].
    retry : number of further attempts after a timeout.
    backoff : wait before each retry.
    late_responses : as in `Source`.
    """

    callee: Name
    caller: Name
    api_name: Name
    call_type: Literal["wait_until_done", "fire_and_forget"] = "wait_until_done"
    timeout: Seconds = 1.0
    retry: Annotated[CountOrZero, Field(le=100)] = 0
    backoff: Backoff = Backoff()
    late_responses: LateResponses = "discard"


@part
class Work:
    """What one API costs: a service rate, the shape of service times, calls to other servers.

    Attributes
    ----------
    processing_rate : attempts per second that one thread completes [1/s], the inverse of the mean
        service time.
    downstream : calls made when the own service time is over.
    law : shape of the service time; scaled to mean ``1 / processing_rate``.
    """

    processing_rate: PerSecond
    downstream: tuple[DependentCall, ...] = ()
    law: ServiceLaw = Exponential()

    @field_validator("downstream", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        return tuple(cast(list[object], value)) if isinstance(value, list) else value


@part
class Server:
    """A server: a bounded queue in front of `thread_pool` threads.

    Attributes
    ----------
    name : unique name.
    apis : API name -> `Work`.
    qsize : most attempts at the server at once, waiting and in service together.
    orbit_size : number of values of each orbit axis in the analytic readings (0 .. orbit_size-1);
        None: sized so that what is cut off is negligible, and reported.
    thread_pool : number of threads.
    discipline : order of service.
    admission : who gets in, beyond ``qsize``, which is looked at first.
    drop_expired : discard an attempt that its client gave up, when a thread would start on it; also
        a call whose caller has failed meanwhile.
    fail_fast : tell the client at once that its attempt was refused (full or not admitted).
    slowdown : service slower under load.
    cache : a look-aside cache beside the server.
    """

    name: Name
    apis: Mapping[Name, Work]
    qsize: Count
    orbit_size: Annotated[int, Field(ge=1, le=10_000_000, strict=True)] | None = None
    thread_pool: Annotated[Count, Field(le=100_000)] = 1
    discipline: Discipline = Fifo()
    admission: Admission | None = None
    drop_expired: bool = False
    fail_fast: bool = False
    slowdown: LoadSlowdown | None = None
    cache: LookAsideCache | None = None

    @model_validator(mode="after")
    def _check(self) -> Server:
        if not self.apis:
            raise ValueError("a server needs at least one api")
        if self.thread_pool > self.qsize:
            raise ValueError(
                f"thread_pool ({self.thread_pool}) exceeds qsize ({self.qsize}), which counts the "
                "attempts in service too; raise qsize or lower thread_pool"
            )
        return self


@part
class Source:
    """A stream of requests for one API, with the clients' patience and manners.

    Attributes
    ----------
    name : unique name.
    api : API asked for.
    arrival_rate : mean rate of new requests [1/s]; may be left out where `arrivals` has its own.
    timeout : a client gives an attempt up after this long [s].
    retries : number of further attempts after the first.
    arrivals : how requests are spaced.
    backoff : wait before each retry.
    budget : cap on retries as a share of first attempts.
    breaker : circuit breaker.
    late_responses : ``"discard"`` (as a closed connection does) or ``"accept"``.
    """

    name: Name
    api: Name
    arrival_rate: PerSecondOrZero | None = None
    timeout: Seconds = 1.0
    retries: Annotated[CountOrZero, Field(le=100)] = 0
    arrivals: Arrivals = Poisson()
    backoff: Backoff = Backoff()
    budget: RetryBudget | None = None
    breaker: Breaker | None = None
    late_responses: LateResponses = "discard"

    @model_validator(mode="after")
    def _check(self) -> Source:
        if self.arrival_rate is None and self.arrivals.natural_rate is None:
            raise ValueError("a Poisson source needs an arrival_rate")
        return self

    @property
    def mean_rate(self) -> float:
        """Mean rate of new requests [1/s]."""
        if self.arrival_rate is not None:
            return self.arrival_rate
        natural = self.arrivals.natural_rate
        assert natural is not None  # noqa: S101 - checked on construction
        return natural


class Program:
    """Servers, sources and who is connected to whom.

    Parts are added one by one and are themselves immutable; `check` looks at the whole and
    reports every problem at once.
    """

    def __init__(
        self,
        name: str,
        *,
        faults: Schedule | None = None,
        description: str = "",
        limits: Iterable[Limit] = (),
    ) -> None:
        self.name = name
        self.description = description
        self.faults = faults if faults is not None else Schedule()
        self.limits = tuple(limits)
        self._servers: list[Server] = []
        self._sources: list[Source] = []
        self._connections: list[tuple[str, str]] = []

    # --- building ------------------------------------------------------------------------------

    def add_server(self, server: Server) -> None:
        """Add one server."""
        self._servers.append(server)

    def add_servers(self, servers: Iterable[Server]) -> None:
        """Add several servers."""
        for server in servers:
            self.add_server(server)

    def add_source(self, source: Source) -> None:
        """Add one source."""
        self._sources.append(source)

    def add_sources(self, sources: Iterable[Source]) -> None:
        """Add several sources."""
        for source in sources:
            self.add_source(source)

    def connect(self, source: str, server: str) -> None:
        """Send the requests of `source` to `server` (names)."""
        self._connections.append((source, server))

    def under(self, faults: Schedule) -> Program:
        """The same program with this schedule of faults instead of its own."""
        same = Program(self.name, faults=faults, description=self.description)
        same.add_servers(self._servers)
        same.add_sources(self._sources)
        for source, server in self._connections:
            same.connect(source, server)
        return same

    # --- reading -------------------------------------------------------------------------------

    def _repr_html_(self) -> str:
        """In notebooks: what the program says in English, or what is wrong with it."""
        import html

        from separatrix.model.explain import explain

        try:
            said = explain(self)
            lines = [*said.paragraphs, *(f"Warning: {warning}" for warning in said.warnings)]
        except ModelError as error:
            lines = [f"Not whole yet: {problem}" for problem in error.problems]
        text = "".join(f"<p>{html.escape(line)}</p>" for line in lines)
        return f"<div><strong>Program: {html.escape(self.name)}</strong>{text}</div>"

    @property
    def servers(self) -> tuple[Server, ...]:
        """Servers in the order they were added."""
        return tuple(self._servers)

    @property
    def sources(self) -> tuple[Source, ...]:
        """Sources in the order they were added."""
        return tuple(self._sources)

    @property
    def connections(self) -> tuple[tuple[str, str], ...]:
        """(source name, server name) pairs."""
        return tuple(self._connections)

    def get_server(self, name: str) -> Server:
        """The server called `name`; ModelError where there is none."""
        return _named(self._servers, name, "server")

    def get_source(self, name: str) -> Source:
        """The source called `name`; ModelError where there is none."""
        return _named(self._sources, name, "source")

    def server_of(self, source: str) -> Server:
        """The server that `source` is connected to; ModelError where there is none."""
        for left, right in self._connections:
            if left == source:
                return self.get_server(right)
        raise ModelError(
            Problem("is connected to no server", f"sources.{source}", "connect it to one")
        )

    def sources_of(self, server: str) -> tuple[Source, ...]:
        """Sources connected to the server called `server`."""
        names = {left for left, right in self._connections if right == server}
        return tuple(s for s in self._sources if s.name in names)

    def problems(self) -> list[Problem]:
        """Everything wrong with the program as a whole; empty if nothing is."""
        from separatrix.model.wholeness import problems_of

        return problems_of(self)

    def check(self) -> Program:
        """Return the program itself, or raise ModelError with all its problems."""
        found = self.problems()
        if found:
            raise ModelError(found)
        return self

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Program):
            return NotImplemented
        return self._identity() == other._identity()

    __hash__ = None  # pyright: ignore[reportAssignmentType] - mutable while it is being built

    def _identity(self) -> tuple[Any, ...]:
        # the order of connections means nothing, and a file does not keep it
        return (
            (self.name, self.description, self.faults, self.limits),
            (self._servers, self._sources, sorted(self._connections)),
        )

    def __repr__(self) -> str:
        servers = ", ".join(s.name for s in self._servers)
        sources = ", ".join(f"{left}->{right}" for left, right in self._connections)
        return f"Program({self.name!r}: servers {servers or 'none'}; sources {sources or 'none'})"


def _named(parts: list[Any], name: str, kind: str) -> Any:
    for candidate in parts:
        if candidate.name == name:
            return candidate
    known = ", ".join(repr(p.name) for p in parts) or "none"
    raise ModelError(Problem(f"no {kind} is called {name!r}", f"{kind}s", f"there are: {known}"))
