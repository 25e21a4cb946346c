r"""Parameters of a program from observed series: least squares, with intervals and a warning where blind.

The series of several runs (queue, orbit, goodput) are compared with what the population predicts,

.. math:: \min_\theta \sum_{r,k,t} \frac{(y_{rkt} - f_{kt}(\theta))^2}{\sigma_k^2},

with :math:`\sigma_k^2` the variance of series k between runs (within the run, where there is one).
A global stage (Sobol points, or CMA-ES where the ``calibrate`` extra is installed) finds the basin, bounded
least squares its bottom. Positive parameters are sought on a logarithmic scale.

**Intervals.** Values of one run depend on each other, so that the usual covariance would be far too
narrow. With H the Fisher information :math:`J^T W J` and :math:`g_c` the score of cluster c (a run; with
fewer than three runs, a stretch of time) the covariance is
:math:`H^{-1} (\frac{C}{C-1} \sum_c g_c g_c^T) H^{-1}`, which holds whatever the dependence inside a cluster
(Liang and Zeger, Biometrika 73, 1986).

**Identifiability.** A direction in which H is smaller than its largest by :data:`BLIND` cannot be told from
the data; the parameters that make it up are named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

import numpy as np

from separatrix.errors import DataError, ModelError, Problem
from separatrix.model import Program
from separatrix.model.parameters import Path
from separatrix.population import Array, Closure
from separatrix.questions.calibration import Calibration, Fitted
from separatrix.questions.predicted import Engine, Observation
from separatrix.questions.residuals import Residuals, Scale

Stage = Literal["sobol", "cma"]

BLIND = 1e-4
"""Least ratio of singular values of the scaled sensitivities that counts as seen."""
BEST = 3
"""Starts of the local stage."""
FEW = 3
"""Predictions (and derivatives) after which starts on their way to the same place are told."""
SAME_WAY = 0.05
"""Ways nearer than this share of the bounds end at one place."""
BASIN = 0.02
"""Width of the evolution's cloud, as a share of the bounds, at which least squares take over."""
STRETCHES = 12
"""Clusters in time, where there are fewer than three runs."""
POOR = 3.0
"""Mean squared residual of the run means, in units of its expectation, above which the fit is poor."""


def calibrate(
    program: Program,
    observations: Sequence[Observation],
    bounds: Mapping[Path, tuple[float, float]],
    *,
    engine: Engine = "fluid",
    closure: Closure = "auto",
    stage: Stage = "sobol",
    points: int = 64,
    seed: int = 0,
) -> Calibration:
    """Fit parameters of `program` to observed series.

    Parameters
    ----------
    observations : series from an empty start, through the program's faults.
    bounds : path -> (low, high) in SI units; the parameters to fit.
    engine : who predicts: the mean dynamics (fast, biased where chance matters), or the exact chain.
    closure : see `lower`.
    stage : how the basin is found.
    points : number of Sobol points, a power of two.
    seed : of the global stage.

    Raises ModelError for bounds that bound nothing, a parameter that is no real number, and programs that
    no population carries; DataError where ``"cma"`` is not installed.
    """
    if not observations:
        raise ModelError(Problem("nothing was observed", "observations", "give a series"))
    scale = Scale(program, bounds)
    model = Residuals(program, observations, scale, engine, closure)
    starts = _sobol(model, points, seed) if stage == "sobol" else _cma(model, seed)
    ends = [_least_squares(model, start) for start in _apart(model, starts)]
    best = min(ends, key=lambda end: float(end.cost))
    return _result(model, np.asarray(best.x, dtype=np.float64))


def calibrate_load_and_patience(
    program: Program,
    source: str,
    observations: Sequence[Observation],
    *,
    arrival_rate: tuple[float, float],
    timeout: tuple[float, float],
    engine: Engine = "fluid",
    seed: int = 0,
) -> Calibration:
    """Metafor's calibration: arrival rate and time-out of a source within bounds, by CMA-ES.

    Parameters and errors as in `calibrate`.
    """
    bounds: dict[Path, tuple[float, float]] = {
        ("sources", source, "arrival_rate"): arrival_rate,
        ("sources", source, "timeout"): timeout,
    }
    return calibrate(program, observations, bounds, engine=engine, stage="cma", seed=seed)


def _sobol(model: Residuals, points: int, seed: int) -> list[Array]:
    """The best of Sobol points."""
    from scipy.stats import qmc

    dimension = len(model.scale.paths)
    tried = qmc.Sobol(dimension, rng=np.random.default_rng(seed)).random(points)
    costs = [float(np.square(model.residuals(point)).sum()) for point in tried]
    order = [int(i) for i in np.argsort(costs)]
    return [np.asarray(tried[i], dtype=np.float64) for i in order[: min(BEST, 1 + points // 8)]]


def _cma(model: Residuals, seed: int) -> list[Array]:
    """Where the evolution of a covariance ends up (Hansen, The CMA evolution strategy, 2006)."""
    try:
        import cma as package
    except ImportError:
        raise DataError(
            "cma is not installed", hint="pip install 'separatrix[calibrate]', or stage=\"sobol\""
        ) from None
    cma: Any = package
    dimension = len(model.scale.paths)
    options = {
        "bounds": [0, 1], "seed": seed + 1, "verbose": -9, "maxfevals": 40 * (dimension + 1),
        "tolfun": 1e-6, "tolx": BASIN,
    }  # fmt: skip

    def cost(x: Any) -> float:
        # a single parameter is given a second that changes nothing: a covariance needs two
        unit = np.asarray(x, dtype=np.float64)[:dimension]
        return float(np.square(model.residuals(unit)).sum())

    best = cma.fmin(cost, [0.5] * max(dimension, 2), 0.25, options)[0][:dimension]
    return [np.clip(np.asarray(best, dtype=np.float64), 0.0, 1.0)]


def _apart(model: Residuals, starts: list[Array]) -> list[Array]:
    """Where a few steps lead from the starts, those on their way to the same place once."""
    if len(starts) == 1:
        return starts
    kept: list[Array] = []
    for end in sorted((_least_squares(model, s, FEW) for s in starts), key=lambda e: float(e.cost)):
        if all(float(np.abs(end.x - other).max()) > SAME_WAY for other in kept):
            kept.append(np.asarray(end.x, dtype=np.float64))
    return kept


def _least_squares(model: Residuals, start: Array, most: int = 40) -> Any:
    from scipy.optimize import least_squares

    inside = np.clip(start, 1e-6, 1 - 1e-6)
    solve = cast(Any, least_squares)
    return solve(
        model.residuals, inside, bounds=(0.0, 1.0), diff_step=1e-3, xtol=1e-6, ftol=1e-8,
        max_nfev=most,
    )  # fmt: skip


def _result(model: Residuals, best: Array) -> Calibration:
    from scipy.special import stdtrit

    scale = model.scale
    sensitivity = _sensitivity(model, best)
    fitted = model.predict(best)
    strength = np.linalg.svd(sensitivity, compute_uv=True, full_matrices=False)
    singular, directions = strength[1], strength[2]
    rank = int(np.sum(singular > BLIND * singular[0])) if singular[0] > 0 else 0
    condition = float(singular[0] / singular[-1]) if singular[-1] > 0 else float("inf")
    warnings = [_blind(directions[i], scale.names) for i in range(rank, len(singular))]
    scores = _scores(model, fitted, sensitivity)
    clusters = len(scores)
    inverse = np.linalg.pinv(sensitivity.T @ sensitivity)
    covariance = inverse @ (clusters / (clusters - 1) * scores.T @ scores) @ inverse
    half = float(stdtrit(clusters - 1, 0.975)) * np.sqrt(np.diag(covariance))
    if rank < len(best):
        half = np.where(np.abs(directions[rank:]).max(axis=0) > 0.1, np.inf, half)
    value, low, high = (
        scale.values(np.clip(best + step, 0, 1)) for step in (np.zeros_like(best), -half, half)
    )
    bounded = (best < 1e-3) | (best > 1 - 1e-3)
    warnings += [
        f"{name} lies at a bound: widen the bounds"
        for name, held in zip(scale.names, bounded, strict=True)
        if held
    ]
    misfit = _misfit(model, fitted)
    if misfit > POOR:
        warnings.append(
            f"the fit is poor: residuals {misfit:.3g} times what chance makes them; the "
            f"{model.engine} reading is not what made the series, and the intervals do not cover that"
        )
    parameters = tuple(
        Fitted(n, float(v), float(a), float(b), bool(held))
        for n, v, a, b, held in zip(scale.names, value, low, high, bounded, strict=True)
    )
    return Calibration(
        model.changed(best), parameters, misfit, rank, condition, tuple(warnings),
        "inconclusive" if warnings else "ok", model.evaluations,
    )  # fmt: skip


def _sensitivity(model: Residuals, best: Array) -> Array:
    """Weighted derivative of the prediction by each scaled parameter, (n, parameters)."""
    step = 1e-3
    columns: list[Array] = []
    for i in range(len(best)):
        ahead, behind = best.copy(), best.copy()
        ahead[i], behind[i] = min(best[i] + step, 1.0), max(best[i] - step, 0.0)
        change = model.predict(ahead) - model.predict(behind)
        columns.append(model.weight * change / (ahead[i] - behind[i]))
    return np.stack(columns, axis=1)


def _scores(model: Residuals, fitted: Array, sensitivity: Array) -> Array:
    """Score of each cluster, (clusters, parameters): of the mean over the runs."""
    runs = min(len(o.values) for o in model.observations)
    scores: list[Array] = []
    for run in range(runs):
        own = np.concatenate([o.values[run] for o in model.observations])
        part = sensitivity * (model.weight * (own - fitted))[:, None] / runs
        if runs >= 3:
            scores.append(part.sum(axis=0))
            continue
        horizon = float(model.times[-1]) * (1 + 1e-9)
        stretch = np.concatenate(
            [(STRETCHES * o.times / horizon).astype(int) for o in model.observations]
        )
        scores += [part[stretch == k].sum(axis=0) for k in range(STRETCHES)]
    return np.array(scores)


def _misfit(model: Residuals, fitted: Array) -> float:
    """Squared residuals of the run means over their expectation, averaged over all values."""
    ratios: list[float] = []
    begin = 0
    for seen in model.observations:
        part = fitted[begin : begin + len(seen.times)]
        begin += len(seen.times)
        runs = len(seen.values)
        if runs < 3:
            return float("nan")
        expected = seen.values.var(axis=0, ddof=1).mean() / runs
        gap = float(np.square(seen.values.mean(axis=0) - part).mean())
        ratios.append(gap / max(float(expected), 1e-30))
    return float(np.mean(ratios))


def _blind(direction: Array, names: list[str]) -> str:
    """The parameters that make up a direction in which the data are blind."""
    made = [n for n, d in zip(names, direction, strict=True) if abs(d) > 0.1]
    if len(made) == 1:
        return f"{made[0]} cannot be told from these series: they hardly change with it"
    return f"{' and '.join(made)} cannot be told apart from these series: fix one, or observe more"
