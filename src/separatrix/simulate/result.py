"""What an experiment found: estimates with intervals, and series over the replications."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from separatrix.notebook import Shown
from separatrix.simulate.intervals import Estimate
from separatrix.simulate.record import SERIES, Cells, Columns, Series
from separatrix.simulate.sketch import quantiles

if TYPE_CHECKING:
    import xarray as xr

QUANTILES = (0.5, 0.9, 0.99, 0.999)


@dataclass(frozen=True)
class SimulationResult(Shown):
    """Independent replications of one program.

    Attributes
    ----------
    program : its name.
    horizon, step : length of a run and sampling step [s].
    runs, seed : replications made; run i is a function of (program, seed, i) alone.
    events : events in all runs together.
    status, reason : "ok", or "inconclusive" and why.
    servers : server -> metric -> `Estimate`: queue and in_service [attempts], arrivals, throughput,
        served_late, drops, expired [1/s], time_at_server [s].
    streams : source or call -> metric -> `Estimate`: offered, attempts, goodput, accepted_late,
        failed [1/s], latency, latency_p50, latency_p99 [s] (of requests answered in time, from
        their first attempt on).
    warmup : what was left out at the start of each run before estimating, mean over runs [s].
    columns, sums, squares, sketch, window : the series (see `to_xarray`).
    cells : (runs, samples, columns) int32 of every run where they were kept, else None.
    """

    program: str
    horizon: float
    step: float
    runs: int
    seed: int
    events: int
    status: Literal["ok", "inconclusive"]
    reason: str
    servers: dict[str, dict[str, Estimate]]
    streams: dict[str, dict[str, Estimate]]
    warmup: float
    columns: Columns
    sums: NDArray[np.int64]
    squares: NDArray[np.int64]
    sketch: NDArray[np.int64]
    window: float
    cells: Cells | None

    def latency_quantiles(self, shares: tuple[float, ...] = QUANTILES) -> dict[str, list[float]]:
        """Quantiles of the latency of requests answered in time, by stream, over all runs [s]."""
        counts = self.sketch.sum(axis=0)
        streams = self.columns.compiled.streams
        return {name: quantiles(counts[i], shares).tolist() for i, name in enumerate(streams)}

    def to_dict(self) -> dict[str, Any]:
        """Everything but the series, for ``--json``; times in seconds, rates per second."""
        latency = self.latency_quantiles()
        return {
            "program": self.program,
            "horizon": self.horizon,
            "step": self.step,
            "runs": self.runs,
            "seed": self.seed,
            "events": self.events,
            "status": self.status,
            "reason": self.reason,
            "warmup": self.warmup,
            "servers": _plain(self.servers),
            "streams": _plain(self.streams),
            "latency_quantiles": {
                name: {
                    str(q): (value if np.isfinite(value) else None)
                    for q, value in zip(QUANTILES, values, strict=True)
                }
                for name, values in latency.items()
            },
        }

    def to_xarray(self, *, runs: bool = False) -> xr.Dataset:
        """The series as a dataset with named dimensions and units in ``attrs``.

        Levels are sampled at ``time``; rates are counts over the step that ends at ``time`` (the
        first, at 0, counts what happened at 0 itself). Without `runs`, ``name`` is the mean over
        the replications and ``name_sd`` their standard deviation; with `runs`, every replication
        has its place along ``run``.

        ``orbit`` counts requests whose attempt so many was lost, or will be (known in hindsight),
        and that will try again; in the last `timeout` seconds only losses already certain count.

        Raises ValueError where `runs` is asked for and the runs were not kept.
        """
        import xarray as xr

        if runs and self.cells is None:
            raise ValueError("the runs were not kept; simulate with keep=True")
        compiled = self.columns.compiled
        time = np.arange(len(self.sums)) * self.step
        data: dict[str, Any] = {}
        for series in SERIES:
            self._add(data, series, runs)
        self._add_orbit(data, runs)
        counts = quantiles(self.sketch, QUANTILES)
        split = len(compiled.streams)
        for name, part, of in (
            ("latency", counts[:, :split], "stream"),
            ("time_at_server", counts[:, split:], "server"),
        ):
            attrs = {"units": "s", "long_name": f"{name.replace('_', ' ')}, quantiles per window"}
            data[f"{name}_quantile"] = (("window", of, "quantile"), part, attrs)
        coordinates: dict[str, Any] = {
            "time": ("time", time, {"units": "s"}),
            "server": list(compiled.servers),
            "stream": list(compiled.streams),
            "quantile": list(QUANTILES),
            "window": (
                "window",
                np.arange(len(self.sketch)) * self.window,
                {"units": "s", "long_name": "begin of the window"},
            ),
        }
        for series in SERIES:
            if series.dimension:
                coordinates[series.dimension] = list(series.labels)
        attrs = {"program": self.program, "runs": self.runs, "seed": self.seed}
        return xr.Dataset(data, coords=coordinates, attrs=attrs)

    def _add(self, data: dict[str, Any], series: Series, runs: bool) -> None:
        where = self.columns.slices[series.name]
        scale = 1.0 if series.level else 1.0 / self.step
        dims = ["time", series.of, *([series.dimension] if series.dimension else [])]
        shape = [-1, *([len(series.labels)] if series.dimension else [])]
        unit = _level_unit(series.name) if series.level else "1/s"
        attrs = {"units": unit, "long_name": series.long_name}
        if runs:
            assert self.cells is not None  # noqa: S101 - to_xarray has looked
            values = self.cells[:, :, where].reshape(*self.cells.shape[:2], *shape) * scale
            data[series.name] = (["run", *dims], values, attrs)
            return
        mean, sd = self._moments(where)
        data[series.name] = (dims, mean.reshape(len(mean), *shape) * scale, attrs)
        data[f"{series.name}_sd"] = (dims, sd.reshape(len(sd), *shape) * scale, attrs)

    def _add_orbit(self, data: dict[str, Any], runs: bool) -> None:
        columns = self.columns.compiled.orbit_columns
        longest = max(b - a for a, b in pairwise(columns))
        attrs = {"units": "requests", "long_name": "requests in orbit, by attempts lost"}
        where = self.columns.slices["orbit"]
        dims = ["time", "stream", "attempt"]

        def spread(values: NDArray[Any]) -> NDArray[np.float64]:
            wide = np.full((*values.shape[:-1], len(columns) - 1, longest), np.nan)
            for i, (a, b) in enumerate(pairwise(columns)):
                wide[..., i, : b - a] = values[..., a:b]
            return wide

        if runs:
            assert self.cells is not None  # noqa: S101 - to_xarray has looked
            data["orbit"] = (["run", *dims], spread(self.cells[:, :, where]), attrs)
            return
        mean, sd = self._moments(where)
        data["orbit"] = (dims, spread(mean), attrs)
        data["orbit_sd"] = (dims, spread(sd), attrs)

    def _moments(self, where: slice) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        n = self.runs
        mean = self.sums[:, where] / n
        if n == 1:
            return mean, np.full(mean.shape, np.nan)
        # integers until the last step: nothing cancels
        spread = n * self.squares[:, where] - self.sums[:, where] ** 2
        return mean, np.sqrt(np.maximum(spread, 0) / (n * (n - 1)))


def _level_unit(name: str) -> str:
    return {"queue": "attempts", "in_service": "threads"}.get(name, "requests")


def _plain(estimates: dict[str, dict[str, Estimate]]) -> dict[str, Any]:
    return {
        name: {metric: e.to_dict() for metric, e in metrics.items()}
        for name, metrics in estimates.items()
    }
