r"""How well a score agrees with the CPU load, beside the two baselines that it has to beat.

Correlation is what the seed notebook looks at, and the wrong goal: on 2018-02-09 the plain count of
operations correlates better (0.926) than its weights (0.751), and weights that are wrong may
correlate better than the true ones. The measure here is the error on time that was not fitted,

    R^2 = 1 - \frac{\sum_t (u_t - \hat u_t)^2}{\sum_t (u_t - \bar u)^2} ,

with \hat u_t predicted from weights, link, lag and base load found without the fold that holds t;
folds are contiguous in time. The baselines get the same link and lag.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from separatrix.notebook import Shown
from separatrix.weights.gauss_newton import Shape, minimised, started
from separatrix.weights.link import LINE
from separatrix.weights.noise import estimated, flat
from separatrix.weights.prior import Prior, duplicates
from separatrix.weights.regression import RegressionOptions, fit_rows
from separatrix.weights.result import Weights
from separatrix.weights.rows import Rows
from separatrix.weights.system import Curve, System

Floats = npt.NDArray[np.float64]

FEWEST_HELD_OUT = 120
"""Intervals below which nothing is held out: folds would be shorter than what is fitted to them."""


@dataclass(frozen=True)
class Agreement(Shown):
    """One score against the CPU load.

    Attributes
    ----------
    name : the method, ``"count"`` (plain operation count) or ``"opens"``.
    pearson, spearman : correlation of score and CPU load (pooled over servers).
    r2 : out-of-sample R2; below 0 the mean would predict better. NaN for fewer than
        `FEWEST_HELD_OUT` intervals.
    rmse : out-of-sample error [percent].
    """

    name: str
    pearson: float
    spearman: float
    r2: float
    rmse: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain values; None for what is not defined."""
        values = {k: getattr(self, k) for k in ("pearson", "spearman", "r2", "rmse")}
        return {"name": self.name} | {k: v if math.isfinite(v) else None for k, v in values.items()}


def agreements(
    rows: Rows,
    weights: Weights,
    *,
    timed: Mapping[str, float] | None = None,
    options: RegressionOptions | None = None,
    refit: bool = True,
    folds: int = 10,
) -> tuple[Agreement, Agreement, Agreement]:
    """Return how the weights, the plain count and opens alone agree with the CPU load.

    Parameters
    ----------
    rows : intervals with operations and CPU load (`Summary.rows`).
    timed : operation -> mean handler time, if the weights were fitted with it.
    options : settings with which to refit.
    refit : fit the costs anew without each fold, choices and all, if the method is regression; else
        the weights are taken as given (right for weights that come from other data).
    folds : number of folds.

    Raises
    ------
    DataError : where no interval has both operations and CPU load.
    """
    rows = rows.complete()
    options = options or RegressionOptions()
    twice = duplicates(rows.operations)
    count = np.array([0.0 if o in twice else 1.0 for o in rows.operations])
    opens = np.array([1.0 if o == "open" else 0.0 for o in rows.operations])
    own = weights.aligned(rows.operations)[0]
    again = refit and weights.method == "regression"
    return (
        _agreement(weights.method, rows, own, folds, options, timed if again else None, again),
        _agreement("count", rows, count, folds, options, None, False),
        _agreement("opens", rows, opens, folds, options, None, False),
    )


def _agreement(
    name: str,
    rows: Rows,
    w: Floats,
    folds: int,
    options: RegressionOptions,
    timed: Mapping[str, float] | None,
    refit: bool,
) -> Agreement:
    from scipy.stats import spearmanr

    score = rows.rates @ np.where(np.isfinite(w), w, 0.0)
    if not np.isfinite(w).all() or np.ptp(score) == 0.0 or np.ptp(rows.cpu) == 0.0:
        nan = math.nan
        return Agreement(name, nan, nan, nan, nan)
    pearson = float(np.corrcoef(score, rows.cpu)[0, 1])
    spearman = float(spearmanr(score, rows.cpu).statistic)
    if len(rows) < FEWEST_HELD_OUT:
        return Agreement(name, pearson, spearman, math.nan, math.nan)
    predicted = held_out(rows, w, folds, options, timed or {}, refit=refit)
    error = rows.cpu - predicted
    total = rows.cpu - rows.cpu.mean()
    r2 = 1.0 - float(error @ error) / float(total @ total)
    return Agreement(name, pearson, spearman, r2, float(np.sqrt(np.mean(error**2))))


def held_out(
    rows: Rows,
    w: Floats,
    folds: int,
    options: RegressionOptions,
    timed: Mapping[str, float],
    *,
    refit: bool,
) -> Floats:
    """Return (n,) the CPU load [percent] of each row, predicted from the other folds."""
    whole = System.of(rows, options.lag)
    fold = whole.blocks(folds)
    predicted = np.empty(len(rows))
    for k in range(int(fold.max()) + 1):
        out = fold == k
        others = rows.taken(~out)
        curve = (
            _as_curve(fit_rows(others, timed, options, {}), rows)
            if refit
            else response_of(System.of(others, options.lag), w)
        )
        predicted[out] = whole.predicted(curve)[out]
    return predicted


def response_of(system: System, w: Floats) -> Curve:
    """Return the curve of given weights: base load, scale, concave link and lag fitted to rows."""
    prior = Prior("given", w / max(float(w.max()), 1e-300), np.ones(len(w)))
    shape = Shape(concave=True, lagged=len(system.before) > 1, tau=0.0)
    noise = flat(system)
    curve = started(system, noise, prior.centre, shape)
    for _ in range(3):
        curve = minimised(system, noise, prior, shape, [curve])
        noise = estimated(system, curve)
    return minimised(system, noise, prior, shape, [curve])


def _as_curve(weights: Weights, rows: Rows) -> Curve:
    """Return fitted weights as a curve over the columns and servers of `rows`."""
    response = weights.response
    w = weights.aligned(rows.operations)[0]
    if response is None:  # nothing could be fitted: predict nothing but the mean load
        return Curve(
            np.full(len(rows.servers), float(rows.cpu.mean())),
            np.zeros(len(w)),
            np.ones(1),
            LINE,
        )
    base = [response.base.get(s, response.mean_base) for s in rows.servers]
    return Curve(
        np.array(base),
        w * response.gain,
        np.array(response.lag),
        response.link.scaled(response.gain),
    )
