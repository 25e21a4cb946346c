r"""A bound on settling times from how fast the latent step contracts and how far the encoder stretches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.koopman.autoencoder import Koopman
from separatrix.koopman.settling import DELTAS, Settling, checked_deltas, same_system, spread

Array: TypeAlias = NDArray[np.float64]


def bound(models: Koopman | Sequence[Koopman], deltas: Sequence[float] = DELTAS) -> Settling:
    r"""Upper bound from the latent step and the encoder's Lipschitz constants.

    With :math:`\ell |x - y| \le |\varphi(x) - \varphi(y)| \le L |x - y|`, the expected latent states of two
    starts come as near to one another as those of two states a share delta of their distance apart
    once :math:`\|e^{tG}\| \le \delta\, \ell / L`, which holds from
    :math:`t = \ln(\kappa L / (\ell\delta)) / \text{gap}` on, kappa the condition of the eigenvectors. The
    norm itself is used here; it never grows.

    `mean` takes L as the steepest stretch seen between training starts and states; `longest` the
    product of the layers' norms, which no pair of states at all can exceed.
    """
    shares = checked_deltas(deltas)
    fits = same_system(models)
    found = [stretches(model) for model in fits]
    seen = np.array(
        [_contraction(m, shares * s.least / s.steepest) for m, s in zip(fits, found, strict=True)]
    )
    sure = np.array(
        [_contraction(m, shares * s.least / s.bound) for m, s in zip(fits, found, strict=True)]
    )
    mean, low, high = spread(seen, fits[0].validation)
    condition = float(np.linalg.cond(np.linalg.eig(fits[0].transition_)[1]))
    flat = any(not s.least > 0.0 for s in found)
    return Settling(
        "bound", shares, mean, low, high, seen.min(axis=0), sure.max(axis=0),
        "inconclusive" if flat else "ok",
        "the encoder maps different states to one: there is no lower Lipschitz constant"
        if flat
        else "",
        "expected latent states follow the learned step; states lie where the training's do, since the "
        "least stretch is measured there",
        {
            "gap": 1.0 / float(fits[0].timescales_[0]), "least_stretch": found[0].least,
            "steepest_stretch": found[0].steepest, "lipschitz_bound": found[0].bound,
            "eigenvector_condition": condition,
        },
    )  # fmt: skip


@dataclass(frozen=True)
class Stretches:
    """How far the encoder stretches distances between scaled states.

    Attributes
    ----------
    least, steepest : over pairs of training starts and states on the way, and in every direction
        at each of them.
    bound : product of the layers' norms, plus the bypass's: no pair exceeds it.
    """

    least: float
    steepest: float
    bound: float


def stretches(model: Koopman) -> Stretches:
    """Measure the encoder's Lipschitz constants, from below and from above."""
    states = model.sample_
    z = model.encode(states)
    slopes = np.linalg.svd(model.encoder_.jacobian(states), compute_uv=False)
    i, j = np.triu_indices(len(states), 1)
    distance = np.linalg.norm(states[i] - states[j], axis=1)
    apart = distance > 0.0
    ratio = np.linalg.norm(z[i] - z[j], axis=1)[apart] / distance[apart]
    thin = states.shape[1] > z.shape[1]
    least = 0.0 if thin else min(float(slopes[:, -1].min()), float(ratio.min(initial=inf)))
    steepest = max(float(slopes[:, 0].max()), float(ratio.max(initial=0.0)))
    return Stretches(least, steepest, model.encoder_.lipschitz_bound)


def _contraction(model: Koopman, levels: Array) -> Array:
    """First time at which the step's norm is down to each level [s]; inf for level 0."""
    from scipy.linalg import expm

    def norm(t: float) -> float:
        return float(np.linalg.norm(expm(t * model.generator_), 2))

    out: list[float] = []
    for level in levels.tolist():
        if not level > 0.0:
            out.append(inf)
            continue
        low, high = 0.0, 1.0
        while norm(high) > level:
            low, high = high, 2.0 * high
        while high - low > 1e-6 * high:
            middle = 0.5 * (low + high)
            low, high = (middle, high) if norm(middle) > level else (low, middle)
        out.append(high * model.step_)
    return np.array(out)
