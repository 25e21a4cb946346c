"""Programs as populations: integer axes and transitions that every analytic engine reads."""

from separatrix.population.lattice import (
    Array,
    Axis,
    Measure,
    Population,
    RateFunction,
    Sojourn,
    State,
    Transition,
)

__all__ = [
    "Array",
    "Axis",
    "Measure",
    "Population",
    "RateFunction",
    "Sojourn",
    "State",
    "Transition",
]
