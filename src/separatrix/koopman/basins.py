r"""The two sides of a bistable system, read off the slowest eigenfunction.

Where one timescale stands far above the next, the slowest eigenfunction is flat on either side of
the separatrix and, up to scale, the committor between them (C. Schuette, M. Sarich, Metastability
and Markov State Models (2013), chapter 3). Its level half way between the two plateaus is the
committor's level 1/2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from separatrix.errors import NotConverged
from separatrix.koopman.dataset import as_trajectories
from separatrix.koopman.estimator import Estimator
from separatrix.notebook import Shown

Array: TypeAlias = NDArray[np.float64]

_APART = 6.0  # least ratio of the two slowest timescales; a walk without wells has 4


@dataclass(frozen=True)
class Basins(Shown):
    """Where the two sides of the system lie.

    Attributes
    ----------
    model : the learned model.
    plateaus : values of the slowest eigenfunction on the side where the first channel is low, and
        where it is high.
    separation : ratio of the slowest timescale to the next.
    exchange_time : slowest timescale [s]: 1 / (rate out of one side + rate out of the other).
    share : of the training states on the high side.
    """

    model: Estimator
    plateaus: tuple[float, float]
    separation: float
    exchange_time: float
    share: float

    def committor(self, x: ArrayLike) -> Array:
        """(n,) estimated probability to reach the high side before the low one, in [0, 1]."""
        low, high = self.plateaus
        value = self.model.eigenfunctions(x)[:, 0].real
        return np.clip((value - low) / (high - low), 0.0, 1.0)

    def stuck(self, x: ArrayLike) -> NDArray[np.bool_]:
        """(n,) whether each state is on the high side."""
        return self.committor(x) > 0.5

    def to_dict(self) -> dict[str, Any]:
        """Numbers for JSON."""
        return {
            "separation": self.separation, "exchange_time": self.exchange_time, "unit": "s",
            "share_high": self.share,
        }  # fmt: skip


def find_basins(model: Estimator, X: Any) -> Basins:
    """The two sides seen in data of the system (undelayed states).

    Raises NotConverged where the data do not show two: the slowest timescale does not stand out, or
    all states lie on one plateau.
    """
    data = as_trajectories(X, None if hasattr(X, "step") else model.step_)
    states = np.concatenate(data.pieces)
    slow = model.timescales_[:2]
    ratio = float(slow[0] / slow[1])
    value = model.eigenfunctions(states)[:, 0].real
    low, high = _two_means(value)
    upper = value > 0.5 * (low + high)
    apart = high - low
    tight = 2.0 * float(value[upper].std() + value[~upper].std()) < apart
    if not (ratio >= _APART and tight):
        raise NotConverged(
            "the data do not show two sides",
            partial=model,
            certificate=f"the slowest timescale is {ratio:.2g} times the next; two sides need "
            f"{_APART:g} times or more, and the slowest eigenfunction flat on either",
        )
    if states[upper, 0].mean() < states[~upper, 0].mean():
        low, high, upper = high, low, ~upper
    return Basins(model, (low, high), ratio, float(slow[0]), float(upper.mean()))


def _two_means(value: Array) -> tuple[float, float]:
    """Centres of two groups on a line, from its ends."""
    low, high = float(value.min()), float(value.max())
    for _ in range(200):
        upper = value > 0.5 * (low + high)
        if upper.all() or not upper.any():
            break
        before = (low, high)
        low, high = float(value[~upper].mean()), float(value[upper].mean())
        if before == (low, high):
            break
    return low, high
