"""Where a chain starts: in one state, or by a law over the box."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import ModelError

Array: TypeAlias = NDArray[np.float64]
Start: TypeAlias = "Sequence[int] | int | Array"
"""One state (its coordinates, or its row-major number), or a law over the box."""


def start_law(start: Start, shape: tuple[int, ...]) -> Array:
    """A start as a law over the box.

    Raises
    ------
    ModelError : a state outside the box, or a table that is not a probability law of its shape.
    """
    if isinstance(start, np.ndarray) and start.dtype.kind == "f":
        law = np.asarray(start, dtype=np.float64)
        if law.shape != shape:
            raise ModelError(f"the start law has shape {law.shape}; the states have shape {shape}")
        if not (np.isfinite(law).all() and law.min() >= 0.0 and abs(law.sum() - 1.0) < 1e-9):
            raise ModelError(
                f"a start law must be >= 0 and sum to 1; it sums to {float(law.sum())!r}"
            )
        return law
    law = np.zeros(shape)
    if isinstance(start, (int, np.integer)):
        if not 0 <= int(start) < law.size:
            raise ModelError(f"start state {int(start)} is outside 0..{law.size - 1}")
        law.reshape(-1)[int(start)] = 1.0
        return law
    state = tuple(int(v) for v in start)
    if len(state) != len(shape) or not all(0 <= v < n for v, n in zip(state, shape, strict=True)):
        raise ModelError(f"start state {state} is outside the box of shape {shape}")
    law[state] = 1.0
    return law
