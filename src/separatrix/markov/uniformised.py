r"""Survival of a killed chain by uniformisation: exact to a stated error, for short horizons.

With :math:`\Lambda \ge \max_x |q_{xx}|`, :math:`P = I + Q/\Lambda` on the states outside the target and
:math:`s_k = \nu P^k \mathbf 1`,

.. math:: P_\nu(T > t) = \sum_k e^{-\Lambda t} \frac{(\Lambda t)^k}{k!}\, s_k .

All terms are nonnegative; s falls, so that what is left out beyond K is at most
:math:`s_K\,P(\mathrm{Poisson}(\Lambda t) \ge K)`. It is the right tool where hitting is nearly
deterministic, as when a queue drains: there a Krylov space grows long, while :math:`\Lambda t` is a
few thousand.
Source: A. Jensen, Skand. Aktuarietidskr. 36 (1953) 87.
"""

from __future__ import annotations

from functools import cached_property
from math import sqrt
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from separatrix.markov.solver import Solver

Array: TypeAlias = NDArray[np.float64]

_WORK = 3e9
"""Most multiplications spent on one survival function."""


class SurvivalSeries:
    """The numbers :math:`s_k`, computed as far as they are asked for."""

    def __init__(self, solved: Solver, law: Array) -> None:
        chain, kept = solved.chain, ~solved.removed.reshape(-1)
        leave = np.where(kept, chain.exit_rates().reshape(-1), 0.0)
        self.rate = float(leave.max())
        self._chain = chain
        self._kept = kept
        self._stay = np.where(kept, 1.0 - leave / self.rate, 0.0)
        self._alive = kept.astype(np.float64)
        self._law = law
        self._terms = [float(law @ self._alive)]
        jumps = len(chain.jumps) if chain.listed is None else chain.listed.rates.size / kept.size
        self.budget = int(_WORK / ((jumps + 1.0) * kept.size))

    @cached_property
    def _matrix(self) -> Any:
        from scipy.sparse import csr_array

        rows, cols, rates = self._chain.edges
        inside = self._kept[rows] & self._kept[cols]
        size = self._kept.size
        return csr_array((rates[inside] / self.rate, (rows[inside], cols[inside])), (size, size))

    def affordable(self, mean: float, level: float) -> bool:
        """Whether a quantile at survival `level` of a time with this mean fits the budget."""
        return 3.0 * self.rate * mean * max(1.0, -np.log(level)) < self.budget

    def terms(self, count: int) -> Array:
        """The first `count` numbers :math:`s_k`."""
        while len(self._terms) < count:
            moved = cast(Array, self._matrix @ self._alive)
            self._alive = moved + self._stay * self._alive
            self._terms.append(float(self._law @ self._alive))
        return np.array(self._terms[:count])

    def quantile(self, level: float) -> tuple[float, float] | None:
        """The time [s] at which survival falls to `level`, and its relative error.

        None where it would take more than the budget.
        """
        steps = 64
        while self.terms(steps)[-1] > level:
            steps = int(1.25 * steps) + 64
            if steps > self.budget:
                return None
        crossing = int(np.argmax(self.terms(steps) <= level))
        count = crossing + int(14 * sqrt(crossing)) + 80
        s = self.terms(count)
        low, high = 0.0, (crossing + 4.0 * sqrt(crossing) + 8.0) / self.rate
        while high - low > 1e-14 * high:
            middle = 0.5 * (low + high)
            if middle in (low, high):
                break
            if self._survival(s, middle) > level:
                low = middle
            else:
                high = middle
        time = 0.5 * (low + high)
        slope = (self._survival(s, 0.999 * time) - self._survival(s, 1.001 * time)) / 0.002
        return time, (1e-13 * level + 1e-12 * float(s[-1])) / max(slope, 1e-300) + 1e-13

    def _survival(self, s: Array, time: float) -> float:
        from scipy.special import gammaln

        mean = self.rate * time
        if mean <= 0.0:
            return float(s[0])
        k = np.arange(len(s), dtype=np.float64)
        weight = np.exp(k * np.log(mean) - mean - gammaln(k + 1.0))
        return float(weight @ s)
