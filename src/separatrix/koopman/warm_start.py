r"""An encoder to begin training with: ridges laid over the data, and their slowest subspace.

The hidden layers are drawn, the first so that its ridges :math:`\tanh(u \cdot (x - c) / s)` stand where
the data are. What follows them is linear, and its best choice is known in closed form: among all affine
functions :math:`\varphi` of the features f, the m that keep most of their variance over the lags,

.. math:: \max_\varphi \sum_k \| C_{00}^{-1/2} C_{0k} C_{kk}^{-1/2} \|_F^2,

are the main eigenvectors of :math:`\sum_k K_k K_k^T`, with K the features' own whitened regressions
(extended DMD with this dictionary). The channels' main directions are latent coordinates themselves, and
stay so, or what is slow would drive out what is seen; the eigenvectors are sought beside them.
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
_LAGS, _PAIRS = 6, 32768
_LEAST_SHARE = 1e-7  # of the largest variance of the features: what is less is their likeness


def warm_encoder(
    windows: Windows,
    channels: int,
    hidden: tuple[int, ...],
    latent: int,
    longest: int,
    rng: np.random.Generator,
) -> tuple[Array, Perceptron]:
    """Latent coordinates for these windows: the channels' own, linear in the states, and those beside them.

    Returns (own, delays * channels), and a network (delays * channels) -> latent - own.
    """
    width = windows.states.shape[1]
    seen = windows.states[:, width - channels :]
    main = np.linalg.eigh(np.cov(seen.T).reshape(channels, -1))[1][:, ::-1]
    own = np.zeros((min(channels, max(1, latent // 2)), width))
    own[:, width - channels :] = main[:, : len(own)].T
    weights, biases = _ridges(windows.states, hidden, rng)

    def features(x: Array) -> Array:
        h = x.astype(np.float32)  # tanh is twice as fast, and its rounding does no harm here
        for w, b in zip(weights, biases, strict=True):
            h = np.tanh(h @ w.T.astype(np.float32) + b.astype(np.float32))
        return np.concatenate([x, h.astype(np.float64)], axis=1)

    out, centre = _slowest(windows, features, own, latent - len(own), longest, rng)
    return own, Perceptron(
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
    own: Array,
    count: int,
    longest: int,
    rng: np.random.Generator,
) -> tuple[Array, Array]:
    """(count, features) the affine functions beside `own` that keep most; the features' mean."""
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
    # the channels' own directions in whitened coordinates; then the slowest beside them
    linear = np.zeros((f.shape[1], len(own)))
    linear[: own.shape[1]] = own.T
    known = np.linalg.svd(np.linalg.lstsq(whiten.T, linear, rcond=None)[0], full_matrices=False)[0]
    beside = np.eye(len(score)) - known @ known.T
    slow = np.linalg.eigh(beside @ score @ beside)[1][:, ::-1]
    return slow[:, : min(count, len(score) - known.shape[1])].T @ whiten, centre
