"""Random windows of the data: pairs of states some lag apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import DataError
from separatrix.koopman.dataset import Scaling, Trajectories, embedded

Array: TypeAlias = NDArray[np.float64]
Places: TypeAlias = NDArray[np.intp]

_ALIKE = 16  # neighbouring pairs whose distance is less than lag / 16 count as one


@dataclass(frozen=True, eq=False)
class Windows:
    """Scaled states of all pieces, end to end, and where each piece lies.

    Attributes
    ----------
    states : (samples, delays * channels) scaled.
    lengths, offsets : (pieces,) number and first row of the states of each piece.
    """

    states: Array
    lengths: Places
    offsets: Places

    @classmethod
    def of(cls, data: Trajectories, scaling: Scaling, delays: int) -> Windows:
        """Embed and scale the pieces that are long enough; DataError where none is."""
        states: list[Array] = [
            embedded(scaling.apply(p), delays) for p in data.pieces if len(p) > delays
        ]
        if not states:
            longest = max(map(len, data.pieces))
            raise DataError(
                f"the longest run has {longest} samples, too short for {delays} delays",
                hint="record longer, or use fewer delays",
            )
        lengths = np.array([len(s) for s in states])
        return cls(np.concatenate(states), lengths, np.concatenate([[0], lengths.cumsum()[:-1]]))

    def count(self, lag: int) -> int:
        """How many pairs there are `lag` samples apart."""
        return int(np.maximum(self.lengths - lag, 0).sum())

    def draw(self, rng: np.random.Generator, lag: int, size: int) -> Places:
        """Rows of `size` random pairs' first states; the second lie `lag` rows later."""
        room = np.maximum(self.lengths - lag, 0).cumsum()
        at = rng.integers(room[-1], size=size)
        piece = np.searchsorted(room, at, side="right")
        return self.offsets[piece] + at - np.concatenate([[0], room[:-1]])[piece]

    def thinned(self, lag: int) -> Places:
        """Rows of pairs `lag` apart; of long lags, whose neighbours say nearly the same, some only."""
        return self.rows(lag)[:: max(1, lag // _ALIKE)]

    def rows(self, lag: int) -> Places:
        """Rows of all pairs' first states; the second lie `lag` rows later."""
        parts = [
            np.arange(offset, offset + length - lag, dtype=np.intp)
            for offset, length in zip(self.offsets.tolist(), self.lengths.tolist(), strict=True)
            if length > lag
        ]
        return np.concatenate(parts) if parts else np.zeros(0, np.intp)


def lag_grid(longest: int, count: int = 12) -> list[int]:
    """Lags from 1 to `longest`, evenly spaced on a logarithmic scale, each once."""
    return np.unique(np.geomspace(1, longest, count).round().astype(int)).tolist()
