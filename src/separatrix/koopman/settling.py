r"""Settling times: when the expected state has come within a share delta of its limit, for good.

For a start x0 let :math:`m(t) = E[X_t | x_0]`, :math:`m_\infty` its limit, and :math:`|\cdot|` the Euclidean
norm over channels in units of their deviation. Then

.. math:: T_\delta(x_0) = \inf \{ t : |m(s) - m_\infty| \le \delta\, |m(0) - m_\infty| \text{ for all } s \ge t \} .

`learned` reads it off a model's latent step, `contraction.bound` bounds it from the spectrum and the encoder's
Lipschitz constants, `empirical.empirical` measures it on an ensemble of runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite, log
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import DataError
from separatrix.koopman.autoencoder import Koopman
from separatrix.notebook import Shown

Array: TypeAlias = NDArray[np.float64]

DELTAS = (0.5, 0.4, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01)

_GRID = 600  # times, evenly spaced on a logarithmic scale
_MOST_STARTS = 256
_NEAR = 0.05  # of the farthest start: starts nearer to the limit have nowhere to settle from


@dataclass(frozen=True)
class Settling(Shown):
    """Settling times at several delta.

    Attributes
    ----------
    method : "empirical", "learned" or "bound".
    deltas : (k,) shares.
    mean : (k,) [s]: over the kinds of start, of the mean over fits or of the estimate from the data; NaN where
        it is not known.
    low, high : (k,) [s] 95 % interval: over fits (see `ensemble`) or over resampled runs; NaN where
        one fit says nothing about it.
    shortest, longest : (k,) [s] over the starts.
    status, reason : "ok", or "inconclusive" and why; in part where some delta are NaN.
    assumptions : what the numbers rest on, in words.
    details : numbers behind it, such as the Lipschitz constants.
    """

    method: Literal["empirical", "learned", "bound"]
    deltas: Array
    mean: Array
    low: Array
    high: Array
    shortest: Array
    longest: Array
    status: Literal["ok", "inconclusive"]
    reason: str
    assumptions: str
    details: Mapping[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Numbers for JSON; None for what is not known."""

        def plain(values: Array) -> list[float | None]:
            return [float(v) if isfinite(v) else None for v in values]

        return {
            "method": self.method, "unit": "s", "deltas": self.deltas.tolist(),
            "mean": plain(self.mean), "low": plain(self.low), "high": plain(self.high),
            "shortest": plain(self.shortest), "longest": plain(self.longest),
            "status": self.status, "reason": self.reason, "assumptions": self.assumptions,
            "details": dict(self.details),
        }  # fmt: skip


def checked_deltas(deltas: Sequence[float]) -> Array:
    """The shares as an array; DataError where one is not in (0, 1)."""
    found = np.array(deltas, dtype=np.float64)
    if found.size == 0 or not ((found > 0.0) & (found < 1.0)).all():
        raise DataError(f"delta is {list(deltas)}", hint="give shares in (0, 1), such as 0.1")
    return found


def learned(
    models: Koopman | Sequence[Koopman],
    deltas: Sequence[float] = DELTAS,
    *,
    starts: Array | None = None,
) -> Settling:
    """Settling times that the models predict from their training starts, or from `starts`.

    Parameters
    ----------
    models : fits of the same system: the interval is that of `ensemble.spread`.
    starts : (n, channels), or (n, delays, channels).

    Raises DataError where all starts lie at the limit already.
    """
    shares = checked_deltas(deltas)
    fits = same_system(models)
    each = np.array([_predicted(m, shares, starts) for m in fits])
    mean, low, high = spread(each[:, 0], fits[0].validation)
    return Settling(
        "learned", shares, mean, low, high, each[:, 1].min(axis=0), each[:, 2].max(axis=0),
        "ok", "",
        "the expected state follows the learned step; interval: over fits to parts of the runs",
        {"fits": float(len(fits)), "slowest_timescale": float(fits[0].timescales_[0])},
    )  # fmt: skip


def together(servers: Mapping[str, Settling]) -> Settling:
    """All servers: the whole has settled when the last of them has.

    `mean`, `low` and `high` are those of the server that takes longest, at each delta.
    """
    parts = list(servers.values())
    if not parts:
        raise DataError("there are no servers", hint="learn a model for each first")
    first = parts[0]
    for name, part in servers.items():
        if part.method != first.method or not np.array_equal(part.deltas, first.deltas):
            raise DataError(
                f"{name} was read differently", hint="use one method and one delta list"
            )
    mean = np.array([part.mean for part in parts])
    # a server whose time is not known may be the last
    slowest = np.where(np.isnan(mean), inf, mean).argmax(axis=0)

    def of_slowest(attribute: str) -> Array:
        values = np.array([getattr(part, attribute) for part in parts])
        return values[slowest, np.arange(values.shape[1])]

    wrong = [f"{name}: {p.reason}" for name, p in servers.items() if p.status != "ok"]
    return Settling(
        first.method, first.deltas, of_slowest("mean"), of_slowest("low"), of_slowest("high"),
        of_slowest("shortest"), np.array([part.longest for part in parts]).max(axis=0),
        "inconclusive" if wrong else "ok", "; ".join(wrong), first.assumptions,
        {"servers": float(len(parts))},
    )  # fmt: skip


def spread(values: Array, held: float) -> tuple[Array, Array, Array]:
    r"""Mean and 95 % interval over fits (fits, ...), each to all runs but a share `held`.

    The delete-d jackknife (J. Shao, C. F. J. Wu, Ann. Statist. 17 (1989) 1176): fits to 80 % of the same
    runs differ less than fits to new runs would, by :math:`\sqrt{d / (n - d)}`. The scatter over first
    weights is in it. NaN for one fit.
    """
    from scipy.stats import t

    mean = values.mean(axis=0)
    n = len(values)
    if n < 2:
        nothing = np.full(mean.shape, np.nan)
        return mean, nothing, nothing
    half = t.ppf(0.975, n - 1) * np.sqrt((1.0 - held) / held) * values.std(axis=0, ddof=1)
    return mean, np.maximum(mean - half, 0.0), mean + half


def last_exit(times: Array, distance: Array, level: float) -> float:
    """First time after which `distance` stays at or below `level`; inf where it does not.

    Between the last sample above and the next the logarithm of the distance is taken as linear.
    """
    above = np.flatnonzero(distance > level)
    if len(above) == 0:
        return 0.0
    i = int(above[-1])
    if i == len(distance) - 1:
        return inf
    a, b = float(distance[i]), max(float(distance[i + 1]), 1e-300)
    part = log(a / level) / log(a / b) if level > 0.0 else 1.0
    return float(times[i] + min(max(part, 0.0), 1.0) * (times[i + 1] - times[i]))


def same_system(models: Koopman | Sequence[Koopman]) -> list[Koopman]:
    """One model, or several of one system, as a list; DataError where they are of different series."""
    fits = [models] if isinstance(models, Koopman) else list(models)
    if not fits:
        raise DataError("there is no model", hint="learn one first")
    if any(m.names_ != fits[0].names_ or m.step_ != fits[0].step_ for m in fits):
        raise DataError("the models are of different series", hint="settle each system by itself")
    return fits


def _predicted(model: Koopman, deltas: Array, given: Array | None) -> Array:
    """(3, deltas) mean over the kinds of start, shortest and longest over the starts."""
    starts = model.starts_ if given is None else np.asarray(given, dtype=np.float64)
    kinds = model.begins_ if given is None else np.zeros(len(starts))
    _, some = np.unique(starts, axis=0, return_index=True)
    if len(some) > _MOST_STARTS:
        some = some[np.linspace(0, len(some) - 1, _MOST_STARTS).astype(int)]
    z = model.latent(starts[some])
    rest = model.decode(np.zeros((1, z.shape[1])))
    begin = np.linalg.norm(model.decode(z) - rest, axis=1)
    far = begin > _NEAR * begin.max()
    if not begin.max() > 0.0:
        raise DataError("all starts lie at the limit already", hint="give starts away from it")
    slowest = float(model.timescales_[0])
    longest = slowest / model.step_ * log(1e3 / float(deltas.min()))
    decades = np.linspace(-2.0, np.log10(max(longest, 1.0)), _GRID, dtype=np.float64)
    times: Array = np.where(decades > -2.0, 10.0**decades, 0.0)
    values, right, left = model.eigen()
    path = np.exp(np.log(values)[None] * times[:, None])[:, None] * (z[far] @ left.T)[None]
    decoded = model.decode((path @ right.T).real.reshape(-1, z.shape[1]))
    distance = np.linalg.norm(decoded - rest, axis=1).reshape(len(times), -1)
    found = np.array(
        [
            [last_exit(times, distance[:, s], d * begin[far][s]) for s in range(far.sum())]
            for d in deltas
        ]
    )
    kind = kinds[some][far]
    each = [found[:, kind == k].mean(axis=1) for k in np.unique(kind)]
    mean = np.mean(each, axis=0)
    return model.step_ * np.stack([mean, found.min(axis=1), found.max(axis=1)])
