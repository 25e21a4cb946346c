"""What clients and servers do under stress: retry, back off, queue, admit, give up."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, model_validator

from separatrix.model.quantities import (
    Count,
    CountOrZero,
    Factor,
    PerSecond,
    Ratio,
    Seconds,
    SecondsOrZero,
    Share,
)
from separatrix.model.validated import part

# --- the client ---------------------------------------------------------------------------------


@part
class Backoff:
    r"""Wait before retry k: :math:`\min(\text{base}\cdot\text{multiplier}^{k-1}, \text{cap})`.

    Attributes
    ----------
    base : wait before the first retry [s]; 0 retries at once.
    multiplier : growth from one retry to the next; 1 for a fixed wait.
    cap : longest wait [s].
    jitter : share of the wait that is uniformly random: the wait is drawn from
        ``[w (1 - jitter), w]``; 1 is "full jitter".
    """

    base: SecondsOrZero = 0.0
    multiplier: Annotated[Factor, Field(ge=1)] = 1.0
    cap: Seconds = 3600.0
    jitter: Share = 0.0

    def longest(self, retry: int) -> float:
        """Wait before retry number `retry` (from 1) [s], before jitter."""
        if self.base == 0:
            return 0.0
        try:
            return min(self.base * self.multiplier ** (retry - 1), self.cap)
        except OverflowError:
            return self.cap

    def mean(self, retry: int) -> float:
        """Mean wait before retry number `retry` (from 1) [s]."""
        return self.longest(retry) * (1 - self.jitter / 2)


@part
class RetryBudget:
    """Retries may be at most a share of first attempts: a bucket of tokens at the client.

    Each first attempt that is sent adds `ratio` tokens, up to `burst`. A retry takes one when the
    client decides on it, before any backoff; without a token the request fails.

    Attributes
    ----------
    ratio : tokens that a first attempt adds.
    burst : most tokens that can be saved; also the number at the start.
    """

    ratio: Ratio
    burst: Annotated[float, Field(ge=1)] = 10.0


@part
class Breaker:
    """Circuit breaker of a source: after too many failures, stop sending for a while.

    Closed: attempts pass; over the last `window` finished attempts, if at least `threshold` failed
    (timed out or refused), open. Open: no attempt is sent for `open_for` seconds (requests fail at
    once). Half-open: up to `probes` attempts pass; if all succeed, close; if one fails, open again.

    A window counts once it is full, and begins empty whenever the breaker closes. A retry that
    finds the breaker open ends its request. Attempts sent before the breaker last opened, or began
    to probe, say nothing to it. A late response that is accepted is a success of the attempt then
    under way.
    """

    window: Count = 20
    threshold: Annotated[Share, Field(gt=0)] = 0.5
    open_for: Seconds = 5.0
    probes: Count = 1


# --- the server ---------------------------------------------------------------------------------


@part
class Fifo:
    """First in, first out."""

    kind: Literal["fifo"] = "fifo"


@part
class Lifo:
    """Last in, first out (without preemption)."""

    kind: Literal["lifo"] = "lifo"


@part
class AdaptiveLifo:
    """First in, first out while fewer than `threshold` attempts wait; last in, first out above."""

    threshold: Count
    kind: Literal["adaptive_lifo"] = "adaptive_lifo"


Discipline = Annotated[Fifo | Lifo | AdaptiveLifo, Discriminator("kind")]
"""Order of service."""


@part
class ThresholdAdmission:
    """At or above `threshold` attempts at the server, admit with probability `admit`."""

    threshold: CountOrZero
    admit: Share = 0.0
    kind: Literal["threshold"] = "threshold"


@part
class TokenBucket:
    """Admit an attempt only with a token; `rate` tokens per second, at most `burst` saved."""

    rate: PerSecond
    burst: Count = 1
    kind: Literal["token_bucket"] = "token_bucket"


@part
class CoDel:
    r"""Controlled delay: drop from the head while waiting times stay above `target` for `interval`.

    The drop after the n-th of an episode follows it after :math:`\text{interval}/\sqrt n`; "head"
    is whoever the server's discipline would serve next. An attempt that waits alone is not dropped
    (the RFC's "less than a packet left"). With ``fail_fast`` the client learns of the drop at once.
    Nichols and Jacobson, Controlling queue delay, ACM Queue 10(5), 2012; RFC 8289.
    """

    target: Seconds = 0.005
    interval: Seconds = 0.1
    kind: Literal["codel"] = "codel"

    @model_validator(mode="after")
    def _check(self) -> CoDel:
        if self.interval < self.target:
            raise ValueError(
                f"interval ({self.interval:g} s) must be at least target ({self.target:g} s)"
            )
        return self


@part
class ConcurrencyLimit:
    """Admit an attempt only while fewer than `limit` attempts are at the server."""

    limit: Count
    kind: Literal["concurrency"] = "concurrency"


Admission = Annotated[
    ThresholdAdmission | TokenBucket | CoDel | ConcurrencyLimit, Discriminator("kind")
]
"""Who gets in."""
