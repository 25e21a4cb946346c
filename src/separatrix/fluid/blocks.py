r"""Which coordinates move which: the parts of a population that can be brought to rest one after the other.

Coordinate i depends on j where :math:`f_i` changes with :math:`x_j`. The strongly connected components of
that graph are the *blocks*; along the arrows between them the mean dynamics are triangular, so that a
resting point of the whole is a resting point of each block given those before it. Calls that nobody waits
for only go down: each server is then a block of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from separatrix.fluid.newton import flows
from separatrix.population import Array, Population
from separatrix.population.tape import Tape

_PLACES = 24
_FAINT = 1e-11  # relative; what a vectorised exponential leaves by itself is 1e-16


def dependencies(population: Population, *, seed: int = 0) -> NDArray[np.bool_]:
    """(n_axes, n_axes): whether the velocity of coordinate i changes with coordinate j anywhere.

    Read off the rates where they are written down. Else looked for at random states, half of them near the calm
    end, by moving one coordinate at a time anywhere in its range: what shows only where many coordinates are calm
    at once (in a long chain of calls, how long a request takes) is not seen so.
    """
    if population.tape is not None:
        return _written(population.tape)
    top = np.array(population.shape, dtype=np.float64) - 1.0
    n = len(top)
    rng = np.random.default_rng(seed)
    base, other = _places(rng, top), _places(rng, top)
    probes = np.tile(base[:, None, :], (1, n + 1, 1))
    places = np.arange(n)
    probes[:, places + 1, places] = other
    moved, gross = flows(population, probes)
    change = np.abs(moved[:, 1:] - moved[:, :1])
    size = gross.max(axis=1, keepdims=True)
    return np.asarray((change > _FAINT * size).any(axis=0).T)


def _written(tape: Tape) -> NDArray[np.bool_]:
    graph = np.zeros((tape.inputs, tape.inputs), dtype=np.bool_)
    depends = tape.depends
    for k, out in enumerate(tape.outputs):
        by = depends.coordinate[depends.first[out] : depends.first[out + 1]]
        graph[np.ix_(tape.axes[tape.first[k] : tape.first[k + 1]], by)] = True
    return graph


def _places(rng: np.random.Generator, top: Array) -> Array:
    spread = rng.uniform(size=(_PLACES, len(top))) * top
    near = np.minimum(10.0 ** rng.uniform(-2, 2, size=spread.shape), top)
    # each coordinate by itself near or anywhere: a full server before an idle one, too
    return np.where(rng.uniform(size=spread.shape) < 0.5, near, spread)


@dataclass(frozen=True)
class Block:
    """Coordinates that move each other.

    Attributes
    ----------
    axes : their numbers.
    inputs : coordinates of other blocks on which they depend.
    """

    axes: tuple[int, ...]
    inputs: tuple[int, ...]


def blocks(population: Population) -> list[Block]:
    """The blocks, each after those that it depends on; coordinates in the population's order."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    graph = dependencies(population)
    find: Any = connected_components
    count, label = find(csr_matrix(graph), directed=True, connection="strong")
    found: list[Block] = []
    for b in range(count):
        axes = np.flatnonzero(label == b)
        inputs = np.flatnonzero(graph[axes].any(axis=0) & (label != b))
        found.append(Block(tuple(axes.tolist()), tuple(inputs.tolist())))
    ordered: list[Block] = []
    settled: set[int] = set()
    while len(ordered) < count:
        ready = [b for b in found if settled.isdisjoint(b.axes) and settled.issuperset(b.inputs)]
        ordered += ready
        settled.update(i for block in ready for i in block.axes)
    return ordered
