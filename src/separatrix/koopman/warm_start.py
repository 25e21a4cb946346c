r"""An encoder to begin training with: ridges laid over the data, and their slowest subspace.

The hidden layers are drawn, the first so that its ridges :math:`\tanh(u \cdot (x - c) / s)` stand where
the data are. What follows them is linear, and its best choice is known in closed form: among all affine
functions :math:`\varphi` of the features f, the m that keep most of their variance over the lags,

.. math:: \max_\varphi \sum_k \| C_{00}^{-1/2} C_{0k} C_{kk}^{-1/2} \|_F^2,

are the main eigenvectors of :math:`\sum_k K_k K_k^T`, with K the features' own whitened regressions
(extended DMD with this dictionary). The channels' main directions are kept among the m.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.koopman.network import Perceptron
from separatrix.koopman.windows import Windows, lag_grid

Array: TypeAlias = NDArray[np.float64]

_WIDTHS = (0.25, 3.0)  # of a ridge, in deviations
_LAGS, _PAIRS = 6, 65536
_LEAST_SHARE = 1e-7  # of the largest variance of the features: what is less is their likeness


def warm_encoder(
    windows: Windows,
    channels: int,
    hidden: tuple[int, ...],
    latent: int,
    longest: int,
    rng: np.random.Generator,
) -> Perceptron:
    """An encoder (delays * channels) -> latent for these windows, whose scaled states it has seen."""
    width = windows.states.shape[1]
    weights, biases = _ridges(windows.states, hidden, rng)

    def features(x: Array) -> Array:
        h = x.astype(np.float32)  # tanh is twice as fast, and its rounding does no harm here
        for w, b in zip(weights, biases, strict=True):
            h = np.tanh(h @ w.T.astype(np.float32) + b.astype(np.float32))
        return np.concatenate([x, h.astype(np.float64)], axis=1)

    out, centre = _slowest(windows, features, channels, latent, longest, rng)
    return Perceptron(
        (*weights, out[:, width:]), (*biases, -out @ centre), np.ascontiguousarray(out[:, :width])
    )


def _ridges(
    states: Array, hidden: tuple[int, ...], rng: np.random.Generator
) -> tuple[list[Array], list[Array]]:
    width = states.shape[1]
    direction = rng.normal(size=(hidden[0], width))
    direction /= np.linalg.norm(direction, axis=1)[:, None]
    # half where the data are often, half where they ever are: a queue's rare states matter
    often = states[rng.integers(len(states), size=hidden[0])]
    low, high = states.min(axis=0), states.max(axis=0)
    anywhere = low + (high - low) * rng.random((hidden[0], width))
    centre = np.where(rng.random((hidden[0], 1)) < 0.5, often, anywhere)
    size = np.exp(rng.uniform(*np.log(_WIDTHS), size=hidden[0]))
    first = direction / size[:, None]
    weights, biases = [first], [-(first * centre).sum(axis=1)]
    for inputs, outputs in itertools.pairwise(hidden):
        weights.append(rng.normal(size=(outputs, inputs)) * np.sqrt(2.0 / inputs))
        biases.append(0.5 * rng.normal(size=outputs))
    return weights, biases


def _slowest(
    windows: Windows,
    features: Callable[[Array], Array],
    channels: int,
    latent: int,
    longest: int,
    rng: np.random.Generator,
) -> tuple[Array, Array]:
    """(latent, features) the affine functions that keep most over the lags; the features' mean."""
    first = windows.draw(rng, longest, _PAIRS)
    f = features(windows.states[first])
    variance, axes = np.linalg.eigh(np.cov(f.T).reshape(f.shape[1], -1))
    keep = variance > _LEAST_SHARE * variance[-1]
    whiten = (axes[:, keep] / np.sqrt(variance[keep])).T
    centre = f.mean(axis=0)
    x = (f - centre) @ whiten.T
    score = np.zeros((len(whiten), len(whiten)))
    for lag in lag_grid(longest, _LAGS):
        K = x.T @ features(windows.states[first + lag]) @ whiten.T / len(x)
        score += K @ K.T
    # the channels in whitened coordinates, newest sample last; then the slowest beside them
    seen = np.linalg.lstsq(whiten.T, np.eye(f.shape[1]), rcond=None)[0]
    width = windows.states.shape[1]
    own, _, _ = np.linalg.svd(seen[:, width - channels : width], full_matrices=False)
    own = own[:, : min(channels, max(1, latent // 2))]
    beside = np.eye(len(score)) - own @ own.T
    slow = np.linalg.eigh(beside @ score @ beside)[1][:, ::-1]
    chosen = np.concatenate([own, slow[:, : max(0, latent - own.shape[1])]], axis=1)
    return chosen.T @ whiten, centre
