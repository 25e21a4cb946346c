r"""The dynamics of some coordinates while all others are held where they are.

For a set B of coordinates and a state y of the others,

.. math:: \dot x_B = \sum_{k:\, J_{k,B} \ne 0} J_{k,B}\; a_k(x_B, y) .

Transitions that do not touch B are left out: the cost is that of the part, not of the whole.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from separatrix.population import Array, Population, RateFunction, State, Transition


class _Embedding:
    """States of the part as states of the whole; transitions asked at one state get one whole."""

    def __init__(self, axes: Sequence[int], state: Array) -> None:
        self._axes = list(axes)
        self._rest = [np.asarray(value) for value in state]
        self._last: tuple[State, State] | None = None

    def __call__(self, x: State) -> State:
        last = self._last
        if last is not None and last[0] is x:
            return last[1]
        whole = list(self._rest)
        for axis, coordinate in zip(self._axes, x, strict=True):
            whole[axis] = coordinate
        found = tuple(whole)
        self._last = (x, found)
        return found

    def rate(self, rate: RateFunction) -> RateFunction:
        """A rate of the whole as one of the part."""
        return lambda x: rate(self(x))


def held(population: Population, axes: Sequence[int], state: Array) -> Population:
    """The coordinates `axes` of a population, in that order, with the others held at `state`.

    Parameters
    ----------
    axes : numbers of the coordinates that move.
    state : (n_axes,) of the whole; its values at `axes` are not used.
    """
    whole = _Embedding(axes, np.asarray(state, dtype=np.float64))
    moves: list[Transition] = []
    for move in population.moving:
        jump = tuple(move.jump[i] for i in axes)
        if any(jump):
            moves.append(Transition(move.name, jump, whole.rate(move.rate)))
    return Population(
        population.name,
        population.closure,
        tuple(population.axes[i] for i in axes),
        tuple(moves),
    )
