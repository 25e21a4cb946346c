"""Several fits to parts of the runs: how much what was learned depends on them and on the seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import DataError
from separatrix.koopman.autoencoder import Koopman
from separatrix.koopman.dataset import as_trajectories
from separatrix.koopman.settling import spread

Array: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class TimescaleInterval:
    """A timescale over several fits [s]: mean and 95 % interval (NaN for one fit)."""

    mean: float
    low: float
    high: float


def fit_ensemble(
    X: Any,
    fits: int,
    *,
    step: float | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
    **settings: Any,
) -> list[Koopman]:
    """Fit `fits` models with the seeds `seed`, `seed` + 1, ...

    Each holds other runs out and starts from other weights. `settings` are those of `Koopman`.
    """
    if fits < 1:
        raise DataError(f"{fits} fits were asked for", hint="ask for 1 or more")
    data = as_trajectories(X, step)
    epochs = int(settings.get("epochs", Koopman().epochs))
    models: list[Koopman] = []
    for i in range(fits):

        def advance(done: int, total: int, i: int = i) -> None:
            progress(i * total + done, fits * total)

        models.append(Koopman(seed=seed + i, **settings).fit(data, progress=advance))
        progress((i + 1) * epochs, fits * epochs)
    return models


def timescale_intervals(models: list[Koopman], count: int = 4) -> list[TimescaleInterval]:
    """The slowest timescales over all fits."""
    many = min(count, *(len(m.timescales_) for m in models))
    values = np.array([m.timescales_[:many] for m in models])
    mean, low, high = spread(values, models[0].validation)
    return [
        TimescaleInterval(float(a), float(b), float(c))
        for a, b, c in zip(mean, low, high, strict=True)
    ]
