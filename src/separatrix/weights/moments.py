"""Mergeable sums: compensated totals, means with variances, and Gram matrices of whole rows.

Joining two sets of n_a and n_b rows with means m_a, m_b and centred Gram matrices G_a, G_b:

    G = G_a + G_b + (n_a n_b / n) (m_a - m_b)(m_a - m_b)' .

Chan, Golub, LeVeque, Updating formulae and a pairwise algorithm for computing sample variances
(1979). Totals are kept as a pair (sum, error) by Knuth's two-sum, so that months add up without
drift.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Moments:
    """Number of rows, mean (k,) and centred Gram matrix (k, k) of k columns.

    ``gram / (n - 1)`` is the sample covariance.
    """

    n: int
    mean: Floats
    gram: Floats

    @staticmethod
    def of(rows: Floats) -> Moments:
        """Return the moments of rows (n, k), none of them NaN."""
        n = len(rows)
        mean: Floats = rows.mean(axis=0) if n else np.zeros(int(rows.shape[1]))
        centred = rows - mean
        return Moments(n, mean, centred.T @ centred)

    def merge(self, other: Moments) -> Moments:
        """Return the moments of both sets of rows together."""
        n = self.n + other.n
        if self.n == 0 or other.n == 0:
            return other if self.n == 0 else self
        apart = other.mean - self.mean
        return Moments(
            n,
            self.mean + apart * (other.n / n),
            self.gram + other.gram + np.outer(apart, apart) * (self.n * other.n / n),
        )

    def picked(self, columns: list[int]) -> Moments:
        """Return the moments of some columns, in this order."""
        return Moments(self.n, self.mean[columns], self.gram[np.ix_(columns, columns)])

    def correlation(self, left: Floats, right: Floats) -> float:
        """Return Pearson's r of two combinations of the columns; NaN where one is constant."""
        cov = float(left @ self.gram @ right)
        spread = float(left @ self.gram @ left) * float(right @ self.gram @ right)
        return cov / float(np.sqrt(spread)) if spread > 0.0 else float("nan")


@dataclass(frozen=True)
class Total:
    """A sum and the rounding error it has made so far; their sum is exact to the last bit or two."""

    high: float = 0.0
    low: float = 0.0

    def plus(self, other: float | Total) -> Total:
        """Return the total with another added, without loss."""
        x, rest = (other.high, other.low) if isinstance(other, Total) else (float(other), 0.0)
        s = self.high + x
        v = s - self.high
        error = (self.high - (s - v)) + (x - v)
        return Total(s, self.low + rest + error)

    @property
    def value(self) -> float:
        """The sum."""
        return self.high + self.low
