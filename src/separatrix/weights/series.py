"""Streaming numbers of every (metadata target, operation) series of rates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from separatrix.weights.moments import Total
from separatrix.weights.sketch import Largest, LogSketch

Floats = npt.NDArray[np.float64]

DECADES = (0.0, *(10.0**d for d in range(11)))
"""Edges of the rate histogram [1/s], the seed notebook's: 0, 1, 10 ... 10^10; the last is closed."""


@dataclass(frozen=True)
class Numbers:
    """Count, moments, extremes [1/s] and decade histogram of one series or of several pooled."""

    n: int
    mean: float
    m2: float
    minimum: float
    maximum: float
    histogram: tuple[int, ...]

    @property
    def std(self) -> float:
        """Sample standard deviation (divided by n - 1); NaN for fewer than two values."""
        return float(np.sqrt(self.m2 / (self.n - 1))) if self.n > 1 else float("nan")

    def merge(self, other: Numbers) -> Numbers:
        """Return the numbers of both sets of values together."""
        if self.n == 0 or other.n == 0:
            return other if self.n == 0 else self
        n = self.n + other.n
        apart = other.mean - self.mean
        return Numbers(
            n,
            self.mean + apart * (other.n / n),
            self.m2 + other.m2 + apart * apart * (self.n * other.n / n),
            min(self.minimum, other.minimum),
            max(self.maximum, other.maximum),
            tuple(a + b for a, b in zip(self.histogram, other.histogram, strict=True)),
        )


NOTHING = Numbers(0, float("nan"), 0.0, float("nan"), float("nan"), (0,) * (len(DECADES) - 1))


class Series:
    """One entry per (target, operation): `Numbers`, total, quantile sketch and largest values."""

    def __init__(self, kept: int) -> None:
        self._index: dict[tuple[str, str], int] = {}
        self._numbers: list[Numbers] = []
        self._totals: list[Total] = []
        self._sketch = LogSketch()
        self._largest = Largest(kept=kept)
        self._kept = kept

    @property
    def operations(self) -> tuple[str, ...]:
        """Operations in the order in which they were first seen."""
        return tuple(dict.fromkeys(o for _, o in self._index))

    def add(self, operations: Sequence[str], targets: Sequence[str], rates: Floats) -> None:
        """Add rates (n_operations, n_targets, n_intervals) [1/s]; NaN = missing."""
        for m, target in enumerate(targets):
            for k, operation in enumerate(operations):
                at = self._at((target, operation))
                values = rates[k, m]
                values = values[~np.isnan(values)]
                if len(values):
                    self._numbers[at] = self._numbers[at].merge(_numbers(values))
                    self._totals[at] = self._totals[at].plus(float(values.sum()))
                    self._sketch.add(at, values)
                    self._largest.add(at, values)

    def merge(self, other: Series) -> None:
        """Add what another set of series knows."""
        for key, of in other._index.items():
            at = self._at(key)
            self._numbers[at] = self._numbers[at].merge(other._numbers[of])
            self._totals[at] = self._totals[at].plus(other._totals[of])
            self._sketch.merge(at, other._sketch, of)
            self._largest.merge(at, other._largest, of)

    def pooled(self, operation: str) -> Numbers:
        """Return the numbers of one operation over all targets."""
        found = NOTHING
        for at in self._all(operation):
            found = found.merge(self._numbers[at])
        return found

    def total(self, operation: str, target: str | None = None) -> float:
        """Return the sum of one operation's rates over all intervals of one or all targets [1/s]."""
        total = Total()
        for at in self._all(operation, target):
            total = total.plus(self._totals[at])
        return total.value

    def quantile(self, operation: str, q: float, target: str | None = None) -> tuple[float, bool]:
        """Return a quantile of one operation's rate [1/s] of one or all targets, and if it is exact."""
        largest, sketch = Largest(1, self._kept), LogSketch(1)
        for at in self._all(operation, target):
            largest.merge(0, self._largest, at)
            sketch.merge(0, self._sketch, at)
        exact = largest.quantile(0, q)
        return (sketch.quantile(0, q), False) if exact is None else (exact, True)

    def _all(self, operation: str, target: str | None = None) -> list[int]:
        return [
            at
            for (t, o), at in self._index.items()
            if o == operation and (target is None or t == target)
        ]

    def _at(self, key: tuple[str, str]) -> int:
        if key not in self._index:
            self._index[key] = len(self._index)
            self._numbers.append(NOTHING)
            self._totals.append(Total())
            self._sketch.grow(len(self._index))
            self._largest.grow(len(self._index))
        return self._index[key]


def _numbers(values: Floats) -> Numbers:
    mean = float(values.mean())
    centred = values - mean
    top = float(values.max())
    return Numbers(
        len(values),
        mean,
        float(centred @ centred),
        float(values.min()),
        top,
        _histogram(values, top),
    )


def _histogram(values: Floats, top: float) -> tuple[int, ...]:
    """Count by decade as `numpy.histogram` does, with one comparison per decade in use."""
    above = [int(np.count_nonzero(values >= edge)) if edge <= top else 0 for edge in DECADES[:-1]]
    beyond = int(np.count_nonzero(values > DECADES[-1])) if top > DECADES[-1] else 0
    return tuple(a - b for a, b in zip(above, [*above[1:], beyond], strict=True))
