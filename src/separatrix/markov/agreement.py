"""Two eliminations of one chain: how far apart they are, and when to look.

A front of a nested dissection holds the rates of one state within 292 decades of its largest and drops
the others; a panel of an elimination by levels loses them to the range of a float64. Over less than
1e270 jumps not one dropped jump is to be expected; in longer times, and in smaller probabilities,
what was dropped may have been the way. Another order drops others: where two agree, nothing that
matters was dropped. Tried are levels from the other end, and dissections in strips (`nested.strips`).
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf, log
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import NotConverged
from separatrix.markov.methods import Sides, solver_for
from separatrix.markov.scaled import Scaled
from separatrix.markov.solver import Method, Solver

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
    return solved.method != "aggregated" and decay > _DROPS


def disagreement(one: Scaled, other: Scaled) -> float:
    """Largest relative difference of any entry; ``inf`` where only one of two is 0."""
    live = (one.mantissa > 0.0) | (other.mantissa > 0.0)
    if ((one.mantissa > 0.0) != (other.mantissa > 0.0)).any():
        return float("inf")
    at = np.flatnonzero(live)
    return float(np.abs(one[at].over(other[at]).to_float() - 1.0).max(initial=0.0))


def agreed(
    solved: Solver, x: Scaled, answer: Callable[[Solver], Scaled], sides: Sides, load: Array | None
) -> tuple[Solver, Scaled, float]:
    """What two orders agree upon: a solver, its solution, the largest relative difference.

    Parameters
    ----------
    solved, x : an elimination, and its solution.
    answer : solves anew.
    sides, load : see `solver_for`.
    """
    error = float("inf")
    for way in _other_ways(solved):
        try:
            other = solver_for(
                solved.chain, removed=solved.removed if solved.removed.any() else None,
                anchor=solved.anchor, sides=sides, load=load,
                method=way.method, reverse=way.reverse, strip=way.strip,
            )  # fmt: skip
        except NotConverged:
            continue
        y = answer(other)
        error = disagreement(x, y)
        if error <= AGREED:
            break
        solved, x = other if sides == "both" else other.forget(), y
    return solved, x, error


def agreed_where_small(
    solved: Solver,
    found: Scaled,
    answer: Callable[[Solver], Scaled],
    load: Array,
    *,
    lost: bool = False,
) -> tuple[Scaled, float]:
    """Probabilities or flows that two orders agree upon where some are tiny, and how far these are apart.

    Parameters
    ----------
    solved, found : an elimination, and what `answer` makes of it.
    answer : solves from the right and sums up; only what it returns is compared.
    load : see `solver_for`.
    lost : whether some that are 0 cannot be.
    """
    smallest = log(2.0) * float(found.exponent[found.mantissa > 0.0].min(initial=0))
    if not drops_may_tell(solved, inf if lost else -smallest):
        return found, 0.0
    _, found, error = agreed(solved, found, answer, "right", load)
    return found, error


class _Way(NamedTuple):
    """One more order of elimination."""

    method: Method
    reverse: bool
    strip: int | None


def _other_ways(solved: Solver) -> list[_Way]:
    """Orders to compare with, the cheapest first."""
    chain = solved.chain
    own = _Way(solved.method, solved.reverse, solved.in_strips)
    ways = [] if solved.method == "nested" else [own._replace(reverse=not own.reverse)]
    if chain.listed is None and len(chain.shape) > 1:
        from separatrix.markov.nested.strips import strip_levels

        levels = strip_levels(chain)
        ways.append(_Way("nested", reverse=False, strip=levels))
        ways.append(_Way("nested", reverse=True, strip=max(2 * levels // 3, 2)))
    return [way for way in ways if way != own]
