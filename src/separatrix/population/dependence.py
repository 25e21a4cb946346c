"""On which coordinates each operation of a tape depends: where its gradient may differ from zero."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from separatrix.population.expression import LESS, LESS_EQUAL

Numbers = NDArray[np.int64]
NOWHERE = -1
_STEPS = (LESS, LESS_EQUAL)
"""Operations without a slope."""


@dataclass(frozen=True)
class Dependence:
    """Gradients of slots as rows of a sparse matrix, in row-major order.

    Attributes
    ----------
    first : (n_slots + 1,) where the entries of each slot begin.
    coordinate : (n_entries,) of each entry.
    one, two : (n_entries,) the entry of the same coordinate in the slot's first and second operand; `NOWHERE` where
        that operand does not depend on it.
    """

    first: Numbers
    coordinate: Numbers
    one: Numbers
    two: Numbers


def dependence(inputs: int, constants: int, operations: Numbers, operands: Numbers) -> Dependence:
    """The entries of every slot of a tape: its coordinates, its constants (none), its operations."""
    base = inputs + constants
    depends: NDArray[np.bool_] = np.zeros((base + len(operations), inputs), dtype=np.bool_)
    np.fill_diagonal(depends[:inputs], True)
    for slot, (operation, (one, two)) in enumerate(
        zip(operations.tolist(), operands[:, :2].tolist(), strict=True), base
    ):
        if operation not in _STEPS:
            np.logical_or(depends[one], depends[two], out=depends[slot])
    slots, coordinate = np.nonzero(depends)
    first = np.searchsorted(slots, np.arange(len(depends) + 1))
    keys = slots * inputs + coordinate
    before = np.zeros((base, 2), dtype=np.int64)
    # what is no operation has no operands: its own coordinate is not looked for in slot 0
    sources = np.concatenate([before, operands[:, :2]])[slots]
    found: list[Numbers] = []
    for column in range(2):
        wanted: Numbers = sources[:, column] * inputs + coordinate
        place = np.minimum(np.searchsorted(keys, wanted), max(len(keys) - 1, 0))
        there = (slots >= base) & (keys[place] == wanted)
        found.append(np.where(there, place, NOWHERE))
    return Dependence(first, coordinate, *found)
