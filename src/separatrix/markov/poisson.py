r"""The law of a chain at a given time by uniformisation: sums of nonnegative terms with a proven bound.

With :math:`\Lambda` the largest exit rate and :math:`P = I + Q / \Lambda`, a chain jumps at the times of a
Poisson process of rate :math:`\Lambda`, so that

.. math:: p(t) = \sum_{n \ge 0} e^{-\Lambda t} \frac{(\Lambda t)^n}{n!}\; p(0) P^n .

The sum runs over the window outside of which the Poisson law has less than :data:`TAIL`; its weights come from
the mode outwards by ratios (B. L. Fox, P. W. Glynn, Comm. ACM 31 (1988) 440), never from :math:`e^{-\Lambda t}`, and
are normalised to 1. Nothing is subtracted: entries far above :data:`TAIL` keep their *relative* accuracy,
however small. Nothing stops early either: a law that has ceased to change may be a plateau that ends later.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from math import ceil, floor, log, sqrt
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.markov.generator import Chain, Mask

Array: TypeAlias = NDArray[np.float64]

TAIL = 1e-60
"""Bound on the Poisson probability that is cut off on either side."""

_ROUNDING = 2.0**-53


class Window(NamedTuple):
    """Poisson probabilities of ``first, first + 1, ..``, normalised to sum to 1."""

    first: int
    weights: Array

    @property
    def last(self) -> int:
        """The largest number of jumps counted."""
        return self.first + self.weights.size - 1


def poisson_window(mean: float) -> Window:
    r"""Poisson weights up to tails of :data:`TAIL` on either side.

    The window comes from the Chernoff bounds :math:`P(N \le m - x) \le e^{-x^2 / 2m}` and
    :math:`P(N \ge m + x) \le e^{-x^2 / (2m + 2x/3)}`; what the bounds keep in vain is trimmed.

    Parameters
    ----------
    mean : m >= 0.
    """
    if mean == 0.0:
        return Window(0, np.ones(1))
    level = -log(TAIL)
    low = max(0, floor(mean - sqrt(2.0 * mean * level)))
    high = ceil(mean + level / 3.0 + sqrt(level**2 / 9.0 + 2.0 * mean * level))
    mode = floor(mean)
    above = np.cumprod(mean / np.arange(mode + 1, high + 1, dtype=np.float64))
    below = np.cumprod(np.arange(mode, low, -1, dtype=np.float64) / mean)[::-1]
    weights = np.concatenate([below, np.ones(1), above])
    weights /= weights.sum()
    keep = (np.cumsum(weights) > TAIL) & (np.cumsum(weights[::-1])[::-1] > TAIL)
    first = int(np.argmax(keep))
    kept = weights[keep]
    return Window(low + first, kept / kept.sum())


class Clock(ABC):
    """A law carried along by the jumps of a Poisson process.

    Attributes
    ----------
    rate : of the jumps: the largest exit rate [1/s].
    terms : most terms in an entry of one product.
    """

    rate: float
    terms: int

    @abstractmethod
    def jump(self, law: Array) -> Array:
        """The law after one jump, (n,)."""

    def steps(self, time: float) -> float:
        """About how many products an advance by `time` [s] takes."""
        mean = self.rate * time
        return mean + 17.0 * sqrt(mean) + 30.0

    def advance(self, law: Array, time: float) -> tuple[Array, float]:
        """The law `time` [s] later, and a bound on its error.

        Parameters
        ----------
        law : (n,) nonnegative, not all zero.

        Returns
        -------
        law : (n,).
        error : bound on the relative error of every entry by rounding, plus the mass that is cut off.
        """
        window = poisson_window(self.rate * time)
        jumped = law
        total = np.zeros_like(law)
        for n in range(window.last + 1):
            if n > 0:
                jumped = self.jump(jumped)
            if n >= window.first:
                total += window.weights[n - window.first] * jumped
        # one product: a sum of `terms` products of rounded rates; one weight: a product of ratios
        rounding = _ROUNDING * ((self.terms + 6) * window.last + 4 * window.weights.size)
        # rounded rows of P miss 1 always in the same direction; the mass takes that back
        total *= law.sum() / total.sum()
        return total, 2.0 * rounding + 4.0 * TAIL


class Uniformised(Clock):
    r"""A chain whose jumps are those of a Poisson process, in which some states hold for ever.

    Parameters
    ----------
    chain : off-diagonal rates.
    absorbing : states that are not left, of the box's shape; none by default.

    Attributes
    ----------
    rate : the largest exit rate [1/s].
    """

    def __init__(self, chain: Chain, absorbing: Mask | None = None) -> None:
        from scipy.sparse import csr_array

        rows, cols, rates = chain.edges
        if absorbing is not None:
            leaving = ~absorbing.reshape(-1)[rows]
            rows, cols, rates = rows[leaving], cols[leaving], rates[leaving]
        n = chain.n_states
        exits = np.bincount(rows, rates, n)
        self.rate = float(exits.max(initial=0.0))
        scale = self.rate if self.rate > 0.0 else 1.0
        number = np.arange(n)
        self._transposed: Any = csr_array(
            (
                np.concatenate([rates, scale - exits]) / scale,
                (np.concatenate([cols, number]), np.concatenate([rows, number])),
            ),
            shape=(n, n),
        )
        self.terms = int(np.bincount(cols, minlength=n).max(initial=0)) + 1

    def jump(self, law: Array) -> Array:
        """See `Clock`."""
        return np.asarray(self._transposed @ law, dtype=np.float64)
