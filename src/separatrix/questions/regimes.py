r"""Healthy and stuck sets, found from the dynamics of a population.

1. The mean dynamics are followed from the empty service and from the fullest one. Two different
   resting points are two candidate regimes: h (healthy side) and s (stuck side).
2. Around each lies a *core*: all states below :math:`h_i + \sqrt{h_i} + 1` in every coordinate, and all above
   :math:`s_i - \sqrt{s_i} - 1`: a standard deviation of a Poisson count to either side.
3. The committor :math:`c(x)` = P(healthy core before stuck core) then divides the states: the healthy
   set is :math:`c \ge 0.95`, the stuck set :math:`c \le 0.05`, and what lies between is on the ridge.

Because the sets come from hitting probabilities of the chain itself, entering the healthy set *means* being
back with 95 % certainty.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import ModelError, Problem
from separatrix.fluid.rest import Rest, rest_from
from separatrix.markov.committor import Committor, committor
from separatrix.population import Array, AxisKind, Population

Mask: TypeAlias = NDArray[np.bool_]

CERTAIN = 0.95
"""A state belongs to a set when the chain settles there with at least this probability."""


@dataclass(frozen=True)
class Regimes:
    """The regimes of a population.

    Attributes
    ----------
    population : whose regimes.
    low, high : resting points of the mean dynamics, from empty and from full; the same where there
        is one regime.
    healthy, stuck : the two sets as masks over the states; where there is one regime, `healthy` is
        the core around its resting point and `stuck` is None.
    committor : P(healthy core before stuck core) from every state; None where there is one regime.
    """

    population: Population
    low: Rest
    high: Rest
    healthy: Mask
    stuck: Mask | None
    committor: Committor | None


def regimes(
    population: Population, *, healthy: Mask | None = None, stuck: Mask | None = None
) -> Regimes:
    """Find the healthy and the stuck set, or take those given.

    Parameters
    ----------
    population : whose states to divide.
    healthy, stuck : sets given by the user as masks of the box's shape; both or neither.

    Raises
    ------
    ModelError : only one set is given, or a given set is empty, or they meet.
    """
    low = rest_from(population, np.zeros(len(population.shape)))
    high = rest_from(population, np.array(population.shape, dtype=np.float64) - 1.0)
    if (healthy is None) != (stuck is None):
        raise ModelError(
            Problem("only one of the healthy and the stuck set is given", hint="give both")
        )
    if healthy is not None and stuck is not None:
        return Regimes(population, low, high, healthy, stuck, committor(population, healthy, stuck))
    below = core(population, low.state, upward=False)
    above = core(population, high.state, upward=True)
    if (below & above).any():
        return Regimes(population, low, high, below, None, None)
    dividing = committor(population, below, above)
    return Regimes(
        population,
        low,
        high,
        dividing.probability >= CERTAIN,
        dividing.complement >= CERTAIN,
        dividing,
    )


def core(population: Population, centre: Array, *, upward: bool) -> Mask:
    """All states at or beyond `centre`, less a Poisson deviation and one, in every coordinate."""
    inside = np.ones(population.shape, dtype=np.bool_)
    for coordinate, value in zip(population.grid(), centre, strict=True):
        slack = np.sqrt(value) + 1.0
        inside = inside & (coordinate >= value - slack if upward else coordinate <= value + slack)
    return inside


def box(population: Population, **ranges: tuple[int, int]) -> Mask:
    """The states with every named total in an inclusive range: ``box(p, queue=(0, 10))``.

    Names are the kinds of axes (``queue``, ``orbit``); a range applies to the sum over that kind.

    Raises
    ------
    ModelError : an unknown kind, or a range that holds no state.
    """
    inside = np.ones(population.shape, dtype=np.bool_)
    grid = population.grid()
    known = sorted({axis.kind for axis in population.axes})
    for kind, (low, high) in ranges.items():
        matching: list[AxisKind] = [axis.kind for axis in population.axes if axis.kind == kind]
        if not matching:
            raise ModelError(
                Problem(f"no axis counts {kind!r}", "ranges", f"the axes count: {', '.join(known)}")
            )
        total = population.total(matching[0], grid)
        inside = inside & (total >= low) & (total <= high)
    if not inside.any():
        raise ModelError(Problem(f"no state lies in {ranges}", "ranges", "widen the ranges"))
    return inside
