"""How long the memory of the data is: which lags are worth training on."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.koopman.linear import monomials
from separatrix.koopman.windows import Windows

Array: TypeAlias = NDArray[np.float64]

_MOST_STATES = 60  # monomials of the quick look
_PAIRS = 20_000  # a lag
_TIMESCALES = 2.0  # after which what is left of a mode is 13 %, soon lost in the noise
_LEAST = 8
_SHARE = 0.25  # of the longest run: longer lags leave too few windows that do not overlap


def longest_lag(windows: Windows, rng: np.random.Generator) -> int:
    """Twice the slowest timescale that extended DMD sees [samples], at least 8, and at most a quarter of a run.

    The lag of the regression is doubled as long as it is below the timescale found: longer lags see
    slow modes better, and beyond their timescale there is noise only.
    """
    width = windows.states.shape[1]
    degree = next((d for d in (4, 3, 2) if _count(width, d) <= _MOST_STATES), 1)
    longest = int(windows.lengths.max())
    slowest, lag = 1.0, 1
    while lag < longest:
        seen = min(_largest(windows, lag, degree, rng), 1.0 - 0.5 / longest) ** (1.0 / lag)
        slowest = max(slowest, -1.0 / np.log(seen) if 0.0 < seen < 1.0 else 0.0)
        lag *= 2
        if lag > slowest:
            break
    most = max(_LEAST, round(_SHARE * longest))
    return int(np.clip(round(_TIMESCALES * slowest), _LEAST, most))


def _largest(windows: Windows, lag: int, degree: int, rng: np.random.Generator) -> float:
    """Size of the largest eigenvalue of the monomials' regression at one lag."""
    first = windows.draw(rng, lag, min(_PAIRS, 4 * windows.count(lag)))
    x, y = (monomials(windows.states[rows], degree) for rows in (first, first + lag))
    spread = x.std(axis=0)
    scale = np.where(spread > 0.0, spread, 1.0)
    x, y = (x - x.mean(axis=0)) / scale, (y - y.mean(axis=0)) / scale
    K: Array = np.asarray(np.linalg.lstsq(x.T @ x, x.T @ y, rcond=1e-10)[0], np.float64)
    return float(np.abs(np.linalg.eigvals(K)).max())


def _count(width: int, degree: int) -> float:
    return float(np.prod([(width + i) / i for i in range(1, degree + 1)]))
