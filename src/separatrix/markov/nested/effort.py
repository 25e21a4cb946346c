"""What an elimination by nested dissection would cost, told before it starts and without the chain's rates."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.markov.generator import Chain
from separatrix.markov.nested.boxes import cut
from separatrix.population import Population

Index: TypeAlias = NDArray[np.int64]

_LEAF = 16


def elimination_operations(population: Population) -> float:
    r"""Multiplications of one elimination of all of a population's states, from the shapes of the fronts.

    A node with p own states and a border of s takes :math:`p (p + s)^2 + s^2`: 2-D lattices of
    n states cost about :math:`n^{3/2}`, 3-D ones :math:`n^2`. Borders are counted as the shell of
    the box's reach, which is at most a little more than what the jumps join.
    """
    shape = np.array(population.shape, dtype=np.int64)
    reach = np.zeros(shape.size, dtype=np.int64)
    for transition in population.transitions:
        reach = np.maximum(reach, np.abs(np.array(transition.jump, dtype=np.int64)))
    return lattice_operations(shape, reach)


def chain_operations(chain: Chain) -> float:
    """The same for a chain on a lattice."""
    shape = np.array(chain.shape, dtype=np.int64)
    jumps = np.array(chain.jumps, dtype=np.int64).reshape(-1, shape.size)
    return lattice_operations(shape, np.abs(jumps).max(axis=0, initial=0))


def lattice_operations(shape: Index, reach: Index) -> float:
    """The same for a box of this shape whose longest jumps are `reach` along each axis."""
    boxes = cut(np.zeros_like(shape), shape, reach, _LEAF, 0.5)
    whole = _volume(boxes.low, boxes.high)
    shell = _volume(np.maximum(boxes.low - reach, 0), np.minimum(boxes.high + reach, shape)) - whole
    own = _volume(boxes.own_low, boxes.own_high)
    return float((own * (own + shell + 1.0) ** 2 + shell**2).sum())


def _volume(low: Index, high: Index) -> NDArray[np.float64]:
    return np.prod((high - low).astype(np.float64), axis=1)
