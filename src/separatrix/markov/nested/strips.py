r"""How wide the strips of a deep chain may be.

Halving a box joins states of opposite ends in one front. Where the chain drifts, the rate from one to the
other may be 1e-600 of the rates beside it in its row, which no float64 holds: it is lost, and with it
perhaps the only way. Strips cut from the ends of the longest axis towards the anchor join neighbours
only. Their rates stay within :math:`\rho^w` for w levels and a drift :math:`\rho` a level, and what
lies farther apart is a product of such steps, in vectors with a power of two for every entry.
"""

from __future__ import annotations

import numpy as np

from separatrix.markov.generator import Chain

_DECADES = 200.0  # that rates in one front may span; a float64 drops them beyond 292
_NARROWEST = 4


def strip_levels(chain: Chain) -> int:
    """Levels of the longest axis that a strip may have, by the ratio of rates up and down it.

    At most a quarter of the axis, so that there are strips.
    """
    axis = int(np.argmax(chain.shape))
    widest = max(chain.shape[axis] // 4, _NARROWEST)
    up, down = np.zeros((2, chain.n_states))
    for jump, rates in zip(chain.jumps, chain.table, strict=True):
        if jump[axis] != 0:
            side = up if jump[axis] > 0 else down
            side += rates
    both = (up > 0.0) & (down > 0.0)
    if not both.any():
        return widest
    # a few states where one direction is next to impossible do not make a drift
    drift = float(np.quantile(np.abs(np.log10(up[both] / down[both])), 0.99))
    return int(np.clip(_DECADES / max(drift, 1e-9), _NARROWEST, widest))
