r"""The read-out of the channels from the latent coordinates, in closed form.

The conditional mean of any observable is affine in the eigenfunctions,
:math:`E[x_{t+k} | x_t] = \ell + C e^{kG} z_t`: what is nonlinear sits in the encoder. With the step given, the
limit :math:`\ell` and C solve one least squares problem over all pairs at all lags, lag 0 (the
reconstruction) among them,

.. math:: \min_{\ell, C} \sum_k E \| \ell + C e^{kG} z_t - x_{t+k} \|^2 .

A decoder that bends has to pass through the states themselves at lag 0 and through their mean in the
long run, both near z = 0, and ends beside the mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import expm

from separatrix.koopman.windows import Windows

Array: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Readout:
    """z -> limit + slope z, in scaled channels.

    Attributes
    ----------
    slope : (channels, latent); limit : (channels,).
    """

    slope: Array
    limit: Array

    def __call__(self, z: Array) -> Array:
        """(n, latent) to (n, channels)."""
        return z @ self.slope.T + self.limit


def fit_readout(
    latent: Array, windows: Windows, channels: int, generator: Array, lags: list[int]
) -> Readout:
    """Least squares over all pairs of these windows, each lag with the same weight."""
    m = latent.shape[1]
    gram, target = np.zeros((m + 1, m + 1)), np.zeros((channels, m + 1))
    seen = windows.states[:, -channels:]
    for lag in (0, *lags):
        first = windows.thinned(lag)
        if not len(first):
            continue
        ahead = np.ones((len(first), m + 1))
        ahead[:, :m] = latent[first] @ expm(lag * generator).T
        gram += ahead.T @ ahead / len(first)
        target += seen[first + lag].T @ ahead / len(first)
    found: Array = np.asarray(np.linalg.lstsq(gram, target.T, rcond=1e-12)[0], np.float64).T
    return Readout(np.ascontiguousarray(found[:, :m]), found[:, m].copy())


def misfit(
    latent: Array, windows: Windows, readout: Readout, generator: Array, lags: list[int]
) -> float:
    """Mean squared error over lag 0 and `lags`, each with the same weight, in units of the variance."""
    errors: list[float] = []
    seen = windows.states[:, -len(readout.limit) :]
    for lag in (0, *lags):
        first = windows.thinned(lag)
        if len(first):
            ahead = readout(latent[first] @ expm(lag * generator).T)
            errors.append(float(((ahead - seen[first + lag]) ** 2).mean()))
    return float(np.mean(errors))
