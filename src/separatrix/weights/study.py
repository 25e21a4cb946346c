"""All that a report on weights shows, computed once: methods side by side, agreement, time, days."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from separatrix.errors import DataError
from separatrix.notebook import Shown
from separatrix.weights.agreement import Agreement, agreements
from separatrix.weights.estimator import METHODS, CostWeights
from separatrix.weights.quantile import Calibration, sweep
from separatrix.weights.result import Weights, plain
from separatrix.weights.rows import Rows
from separatrix.weights.summary import Summary

Floats = npt.NDArray[np.float64]

JUDGED = 20_000
"""Most intervals on which weights are fitted again without each fold."""
FOLDS = 5
BINS = 300
"""Most points of the picture over time."""
DOTS = 3_000
"""Most dots of the picture of score against load."""


@dataclass(frozen=True)
class Relative:
    """Weight of one operation by one method, in units of the average operation's, with its interval."""

    weight: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Study(Shown):
    """Weights with what supports them.

    Attributes
    ----------
    summary, weights : the telemetry's summary and the weights asked for.
    methods : method -> operation -> `Relative`; every method that the telemetry allows.
    agreements : of the weights, and of the plain count and opens alone; none without CPU load.
    unjudged : why there are none, else "".
    sweep : the notebook's weights at several quantiles, with their correlation.
    dots : (n,) score [weighted operations/s], CPU load and expected load [percent] of single
        intervals; expected is NaN where the weights have no response.
    times : the same as means over time bins, with the middle of each bin [s since 1970 UTC].
    daily_ratio : local day -> CPU load over score, all servers and intervals together [percent s].
    """

    summary: Summary
    weights: Weights
    methods: Mapping[str, Mapping[str, Relative]]
    agreements: tuple[Agreement, ...]
    unjudged: str
    sweep: tuple[tuple[Calibration, float], ...]
    dots: tuple[Floats, Floats, Floats]
    times: tuple[Floats, Floats, Floats, Floats]
    daily_ratio: Mapping[str, float]

    @property
    def sentence(self) -> str:
        """What was found, in a sentence or two."""
        if self.weights.status != "ok":
            return f"Costs cannot be told apart: {self.weights.reason}."
        own = self.methods[self.weights.method]
        told = [o for o, b in zip(self.weights.operations, self.weights.basis, strict=True)
                if b == "measured" and o in own]  # fmt: skip
        if not told:
            return "No operation's cost is known better than beforehand."
        dear = max(told, key=lambda o: own[o].weight)
        interval = (
            f" (95 % interval {own[dear].low:.2g} to {own[dear].high:.2g})"
            if math.isfinite(own[dear].high)
            else ""
        )
        found = f"One {dear} weighs as much as {own[dear].weight:.3g} average operations{interval}."
        if not self.agreements:
            return found
        ours, count, opens = self.agreements
        return (
            f"{found} On time that was not fitted the score explains {100 * ours.r2:.1f} % of the "
            f"CPU load's variance, the plain count {100 * count.r2:.1f} %, opens alone "
            f"{100 * opens.r2:.1f} %."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for ``--json`` and the page."""
        return {
            "weights": self.weights.to_dict(),
            "sentence": self.sentence,
            "summary": plain(self.summary.to_dict()),
            "methods": plain(
                {m: {o: vars(r) for o, r in w.items()} for m, w in self.methods.items()}
            ),
            "agreement": [a.to_dict() for a in self.agreements],
            "no_agreement_because": self.unjudged,
            "quantile_sweep": [
                plain({"quantile": c.quantile, "pearson": r, "weights": c.weights})
                for c, r in self.sweep
            ],
            "daily_ratio_percent_s": plain(self.daily_ratio),
        }


def study(model: CostWeights) -> Study:
    """Return the study of a fitted estimator.

    Out-of-sample errors come from `FOLDS` folds contiguous in time, on at most `JUDGED` intervals.
    """
    summary, weights = model.summary_, model.weights_
    judged: tuple[Agreement, ...] = ()
    unjudged = ""
    try:
        judged = agreements(
            summary.rows.thinned(JUDGED),
            weights,
            timed=summary.handler_time(),
            options=model.regression,
            folds=FOLDS,
        )
    except DataError as wrong:
        unjudged = str(wrong).removesuffix(f"; {wrong.hint}")  # that is for fits
    dots, times = _against_load(summary.rows, weights)
    return Study(
        summary=summary,
        weights=weights,
        methods=_side_by_side(model),
        agreements=judged,
        unjudged=unjudged,
        sweep=sweep(summary),
        dots=dots,
        times=times,
        daily_ratio=_daily(summary, weights),
    )


def _side_by_side(model: CostWeights) -> dict[str, dict[str, Relative]]:
    summary = model.summary_
    shares = {row.operation: row.share for row in summary.table()}
    found: dict[str, dict[str, Relative]] = {}
    for method in dict.fromkeys((model.method, *METHODS)):
        try:
            weights = (
                model.weights_
                if method == model.method
                else replace(model, method=method).fit(summary).weights_
            )
        except DataError:  # no CPU load, or none of the notebook's operations
            continue
        mean = sum(shares[o] * w for o, w in weights.as_mapping().items() if w > 0.0)
        if not 0.0 < mean < math.inf:
            continue
        found[method] = {
            o: Relative(
                *(float(x) / mean for x in (weights.values[k], weights.low[k], weights.high[k]))
            )
            for k, o in enumerate(weights.operations)
            if weights.basis[k] not in ("absent", "nested")
        }
    return found


def _against_load(
    rows: Rows, weights: Weights
) -> tuple[tuple[Floats, Floats, Floats], tuple[Floats, Floats, Floats, Floats]]:
    """Return what `Study.dots` and `Study.times` hold."""
    values = weights.aligned(rows.operations)[0]
    weighted = np.flatnonzero(values > 0.0)
    if not np.isfinite(values).all():  # such weights make no score
        rows = rows.taken(np.arange(0))
    score = rows.rates[:, weighted] @ values[weighted]
    keep = np.isfinite(score)
    expected = np.full(len(rows), np.nan)
    if weights.response is not None:
        for code, server in enumerate(rows.servers):
            mine = rows.server == code
            expected[mine] = weights.response.cpu(score[mine], server)
    time, standing = (rows.start + rows.step / 2)[keep], rows.weight[keep]
    score, cpu, expected = score[keep], rows.cpu[keep], expected[keep]
    if not len(time):
        none = np.empty(0)
        return (none, none, none), (none, none, none, none)
    # every so manieth dot in order of score: quiet and busy intervals alike
    order = np.argsort(score, kind="stable")
    some = order[:: -(-len(order) // DOTS)]
    edges: Floats = np.linspace(float(time.min()), float(time.max()), BINS + 1)
    place = np.clip(np.searchsorted(edges, time, side="right") - 1, 0, BINS - 1)
    total = np.bincount(place, weights=standing, minlength=BINS)
    filled = total > 0.0

    def mean(column: Floats) -> Floats:
        sums = np.bincount(place, weights=standing * column, minlength=BINS)
        return sums[filled] / total[filled]

    dots = (score[some], cpu[some], expected[some])
    return dots, (mean(time), mean(score), mean(cpu), mean(expected))


def _daily(summary: Summary, weights: Weights) -> dict[str, float]:
    load: dict[str, float] = {}
    score: dict[str, float] = {}
    for (day, _), sums in sorted(summary.days.items()):
        load[day] = load.get(day, 0.0) + sums.cpu
        score[day] = score.get(day, 0.0) + sum(
            weights[o] * rate for o, rate in sums.rates.items() if weights[o] > 0.0
        )
    return {
        day: load[day] / score[day] if 0.0 < score[day] < math.inf else math.nan for day in load
    }
