r"""Factors as they are kept: the *lower* ones, N and C of each panel, and the *upper* ones, its G.

A panel with own states k0..k1 of a front of p own and s border states keeps N and C as one block of
(p + s - k0) rows and b = k1 - k0 columns, and G as two blocks of b rows, to the later own states and
to the border. A stationary law needs the lower factors only; so does the last half of every solve
from the left. The last half of a solve from the right needs the upper ones only.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.compiled import compiled

Array: TypeAlias = NDArray[np.float64]
Index: TypeAlias = NDArray[np.int64]
Short: TypeAlias = NDArray[np.int32]


class Packed(NamedTuple):
    """Factors of all nodes; a tuple, so that compiled code takes it whole.

    Attributes
    ----------
    lower_starts, lower : where each node's lower factors start, and all of them.
    upper_starts, upper : the same of the upper factors.
    power_starts, powers : where each node's powers of two start, and all of them: of the rows of its
        front, then of its own states' pivots.
    """

    lower_starts: Index
    lower: Array
    upper_starts: Index
    upper: Array
    power_starts: Index
    powers: Short


def packed_sizes(own: Index, around: Index, panel: int) -> tuple[Index, Index]:
    """Numbers of lower and of upper factors of each node.

    Parameters
    ----------
    own, around : numbers of own and of border states of each node.
    panel : pivots per panel.
    """
    full, rest = own // panel, own % panel
    whole = panel * full * (own + around)
    before = panel * panel * (full * (full - 1) // 2)
    lower = whole - before + rest * (own + around - panel * full)
    upper = whole - before - panel * panel * full + rest * around
    return lower, upper


def _pack(
    front: Any, p: Any, s: Any, panel: Any, lower: Any, at_lower: Any, upper: Any, at_upper: Any
) -> Any:
    """Copy the factors of an eliminated front to where they are kept."""
    width = s + 1
    out = (p + s) * p
    for k0 in range(0, p, panel):
        k1 = min(k0 + panel, p)
        for i in range(k0, p + s):
            for j in range(k0, k1):
                lower[at_lower] = front[i * p + j]
                at_lower += 1
        for i in range(k0, k1):
            for j in range(k1, p):
                upper[at_upper] = front[i * p + j]
                at_upper += 1
        for i in range(k0, k1):
            for j in range(s):
                upper[at_upper] = front[out + i * width + j]
                at_upper += 1


pack = compiled(_pack, inner=True)
