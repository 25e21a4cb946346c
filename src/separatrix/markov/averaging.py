"""Averages under a stationary law, of values that may depend on some of the axes only."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import ModelError
from separatrix.markov.stationary import StationaryLaw
from separatrix.population.lattice import Population

Array: TypeAlias = NDArray[np.float64]


def average(law: StationaryLaw, values: Array) -> float:
    r""":math:`\sum_x \pi_x f(x)` for values that broadcast to the box's shape."""
    return weighted(law.pi, values)


def weighted(weights: Array, values: Array) -> float:
    """Sum of weights times values that broadcast to the weights' shape."""
    reduced, flat = aligned(weights, values)
    return float((reduced * flat).sum())


def aligned(weights: Array, values: Array) -> tuple[Array, Array]:
    """Weights summed over the axes that the values do not depend on, and the values."""
    shaped = values.reshape((1,) * (weights.ndim - values.ndim) + values.shape)
    constant = tuple(
        i for i in range(weights.ndim) if shaped.shape[i] == 1 and weights.shape[i] > 1
    )
    return weights.sum(axis=constant, keepdims=True), shaped


def population_of(law: StationaryLaw) -> Population:
    """The population whose law this is. Raises ModelError where it is of a bare chain."""
    if law.population is None:
        raise ModelError("this law is of a bare chain; take `stationary` of the population itself")
    return law.population
