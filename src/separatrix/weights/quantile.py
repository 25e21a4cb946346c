r"""The seed notebook's weights, exactly; the same with its faults repaired; and its sweep.

    w_k = \frac{1}{Q_k(q)} \Big/ \min_j \frac{1}{Q_j(q)} ,   q = 0.9999 ,

with Q_k the quantile of operation k's rate. Operations under 0.1 % of all counts weigh 0. It
assumes that every operation has once saturated the same server, so rare operations look expensive:
kept as the point of comparison, not as advice.

``mode="notebook"`` repeats the notebook step by step, in its order and with its accidents: the first
target only; NaN as pandas treats it; the minimum starts at 1.0, so that weights above 1 are not
normalised; a quantile of 0 gives an infinite weight unless the operation is dropped.
``mode="repaired"`` pools all targets, drops operations whose quantile is 0, and normalises by the
smallest weight that is kept.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from separatrix.errors import DataError
from separatrix.telemetry import OPERATIONS, Counters
from separatrix.weights.prior import duplicates
from separatrix.weights.result import Basis, Weights

if TYPE_CHECKING:
    import pandas as pd

    from separatrix.weights.summary import Summary

Floats = npt.NDArray[np.float64]
Mode = Literal["notebook", "repaired"]

QUANTILE = 0.9999
LEAST_SHARE = 0.001


@dataclass(frozen=True)
class Calibration:
    """The notebook's numbers.

    Attributes
    ----------
    quantile, least_share : its two settings.
    quantiles : operation -> quantile of its rate [1/s].
    raw : operation -> 1 / quantile [s], before anything is dropped; infinite for a quantile of 0.
    weights : operation -> weight.
    dropped : operations under the least share (repaired: or with a quantile of 0).
    shares : operation -> part of all counts.
    least : what the weights were divided by [s].
    exact : whether all quantiles are exact (a long stream keeps only the largest values).
    """

    quantile: float
    least_share: float
    quantiles: Mapping[str, float]
    raw: Mapping[str, float]
    weights: Mapping[str, float]
    dropped: tuple[str, ...]
    shares: Mapping[str, float]
    least: float
    exact: bool = True


def calibrate_frame(
    rates: pd.DataFrame, *, quantile: float = QUANTILE, least_share: float = LEAST_SHARE
) -> Calibration:
    """Run the notebook's cell on its own table: one column of rates [1/s] per operation."""
    _checked(quantile, least_share)
    total = float(rates.sum().sum())
    names = [str(column) for column in rates.columns]
    return _notebook(
        names,
        {o: float(rates[o].quantile(q=quantile)) for o in names},
        {o: float(rates[o].sum()) for o in names},
        total,
        quantile,
        least_share,
    )


def calibrate(
    data: Counters | Summary,
    *,
    quantile: float = QUANTILE,
    least_share: float = LEAST_SHARE,
    mode: Mode = "notebook",
) -> Calibration:
    """Return the notebook's weights of a table or of a summary of many.

    From a summary the sums are compensated and may differ from pandas' in their last bit; quantiles
    are exact as long as enough of the largest values were kept (`Calibration.exact`).

    Raises
    ------
    DataError : where quantile or share is outside [0, 1], or there is no operation.
    """
    _checked(quantile, least_share)
    if mode == "notebook" and isinstance(data, Counters):
        return calibrate_frame(notebook_rates(data), quantile=quantile, least_share=least_share)
    from separatrix.weights.summary import Summary

    summary = data if isinstance(data, Summary) else Summary().add(data)
    if mode == "notebook":
        names = [o for o in OPERATIONS if o in summary.operations]
        target = summary.targets[0] if summary.targets else None
    else:
        twice = duplicates(summary.operations)
        names = [o for o in summary.operations if o not in twice]
        target = None
    if not names:
        raise DataError("the telemetry holds no metadata operation")
    found = {o: summary.quantile(o, quantile, target) for o in names}
    sums = {o: summary.series.total(o, target) for o in names}
    exact = all(sure for _, sure in found.values())
    quantiles = {o: q for o, (q, _) in found.items()}
    build = _notebook if mode == "notebook" else _repaired
    total = math.fsum(sums.values())
    return build(names, quantiles, sums, total, quantile, least_share, exact)


def sweep(
    summary: Summary,
    quantiles: Sequence[float] = (0.9, 0.99, 0.999, 0.9999, 0.99999, 1.0),
    *,
    least_share: float = LEAST_SHARE,
    mode: Mode = "repaired",
) -> tuple[tuple[Calibration, float], ...]:
    """Return, for each quantile, the weights and the correlation of their score with CPU load.

    The notebook turns this knob by hand until the correlation is high; see `score` on why that is
    the wrong goal. The correlation is NaN where no CPU load is known or a weight is infinite.
    """
    pairs: list[tuple[Calibration, float]] = []
    for q in quantiles:
        found = calibrate(summary, quantile=q, least_share=least_share, mode=mode)
        names = tuple(o for o, w in found.weights.items() if w != 0.0)
        w = np.array([found.weights[o] for o in names])
        moments = summary.moments_of(names) if len(names) and np.isfinite(w).all() else None
        r = math.nan
        if moments is not None:
            only_cpu = np.zeros(len(names) + 1)
            only_cpu[-1] = 1.0
            r = moments.correlation(np.append(w, 0.0), only_cpu)
        pairs.append((found, r))
    return tuple(pairs)


def notebook_rates(table: Counters) -> pd.DataFrame:
    """Return the notebook's ``mdrates_df``: its operations, in its order, of the first target."""
    import pandas as pd

    if not table.targets:
        raise DataError("the telemetry holds no metadata target")
    names = [o for o in OPERATIONS if o in table.operations]
    if not names:
        raise DataError(
            "the telemetry holds none of the notebook's operations",
            hint=f"it holds {', '.join(table.operations) or 'none'}",
        )
    index = pd.to_datetime(table.start, unit="s", utc=True).tz_convert(table.zone)
    return pd.DataFrame({o: pd.Series(table.rate(o)[0], index=index) for o in names})


def as_weights(found: Calibration, *, mode: Mode, provenance: Mapping[str, Any]) -> Weights:
    """Return a calibration as `Weights`, which have no intervals and no response."""
    names = tuple(found.weights)
    values = np.array([found.weights[o] for o in names])
    nothing = np.full(len(names), np.nan)
    basis: tuple[Basis, ...] = tuple("dropped" if o in found.dropped else "measured" for o in names)
    finite = bool(np.isfinite(values).all())
    return Weights(
        method="notebook" if mode == "notebook" else "quantile",
        operations=names,
        values=values,
        low=nothing,
        high=nothing,
        covariance=np.zeros((len(names), len(names))),
        basis=basis,
        status="ok" if finite and values.any() else "inconclusive",
        reason="" if finite else "an operation that was kept has a quantile of 0 or NaN",
        details={
            "quantile": found.quantile,
            "least_share": found.least_share,
            "quantiles": dict(found.quantiles),
            "raw": dict(found.raw),
            "dropped": list(found.dropped),
            "shares": dict(found.shares),
            "divided_by": found.least,
            "quantiles_exact": found.exact,
        },
        provenance=provenance,
    )


def _checked(quantile: float, least_share: float) -> None:
    for name, value in (("quantile", quantile), ("least_share", least_share)):
        if not 0.0 <= value <= 1.0:
            raise DataError(f"{name} must be between 0 and 1, got {value!r}")


def _notebook(
    names: Sequence[str],
    quantiles: Mapping[str, float],
    sums: Mapping[str, float],
    total: float,
    quantile: float,
    least_share: float,
    exact: bool = True,
) -> Calibration:
    raw: dict[str, float] = {}
    weights: dict[str, float] = {}
    shares: dict[str, float] = {}
    dropped: list[str] = []
    least = 1.0
    with np.errstate(divide="ignore", invalid="ignore"):
        for name in names:
            raw[name] = weights[name] = float(1.0 / np.float64(quantiles[name]))
            shares[name] = float(np.float64(sums[name]) / np.float64(total))
            if shares[name] < least_share:
                weights[name] = 0.0
                dropped.append(name)
            else:
                least = min(weights[name], least)
        for name in names:
            weights[name] = float(np.float64(weights[name]) / np.float64(least))
    return Calibration(
        quantile, least_share, dict(quantiles), raw, weights, tuple(dropped), shares, least, exact
    )


def _repaired(
    names: Sequence[str],
    quantiles: Mapping[str, float],
    sums: Mapping[str, float],
    total: float,
    quantile: float,
    least_share: float,
    exact: bool = True,
) -> Calibration:
    shares = {o: sums[o] / total if total > 0.0 else 0.0 for o in names}
    kept = [o for o in names if shares[o] >= least_share and quantiles[o] > 0.0]
    raw = {o: 1.0 / quantiles[o] if quantiles[o] > 0.0 else math.inf for o in names}
    least = min((raw[o] for o in kept), default=1.0)
    return Calibration(
        quantile,
        least_share,
        dict(quantiles),
        raw,
        {o: raw[o] / least if o in kept else 0.0 for o in names},
        tuple(o for o in names if o not in kept),
        shares,
        least,
        exact,
    )
