"""The moves of a population as one list of elementary operations, shared parts once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from separatrix.population.dependence import Dependence, dependence
from separatrix.population.expression import CONSTANT, OPERANDS, Graph, Untraceable
from separatrix.population.lattice import State, Transition

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Tape:
    """Operations on slots: first the coordinates, then the constants, then one slot for each operation.

    Attributes
    ----------
    inputs : number of coordinates.
    constants : (n_constants,) in the slots after them.
    operations : (n,) see `separatrix.population.expression`.
    operands : (n, 4) slots; those not used are 0.
    outputs : (n_moves,) slot of each move's rate.
    first : (n_moves + 1,) where the changes of each move begin in `axes` and `steps`.
    axes, steps : coordinate that a move changes, and by how much.
    depends : on which coordinates each slot depends.
    """

    inputs: int
    constants: NDArray[np.float64]
    operations: Numbers
    operands: Numbers
    outputs: Numbers
    first: Numbers
    axes: Numbers
    steps: NDArray[np.float64]
    depends: Dependence


def recorded(moves: Sequence[Transition], n_axes: int) -> Tape | None:
    """What the rates of `moves` do to a state of `n_axes` coordinates; None where one cannot be written down."""
    graph = Graph()
    state = graph.symbols(n_axes)
    try:
        # a symbol stands for an array
        found = [graph.number(move.rate(cast(State, state))) for move in moves]
    except Untraceable:
        return None
    needed = [False] * len(graph.operations)
    for node in found:
        needed[node] = True
    for node in range(len(needed) - 1, n_axes - 1, -1):
        if needed[node]:
            for on in graph.operands[node]:
                needed[on] = True
    there = [i for i in range(n_axes, len(needed)) if needed[i]]
    constants = [i for i in there if graph.operations[i] == CONSTANT]
    work = [i for i in there if graph.operations[i] != CONSTANT]
    place = {node: slot for slot, node in enumerate([*range(n_axes), *constants, *work])}
    operands = np.zeros((len(work), OPERANDS), dtype=np.int64)
    for row, node in enumerate(work):
        for column, on in enumerate(graph.operands[node]):
            operands[row, column] = place[on]
    codes = np.array([graph.operations[i] for i in work], dtype=np.int64)
    changes = [[(axis, step) for axis, step in enumerate(m.jump) if step] for m in moves]
    flat = [change for move in changes for change in move]
    return Tape(
        n_axes,
        np.array([graph.constants[i] for i in constants], dtype=np.float64),
        codes,
        operands,
        np.array([place[i] for i in found], dtype=np.int64),
        np.cumsum([0, *map(len, changes)], dtype=np.int64),
        np.array([axis for axis, _ in flat], dtype=np.int64),
        np.array([step for _, step in flat], dtype=np.float64),
        dependence(n_axes, len(constants), codes, operands),
    )
