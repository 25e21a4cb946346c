"""Costs by regression of the servers' CPU load on their operations: the default method.

The model is in `system`, its loss in `gauss_newton`, the choices in `selection`, the intervals in
`intervals`. Here telemetry goes in and `Weights` come out: operations that are counted in another or
never occur are set aside, servers are pooled (one base load each, common costs), and costs are
expressed relative to the average operation.

Assumptions: servers of one kind; costs that do not change over the fitted time; a load that no
counter shows which is not proportional to the operations. What the CPU does not see (disk, locks)
is not in these costs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from separatrix.errors import DataError
from separatrix.weights.gauss_newton import Shape
from separatrix.weights.intervals import Determined, mean_gain
from separatrix.weights.link import Link
from separatrix.weights.prior import Prior, duplicates, equal, given, handler, surcharges
from separatrix.weights.result import Basis, Response, Weights
from separatrix.weights.rows import Rows
from separatrix.weights.selection import Selected, selected
from separatrix.weights.summary import Summary
from separatrix.weights.system import System

Floats = npt.NDArray[np.float64]
PriorName = Literal["auto", "equal", "handler"]
LinkName = Literal["auto", "straight", "concave"]

LONGEST_LAG = 8
"""Intervals over which operations may act on the CPU load, by default."""
FEWEST_ROWS = 60
LEVEL = 0.95


@dataclass(frozen=True)
class RegressionOptions:
    """Settings of the regression.

    Attributes
    ----------
    prior : ``"equal"``; ``"handler"`` (measured handler time); ``"auto"`` (both where handler times
        are known, the better one in held-out folds); or costs by name.
    link : ``"auto"`` lets the folds decide.
    lag : most intervals of lag tried; 0 for none.
    folds : number of time-blocked folds.
    """

    prior: PriorName | Mapping[str, float] = "auto"
    link: LinkName = "auto"
    lag: int = LONGEST_LAG
    folds: int = 10

    def __post_init__(self) -> None:
        if not 0 <= self.lag <= 100:
            raise DataError(f"lag must be 0 .. 100 intervals, got {self.lag}")
        if not 2 <= self.folds <= 100:
            raise DataError(f"folds must be 2 .. 100, got {self.folds}")
        if isinstance(self.prior, str) and self.prior not in ("auto", "equal", "handler"):
            raise DataError(
                f"unknown prior {self.prior!r}", hint="auto, equal, handler, or costs by name"
            )
        if self.link not in ("auto", "straight", "concave"):
            raise DataError(f"unknown link {self.link!r}", hint="auto, straight or concave")

    @property
    def shapes(self) -> list[Shape]:
        """Candidate shapes, simplest first."""
        links = {"auto": (False, True), "straight": (False,), "concave": (True,)}[self.link]
        lags = (False, True) if self.lag else (False,)
        return [Shape(concave, lagged) for lagged in lags for concave in links]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        prior = self.prior if isinstance(self.prior, str) else dict(self.prior)
        return {"prior": prior, "link": self.link, "lag": self.lag, "folds": self.folds}


def regress(summary: Summary, options: RegressionOptions, provenance: Mapping[str, Any]) -> Weights:
    """Fit costs to the rows that a summary has kept.

    Raises
    ------
    DataError : where no interval has both operations and CPU load.
    """
    return fit_rows(summary.rows, summary.handler_time(), options, provenance)


def fit_rows(
    rows: Rows,
    timed: Mapping[str, float],
    options: RegressionOptions,
    provenance: Mapping[str, Any],
) -> Weights:
    """Fit costs to rows.

    Parameters
    ----------
    timed : operation -> mean handler time [us]; may be empty.

    Raises
    ------
    DataError : where no row has both operations and CPU load.
    """
    everything = rows.operations
    rows = rows.complete()
    twice = duplicates(rows.operations)
    occurs = rows.rates.sum(axis=0) > 0.0
    live = [o for o, on in zip(rows.operations, occurs, strict=True) if on and o not in twice]
    columns = [rows.operations.index(o) for o in live]
    rows = replace(rows, operations=tuple(live), rates=np.ascontiguousarray(rows.rates[:, columns]))
    if not live or len(rows) < FEWEST_ROWS or float(np.ptp(rows.cpu)) == 0.0:
        why = (
            "no operation occurs"
            if not live
            else f"{len(rows)} intervals are too few (at least {FEWEST_ROWS})"
            if len(rows) < FEWEST_ROWS
            else "the CPU load is constant"
        )
        return _untold(everything, live, twice, why, provenance)
    system = System.of(rows, options.lag)
    priors = _priors(options, rows, timed)
    folds = max(2, min(options.folds, len(rows) // 20))
    chosen = selected(system, priors, shapes=options.shapes, folds=folds)
    return _weights(everything, rows, system, chosen, twice, options, provenance)


def _priors(options: RegressionOptions, rows: Rows, timed: Mapping[str, float]) -> list[Prior]:
    extra = surcharges(rows.operations, rows.rates, timed)
    flat = equal(rows.operations, extra)
    if not isinstance(options.prior, str):
        return [given(rows.operations, options.prior)]
    if options.prior == "equal":
        return [flat]
    measured = handler(rows.operations, rows.rates, timed, extra)
    if options.prior == "handler":
        if measured is None:
            raise DataError(
                "handler times are known for fewer than two operations",
                hint="they come with md_stats of Lustre 2.14 and later; use prior 'auto' or 'equal'",
            )
        return [measured]
    return [flat] if measured is None else [flat, measured]


def _weights(
    everything: tuple[str, ...],
    rows: Rows,
    system: System,
    chosen: Selected,
    twice: Mapping[str, str],
    options: RegressionOptions,
    provenance: Mapping[str, Any],
) -> Weights:
    curve, data = chosen.curve, chosen.data
    gain = mean_gain(system, curve)
    cost = gain * curve.weight
    share = rows.weight @ rows.rates
    share = share / share.sum()
    unit = float(share @ cost)
    if unit <= 0.0:
        return _untold(everything, rows.operations, twice, "the load explains no CPU", provenance)
    covariance, low, high, sure = _uncertainty(chosen, cost, share, unit)
    K = len(everything)
    at = [everything.index(o) for o in rows.operations]
    values = _spread(cost / unit, at, K)
    whole = np.zeros((K, K))
    whole[np.ix_(at, at)] = covariance
    basis: list[Basis] = ["nested" if o in twice else "absent" for o in everything]
    for k, told in zip(at, sure, strict=True):
        basis[k] = "measured" if told else "prior"
    per_unit = unit / gain  # weight of the curve per unit of score
    score = (system.lagged(curve.lag) @ curve.weight) / per_unit
    response = Response(
        base=dict(zip(rows.servers, curve.base.tolist(), strict=True)),
        gain=per_unit,
        link=Link(curve.link.bend, curve.link.knee / per_unit),
        lag=tuple(curve.lag.tolist()),
        highest=float(score.max()),
    )
    told = data is not None and chosen.shape.tau > 0.0
    return Weights(
        method="regression",
        operations=everything,
        values=values,
        low=_spread(low, at, K, np.nan),
        high=_spread(high, at, K, np.nan),
        covariance=whole,
        basis=tuple(basis),
        unit=unit,
        response=response,
        status="ok" if told else "inconclusive",
        reason="" if told else chosen.reason,
        details={
            "choice": chosen.reason,
            "prior": chosen.prior.name,
            "doubt": chosen.shape.tau,
            "link": "concave" if chosen.shape.concave else "straight",
            "lagged": chosen.shape.lagged,
            "p_no_cost": chosen.p_values[0],
            "p_equal_costs": chosen.p_values[1],
            "noise_percent": float(np.median(chosen.noise.sigma)),
            "noise_memory": chosen.noise.memory,
            "rows": len(rows),
            "servers": list(rows.servers),
            "level": LEVEL,
            "unshrunk_cost_percent_s": dict(zip(rows.operations, data.cost.tolist(), strict=True))
            if data
            else {},
            "nested_in": dict(twice),
            "options": options.to_dict(),
        },
        provenance=provenance,
    )


def _uncertainty(
    chosen: Selected, cost: Floats, share: Floats, unit: float
) -> tuple[Floats, Floats, Floats, list[bool]]:
    """Return covariance and interval of cost / unit, and whether the data say more than the prior.

    Intervals are of the data alone. The covariance, which is for scores and plans, adds what the
    prior knows: inverse(inverse(V) + P / (tau c)^2), with a doubt tau of at least a half.
    """
    K = len(cost)
    prior, data = chosen.prior, chosen.data
    tau = max(chosen.shape.tau, 0.5) if chosen.shape.tau > 0.0 else 1.0
    common = max(prior.common(cost), 1e-300)
    believed = prior.scale * tau * common
    precision = prior.precision() / (tau * common) ** 2
    if data is None:
        low, high = np.zeros(K), np.full(K, np.nan)
        spread = np.diag(believed**2)
        sure = [False] * K
    else:
        low, high = _relative_interval(data, share, cost, unit)
        sure = (data.told & (np.sqrt(np.diag(data.covariance)) < believed)).tolist()
        told = np.ix_(data.told, data.told)
        size = np.sqrt(np.maximum(np.diag(data.covariance)[data.told], 1e-300))
        scaled = data.covariance[told] / np.outer(size, size)
        total = precision.copy()
        total[told] += np.linalg.pinv(scaled, rcond=1e-8, hermitian=True) / np.outer(size, size)
        scale = 1.0 / np.sqrt(np.maximum(np.diag(total), 1e-300))
        inverse = np.linalg.pinv(total * np.outer(scale, scale), rcond=1e-10, hermitian=True)
        spread = inverse * np.outer(scale, scale)
    D = (np.eye(K) - np.outer(cost / unit, share)) / unit
    return D @ spread @ D.T, low, high, sure


def _relative_interval(
    data: Determined, share: Floats, cost: Floats, unit: float
) -> tuple[Floats, Floats]:
    """Return the interval of each cost over the average one, widened to hold the estimate."""
    centre = float(share @ data.cost)
    value = cost / unit
    if centre <= 0.0:
        return np.zeros(len(cost)), np.full(len(cost), np.nan)
    relative = data.cost / centre
    D = (np.eye(len(cost)) - np.outer(relative, share)) / centre
    whole = replace(data, cost=relative, covariance=D @ data.covariance @ D.T)
    low, high = whole.interval(LEVEL)
    return np.minimum(low, value), np.maximum(high, value)


def _spread(values: Floats, at: list[int], n: int, fill: float = 0.0) -> Floats:
    out = np.full(n, fill)
    out[at] = values
    return out


def _untold(
    everything: tuple[str, ...],
    live: list[str] | tuple[str, ...],
    twice: Mapping[str, str],
    why: str,
    provenance: Mapping[str, Any],
) -> Weights:
    """Return equal costs with all the doubt of the prior, where nothing can be fitted."""
    K = len(everything)
    names = [o for o in everything if o not in twice]
    values = np.array([1.0 if o in names else 0.0 for o in everything])
    basis: tuple[Basis, ...] = tuple(
        "nested" if o in twice else "prior" if o in live else "absent" for o in everything
    )
    return Weights(
        method="regression",
        operations=everything,
        values=values,
        low=np.zeros(K),
        high=np.full(K, math.nan),
        covariance=np.diag(values),
        basis=basis,
        status="inconclusive",
        reason=why,
        provenance=provenance,
    )
