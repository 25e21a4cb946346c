"""Where the rates of a transition cannot be right: no finite number >= 0, or a jump out of the box."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import Problem

Array: TypeAlias = NDArray[np.float64]


def _outside(jump: tuple[int, ...], shape: tuple[int, ...]) -> Iterator[tuple[slice, ...]]:
    """Slabs of the box from which the jump leaves it."""
    for i, (step, size) in enumerate(zip(jump, shape, strict=True)):
        if step > 0:
            slab = slice(max(size - step, 0), size)
        elif step < 0:
            slab = slice(0, min(-step, size))
        else:
            continue
        yield (slice(None),) * i + (slab,)


def first_problem(
    rate: Array, jump: tuple[int, ...], shape: tuple[int, ...], names: tuple[str, ...], event: str
) -> Problem | None:
    """The first state where this transition's rate cannot be right."""

    def at(flat: int) -> str:
        values = np.unravel_index(flat, shape)
        return ", ".join(f"{n} = {int(v)}" for n, v in zip(names, values, strict=True))

    wrong = ~(np.isfinite(rate) & (rate >= 0.0))
    if wrong.any():
        flat = int(np.argmax(wrong))
        return Problem(
            f"transition {event!r} has rate {float(rate.reshape(-1)[flat])!r} 1/s at {at(flat)}",
            hint="rates must be finite and >= 0",
        )
    leaves = np.zeros(shape, dtype=np.bool_)
    for slab in _outside(jump, shape):
        leaves[slab] |= rate[slab] > 0.0
    if leaves.any():
        flat = int(np.argmax(leaves))
        return Problem(
            f"transition {event!r} with jump {jump} leaves the box at {at(flat)}"
            f" at rate {float(rate.reshape(-1)[flat])!r} 1/s",
            hint="the rate must be 0 wherever the jump would leave the box",
        )
    return None
