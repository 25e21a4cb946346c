"""A score of the state that is read from a table: what a committor has to say about a run."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.simulate import layout as at
from separatrix.simulate.compile import Compiled


@dataclass(frozen=True)
class ScoreTable:
    """Scores of the states between the healthy and the stuck set.

    Attributes
    ----------
    values : (attempts at the server + 1, requests under way + 1), from 0 next to the healthy set to
        `top` next to the stuck one; beyond its ends the last values hold.
    top : the largest value.
    """

    values: NDArray[np.float64]
    top: float


TableOf: TypeAlias = Callable[[float, float], ScoreTable]
"""The table for the linear scores that bound the healthy and the stuck set."""


def with_table(compiled: Compiled, table: ScoreTable, low: float, high: float) -> Compiled:
    """A program whose watched score is -1 where the linear score is at most `low`, ``top + 1`` where
    it is at least `high`, and between them what the table says."""
    rows, columns = table.values.shape
    head = np.zeros(at.SCORE_TABLE, np.int64)
    head[at.SCORE_ROWS], head[at.SCORE_COLUMNS] = rows, columns
    numbers = head.view(np.float64)
    numbers[[at.SCORE_LOW, at.SCORE_HIGH, at.SCORE_TOP]] = low, high, table.top + 1.0
    inside = np.ascontiguousarray(table.values, np.float64).reshape(-1).view(np.int64)
    words = np.concatenate([compiled.words, head, inside])
    words[at.P_SCORE] = len(compiled.words)
    return dataclasses.replace(compiled, words=words)
