"""How far behind its own schedule a process was: the witness's oath."""

from __future__ import annotations

from array import array
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Lag:
    """Delays of timers behind the moment they were due [s]: median, 99th percentile, worst.

    Attributes
    ----------
    p50, p99, worst : of all timers that fired; 0 where none did.
    timers : how many did.
    """

    p50: float
    p99: float
    worst: float
    timers: int


class LagMeter:
    """Collects the delays of a process's timers [s]."""

    def __init__(self) -> None:
        self._delays = array("d")

    def add(self, delay: float) -> None:
        """One timer fired `delay` seconds after it was due."""
        self._delays.append(delay)

    def read(self) -> Lag:
        """What was collected."""
        if not self._delays:
            return Lag(0.0, 0.0, 0.0, 0)
        delays = np.frombuffer(self._delays)
        p50, p99 = np.quantile(delays, (0.5, 0.99))
        return Lag(float(p50), float(p99), float(delays.max()), len(delays))
