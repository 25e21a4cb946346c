"""Programs as populations: integer axes and transitions that every analytic engine reads."""

from separatrix.population.lattice import (
    Array,
    Axis,
    AxisKind,
    Measure,
    Population,
    RateFunction,
    Sojourn,
    State,
    Transition,
)
from separatrix.population.lower import Closure, lower

__all__ = [
    "Array",
    "Axis",
    "AxisKind",
    "Closure",
    "Measure",
    "Population",
    "RateFunction",
    "Sojourn",
    "State",
    "Transition",
    "lower",
]
