"""Program -> Population: which closure, and why."""

from __future__ import annotations

from math import prod
from typing import Literal

from separatrix.errors import ModelError, Problem
from separatrix.model import Program
from separatrix.population.geometric import geometric
from separatrix.population.lattice import Axis, Population
from separatrix.population.metafor import metafor
from separatrix.population.staged import staged, staged_axes
from separatrix.population.streams import station_of

Closure = Literal["auto", "staged", "geometric", "metafor"]

STAGED_STATES = 200_000
"""`auto` keeps the orbit by attempt number up to this many states ..."""
STAGED_LEVEL = 700
"""... and this many in a level (all axes but the longest): it sets the cost of elimination."""


def lower(program: Program, closure: Closure = "auto") -> Population:
    """The population of a program under a closure, by name.

    ``"staged"`` keeps the orbit by attempt number; ``"geometric"`` keeps one orbit per stream;
    ``"metafor"`` reproduces Metafor's generator; ``"auto"`` takes staged where it is affordable.

    Raises ModelError where the program is wrong, `Unsupported` where the closure cannot carry one
    of its features.
    """
    if closure == "metafor":
        return metafor(program.name, program)
    station = station_of(program)
    if closure == "auto":
        closure = "staged" if affordable(staged_axes(station)) else "geometric"
    if closure == "staged":
        return staged(program.name, station)
    if closure == "geometric":
        return geometric(program.name, station)
    raise ModelError(
        Problem(f"unknown closure {closure!r}", "closure", "auto, staged, geometric or metafor")
    )


def affordable(axes: tuple[Axis, ...]) -> bool:
    """Whether `auto` takes the staged closure with these axes."""
    sizes = [axis.size for axis in axes]
    states = prod(sizes)
    return states <= STAGED_STATES and states // max(sizes) <= STAGED_LEVEL
