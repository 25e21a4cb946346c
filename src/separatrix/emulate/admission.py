"""Who gets in at a real server, and who is dropped from its queue."""

from __future__ import annotations

import math

import numpy as np

from separatrix.model.policies import (
    Admission,
    CoDel,
    ConcurrencyLimit,
    ThresholdAdmission,
    TokenBucket,
)


class Gate:
    """The admission policy of one server, asked when an attempt arrives; times in seconds."""

    def __init__(self, policy: Admission | None, rng: np.random.Generator) -> None:
        self._policy = policy
        self._rng = rng
        self._tokens = float(policy.burst) if isinstance(policy, TokenBucket) else 0.0
        self._filled = 0.0

    def refuses(self, present: int, time: float) -> str | None:
        """Why an attempt is refused that finds `present` attempts at the server, or None."""
        match self._policy:
            case ThresholdAdmission(threshold=threshold, admit=admit):
                return "threshold" if present >= threshold and self._rng.random() >= admit else None
            case ConcurrencyLimit(limit=limit):
                return "concurrency" if present >= limit else None
            case TokenBucket(rate=rate, burst=burst):
                self._tokens = min(self._tokens + (time - self._filled) * rate, float(burst))
                self._filled = time
                if self._tokens < 1.0:
                    return "token"
                self._tokens -= 1.0
                return None
            case _:
                return None


class ControlledDelay:
    r"""CoDel (RFC 8289) asked at each dequeue; see `separatrix.model.policies.CoDel`.

    The drop after the n-th of an episode follows it after interval / sqrt(n); an attempt that waits
    alone is never dropped.
    """

    def __init__(self, policy: CoDel) -> None:
        self._policy = policy
        self._above_since: float | None = None
        self._dropping = self._advance = False
        self._next = 0.0
        self._count = self._last_count = 0

    def drops(self, waited: float, left: int, time: float) -> bool:
        """Whether the attempt just taken from the queue is dropped.

        waited : how long it waited [s]; left : how many still wait.
        """
        due = self._stays_above(waited, left, time)
        advance, self._advance = self._advance, False
        if self._dropping:
            if not due:
                self._dropping = False
                return False
            if advance:
                self._next += self._policy.interval / math.sqrt(self._count)
            if time < self._next:
                return False
            self._count += 1
            self._advance = True
            return True
        if not due:
            return False
        self._dropping = True
        pace = self._count - self._last_count
        recent = time - self._next < 16 * self._policy.interval
        self._count = self._last_count = pace if pace > 1 and recent else 1
        self._next = time + self._policy.interval / math.sqrt(self._count)
        return True

    def emptied(self) -> None:
        """Nobody waits any more: a queue without delay."""
        self._above_since = None
        if self._advance:
            self._dropping = self._advance = False

    def _stays_above(self, waited: float, left: int, time: float) -> bool:
        if waited < self._policy.target or left == 0:
            self._above_since = None
            return False
        if self._above_since is None:
            self._above_since = time
            return False
        return time - self._above_since >= self._policy.interval
