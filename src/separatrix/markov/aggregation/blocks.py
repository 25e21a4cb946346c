r"""A lattice chain seen block by block, weighted by what is known inside the blocks.

For expected times (or probabilities) x, the states of a block I of neighbouring states are weighted by
:math:`x_y / x_I`, where :math:`x_I = \sum_{y \in I} x_y`:

.. math:: q_{IJ} = \sum_{y \in I} \frac{x_y}{x_I} \sum_{z \in J} q_{yz} .

With the exact weights, the exact :math:`x_I` solve this smaller chain, which is a lattice again.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import ModelError
from separatrix.markov.classes import closed_classes
from separatrix.markov.generator import Chain, Mask
from separatrix.markov.methods import solver_for
from separatrix.markov.scaled import Scaled
from separatrix.markov.stencil import steps

Array: TypeAlias = NDArray[np.float64]
Index: TypeAlias = NDArray[np.int64]
Sides: TypeAlias = tuple[int, ...]
T = TypeVar("T", bound=np.generic)


def over_blocks(x: Array, sides: Sides) -> Array:
    """Sums over blocks of these sides; the last block of an axis may be shorter."""
    for axis, side in enumerate(sides):
        starts: Index = np.arange(0, x.shape[axis], side, dtype=np.int64)
        x = np.add.reduceat(x, starts, axis=axis)
    return x


def spread(blocks: NDArray[T], sides: Sides, shape: tuple[int, ...]) -> NDArray[T]:
    """The value of each state's block."""
    for axis, side in enumerate(sides):
        blocks = np.repeat(blocks, side, axis=axis)
    return blocks[tuple(slice(n) for n in shape)]


def _block_jumps(
    flow: Array, jump: tuple[int, ...], sides: Sides
) -> Iterator[tuple[tuple[int, ...], Array]]:
    """The jumps between blocks that one jump between states makes, with the flow that makes them."""
    crossings: list[list[tuple[int, NDArray[np.bool_]]]] = []
    for axis, (step, side) in enumerate(zip(jump, sides, strict=True)):
        place: Index = np.arange(flow.shape[axis], dtype=np.int64)
        moved: Index = (place + step) // side - place // side
        line = tuple(-1 if i == axis else 1 for i in range(flow.ndim))
        crossings.append([(int(by), (moved == by).reshape(line)) for by in np.unique(moved)])
    for choice in product(*crossings):
        part = flow
        for _, own in choice:
            if not own.all():
                part = part * own
        yield tuple(by for by, _ in choice), part


def _blocks_chain(
    chain: Chain, x: Array, sides: Sides, kept: Mask
) -> tuple[Chain, Array, Array, Mask]:
    """The smaller chain, each block's rate [1/s] to die, its weight, and whether it holds kept states."""
    live = over_blocks(kept.astype(np.float64), sides) > 0.0
    total = over_blocks(x, sides)
    # where nothing is known yet, every kept state of the block weighs the same
    blank = live & (total <= 0.0)
    if blank.any():
        x = np.where(spread(blank, sides, x.shape), kept, x)
    weight = over_blocks(x, sides)
    weight = np.divide(1.0, weight, out=np.zeros_like(weight), where=live)
    tables: dict[tuple[int, ...], Array] = {}
    death = np.zeros(live.shape)
    everywhere = bool(kept.all())
    for jump, step in zip(chain.jumps, steps(chain), strict=True):
        flow = np.zeros(chain.shape)
        flow[step.sources] = step.rates * x[step.sources]
        if not everywhere:
            dying = flow[step.sources] * ~kept[step.targets]
            flow[step.sources] *= kept[step.targets]
            gone = np.zeros(chain.shape)
            gone[step.sources] = dying
            death += over_blocks(gone, sides) * weight
        for by, part in _block_jumps(flow, jump, sides):
            if any(by):
                tables[by] = tables.get(by, 0.0) + over_blocks(part, sides) * weight
    used = {by: table for by, table in tables.items() if table.any()}
    small = Chain(live.shape, chain.names, tuple(used), tuple(used.values()))
    return small, death, total, live


def blocks_law(chain: Chain, pi: Array, sides: Sides) -> Array:
    """What `pi` must be multiplied by, block by block, for the blocks to be in balance."""
    small, _, total, _ = _blocks_chain(chain, pi, sides, np.ones(chain.shape, dtype=np.bool_))
    try:
        solved = solver_for(small, anchor=int(total.argmax()))
    except ModelError:
        # the likeliest block, as far as is known, is left for ever
        solved = solver_for(small, anchor=int(closed_classes(small)[0][0]))
    law = solved.law().to_float().reshape(small.shape)
    return spread(_ratio(law, total), sides, chain.shape)


def blocks_times(
    chain: Chain, x: Array, source: Array, sides: Sides, kept: Mask, killing: float
) -> tuple[Array, int]:
    """The factor for expected times in the kept states from a source, and its power of two."""
    small, death, total, live = _blocks_chain(chain, x, sides, kept)
    # dying is a jump to a second layer, which is removed
    shape = (*small.shape, 2)
    layered = [np.stack([table, np.zeros_like(table)], axis=-1) for table in small.stencil]
    layered.append(np.stack([death, np.zeros_like(death)], axis=-1))
    jumps = (*((*jump, 0) for jump in small.jumps), (0,) * len(sides) + (1,))
    removed = np.ones(shape, dtype=np.bool_)
    removed[..., 0] = ~live
    start = np.zeros(shape)
    start[..., 0] = over_blocks(source, sides)
    solved = solver_for(
        Chain(shape, (*small.names, "dead"), jumps, tuple(layered)),
        removed=removed,
        killing=killing,
        anchor=2 * int(np.where(live, total, -1.0).argmax()),
    )
    times = solved.left(start.reshape(-1))
    times = Scaled(times.mantissa[::2], times.exponent[::2])
    power = int(times.exponent.max())
    level = Scaled(times.mantissa, times.exponent - power).to_float().reshape(small.shape)
    return spread(_ratio(level, total), sides, chain.shape), power


def _ratio(wanted: Array, had: Array) -> Array:
    return np.divide(wanted, had, out=np.ones_like(wanted), where=had > 0.0)
