"""The seed notebook's cells on its own tables, cell by cell, for comparison to the last bit.

Takes what the notebook takes, one table of rates and one series of CPU load, and returns every
number it prints or plots, with those the notebook leaves out: rank correlation and baselines.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from separatrix.notebook import Shown
from separatrix.telemetry import Counters
from separatrix.weights.quantile import (
    LEAST_SHARE,
    QUANTILE,
    Calibration,
    calibrate_frame,
    notebook_rates,
)
from separatrix.weights.result import plain
from separatrix.weights.series import DECADES

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class NotebookRun(Shown):
    """What the notebook prints and plots.

    Attributes
    ----------
    summary : operation -> count, mean, std, min, quartiles and max of its rate [1/s].
    histogram : operation -> intervals per decade of rate, see `series.DECADES`.
    total : sum of all rates [1/s].
    cumulative : (operation, share of all operations up to and with it), largest first.
    calibration : quantiles and weights.
    scores : load score of each interval.
    score_sum, score_mean, score_max : over all intervals.
    cpu : summary of the CPU load [percent].
    pearson, spearman : correlation of the score with the CPU load.
    pearson_count, pearson_single : the same for the plain count and for each operation alone.
    ratio : CPU load over score, all intervals together.
    daily_ratio : local day -> CPU load over score.
    """

    summary: Mapping[str, Mapping[str, float]]
    histogram: Mapping[str, tuple[int, ...]]
    total: float
    cumulative: tuple[tuple[str, float], ...]
    calibration: Calibration
    scores: pd.Series
    score_sum: float
    score_mean: float
    score_max: float
    cpu: Mapping[str, float]
    pearson: float
    spearman: float
    pearson_count: float
    pearson_single: Mapping[str, float]
    ratio: float
    daily_ratio: Mapping[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, without the score of every interval."""
        found = {k: getattr(self, k) for k in self.__dataclass_fields__ if k != "scores"}
        found["calibration"] = vars(self.calibration)
        return cast(dict[str, Any], plain(found))


def run_notebook(
    rates: pd.DataFrame,
    cpu: pd.Series,
    *,
    quantile: float = QUANTILE,
    least_share: float = LEAST_SHARE,
) -> NotebookRun:
    """Run the notebook.

    Parameters
    ----------
    rates : one column per operation [1/s], the notebook's ``mdrates_df``.
    cpu : CPU load [percent], its ``cpuload_df``; matched with `rates` by its index.
    """
    names = [str(column) for column in rates.columns]
    found = calibrate_frame(rates, quantile=quantile, least_share=least_share)
    by_share = rates.sum().sort_values(ascending=False)
    cumulative = (by_share / rates.sum().sum()).cumsum()
    scores = rates.dot([found.weights[o] for o in names])
    with np.errstate(divide="ignore", invalid="ignore"):  # a constant series has no correlation
        pearson = float(cpu.corr(scores))
        spearman = float(cpu.corr(scores, method="spearman"))
        count = float(cpu.corr(rates.sum(axis=1)))
        single = {o: float(cpu.corr(rates[o])) for o in names}
    score_sum = float(scores.sum())
    return NotebookRun(
        summary={o: _described(rates[o]) for o in names},
        histogram={
            o: tuple(np.histogram(rates[o].dropna(), bins=np.array(DECADES))[0].tolist())
            for o in names
        },
        total=float(rates.sum().sum()),
        cumulative=tuple((str(o), float(v)) for o, v in cumulative.items()),
        calibration=found,
        scores=scores,
        score_sum=score_sum,
        score_mean=float(scores.mean()),
        score_max=float(scores.max()),
        cpu=_described(cpu),
        pearson=pearson,
        spearman=spearman,
        pearson_count=count,
        pearson_single=single,
        ratio=float(cpu.sum()) / score_sum if score_sum else math.nan,
        daily_ratio=_daily(cpu, scores),
    )


def run_notebook_on(table: Counters, **settings: float) -> NotebookRun:
    """Run the notebook on a table: its first target and that target's server."""
    rates = notebook_rates(table)
    import pandas as pd

    return run_notebook(rates, pd.Series(table.cpu_of_targets()[0], index=rates.index), **settings)


def _described(series: pd.Series) -> dict[str, float]:
    return {str(k): float(v) for k, v in series.describe().items()}


def _daily(cpu: pd.Series, scores: pd.Series) -> dict[str, float]:
    import pandas as pd

    if not isinstance(scores.index, pd.DatetimeIndex):
        return {}
    ratio = cpu.resample("1D").sum() / scores.resample("1D").sum()
    return {f"{day:%Y-%m-%d}": float(v) for day, v in ratio.items()}
