r"""Nonnegative vectors whose entries each carry their own power of two.

Stationary laws of the chains that Separatrix meets reach 1e-770, and times 1e98 and more; a
float64 holds 1e-308 to 1e308. An entry here is :math:`m\,2^e` with :math:`m \in [1/2, 1)` or 0 and
an integer :math:`e`, so that products with nonnegative matrices neither underflow nor lose a digit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]
Index: TypeAlias = NDArray[np.int64]

_NEVER = np.int64(-(2**40))  # exponent of an exact zero: below every exponent that occurs
_LN2 = float(np.log(2.0))


@dataclass(frozen=True)
class Scaled:
    """Entries ``mantissa * 2**exponent``; every mantissa is 0 or in [1/2, 1)."""

    mantissa: Array
    exponent: Index

    @staticmethod
    def of(values: Array, exponent: Index | int = 0) -> Scaled:
        """The vector ``values * 2**exponent``, normalised."""
        fraction, shift = np.frexp(values)
        total = shift.astype(np.int64) + exponent
        return Scaled(fraction, np.where(fraction == 0.0, _NEVER, total))

    @staticmethod
    def of_logs(logs: Array) -> Scaled:
        """The vector ``exp(logs)``; ``-inf`` gives an exact zero."""
        power = np.floor(np.where(np.isfinite(logs), logs, 0.0) / _LN2)
        mantissa = np.where(np.isfinite(logs), np.exp(logs - power * _LN2), 0.0)
        return Scaled.of(mantissa, power.astype(np.int64))

    @property
    def size(self) -> int:
        """Number of entries."""
        return self.mantissa.size

    def __getitem__(self, place: slice | Index) -> Scaled:
        """A part of the vector."""
        return Scaled(self.mantissa[place], self.exponent[place])

    def to_float(self) -> Array:
        """Entries as float64: 0 below its range, ``inf`` above it."""
        with np.errstate(over="ignore", under="ignore"):
            return np.ldexp(self.mantissa, np.clip(self.exponent, -2000, 2000).astype(np.int32))

    def log(self) -> Array:
        """Natural logarithm of the entries; ``-inf`` for an exact zero."""
        with np.errstate(divide="ignore"):
            # log1p-free form: the mantissa's logarithm is at most ln 2, the exponent's part exact
            return np.where(
                self.mantissa > 0.0, np.log(self.mantissa) + self.exponent * _LN2, -np.inf
            )

    def plus(self, other: Scaled) -> Scaled:
        """Entrywise sum."""
        top = np.maximum(self.exponent, other.exponent)
        with np.errstate(under="ignore"):
            total = _shift(self.mantissa, self.exponent - top) + _shift(
                other.mantissa, other.exponent - top
            )
        return Scaled.of(total, top)

    def times(self, other: Scaled) -> Scaled:
        """Entrywise product; a vector of size 1 broadcasts."""
        return Scaled.of(self.mantissa * other.mantissa, self.exponent + other.exponent)

    def over(self, other: Scaled) -> Scaled:
        """Entrywise quotient; the divisor must be positive."""
        return Scaled.of(self.mantissa / other.mantissa, self.exponent - other.exponent)

    def total(self) -> Scaled:
        """Sum of all entries, as a vector of size 1."""
        top = int(self.exponent.max(initial=int(_NEVER)))
        with np.errstate(under="ignore"):
            value = _shift(self.mantissa, self.exponent - top).sum()
        return Scaled.of(np.array([value]), top)


def zeros(size: int) -> Scaled:
    """The zero vector."""
    return Scaled(np.zeros(size), np.full(size, _NEVER, dtype=np.int64))


def product(A: Array, x: Scaled) -> Scaled:
    """``A @ x`` for a nonnegative matrix, every entry right however far apart the terms are."""
    if x.size == 0 or A.shape[0] == 0:
        return zeros(A.shape[0])
    top = int(x.exponent.max())
    with np.errstate(under="ignore"):
        plain = A @ _shift(x.mantissa, x.exponent - top)
    result = Scaled.of(plain, top)
    # what underflowed, in the vector or in a product, is below 2**-1022 times the larger of 1 and A
    touched = np.flatnonzero(plain < 2.0**-960 * x.size * max(float(A.max()), 1.0))
    if touched.size:
        exact = _careful(A[touched], x)
        result.mantissa[touched], result.exponent[touched] = exact.mantissa, exact.exponent
    return result


def _careful(A: Array, x: Scaled) -> Scaled:
    """The same product with an exponent for every term."""
    fraction, shift = np.frexp(A)
    exponent = shift + x.exponent[None, :]
    exponent[fraction == 0.0] = _NEVER
    top = exponent.max(axis=1)
    with np.errstate(under="ignore"):
        terms = _shift(fraction * x.mantissa, exponent - top[:, None])
    return Scaled.of(terms.sum(axis=1), top)


def _shift(values: Array, exponent: Index) -> Array:
    return np.ldexp(values, np.maximum(exponent, -1100).astype(np.int32))
