r"""Fixed points put together from those of the parts.

**Blocks** (`separatrix.fluid.blocks`) are brought to rest one after the other, each with every resting point
of those before it. **One queue with its orbits** is one function of one variable (`separatrix.fluid.reduced`).
**Two or three queues**, as of servers whose threads wait for each other's answers,
are looked at over a grid (`separatrix.fluid.gridded`). For more of them in one block, only the rests from the
empty and the full corner are found here; the certificate of the whole says that the others are missing.
"""

from __future__ import annotations

import numpy as np

from separatrix.errors import NotConverged
from separatrix.fluid.blocks import blocks
from separatrix.fluid.gridded import RESOLUTION, gridded
from separatrix.fluid.held import held
from separatrix.fluid.newton import polished
from separatrix.fluid.reduced import reducible, rests
from separatrix.fluid.rest import rest_from
from separatrix.population import Array, Population

MOST_POINTS = 512
"""Most combinations of the resting points of blocks."""
SAME = 1e-4
"""Points nearer than this share of 1 + their coordinates are one."""


def resting_states(population: Population, *, resolution: int = 301) -> list[Array]:
    """States (n_axes,) at rest, found by composition.

    Raises NotConverged where more than `MOST_POINTS` come from blocks that are each bistable.
    """
    if reducible(population):
        return list(rests(population, resolution=resolution))
    found: list[Array] = [np.zeros(len(population.axes))]
    for block in blocks(population):
        order = sorted(block.axes, key=lambda i: (population.axes[i].kind != "queue", i))
        known: dict[bytes, list[Array]] = {}
        further: list[Array] = []
        for state in found:
            key = state[list(block.inputs)].tobytes()
            if key not in known:
                known[key] = _block(held(population, order, state), resolution)
            for root in known[key]:
                whole = state.copy()
                whole[order] = root
                further.append(whole)
        found = further
        if len(found) > MOST_POINTS:
            raise NotConverged(
                f"more than {MOST_POINTS} fixed points: several servers can get stuck each on its own; "
                "ask about one of them alone",
                partial=found[:MOST_POINTS],
                certificate=f"at most {MOST_POINTS} combinations",
            )
    return found


def _block(population: Population, resolution: int) -> list[Array]:
    queues = population.axes_of("queue")
    if reducible(population):
        return list(rests(population, resolution=resolution))
    found = gridded(population) if len(queues) in RESOLUTION else []
    return distinct([*found, *_settled(population)])


def _settled(population: Population) -> list[Array]:
    """Where the dynamics come to rest from the empty and from the full corner."""
    top = np.array(population.shape, dtype=np.float64) - 1.0
    found: list[Array] = []
    for corner in (np.zeros(len(top)), top):
        root = polished(population, corner)
        if root is None:
            root = polished(population, rest_from(population, corner).state)
        if root is not None:
            found.append(root)
    return found


def same(a: Array, b: Array) -> bool:
    """Whether two states are one point."""
    return bool(np.all(np.abs(a - b) <= SAME * (1.0 + np.abs(b))))


def distinct(states: list[Array]) -> list[Array]:
    """The states, doubles left out."""
    kept: list[Array] = []
    for state in states:
        if not any(same(state, other) for other in kept):
            kept.append(state)
    return kept
