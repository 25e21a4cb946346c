r"""How wide the strips of a deep chain may be.

Halving a box joins states of opposite ends in one front. Where the chain drifts, the rate from one to the
other may be 1e-600 of the rates beside it in its row, which no float64 holds: it is lost, and with it
perhaps the only way. Strips cut from the ends of the longest axis towards the anchor join neighbours
only. Their rates stay within :math:`\rho^w` for w levels and a drift :math:`\rho` a level, and what
lies farther apart is a product of such steps, in vectors with a power of two for every entry. In
narrow chains every level is a strip of its own.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.markov.generator import Chain

Array: TypeAlias = NDArray[np.float64]

_DECADES = 200.0  # that rates in one front may span; a float64 drops them beyond 292
_NARROWEST = 4
_NARROW = 24  # states of a level up to which levels cost less than halves
_SHORT = (
    10_000  # states up to which the longer way of a rounding error and one thread do not matter
)


def narrow_along(chain: Chain) -> int | None:
    """Axis along which a narrow lattice is best eliminated level by level; None where it is to be dissected."""
    if chain.n_states > _SHORT:
        return None
    jumps = np.array(chain.jumps, dtype=np.int64).reshape(-1, len(chain.shape))
    reach = np.abs(jumps).max(axis=0, initial=1)
    axis = int((np.array(chain.shape) / reach).argmax())
    level = chain.n_states // chain.shape[axis] * int(reach[axis])
    return axis if level <= _NARROW else None


def strip_levels(chain: Chain) -> int:
    """Levels of the longest axis that a strip may have; at most a quarter of it, so that there are strips."""
    longest = max(chain.shape)
    widest = max(longest // 4, _NARROWEST)
    return int(np.clip(_DECADES / max(_drift(_slopes(chain)), 1e-9), _NARROWEST, widest))


def deep_levels(chain: Chain) -> int | None:
    """Levels of a strip where the drift along the longest axis is so steep that halves may not do."""
    slopes = _slopes(chain)
    if max(chain.shape) * slopes.max(initial=0.0) <= _DECADES:
        return None  # whatever most of them are: a quantile takes as long as a small elimination
    return strip_levels(chain) if max(chain.shape) * _drift(slopes) > _DECADES else None


def _drift(slopes: Array) -> float:
    """Slope in all but a few states.

    Where one direction is next to impossible, rates say nothing about the way that is taken.
    """
    return float(np.quantile(slopes, 0.99)) if slopes.size else 0.0


def _slopes(chain: Chain) -> Array:
    """Decades between the rates up and down the longest axis, of every state that has both."""
    axis = int(np.argmax(chain.shape))
    up, down = np.zeros((2, chain.n_states))
    for jump, rates in zip(chain.jumps, chain.table, strict=True):
        if jump[axis] != 0:
            side = up if jump[axis] > 0 else down
            side += rates
    both = (up > 0.0) & (down > 0.0)
    return np.abs(np.log10(up[both] / down[both]))
