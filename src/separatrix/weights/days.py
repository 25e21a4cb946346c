"""Sums per local day and server, for the daily ratio of CPU load to load score."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

from separatrix.telemetry import Counters
from separatrix.telemetry.zones import instant, naive_local

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class DaySum:
    """Sums over the intervals of one day in which all operations and the CPU load are known.

    Attributes
    ----------
    n : number of those intervals.
    rates : operation -> sum of its rates [1/s].
    cpu : sum of the CPU load [percent].
    """

    n: int
    rates: dict[str, float]
    cpu: float

    def merge(self, other: DaySum) -> DaySum:
        """Return the sums of both parts of the day."""
        names = dict.fromkeys((*self.rates, *other.rates))
        rates = {o: self.rates.get(o, 0.0) + other.rates.get(o, 0.0) for o in names}
        return DaySum(self.n + other.n, rates, self.cpu + other.cpu)


def daily_sums(table: Counters) -> Iterator[tuple[tuple[str, str], DaySum]]:
    """Yield ((local day, server), sums) of a table; operations without any value are left out."""
    by_server = table.by_server()
    rates, load = by_server.rates, by_server.cpu_of_targets()
    edges = _midnights(float(table.start[0]), float(table.start[-1]), table.zone)
    cuts = np.searchsorted(table.start, [at for _, at in edges]).tolist()
    for (day, _), low, high in zip(edges, cuts, [*cuts[1:], table.n_intervals], strict=True):
        for m, server in enumerate(by_server.targets):
            part = rates[:, m, low:high]
            known = np.asarray(~np.isnan(part).all(axis=1))
            both = np.asarray(~np.isnan(part[known]).any(axis=0)) & ~np.isnan(load[m, low:high])
            if known.any() and both.any():
                names = [o for o, k in zip(table.operations, known.tolist(), strict=True) if k]
                sums: list[float] = part[known][:, both].sum(axis=1).tolist()
                yield (
                    (day, server),
                    DaySum(
                        int(both.sum()),
                        dict(zip(names, sums, strict=True)),
                        float(load[m, low:high][both].sum()),
                    ),
                )


def _midnights(start: float, end: float, zone: str) -> list[tuple[str, float]]:
    """Return (ISO date, its midnight [s since 1970 UTC]) of each local day that is touched."""
    day: datetime = naive_local(start, zone).replace(hour=0, minute=0, second=0, microsecond=0)
    found: list[tuple[str, float]] = []
    while (at := instant(day, zone)) <= end:
        found.append((day.date().isoformat(), at))
        day += timedelta(days=1)
    return found
