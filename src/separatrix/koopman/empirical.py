r"""Settling times of an ensemble of runs, with nothing learned.

The mean over the runs that started alike estimates m(t); its limit is estimated from the last part of
all runs. The squared distance of two means is too large by the variance of their error, which is
subtracted. Where the error of the mean is not small against delta times the first distance, the time
is not known, and more runs are needed: that is said, instead of the time at which noise last crossed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import DataError
from separatrix.koopman.dataset import Trajectories
from separatrix.koopman.settling import DELTAS, Settling, checked_deltas, last_exit

Array: TypeAlias = NDArray[np.float64]

_TAIL = 1.0 / 3.0  # of a run, from which the limit is estimated
_RESOLVED = 2.0  # errors of the smoothed mean that delta times the first distance must exceed
_SMOOTHING = 0.1  # of the time passed: width of the running mean
_RESAMPLES = 200
_SAME = 1e-3  # deviations: ends nearer than this are one, however small their errors


@dataclass(frozen=True, eq=False)
class _Ensemble:
    begin: float
    runs: Array  # (runs, samples, channels) scaled


def empirical(data: Trajectories, deltas: Sequence[float] = DELTAS, *, seed: int = 0) -> Settling:
    """Settling times of the ensembles in `data`, one for each kind of start.

    Parameters
    ----------
    data : several runs; pieces with the same `begin` started alike.
    seed : of the resampling of runs behind the 95 % intervals.

    `mean`, `low`, `high` are means over the kinds of start; `details` has the limit of each channel.

    Raises DataError where no start has two runs, or a channel never changes.
    """
    shares = checked_deltas(deltas)
    varying = data.varying()
    scale = np.concatenate(varying.pieces).std(axis=0)
    kinds = [
        _Ensemble(begin, runs / scale)
        for begin, runs in _alike(varying)
        if len(runs) >= 2 and runs.shape[1] >= 6
    ]
    if not kinds:
        raise DataError(
            "no two runs started alike: there is no ensemble to average",
            hint="record several runs from the same start",
        )
    rng = np.random.default_rng(seed)
    found, unresolved = _times(kinds, shares, varying.step)
    resampled = np.array(
        [
            _times([_redrawn(k, rng) for k in kinds], shares, varying.step)[0]
            for _ in range(_RESAMPLES)
        ]
    )
    many = resampled.mean(axis=1)
    reasons = [*unresolved]
    apart = _disagreement(kinds)
    if apart > 4.0:
        reasons.append(
            f"runs from different starts end {apart:.1f} errors apart: they have not settled, or come "
            "to rest at different places; record longer"
        )
    with np.errstate(invalid="ignore"):
        mean = found.mean(axis=0)
        low, high = (
            np.quantile(np.where(np.isnan(mean), np.nan, many), q, axis=0) for q in (0.025, 0.975)
        )
    limit = _limit(kinds)[0] * scale
    details = {f"limit of {n}": float(v) for n, v in zip(varying.names, limit, strict=True)}
    error = _limit(kinds)[1] * scale
    details |= {f"error of {n}": float(v) for n, v in zip(varying.names, error, strict=True)}
    return Settling(
        "empirical", shares, mean, low, high, found.min(axis=0), found.max(axis=0),
        "inconclusive" if reasons else "ok", "; ".join(reasons),
        "runs are independent, and settled in their last third; interval: over resampled runs",
        details,
    )  # fmt: skip


def _alike(data: Trajectories) -> list[tuple[float, Array]]:
    """Ensembles by begin and, where runs begin in different states at once, by first state."""
    found: list[tuple[float, Array]] = []
    for begin, runs in data.ensembles():
        firsts, which = np.unique(runs[:, 0], axis=0, return_inverse=True)
        few = len(firsts) <= max(2, len(runs) // 2) and begin == 0.0
        groups = [runs[which.reshape(-1) == i] for i in range(len(firsts))] if few else [runs]
        found += [(begin, group) for group in groups]
    return found


def _redrawn(kind: _Ensemble, rng: np.random.Generator) -> _Ensemble:
    return _Ensemble(kind.begin, kind.runs[rng.integers(len(kind.runs), size=len(kind.runs))])


def _limit(kinds: list[_Ensemble]) -> tuple[Array, Array]:
    """(channels,) mean over the last parts of all runs, and its error."""
    ends = np.concatenate([_ends(kind) for kind in kinds])
    return ends.mean(axis=0), ends.std(axis=0, ddof=1) / np.sqrt(len(ends))


def _ends(kind: _Ensemble) -> Array:
    return kind.runs[:, -max(1, round(_TAIL * kind.runs.shape[1])) :].mean(axis=1)


def _disagreement(kinds: list[_Ensemble]) -> float:
    """Largest distance between the ends of two kinds of start, in errors."""
    ends = [_ends(kind) for kind in kinds]
    mean = [e.mean(axis=0) for e in ends]
    error = [e.var(axis=0, ddof=1) / len(e) for e in ends]
    return max(
        (
            float(np.max(np.abs(mean[i] - mean[j]) / np.sqrt(error[i] + error[j] + _SAME**2)))
            for i in range(len(kinds))
            for j in range(i)
        ),
        default=0.0,
    )


def _times(kinds: list[_Ensemble], deltas: Array, step: float) -> tuple[Array, list[str]]:
    """(kinds, deltas) [s], NaN where noise hides it, and what is hidden."""
    limit, limit_error = _limit(kinds)
    out = np.full((len(kinds), len(deltas)), np.nan)
    hidden: list[str] = []
    for i, kind in enumerate(kinds):
        n, samples = kind.runs.shape[:2]
        times: Array = step * np.arange(samples, dtype=np.float64)
        error = kind.runs.var(axis=0, ddof=1) / n + limit_error**2
        square = _smoothed(((kind.runs.mean(axis=0) - limit) ** 2 - error).sum(axis=1))
        distance = np.sqrt(np.maximum(square, 0.0))
        noise = float(np.sqrt(error[samples // 2 :].sum(axis=1).mean()))
        first = float(np.linalg.norm(kind.runs[:, 0].mean(axis=0) - limit))
        clear = deltas * first > _RESOLVED * noise
        latest = (1.0 - _TAIL) * times[-1]
        late = False
        for j, delta in enumerate(deltas):
            if clear[j]:
                t = last_exit(times, distance, delta * first)
                late |= not t < latest
                out[i, j] = t if t < latest else np.nan
        if late:
            hidden.append(f"runs from {kind.begin:g} s on settle in their last third or not at all")
        if not clear.all():
            worst = float(deltas.min())
            many = int(np.ceil(n * (_RESOLVED * noise / (worst * max(first, 1e-12))) ** 2))
            hidden.append(
                f"from {kind.begin:g} s on, {n} runs show delta {_RESOLVED * noise / first:.2g} at best; "
                f"delta {worst:g} needs about {many:,}"
                if first > 0.0
                else f"runs from {kind.begin:g} s on begin at the limit"
            )
    return out, hidden


def _smoothed(values: Array) -> Array:
    """Running mean over a width that grows with the time passed."""
    total = np.concatenate([[0.0], values.cumsum()])
    i = np.arange(len(values))
    half = (0.5 * _SMOOTHING * i).astype(int)
    low, high = np.maximum(i - half, 0), np.minimum(i + half + 1, len(values))
    return (total[high] - total[low]) / (high - low)
