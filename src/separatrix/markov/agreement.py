"""Two eliminations of one chain: how far apart they are, and when to look.

A front of a nested dissection holds the rates of one state within 292 decades of its largest and drops
the others. Over less than 1e270 jumps not one dropped jump is to be expected; in longer times, and in
smaller probabilities, what was dropped may have been the way. Another dissection drops others: where
two agree, nothing that matters was dropped. The others tried are in strips (see `nested.strips`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import NotConverged
from separatrix.markov.methods import Sides, solver_for
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


def agreed(
    solved: Solver, x: Scaled, answer: Callable[[Solver], Scaled], sides: Sides, load: Array
) -> tuple[Solver, Scaled, float]:
    """What two dissections agree upon: a solver, its solution, the largest relative difference.

    Parameters
    ----------
    solved, x : a solver by nested dissection, and its solution.
    answer : solves anew.
    sides, load : see `solver_for`.
    """
    from separatrix.markov.nested.strips import strip_levels

    levels = strip_levels(solved.chain)
    error = float("inf")
    ways = ((levels, False), (max(2 * levels // 3, 2), True))
    for strip, reverse in ways[solved.in_strips is not None :]:
        try:
            other = solver_for(
                solved.chain, removed=solved.removed, anchor=solved.anchor, method="nested",
                reverse=reverse, sides=sides, load=load, strip=strip,
            )  # fmt: skip
        except NotConverged:
            break
        y = answer(other)
        error = disagreement(x, y)
        if error <= AGREED:
            break
        solved, x = other if sides == "both" else other.forget(), y
    return solved, x, error
