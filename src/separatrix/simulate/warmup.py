"""Where the influence of the start ends: MSER-5."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BATCH = 5
LEAST = 20 * BATCH  # fewer samples tell nothing


def mser5(series: NDArray[np.floating]) -> tuple[int, bool]:
    r"""Samples to leave out at the start, and whether the start can be told from the rest.

    With batch means :math:`Y_1 .. Y_n` of five samples, the number of batches left out minimises

    .. math:: \frac{1}{(n-d)^2} \sum_{i>d} (Y_i - \bar Y_{n,d})^2, \qquad 0 \le d \le n/2.

    A minimum at :math:`n/2` means that the series is still on its way: (that index, False).

    White, Cobb and Spratt, A comparison of five steady-state truncation heuristics for simulation,
    Winter Simulation Conference 2000.
    """
    if len(series) < LEAST:
        return 0, True
    n = len(series) // BATCH
    Y = series[: n * BATCH].reshape(n, BATCH).mean(axis=1)
    # sums over i > d for every d at once, from the end; shifted so that squares keep their digits
    Z = Y - Y.mean()
    left = n - np.arange(n)
    sums = np.cumsum(Z[::-1])[::-1]
    squares = np.cumsum((Z * Z)[::-1])[::-1]
    spread = np.maximum(squares - sums**2 / left, 0.0) / left.astype(np.float64) ** 2
    best = int(np.argmin(spread[: n // 2 + 1]))
    return best * BATCH, best < n // 2
