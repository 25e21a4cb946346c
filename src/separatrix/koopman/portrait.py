"""What there is to see of a learned model: predictions beside data, latent paths, eigenvalues."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.koopman.autoencoder import Koopman
from separatrix.koopman.dataset import Trajectories
from separatrix.koopman.windows import lag_grid

Array: TypeAlias = NDArray[np.float64]
Complex: TypeAlias = NDArray[np.complex128]

_POINTS = 400
_PATHS = 6


@dataclass(frozen=True, eq=False)
class Comparison:
    """Runs that started alike, and what the model expected of them.

    Attributes
    ----------
    begin : time in the run at which they began [s].
    time : (samples,) [s] since.
    mean, low, high : (samples, channels) mean of the runs, and of one run 80 % lie between.
    predicted : (samples, channels) mean of the predictions from the runs' first states.
    runs : their number.
    """

    begin: float
    time: Array
    mean: Array
    low: Array
    high: Array
    predicted: Array
    runs: int


@dataclass(frozen=True, eq=False)
class LearnedPortrait:
    """See the attributes.

    Attributes
    ----------
    names : of the channels.
    comparisons : one for each kind of start.
    paths : real parts of the two slowest eigenfunctions along some runs, each (samples, 2).
    eigenvalues : (latent,) of each fit, at the step of the data.
    timescales : (latent,) [s] of each fit.
    """

    names: tuple[str, ...]
    comparisons: tuple[Comparison, ...]
    paths: tuple[Array, ...]
    eigenvalues: tuple[Complex, ...]
    timescales: tuple[Array, ...]


def learned_portrait(models: Sequence[Koopman], data: Trajectories) -> LearnedPortrait:
    """What the first model makes of `data`, and the eigenvalues of all."""
    model = models[0]
    known = data.select(model.names_)
    comparisons = [
        _compared(model, begin, runs)
        for begin, runs in known.ensembles()
        if runs.shape[1] > model.delays_ + 1
    ]
    paths: list[Array] = []
    for piece in known.pieces[:: max(1, len(known.pieces) // _PATHS)][:_PATHS]:
        last = len(piece) - 1
        places = np.unique(np.linspace(model.delays_ - 1, last, _POINTS).astype(np.intp))
        value = model.eigenfunctions(_states(model, piece, places)).real
        paths.append(value[:, [0, min(1, value.shape[1] - 1)]])
    return LearnedPortrait(
        model.names_, tuple(comparisons), tuple(paths),
        tuple(m.eigenvalues_ for m in models), tuple(m.timescales_ for m in models),
    )  # fmt: skip


def _compared(model: Koopman, begin: float, runs: Array) -> Comparison:
    first = model.delays_ - 1
    ahead = runs.shape[1] - 1 - first
    steps = lag_grid(ahead, _POINTS)
    places = first + np.array([0, *steps])
    starts = runs[:, 0] if first == 0 else runs[:, : first + 1]
    predicted = model.predict(starts, [0, *steps]).mean(axis=0)
    low, high = np.quantile(runs[:, places], (0.1, 0.9), axis=0)
    return Comparison(
        begin, (places - first) * model.step_, runs[:, places].mean(axis=0), low, high, predicted,
        len(runs),
    )  # fmt: skip


def _states(model: Koopman, piece: Array, places: NDArray[np.intp]) -> Array:
    if model.delays_ == 1:
        return piece[places]
    return np.stack([piece[p - model.delays_ + 1 : p + 1] for p in places])
