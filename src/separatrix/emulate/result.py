"""What an emulation measured: series, latencies, and how well it kept its own time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from separatrix.emulate.lag import Lag
from separatrix.emulate.series import dataset_parts, split_coordinates
from separatrix.notebook import Shown

if TYPE_CHECKING:
    import xarray as xr

Series = dict[str, list[int]]


@dataclass(frozen=True)
class Emulation(Shown):
    """One run of a program on real sockets and clocks.

    Attributes
    ----------
    program : its name.
    horizon, step : length of the run and sampling step [s].
    seed : of arrivals, service times and jitter.
    servers, streams : name -> series -> value per step (levels: at the sample).
    latencies : source -> (n, 2) array: when a request was answered in time, and how long it took
        from its first attempt on [s].
    lags : process -> how late its timers were.
    lag_limit : most that 99 % of them may be late [s].
    status, reason : "ok", or "inconclusive" and why: such a run must not be compared with anything.
    """

    program: str
    horizon: float
    step: float
    seed: int
    servers: dict[str, Series] = field(repr=False)
    streams: dict[str, Series] = field(repr=False)
    latencies: dict[str, NDArray[np.float64]] = field(repr=False)
    lags: dict[str, Lag]
    lag_limit: float
    status: Literal["ok", "inconclusive"]
    reason: str

    def rate(self, stream: str, series: str, start: float, end: float) -> float:
        """Mean of a count of a stream over ``(start, end]`` [1/s], to whole steps."""
        first, last = (round(t / self.step) for t in (start, end))
        if not 0 <= first < last:
            raise ValueError(f"no step of {self.step:g} s lies between {start:g} and {end:g} s")
        counts = self.streams[stream][series][first + 1 : last + 1]
        return sum(counts) / (len(counts) * self.step)

    def to_dict(self) -> dict[str, Any]:
        """For JSON, with units in the schema: seconds, rates per second."""
        return {
            "schema": "separatrix.emulation/1",
            "program": self.program,
            "horizon_s": self.horizon,
            "step_s": self.step,
            "seed": self.seed,
            "status": self.status,
            "reason": self.reason,
            "lag_limit_s": self.lag_limit,
            "lags_s": {name: vars(lag) for name, lag in self.lags.items()},
            "totals": {
                kind: {name: {s: sum(v) for s, v in of.items() if s not in _LEVELS}
                       for name, of in parts.items()}
                for kind, parts in (("servers", self.servers), ("streams", self.streams))
            },
        }  # fmt: skip

    def to_xarray(self) -> xr.Dataset:
        """The series as a dataset with the simulator's names, dimensions and units."""
        import xarray as xr

        data: dict[str, Any] = {}
        if self.servers:
            data |= dataset_parts("server", self.servers, self.step)
        data |= dataset_parts("stream", self.streams, self.step)
        steps = len(next(iter(self.streams.values()))["offered"])
        coordinates = {
            "time": ("time", np.arange(steps) * self.step, {"units": "s"}),
            "server": list(self.servers),
            "stream": list(self.streams),
            **split_coordinates(),
        }
        return xr.Dataset(data, coords=coordinates, attrs={"program": self.program})


_LEVELS = ("queue", "in_service")
