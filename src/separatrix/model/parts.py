"""Server, Work, Source, DependentCall: the parts of a program, immutable and checked one by one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, cast

from pydantic import Field, field_validator, model_validator

from separatrix.model.arrivals import Arrivals, Poisson
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
