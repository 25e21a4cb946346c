r"""The latent step, fitted to all training windows at many lags at once, and stable by construction.

Given latent states :math:`z_t` of the data, the best affine steps at each lag are regressions,
:math:`E[z_{t+k} | z_t] = c_k + K_k z_t`. One generator is fitted to all of them,

.. math:: \min_{G, r} \sum_k E \| r + e^{kG}(z_t - r) - c_k - K_k z_t \|^2_{W_k},\qquad
          G = P (S - S^T - L L^T) P^{-1},

with S and L free and P lower triangular. The weight :math:`W_k = (R_k + \epsilon I)^{-1}` takes a
regression the less seriously the larger the variance :math:`R_k` that it leaves; :math:`\epsilon`, a
small share of the latent variance, keeps lag 1 from being trusted beyond what the latent space can say.

Every such G is dissipative in the metric of P: no power of its step grows there. Conversely every
stable G has this form (Lyapunov), so nothing is lost. Each mode is fixed by the lags near its own
timescale; those of a slow mode are long, where noise and what the latent space leaves out have died
away. One-step regression reads slow modes off an eigenvalue that is 1 minus a small number, and errs
on them first.
"""

# torch leaves parts of its types open
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from separatrix.koopman.windows import Windows

if TYPE_CHECKING:
    import torch

Array: TypeAlias = NDArray[np.float64]

_LEAST_SHARE = 1e-6  # of the largest variance: what is less is rounding of the encoder
_TRUST = 0.05  # of the latent variance: what a regression may be off by beside its noise
_FLOOR = 1e-9  # least decay of a mode, per sample


@dataclass(frozen=True, eq=False)
class Generator:
    """Latent coordinates in which the step contracts, and the step's generator there.

    Attributes
    ----------
    transform, shift : z -> transform z + shift leads from the encoder's coordinates to these, in
        which the resting place is 0.
    rest : resting place in the encoder's coordinates.
    matrix : (latent, latent) G per sample; its symmetric part is negative definite.
    residual : mean squared misfit of the regressions, by their weights.
    """

    transform: Array
    shift: Array
    rest: Array
    matrix: Array
    residual: float


@dataclass(frozen=True, eq=False)
class LagMoments:
    """What the fit needs of the data: regressions and moments at each lag, whitened coordinates."""

    lags: Array
    K: Array
    c: Array
    mean: Array
    covariance: Array
    weight: Array


def fit_generator(latent: Array, windows: Windows, lags: list[int]) -> Generator:
    """Fit the step to latent states (samples, latent) of the training windows."""
    mean = latent.mean(axis=0)
    variance, axes = np.linalg.eigh(np.cov(latent.T).reshape(latent.shape[1], -1))
    keep = variance > _LEAST_SHARE * variance[-1]
    whiten = (axes[:, keep] / np.sqrt(variance[keep])).T
    unwhiten = axes[:, keep] * np.sqrt(variance[keep])
    moments = _moments((latent - mean) @ whiten.T, windows, lags)
    G, P, rest, residual = _minimise(moments)
    back = np.linalg.inv(P)
    transform = back @ whiten
    at = mean + unwhiten @ rest
    return Generator(transform, -transform @ at, at, G, residual)


def _moments(z: Array, windows: Windows, lags: list[int]) -> LagMoments:
    found: list[tuple[Any, ...]] = []
    for lag in lags:
        first = windows.thinned(lag)
        x, y = z[first], z[first + lag]
        xm, ym = x.mean(axis=0), y.mean(axis=0)
        C = x.T @ x / len(x) - np.outer(xm, xm)
        step = np.linalg.lstsq(C, x.T @ y / len(x) - np.outer(xm, ym), rcond=1e-10)[0].T
        R = y.T @ y / len(x) - np.outer(ym, ym) - step @ C @ step.T
        weight = np.linalg.inv(R + _TRUST * np.eye(len(R)))
        found.append((step, ym - step @ xm, xm, C, weight))
    K, c, mean, covariance, weight = (np.array([f[i] for f in found]) for i in range(5))
    weight = weight / np.trace(weight.sum(axis=0)) * weight.shape[1]
    return LagMoments(np.array(lags, float), K, c, mean, covariance, weight)


def _minimise(moments: LagMoments) -> tuple[Array, Array, Array, float]:
    import torch

    def tensor(x: Any) -> torch.Tensor:
        return torch.as_tensor(x, dtype=torch.float64)

    m = len(moments.mean[0])
    lags, K, c = tensor(moments.lags), tensor(moments.K), tensor(moments.c)
    mean, C, weight = tensor(moments.mean), tensor(moments.covariance), tensor(moments.weight)
    eye = torch.eye(m, dtype=torch.float64)
    decay = np.geomspace(1.0, 1.0 / moments.lags[-1], m)
    free = [
        torch.zeros(m, m, dtype=torch.float64),
        torch.diag(tensor(np.sqrt(decay))),
        torch.zeros(m, m, dtype=torch.float64),
        torch.zeros(m, dtype=torch.float64),
    ]
    for part in free:
        part.requires_grad_(True)
    S, L, T, rest = free

    def generator() -> tuple[torch.Tensor, torch.Tensor]:
        G = S - S.T - L @ L.T - _FLOOR * eye
        P = torch.linalg.matrix_exp(torch.tril(T))
        return G, P

    def loss() -> torch.Tensor:
        G, P = generator()
        step = torch.linalg.matrix_exp(G * lags[:, None, None])
        step = P @ torch.linalg.solve_triangular(P.T, step.mT, upper=True).mT
        off = step - K
        bias = (off @ mean[:, :, None])[:, :, 0] + rest - step @ rest - c
        each = off @ C @ off.mT + bias[:, :, None] * bias[:, None, :]
        return (weight * each).sum() / m

    def value_and_slope(flat: Array) -> tuple[float, Array]:
        with torch.no_grad():
            for part, given in zip(free, tensor(flat).split(sizes), strict=True):
                part.copy_(given.view_as(part))
        value = loss()
        slope = torch.autograd.grad(value, free)
        return float(value.detach()), torch.cat([g.reshape(-1) for g in slope]).numpy()

    sizes = [part.numel() for part in free]
    start = torch.cat([part.detach().reshape(-1) for part in free]).numpy()
    found = minimize(
        value_and_slope, start, jac=True, method="L-BFGS-B",
        options={"maxiter": 200, "maxcor": 50, "ftol": 1e-7, "gtol": 1e-8},
    )  # fmt: skip
    value_and_slope(found.x)
    with torch.no_grad():
        G, P = generator()
        return G.numpy(), P.numpy(), rest.numpy(), float(loss())
