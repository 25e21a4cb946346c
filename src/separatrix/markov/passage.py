r"""Quantiles of hitting times.

Where the slow exit dominates, the survival function is its exponential tail

.. math:: P_x(T > t) = \frac{v_x}{\nu v} e^{-\theta t} + O(e^{-\theta_2 t}),

with a remainder below rounding once :math:`(\theta_2 - \theta) t > 40`; else it is evaluated by a
Krylov space of the killed generator, whose shift follows the quantile.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, isfinite, log
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import ModelError
from separatrix.markov.hitting import HittingTimes
from separatrix.markov.krylov import ExponentialAction
from separatrix.markov.methods import solver_for
from separatrix.markov.quasistationary import QuasiStationary, slow_exit
from separatrix.markov.solver import Solver
from separatrix.markov.starts import Start, start_law
from separatrix.markov.uniformised import SurvivalSeries
from separatrix.notebook import Shown

Array: TypeAlias = NDArray[np.float64]

_MAX_DIMENSION = 90
_TOLERANCE = 1e-9  # absolute, on the survival probability
_SHARP = 1e-12  # relative difference of two dimensions that a larger space need not improve
_CROSSED = 1e-13  # relative width of the bracket in which a crossing is left


@dataclass(frozen=True)
class Quantile(Shown):
    """The time by which the target has been hit with a given probability.

    Attributes
    ----------
    probability : in (0, 1).
    time : [s]; ``inf`` above 1e308.
    log_time : its natural logarithm.
    error : relative error estimate.
    method : ``"slow exit"``, ``"uniformisation"``, ``"krylov"`` or ``"start"`` (in the target).
    status : ``"ok"``, or ``"inconclusive"`` with `reason`.
    """

    probability: float
    time: float
    log_time: float
    error: float
    method: str
    status: Literal["ok", "inconclusive"] = "ok"
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Numbers for JSON."""
        return {
            "unit": "s", "probability": self.probability, "time": self.time,
            "log_time": self.log_time, "relative_error": self.error, "method": self.method,
            "status": self.status, "reason": self.reason,
        }  # fmt: skip


def hitting_quantiles(
    times: HittingTimes,
    start: Start,
    probabilities: Sequence[float] = (0.5, 0.99),
    *,
    slow: QuasiStationary | None = None,
) -> tuple[Quantile, ...]:
    """Quantiles of the time to a target, such as its median and 99th percentile.

    Parameters
    ----------
    times : from `hitting_times`; its factors are used again.
    start : one state, or a law over the box.
    probabilities : each in (0, 1).
    slow : `slow_exit` of the same factors, where it is already known.

    Raises
    ------
    ModelError : a probability outside (0, 1), or a start that cannot reach the target.
    """
    for p in probabilities:
        if not 0.0 < p < 1.0:
            raise ModelError(f"a quantile's probability must be in (0, 1); got {p}")
    law = start_law(start, times.mean.shape)
    if np.isnan(times.mean[law > 0.0]).any():
        raise ModelError("the start was left out when the hitting times were computed")
    alive = float(law[~times.target].sum())
    solved = None if times.solver is None else times.solver.complete()
    pending = [p for p in probabilities if alive > 1.0 - p and alive > 0.0]
    found = {p: Quantile(p, 0.0, -np.inf, 0.0, "start") for p in probabilities if p not in pending}
    if pending and solved is not None:
        law = np.where(times.target, 0.0, law)
        exit_ = slow_exit(solved) if slow is None else slow
        weight = float((law * exit_.lifetime).sum())
        mean = times.at(law / alive).mean
        series = SurvivalSeries(solved, law.reshape(-1))
        spaces: dict[float, ExponentialAction] = {}
        for p in pending:
            tail = _by_slow_exit(exit_, weight, p)
            if tail is None and not isfinite(mean):
                nan, why = float("nan"), exit_.reason or "the mean is beyond 1e308 s"
                found[p] = Quantile(p, nan, nan, nan, "slow exit", "inconclusive", why)
                continue
            found[p] = (
                tail
                or _by_series(series, mean, p)
                or _by_krylov(times, solved, law.reshape(-1), alive, p, spaces)
            )
    return tuple(found[p] for p in probabilities)


def _by_slow_exit(exit_: QuasiStationary, weight: float, p: float) -> Quantile | None:
    level = 1.0 - p
    if exit_.status != "ok" or not weight > level or not isfinite(weight):
        return None
    ages = log(weight / level)  # in units of the mean lifetime 1 / theta
    # decades of decay that the next mode has behind it by then
    behind = ages * (1.0 / max(exit_.separation, 1e-300) - 1.0)
    if behind < 40.0:
        return None
    log_time = log(ages) - exit_.log_exit_rate
    error = exit_.error + 100.0 * exp(-min(behind, 700.0)) / (level * ages)
    time = exp(log_time) if log_time < 709.7 else float("inf")
    # the logarithm magnifies the weight's rounding where it is near the level
    return Quantile(p, time, log_time, error + 1e-15 / ages, "slow exit")


def _by_series(series: SurvivalSeries, mean: float, p: float) -> Quantile | None:
    if not series.affordable(mean, 1.0 - p):
        return None
    found = series.quantile(1.0 - p)
    if found is None:
        return None
    time, error = found
    return Quantile(p, time, log(time), error, "uniformisation")


def _by_krylov(
    times: HittingTimes,
    solved: Solver,
    law: Array,
    alive: float,
    p: float,
    spaces: dict[float, ExponentialAction],
) -> Quantile:
    level = 1.0 - p
    mean = times.at(law.reshape(times.mean.shape) / alive).mean
    gamma = 0.2 * mean
    best: Quantile | None = None
    for _ in range(6):
        if gamma not in spaces:
            spaces[gamma] = _survival_space(solved, gamma)
        space = spaces[gamma]
        # bracketed from what is known best: a mean far beyond the time is far beyond what a space resolves
        time, error = _solve(space, law, level, mean if best is None else best.time)
        if isfinite(time):
            if best is None or error < best.error:
                best = Quantile(p, time, log(time), error, "krylov")
            closer = 0.2 * time
            near = 0.5 < closer / gamma < 2.0
            # a shift far longer than the time itself costs digits, which one nearer to it brings back
            if best.error <= _SHARP or (near and best.error < 1e-7):
                return best
            gamma = 0.3 * gamma if near else closer
        else:
            gamma *= 0.1
    nan = float("nan")
    if best is None:
        return Quantile(
            p, nan, nan, nan, "krylov", "inconclusive", "the Krylov space did not settle"
        )
    if best.error < 1e-3:
        return best
    reason = f"estimated relative error {best.error:.2g}"
    return Quantile(p, best.time, best.log_time, best.error, "krylov", "inconclusive", reason)


def _survival_space(solved: Solver, gamma: float) -> ExponentialAction:
    shifted = solver_for(
        solved.chain,
        removed=solved.removed,
        killing=1.0 / gamma,
        anchor=solved.anchor,
    )
    start = (~solved.removed.reshape(-1)).astype(np.float64)
    return ExponentialAction(lambda f: shifted.signed_right(f) / gamma, start, gamma)


def _solve(space: ExponentialAction, law: Array, level: float, scale: float) -> tuple[float, float]:
    """The time at which the survival probability passes `level`, and its relative error."""
    krylov = space.space
    previous = float("nan")
    best = float("nan"), float("inf")
    for dimension in range(6, _MAX_DIMENSION + 1, 6):
        krylov.grow(dimension - krylov.dimension)
        settled = krylov.complete and dimension >= krylov.dimension
        overlap = np.array([float(law @ q) for q in krylov.basis[:dimension]])
        value = space.evaluator(overlap, dimension)
        if value is None:
            if settled:
                break
            continue

        def survival(t: float, value: Callable[[float], Array] = value) -> float:
            return float(value(t))

        time = _crossing(survival, level, scale)
        # the bracket, or rounding in the resolvent, seen through a shift far longer than the time itself
        floor = max(1e-15 * space.gamma / time, _CROSSED)
        if isfinite(time) and settled:
            return time, floor
        if isfinite(time) and isfinite(previous):
            slope = (survival(time * 0.999) - survival(time * 1.001)) / (0.002 * time)
            if abs(survival(previous) - level) < _TOLERANCE and slope > 0.0:
                error = max(abs(time - previous) / time, floor)
                if error > 0.5 * best[1]:
                    # rounding is all that a larger space changes
                    return best[0], max(best[1], min(error, 2.0 * best[1]))
                best = time, error
                if error <= _SHARP:
                    return best
        if settled:
            break
        previous = time if isfinite(time) else previous
    return best if isfinite(best[0]) else (float("nan"), float("nan"))


def _crossing(survival: Callable[[float], float], level: float, scale: float) -> float:
    """Root of ``survival(t) = level``, bracketed from `scale` on (Illinois on logarithms)."""
    low, high = scale, scale
    for _ in range(400):
        s = survival(high)
        if not isfinite(s):
            return float("nan")
        if s <= level:
            break
        low, high = high, 2.0 * high
    for _ in range(400):
        s = survival(low)
        if not isfinite(s):
            return float("nan")
        if s > level:
            break
        low, high = 0.5 * low, low
    else:
        return float("nan")

    def height(t: float) -> float:
        return log(max(survival(t), 1e-30)) - log(level)

    f_low, f_high = height(low), height(high)
    for _ in range(100):
        if f_low == f_high or high - low <= _CROSSED * high:
            break
        t = (low * -f_high + high * f_low) / (f_low - f_high)
        t = t if low < t < high else 0.5 * (low + high)
        f = height(t)
        if f == 0.0 or not isfinite(f):
            return t
        if f > 0.0:
            if abs(t - low) < _CROSSED * t:
                return t
            low, f_low, f_high = t, f, 0.5 * f_high
        else:
            if abs(high - t) < _CROSSED * t:
                return t
            high, f_high, f_low = t, f, 0.5 * f_low
    return 0.5 * (low + high)
