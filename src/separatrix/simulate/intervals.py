"""Confidence intervals over independent replications."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from separatrix.notebook import Shown


@dataclass(frozen=True)
class Estimate(Shown):
    """A mean over replications with its confidence interval.

    Attributes
    ----------
    mean, low, high : the mean and the ends of the interval, in `unit`; the ends are infinite where
        one replication says nothing about the spread.
    sd : standard deviation between replications, in `unit`.
    runs : replications behind it.
    confidence : probability that the interval covers the mean.
    unit : unit of the numbers.
    """

    mean: float
    low: float
    high: float
    sd: float
    runs: int
    confidence: float
    unit: str

    @property
    def half_width(self) -> float:
        """Half the length of the interval."""
        return (self.high - self.low) / 2

    def to_dict(self) -> dict[str, Any]:
        """The numbers for ``--json``; what is unknown is None."""
        numbers = {"mean": self.mean, "low": self.low, "high": self.high, "sd": self.sd}
        known = {k: float(x) if np.isfinite(x) else None for k, x in numbers.items()}
        return {**known, "runs": self.runs, "confidence": self.confidence, "unit": self.unit}


def student(values: NDArray[np.float64], unit: str, confidence: float = 0.95) -> Estimate:
    r"""Mean and interval :math:`\bar x \pm t_{n-1}\, s/\sqrt n` of independent `values`.

    NaN among the values (a run in which nothing was counted) are left out.
    """
    from scipy.special import stdtrit

    known = values[~np.isnan(values)]
    n = len(known)
    if n == 0:
        return Estimate(np.nan, np.nan, np.nan, np.nan, 0, confidence, unit)
    mean = float(known.mean())
    if n == 1:
        return Estimate(mean, -np.inf, np.inf, np.nan, 1, confidence, unit)
    sd = float(known.std(ddof=1))
    half = float(stdtrit(n - 1, 0.5 + confidence / 2)) * sd / n**0.5
    return Estimate(mean, mean - half, mean + half, sd, n, confidence, unit)
