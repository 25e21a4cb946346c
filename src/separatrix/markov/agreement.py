"""Two eliminations of one chain in opposite orders: how far apart they are, and when to look.

A front of a nested dissection holds the rates of one state within 292 decades of its largest and drops
the others. Over less than 1e270 jumps not one dropped jump is to be expected; in longer times, and in
smaller probabilities, what was dropped may have been the way. Another dissection drops others: where
two agree, nothing that matters was dropped.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import NotConverged
from separatrix.markov.methods import Method, Sides, solver_for
from separatrix.markov.scaled import Scaled
from separatrix.markov.solver import Solver

Array: TypeAlias = NDArray[np.float64]

AGREED = 1e-8
"""Relative difference of any entry up to which two orders agree."""

_DROPS = 621.0  # logarithm of 1e270


def drops_may_tell(solved: Solver, decay: float) -> bool:
    """Whether a rate that was dropped may matter.

    Parameters
    ----------
    decay : logarithm of the longest time in jumps, or minus that of the smallest probability.
    """
    return solved.method == "nested" and decay > _DROPS


def disagreement(one: Scaled, other: Scaled) -> float:
    """Largest relative difference of any entry; ``inf`` where only one of two is 0."""
    live = (one.mantissa > 0.0) | (other.mantissa > 0.0)
    if ((one.mantissa > 0.0) != (other.mantissa > 0.0)).any():
        return float("inf")
    at = np.flatnonzero(live)
    return float(np.abs(one[at].over(other[at]).to_float() - 1.0).max(initial=0.0))


def opposite_order(solved: Solver, method: Method, sides: Sides, load: Array) -> Solver | None:
    """The same states eliminated in the opposite order; None where that fails."""
    try:
        return solver_for(
            solved.chain, removed=solved.removed, anchor=solved.anchor, method=method, reverse=True,
            sides=sides, load=load,
        )  # fmt: skip
    except NotConverged:
        return None
