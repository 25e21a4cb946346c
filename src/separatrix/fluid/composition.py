r"""Fixed points put together from those of the parts.

**Blocks** (`separatrix.fluid.blocks`) are brought to rest one after the other, each with every resting point
of those before it. **One queue with its orbits** is one function of one variable (`separatrix.fluid.reduced`).
**Two or three queues**, as of servers whose threads wait for each other's answers,
are looked at over a grid (`separatrix.fluid.gridded`). In a block with more of them, and where the certificate
says that the grid has missed a point, the block is searched (`separatrix.fluid.search`).
"""

from __future__ import annotations

import numpy as np

from separatrix.errors import NotConverged
from separatrix.fluid.blocks import blocks
from separatrix.fluid.certificate import certified
from separatrix.fluid.gridded import RESOLUTION, gridded
from separatrix.fluid.held import held
from separatrix.fluid.newton import distinct
from separatrix.fluid.reduced import reducible, rests
from separatrix.fluid.search import corner_rests, searched_states
from separatrix.population import Array, Population

MOST_POINTS = 512
"""Most combinations of the resting points of blocks."""


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
    if reducible(population):
        return list(rests(population, resolution=resolution))
    queues = population.axes_of("queue")
    if len(queues) > max(RESOLUTION):
        return list(searched_states(population, np.zeros((0, len(population.axes)))))
    found = gridded(population) if len(queues) in RESOLUTION else []
    known = distinct([*found, *corner_rests(population)])
    if queues and certified(population, np.array(known)).missing:
        return list(searched_states(population, np.array(known)))
    return known
