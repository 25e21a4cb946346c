"""Everything that weights, reports and pictures need to know of months of telemetry, in one pass.

`Summary` takes in one table after the other (see `one_pass`) and keeps, per metadata target and
operation: number, mean, standard deviation, extremes, the decade histogram, the largest values and a
quantile sketch; per server: Gram matrices of rates and CPU load, sums per local day,
and a sample of rows for regression. All of it can be merged, so that the same pass runs on a Dask
cluster and gives the same numbers (exactly, but for the last bits of sums).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from separatrix.errors import DataError
from separatrix.notebook import Shown
from separatrix.telemetry import Counters, DataQuality, QualityLog
from separatrix.weights.days import DaySum, daily_sums
from separatrix.weights.moments import Moments, Total
from separatrix.weights.rows import BUDGET, Rows, no_rows, rows_of
from separatrix.weights.series import Series
from separatrix.weights.sketch import KEPT


@dataclass(frozen=True)
class OperationSummary(Shown):
    """Numbers on the rate of one operation, pooled over targets [1/s].

    ``quartiles`` are within 0.2 % (one pass cannot keep all values); ``share`` is the operation's
    part of all operations; ``histogram`` counts intervals by decade of rate, see `DECADES`.
    """

    operation: str
    count: int
    mean: float
    std: float
    minimum: float
    quartiles: tuple[float, float, float]
    maximum: float
    share: float
    histogram: tuple[int, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for ``--json``."""
        names = ("count", "mean", "std", "minimum", "maximum", "share")
        plain: dict[str, Any] = {"operation": self.operation}
        plain |= {name: getattr(self, name) for name in names}
        plain |= dict(zip(("25%", "50%", "75%"), self.quartiles, strict=True))
        plain["histogram"] = list(self.histogram)
        return plain


class Summary(Shown):
    """The mergeable state of one pass.

    Attributes
    ----------
    series : per (target, operation) counts, moments, histogram, sketch and largest values.
    moments : (server, operations) -> `Moments` of those rates and, last, the CPU load.
    days : (local day, server) -> sums of that day.
    rows : sample of rows for regression.
    latency : operation -> (handler time [us], operations timed); empty where no source has it.
    quality, sources, fs, zone, start, end : where the data came from, and what was repaired.
    """

    def __init__(self, *, kept: int = KEPT, budget: int = BUDGET) -> None:
        self.budget = budget
        self.series = Series(kept)
        self.moments: dict[tuple[str, tuple[str, ...]], Moments] = {}
        self.days: dict[tuple[str, str], DaySum] = {}
        self.rows: Rows = no_rows()
        self.latency: dict[str, tuple[Total, Total]] = {}
        self._log = QualityLog()
        self._sources: dict[str, None] = {}
        self.targets: tuple[str, ...] = ()
        self.fs = ""
        self.zone = "UTC"
        self.start = math.inf
        self.end = -math.inf
        self.n_intervals = 0

    @property
    def quality(self) -> DataQuality:
        """What had to be repaired in all tables."""
        return self._log.report()

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the files that were read."""
        return tuple(self._sources)

    @property
    def operations(self) -> tuple[str, ...]:
        """Operations in the order in which they were first seen."""
        return self.series.operations

    def add(self, table: Counters) -> Summary:
        """Take one table in, and return the summary itself."""
        self._log.add(table.quality)
        self._sources.update(dict.fromkeys(table.sources))
        self._provenance(table.fs, table.zone, table.targets)
        if table.n_intervals == 0:
            return self
        self.start = min(self.start, float(table.start[0]))
        self.end = max(self.end, float(table.end[-1]))
        self.n_intervals += table.n_intervals
        rates = table.rates
        self.series.add(table.operations, table.targets, rates)
        rows = rows_of(table)
        for code, server in enumerate(rows.servers):
            mine = rows.taken(rows.server == code)
            known = np.asarray(~np.isnan(mine.rates).all(axis=0))
            names = tuple(o for o, k in zip(mine.operations, known.tolist(), strict=True) if k)
            whole = mine.rates[:, known]
            data = np.column_stack([whole, mine.cpu])[~np.isnan(whole).any(axis=1)]
            self._moments((server, names), Moments.of(data))
        self.rows = self.rows.merge(rows, self.budget)
        for key, day in daily_sums(table):
            self._day(key, day)
        self._latency(table)
        return self

    def merge(self, other: Summary) -> Summary:
        """Take another summary in, and return this one."""
        self._provenance(other.fs, other.zone, other.targets)
        self.start, self.end = min(self.start, other.start), max(self.end, other.end)
        self.n_intervals += other.n_intervals
        self._log.add(other.quality)
        self._sources.update(dict.fromkeys(other.sources))
        self.series.merge(other.series)
        for key, moments in other.moments.items():
            self._moments(key, moments)
        self.rows = self.rows.merge(other.rows, self.budget)
        for key, day in other.days.items():
            self._day(key, day)
        for name, (time, samples) in other.latency.items():
            self._timed(name, time, samples)
        return self

    def table(self) -> tuple[OperationSummary, ...]:
        """Return the numbers of each operation over all targets, largest share first."""
        total = math.fsum(self.series.total(o) for o in self.operations)
        found = [self._row(o, total) for o in self.operations]
        return tuple(sorted(found, key=lambda row: -row.share))

    def cumulative(self) -> tuple[tuple[str, float], ...]:
        """Return (operation, share of all operations up to and with it), largest first."""
        upto = 0.0
        steps: list[tuple[str, float]] = []
        for row in self.table():
            upto += row.share
            steps.append((row.operation, upto))
        return tuple(steps)

    def quantile(self, operation: str, q: float, target: str | None = None) -> tuple[float, bool]:
        """Return a quantile of an operation's rate [1/s] and whether it is exact.

        Of one target, or of all targets' intervals together.
        """
        return self.series.quantile(operation, q, target)

    def moments_of(self, operations: tuple[str, ...]) -> Moments | None:
        """Return the moments of these rates and the CPU load over all servers, None if there are none."""
        found: Moments | None = None
        for (_, names), moments in self.moments.items():
            if set(operations) <= set(names):
                part = moments.picked([*(names.index(o) for o in operations), len(names)])
                found = part if found is None else found.merge(part)
        return found if found and found.n else None

    def handler_time(self) -> Mapping[str, float]:
        """Return the mean handler time of each operation that was timed [us]."""
        return {
            name: time.value / samples.value
            for name, (time, samples) in self.latency.items()
            if samples.value > 0.0
        }

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for ``--json``."""
        return {
            "fs": self.fs,
            "zone": self.zone,
            "start": self.start if self.n_intervals else None,
            "end": self.end if self.n_intervals else None,
            "intervals": self.n_intervals,
            "targets": list(self.targets),
            "operations": [row.to_dict() for row in self.table()],
            "cumulative": [list(step) for step in self.cumulative()],
            "handler_time_us": dict(self.handler_time()),
            "quality": self.quality.to_dict(),
        }

    def _row(self, operation: str, total: float) -> OperationSummary:
        numbers = self.series.pooled(operation)
        own = self.series.total(operation)
        return OperationSummary(
            operation=operation,
            count=numbers.n,
            mean=numbers.mean,
            std=numbers.std,
            minimum=numbers.minimum,
            quartiles=(
                self.quantile(operation, 0.25)[0],
                self.quantile(operation, 0.5)[0],
                self.quantile(operation, 0.75)[0],
            ),
            maximum=numbers.maximum,
            share=own / total if total > 0.0 else 0.0,
            histogram=numbers.histogram,
        )

    def _provenance(self, fs: str, zone: str, targets: tuple[str, ...]) -> None:
        if not targets:  # nothing was measured, so nothing is said about where
            return
        if self.targets and fs and self.fs and fs != self.fs:
            raise DataError(
                f"telemetry of two file systems, {self.fs!r} and {fs!r}",
                hint="fit the weights of one at a time",
            )
        if self.targets and zone != self.zone:
            raise DataError(f"telemetry in two time zones, {self.zone!r} and {zone!r}")
        self.fs = fs or self.fs
        self.zone = zone
        self.targets = tuple(dict.fromkeys((*self.targets, *targets)))

    def _moments(self, key: tuple[str, tuple[str, ...]], news: Moments) -> None:
        old = self.moments.get(key)
        self.moments[key] = news if old is None else old.merge(news)

    def _day(self, key: tuple[str, str], news: DaySum) -> None:
        old = self.days.get(key)
        self.days[key] = news if old is None else old.merge(news)

    def _latency(self, table: Counters) -> None:
        if table.latency_sum is None or table.latency_samples is None:
            return
        for k, name in enumerate(table.operations):
            both = ~np.isnan(table.latency_sum[k]) & ~np.isnan(table.latency_samples[k])
            time = Total().plus(float(table.latency_sum[k][both].sum()))
            self._timed(name, time, Total().plus(float(table.latency_samples[k][both].sum())))

    def _timed(self, name: str, time: Total, samples: Total) -> None:
        old = self.latency.get(name, (Total(), Total()))
        self.latency[name] = (old[0].plus(time), old[1].plus(samples))
