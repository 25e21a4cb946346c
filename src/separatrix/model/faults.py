"""What goes wrong, and when: spikes, slowdowns, outages, on one time line."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator

from separatrix.model.quantities import Factor, Name, Seconds, SecondsOrZero
from separatrix.model.validated import part


@part
class Spike:
    """A source sends `factor` times its rate during ``[start, start + duration)``."""

    source: Name
    factor: Factor
    start: SecondsOrZero
    duration: Seconds
    kind: Literal["spike"] = "spike"


@part
class Slowdown:
    """A server works at its rate divided by `factor` during ``[start, start + duration)``."""

    server: Name
    factor: Factor
    start: SecondsOrZero
    duration: Seconds
    kind: Literal["slowdown"] = "slowdown"


@part
class Outage:
    """A server serves nothing during ``[start, start + duration)``; its queue keeps filling.

    A service in progress is suspended and goes on where it stopped.
    """

    server: Name
    start: SecondsOrZero
    duration: Seconds
    kind: Literal["outage"] = "outage"


Fault = Annotated[Spike | Slowdown | Outage, Discriminator("kind")]
"""Any fault."""


@part
class Schedule:
    """Faults on one time line; those that overlap multiply."""

    faults: tuple[Fault, ...] = ()

    @property
    def end(self) -> float:
        """When the last fault is over [s]; 0 without faults."""
        return max((f.start + f.duration for f in self.faults), default=0.0)

    @property
    def breakpoints(self) -> tuple[float, ...]:
        """Sorted times [s], without doubles, at which some rate changes."""
        times = {f.start for f in self.faults} | {f.start + f.duration for f in self.faults}
        return tuple(sorted(times))

    def arrival_factor(self, source: str, time: float) -> float:
        """Product of the spikes of `source` that are on at `time` [s]."""
        product = 1.0
        for fault in self.faults:
            if isinstance(fault, Spike) and fault.source == source and _on(fault, time):
                product *= fault.factor
        return product

    def service_factor(self, server: str, time: float) -> float:
        """Speed of `server` at `time` [s] relative to normal; 0 in an outage."""
        speed = 1.0
        for fault in self.faults:
            if isinstance(fault, Spike) or fault.server != server or not _on(fault, time):
                continue
            speed = 0.0 if isinstance(fault, Outage) else speed / fault.factor
        return speed


def _on(fault: Spike | Slowdown | Outage, time: float) -> bool:
    return fault.start <= time < fault.start + fault.duration
