"""Intervals that hold the true value: arrays of lower and upper ends, each operation rounded outwards.

Ends are moved to the next float after every operation, so that the exact result of the operation on any
members lies inside (Moore, Interval Analysis, 1966). Functions that rise or fall are enclosed by their values at
the ends, widened by a bound on the error of the library's function.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from separatrix.population import Array

LIBRARY = 1e-11
"""Relative error allowed to a special function; SciPy's tests hold its incomplete gamma to 1e-12 and better."""


@dataclass(frozen=True)
class Interval:
    """Closed intervals ``[low, high]``, arrays of one shape."""

    low: Array
    high: Array

    def __add__(self, other: Interval) -> Interval:
        return _outwards(self.low + other.low, self.high + other.high)

    def __sub__(self, other: Interval) -> Interval:
        return _outwards(self.low - other.high, self.high - other.low)

    def __mul__(self, other: Interval) -> Interval:
        ends = np.stack(
            np.broadcast_arrays(
                self.low * other.low, self.low * other.high,
                self.high * other.low, self.high * other.high,
            )
        )  # fmt: skip
        return _outwards(ends.min(axis=0), ends.max(axis=0))

    def __truediv__(self, other: Interval) -> Interval:
        """Quotient by an interval of positive numbers. Raises ZeroDivisionError for any other."""
        if np.any(other.low <= 0):
            raise ZeroDivisionError("an interval divisor must be > 0")
        return self * _outwards(1.0 / other.high, 1.0 / other.low)

    def within(self, low: float, high: float) -> Interval:
        """The part in ``[low, high]``, for a quantity known to lie there."""
        return Interval(np.clip(self.low, low, high), np.clip(self.high, low, high))

    def total(self) -> Interval:
        """Sum over the last axis: one rounding a term."""
        n = self.low.shape[-1]
        slack = (
            n * np.finfo(np.float64).eps * np.abs([self.low, self.high]).max(axis=0).sum(axis=-1)
        )
        return _outwards(self.low.sum(axis=-1) - slack, self.high.sum(axis=-1) + slack)

    @property
    def sign(self) -> Array:
        """1 where all members are > 0, -1 where all are < 0, else 0."""
        return np.where(self.low > 0, 1.0, np.where(self.high < 0, -1.0, 0.0))


def exact(value: ArrayLike) -> Interval:
    """The interval of one float."""
    array = np.asarray(value, dtype=np.float64)
    return Interval(array, array)


def rising(function: Callable[[Array], ArrayLike], x: Interval, slack: float = LIBRARY) -> Interval:
    """Enclosure of a non-negative function that does not fall; `slack` is its relative error."""
    low, high = (np.asarray(function(end), dtype=np.float64) for end in (x.low, x.high))
    return _outwards(low * (1.0 - slack), high * (1.0 + slack))


def falling(
    function: Callable[[Array], ArrayLike], x: Interval, slack: float = LIBRARY
) -> Interval:
    """Enclosure of a non-negative function that does not rise."""
    return rising(function, Interval(x.high, x.low), slack)


def _outwards(low: Array, high: Array) -> Interval:
    return Interval(np.nextafter(low, -np.inf), np.nextafter(high, np.inf))
