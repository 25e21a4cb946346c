"""Choose link, lag and shrinkage inside time-blocked folds.

1. The noise is estimated from a pilot fit (concave, lagged, tau = 1).
2. Link and lag: of the four shapes, the simplest whose held-out loss is within one standard error of
   the best. Folds are contiguous in time; their standard error comes from finer time blocks.
3. Equal costs are kept unless the data say that operations cost something at all (t test) and
   reject equal costs (F test), both at `GATE`: where load is idle, no weight is better than a weight
   made of noise.
4. The doubt tau of the shrinkage, and the prior if there are several: least held-out loss.

The held-out loss is the robust whitened one that is minimised, so that hidden load that lasts does
not drown what the operations explain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from separatrix.weights.gauss_newton import Shape, minimised, started
from separatrix.weights.intervals import Determined, determined
from separatrix.weights.noise import estimated, flat, huber_loss
from separatrix.weights.prior import Prior
from separatrix.weights.system import Curve, Noise, System

Floats = npt.NDArray[np.float64]

TAUS = (0.1, 0.25, 0.5, 1.0, 2.0, 8.0)
"""Doubts tried: costs differ from the prior by about this fraction of it."""
GATE = 0.05
"""Level at which costs of nothing, and equal costs, are rejected."""
FINE = 100
"""Time blocks for the standard error of a difference of held-out losses."""


@dataclass(frozen=True)
class Trial:
    """One candidate and its held-out loss per row."""

    prior: str
    shape: Shape
    loss: float


@dataclass(frozen=True, eq=False)
class Selected:
    """The model that was chosen, and why.

    Attributes
    ----------
    curve, noise, prior, shape : the fitted model.
    data : what the data alone say about costs; None where there are too few rows.
    p_values : of the hypotheses that operations cost nothing, and that costs are the prior's.
    trials : all candidates with their held-out losses.
    reason : one sentence.
    """

    curve: Curve
    noise: Noise
    prior: Prior
    shape: Shape
    data: Determined | None
    p_values: tuple[float, float]
    trials: tuple[Trial, ...]
    reason: str


@dataclass(frozen=True, eq=False)
class _Folds:
    """Held-out losses of candidates."""

    system: System
    noise: Noise
    fold: npt.NDArray[np.int64]
    fine: npt.NDArray[np.int64]

    def losses(self, prior: Prior, shape: Shape, whole: Curve) -> Floats:
        """Return the held-out loss summed by fine time block."""
        held = np.zeros(self.system.n)
        for k in range(int(self.fold.max()) + 1):
            out = self.fold == k
            curve = minimised(
                self.system.restricted(~out), self.noise, prior, shape, [whole], iterations=2
            )
            held[out] = huber_loss(self.system.residuals(curve, self.noise)[out])
        held[~self.system.use] = 0.0
        return np.bincount(self.fine, weights=held).astype(np.float64)


def selected(
    system: System,
    priors: Sequence[Prior],
    *,
    shapes: Sequence[Shape],
    folds: int = 10,
) -> Selected:
    """Return the chosen model.

    Parameters
    ----------
    priors : candidates; the first is the one that is kept where the data do not speak.
    shapes : candidates for link and lag, simplest first; their tau is not used.
    """
    first = priors[0]
    pilot = replace(shapes[-1], tau=1.0)
    noise = flat(system)
    curve = minimised(system, noise, first, pilot, _starts(system, noise, first, pilot))
    for _ in range(2):
        noise = estimated(system, curve)
        curve = minimised(system, noise, first, pilot, [curve], iterations=15)
    noise = estimated(system, curve)
    judge = _Folds(system, noise, system.blocks(folds), system.blocks(FINE))
    trials: list[Trial] = []
    shape, curve = _shape(judge, first, shapes, curve, trials)
    data = determined(system, curve, noise, concave=shape.concave)
    p_nothing = data.rises(system.weight @ system.rates / system.total) if data else 1.0
    p_equal = data.against(first) if data else 1.0
    if p_nothing > GATE or p_equal > GATE:
        fixed = replace(shape, tau=0.0)
        starts = _starts(system, noise, first, fixed)
        curve = minimised(system, noise, first, fixed, starts)
        why = (
            "too few intervals to tell costs apart"
            if not data
            else f"the CPU load does not rise with the operations (p = {p_nothing:.2g})"
            if p_nothing > GATE
            else f"the data do not reject costs proportional to the {first.name} prior "
            f"(p = {p_equal:.2g})"
        )
        data = data and determined(system, curve, noise, concave=shape.concave)
        return Selected(curve, noise, first, fixed, data, (p_nothing, p_equal), tuple(trials), why)
    best: tuple[float, Prior, Shape, Curve] | None = None
    for prior in priors:
        at = curve
        for tau in TAUS:
            candidate = replace(shape, tau=tau)
            at = minimised(system, noise, prior, candidate, [at])
            held = float(judge.losses(prior, candidate, at).sum())
            trials.append(Trial(prior.name, candidate, held / system.n))
            if best is None or held < best[0]:
                best = (held, prior, candidate, at)
    assert best is not None  # noqa: S101  (there is a prior)
    _, prior, shape, curve = best
    data = determined(system, curve, noise, concave=shape.concave)
    why = (
        f"{prior.name} prior with doubt {shape.tau:g}, "
        f"{'concave' if shape.concave else 'straight'} link, "
        f"{'lag' if shape.lagged else 'no lag'}: least held-out loss of {len(trials)} candidates "
        f"in {folds} time-blocked folds"
    )
    return Selected(curve, noise, prior, shape, data, (p_nothing, p_equal), tuple(trials), why)


def _starts(system: System, noise: Noise, prior: Prior, shape: Shape) -> list[Curve]:
    """Return starting curves: the best link on a grid, and if concave a line and a power law."""
    best = started(system, noise, prior.centre, shape)
    if not shape.concave:
        return [best]
    top = max(float((system.rates @ best.weight).max()), 1e-300)
    line = started(system, noise, prior.centre, replace(shape, concave=False))
    power = replace(best, link=replace(best.link, bend=0.3, knee=1e-2 * top))
    bent = replace(line, link=replace(line.link, bend=0.5, knee=top))
    return [best, bent, power]


def _shape(
    judge: _Folds, prior: Prior, shapes: Sequence[Shape], pilot: Curve, trials: list[Trial]
) -> tuple[Shape, Curve]:
    system, noise = judge.system, judge.noise
    found: list[tuple[Floats, Shape, Curve]] = []
    for candidate in shapes:
        shape = replace(candidate, tau=1.0)
        starts = [pilot] if shape.concave else [started(system, noise, pilot.weight, shape)]
        if shape.lagged and len(pilot.lag) > 1:
            starts = [replace(s, lag=pilot.lag) for s in starts]
        curve = minimised(system, noise, prior, shape, starts)
        held = judge.losses(prior, shape, curve)
        trials.append(Trial(prior.name, shape, float(held.sum()) / system.n))
        found.append((held, shape, curve))
    best = min(found, key=lambda f: float(f[0].sum()))
    for held, shape, curve in found:
        worse = held - best[0]
        error = float(np.std(worse, ddof=1)) * np.sqrt(len(worse)) if len(worse) > 1 else 0.0
        if float(worse.sum()) <= error:
            return shape, curve
    return best[1], best[2]
