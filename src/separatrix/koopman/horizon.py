"""How long the memory of the data is: which lags are worth training on."""

from __future__ import annotations

import numpy as np

from separatrix.koopman.dataset import Trajectories
from separatrix.koopman.linear import DMD, PolynomialEDMD

_MOST_STATES = 60  # monomials of the quick look
_TIMESCALES = 2.0  # after which what is left of a mode is 13 %, soon lost in the noise
_LEAST = 8
_SHARE = 0.25  # of the longest run: longer lags leave too few windows that do not overlap


def longest_lag(data: Trajectories, delays: int) -> int:
    """Twice the slowest timescale that extended DMD sees [samples], at least 8, and at most a quarter of a run.

    The lag of the regression is doubled as long as it is below the timescale found: longer lags see
    slow modes better, and beyond their timescale there is noise only.
    """
    width = len(data.names) * delays
    degree = next((d for d in (4, 3, 2) if _monomials(width, d) <= _MOST_STATES), 1)
    lengths = max(len(p) for p in data.pieces) - delays
    slowest, lag = 1.0, 1
    while lag < lengths:
        model = (
            PolynomialEDMD(degree, delays=delays, lag=lag)
            if degree > 1
            else DMD(delays=delays, lag=lag)
        )
        values = np.abs(model.fit(data).eigenvalues_)
        seen = float(min(values.max(), 1.0 - 0.5 / lengths))
        slowest = max(slowest, -1.0 / np.log(seen) if seen > 0.0 else 0.0)
        lag *= 2
        if lag > slowest:
            break
    most = max(_LEAST, round(_SHARE * lengths))
    return int(np.clip(round(_TIMESCALES * slowest), _LEAST, most))


def _monomials(width: int, degree: int) -> float:
    return float(np.prod([(width + i) / i for i in range(1, degree + 1)]))
