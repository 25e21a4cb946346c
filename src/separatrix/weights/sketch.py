"""Quantiles of many series in one pass: exact at the top, within 0.2 % elsewhere, mergeable.

Two summaries, both exact under merging (the result does not depend on order or grouping):

* `Largest` keeps the k largest values of each series. The type-7 quantile (numpy, pandas) needs the
  order statistics number floor((n - 1) q) and the next, counted from 0, so it is *exact* as long as
  ``n - floor((n - 1) q) <= k``: with k = 2048 and q = 0.9999, up to 20 million values.
* `LogSketch` counts values in buckets whose edges are the floats with 8 bits of mantissa. The
  middle of a bucket is within 2^-9 (0.2 %) of every value in it. The same guarantee as DDSketch
  (Masson, Rim, Lee, VLDB 2019), without a logarithm: the bucket is read off the float's bits.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

KEPT = 2048
"""Number of largest values kept per series."""

_MANTISSA = 8
_LOWEST, _HIGHEST = -14, 36  # buckets for 2^-14 (one count in 4.5 hours) .. 2^36 [1/s]
_SHIFT = 52 - _MANTISSA
_BASE = (1023 + _LOWEST) << _MANTISSA
N_BUCKETS = (_HIGHEST - _LOWEST) << _MANTISSA


def type7(low: float, high: float, share: float) -> float:
    """Interpolate between two order statistics exactly as numpy does (so that bits agree)."""
    gap = high - low
    return high - gap * (1.0 - share) if share >= 0.5 else low + gap * share


def rank(count: int, quantile: float) -> tuple[int, float]:
    """Return index (from 0) of the lower order statistic and the share of the way to the next."""
    at = (count - 1) * quantile
    low = math.floor(at)
    return low, at - low


class Largest:
    """The k largest values of each of n series."""

    def __init__(self, series: int = 0, kept: int = KEPT) -> None:
        self.kept = kept
        self.values: Floats = np.full((series, kept), -np.inf)  # each row ascending
        self.count: npt.NDArray[np.int64] = np.zeros(series, dtype=np.int64)

    def grow(self, series: int) -> None:
        """Make room for `series` series in all."""
        new = series - len(self.count)
        self.values = np.concatenate([self.values, np.full((new, self.kept), -np.inf)])
        self.count = np.concatenate([self.count, np.zeros(new, dtype=np.int64)])

    def add(self, index: int, values: Floats) -> None:
        """Add the values of one series; none of them may be NaN."""
        self.count[index] += len(values)
        self._keep(index, values[values > self.values[index, 0]])

    def merge(self, index: int, other: Largest, of: int) -> None:
        """Add what `other` knows of its series number `of`."""
        self.count[index] += other.count[of]
        row = other.values[of]
        self._keep(index, row[row > self.values[index, 0]])

    def _keep(self, index: int, news: Floats) -> None:
        if len(news):
            joined = np.concatenate([self.values[index], news])
            joined.sort()
            self.values[index] = joined[-self.kept :]

    def quantile(self, index: int, quantile: float) -> float | None:
        """Return the exact quantile of one series; None where too few values were kept for it."""
        count = int(self.count[index])
        if count == 0:
            return math.nan
        low, share = rank(count, quantile)
        first = count - min(count, self.kept)  # rank of the smallest value kept
        if low < first:
            return None
        row = self.values[index]
        at = low - count  # negative: from the end
        high = row[at + 1] if at + 1 < 0 else row[-1]
        return type7(float(row[at]), float(high), share)


class LogSketch:
    """Counts of each of n series in buckets of 0.4 % width; zeros are counted apart."""

    def __init__(self, series: int = 0) -> None:
        self.buckets: npt.NDArray[np.int64] = np.zeros((series, N_BUCKETS), dtype=np.int64)
        self.zeros: npt.NDArray[np.int64] = np.zeros(series, dtype=np.int64)

    def grow(self, series: int) -> None:
        """Make room for `series` series in all."""
        new = series - len(self.zeros)
        self.buckets = np.concatenate([self.buckets, np.zeros((new, N_BUCKETS), dtype=np.int64)])
        self.zeros = np.concatenate([self.zeros, np.zeros(new, dtype=np.int64)])

    def add(self, index: int, values: Floats) -> None:
        """Add the values (>= 0, none NaN) of one series."""
        positive = values[values > 0.0]
        self.zeros[index] += len(values) - len(positive)
        if len(positive):
            bucket = (positive.view(np.int64) >> _SHIFT) - _BASE
            np.clip(bucket, 0, N_BUCKETS - 1, out=bucket)
            found = np.bincount(bucket)
            self.buckets[index, : len(found)] += found

    def merge(self, index: int, other: LogSketch, of: int) -> None:
        """Add what `other` knows of its series number `of`."""
        self.buckets[index] += other.buckets[of]
        self.zeros[index] += other.zeros[of]

    def quantile(self, index: int, quantile: float) -> float:
        """Return the quantile of one series within 0.2 %; NaN where it is empty."""
        zeros = int(self.zeros[index])
        filled = np.cumsum(self.buckets[index])
        count = zeros + int(filled[-1])
        if count == 0:
            return math.nan
        low, share = rank(count, quantile)

        def value(at: int) -> float:
            if at < zeros:
                return 0.0
            bucket = int(np.searchsorted(filled, at - zeros, side="right"))
            edges = np.array([bucket + _BASE, bucket + 1 + _BASE], dtype=np.int64) << _SHIFT
            return float(edges.view(np.float64).mean())

        return type7(value(low), value(min(low + 1, count - 1)), share)
