r"""The latent step, fitted to all training windows at many lags at once, and stable by construction.

Given latent states :math:`z_t` of the data, the best affine steps at each lag are regressions,
:math:`E[z_{t+k} | z_t] = c_k + K_k z_t`. One generator is fitted to all of them,

.. math:: \min_{G, r} \sum_k n_k\, E \| r + e^{kG}(z_t - r) - c_k - K_k z_t \|^2,\qquad
          G = P (S - S^T - L L^T) P^{-1},

with S and L free and P lower triangular. Every such G is dissipative in the metric of P: no power of
its step grows there. Conversely every stable G has this form (Lyapunov), so nothing is lost. Each
mode is fixed by the lags near its own timescale; those of a slow mode are long, where noise and what
the latent space leaves out have died away. One-step regression reads slow modes off an eigenvalue
that is 1 minus a small number, and errs on them first.
"""

# torch leaves parts of its types open
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.koopman.training import one_thread
from separatrix.koopman.windows import Windows

if TYPE_CHECKING:
    import torch

Array: TypeAlias = NDArray[np.float64]

_LEAST_SHARE = 1e-6  # of the largest variance: what is less is rounding of the encoder
_FLOOR = 1e-9  # least decay of a mode, per sample


@dataclass(frozen=True, eq=False)
class Generator:
    """Latent coordinates in which the step contracts, and the step's generator there.

    Attributes
    ----------
    transform, shift : z -> transform z + shift leads from the encoder's coordinates to these, in
        which the resting place is 0.
    inverse : (encoder's, these) leads back, up to the shift.
    rest : resting place in the encoder's coordinates.
    matrix : (latent, latent) G per sample; its symmetric part is negative definite.
    residual : mean squared misfit of the regressions, in units of the latent variance.
    """

    transform: Array
    shift: Array
    inverse: Array
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
    return Generator(transform, -transform @ at, unwhiten @ P, at, G, residual)


def _moments(z: Array, windows: Windows, lags: list[int]) -> LagMoments:
    found: list[tuple[Any, ...]] = []
    for lag in lags:
        first = windows.rows(lag)
        x, y = z[first], z[first + lag]
        xm, ym = x.mean(axis=0), y.mean(axis=0)
        C = (x - xm).T @ (x - xm) / len(x)
        step = np.linalg.lstsq(C, (x - xm).T @ (y - ym) / len(x), rcond=1e-10)[0].T
        found.append((step, ym - step @ xm, xm, C, float(len(x))))
    weight = np.array([f[4] for f in found])
    K, c, mean, covariance = (np.array([f[i] for f in found]) for i in range(4))
    return LagMoments(np.array(lags, float), K, c, mean, covariance, weight / weight.sum())


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
        each = torch.einsum("kij,kjl,kil->k", off, C, off) + (bias**2).sum(dim=1)
        return (weight * each).sum() / m

    optimiser = torch.optim.LBFGS(
        free, max_iter=200, history_size=50, tolerance_change=1e-10, line_search_fn="strong_wolfe"
    )

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        value = loss()
        value.backward()
        return value

    with one_thread():
        optimiser.step(closure)
    with torch.no_grad():
        G, P = generator()
        return G.numpy(), P.numpy(), rest.numpy(), float(loss())
