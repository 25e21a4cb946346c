"""What a client keeps between requests: a retry budget and a circuit breaker."""

from __future__ import annotations

from collections import deque
from typing import Literal

from separatrix.model.policies import Breaker, RetryBudget


class Budget:
    """The tokens of one source's `RetryBudget`."""

    def __init__(self, policy: RetryBudget) -> None:
        self._policy = policy
        self.tokens = policy.burst

    def first_attempt(self) -> None:
        """A first attempt adds to the tokens."""
        self.tokens = min(self.tokens + self._policy.ratio, self._policy.burst)

    def retry(self) -> bool:
        """Take a token; False where there is none."""
        if self.tokens < 1.0:
            return False
        self.tokens -= 1.0
        return True


class BreakerState:
    """The state of one source's `Breaker`; times in seconds."""

    def __init__(self, policy: Breaker) -> None:
        self._policy = policy
        self._state: Literal["closed", "open", "half-open"] = "closed"
        self._window: deque[bool] = deque(maxlen=policy.window)
        self._open_until = 0.0
        self._sent = self._good = 0
        self._epoch = 0

    def lets(self, time: float) -> int | None:
        """The epoch to report the attempt's end with, or None where it must not be sent."""
        if self._state == "open" and time >= self._open_until:
            self._state = "half-open"
            self._sent = self._good = 0
            self._epoch += 1
        if self._state == "open":
            return None
        if self._state == "half-open":
            if self._sent >= self._policy.probes:
                return None
            self._sent += 1
        return self._epoch

    def hears(self, epoch: int, good: bool, time: float) -> None:
        """How an attempt of `epoch` ended; what was sent in an earlier state says nothing."""
        if epoch != self._epoch or self._state == "open":
            return
        if self._state == "half-open":
            self._good += good
            if not good:
                self._open(time)
            elif self._good == self._policy.probes:
                self._state = "closed"
            return
        self._window.append(good)
        failures = self._window.count(False)
        full = len(self._window) == self._policy.window
        if full and failures >= self._policy.threshold * self._policy.window:
            self._open(time)

    def _open(self, time: float) -> None:
        self._state = "open"
        self._open_until = time + self._policy.open_for
        self._epoch += 1
        self._window.clear()
