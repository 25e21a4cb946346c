"""What a regime is like in the long run, from the stationary law given that the service is in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.markov.stationary import StationaryLaw
from separatrix.population import Array, Population
from separatrix.questions.regimes import Mask

MOST_AT_BOUND = 1e-6
"""With more of a regime's probability at a bound that we chose, what was cut off shows in its numbers."""


@dataclass(frozen=True)
class Regime:
    """Long-run numbers of one regime, given that the service is in it.

    Attributes
    ----------
    name : ``"healthy"`` or ``"stuck"``.
    goodput : requests answered in time [1/s].
    goodput_share : the same as a share of the requests.
    queue, orbit : mean attempts at the server, and doomed requests yet to be given up.
    probability : share of all time spent in it, in the very long run.
    at_bound : probability, given the regime, that an orbit whose bound *we* chose is at it: what is
        cut off beyond is of this order.
    """

    name: str
    goodput: float
    goodput_share: float
    queue: float
    orbit: float
    probability: float
    at_bound: float


def conditional(law: StationaryLaw, states: Mask) -> Array:
    """The law given that the state is in a set, also where the set's mass is below 1e-308."""
    log_pi = np.where(states, law.log_pi, -np.inf)
    weight = np.exp(log_pi - log_pi.max())
    return weight / weight.sum()


def at_home(population: Population, law: StationaryLaw) -> Mask:
    """States with no coordinate beyond its long-run mean plus a standard deviation.

    Where there is one regime, this is where it lives: a short queue at a high load is seldom as empty
    as the resting point of its mean dynamics.
    """
    inside = np.ones(population.shape, dtype=np.bool_)
    probability = np.exp(law.log_pi)
    for axis, coordinate in enumerate(population.grid()):
        marginal = probability.sum(axis=tuple(i for i in range(probability.ndim) if i != axis))
        values = np.arange(len(marginal), dtype=np.float64)
        mean = float((marginal * values).sum())
        spread = float((marginal * (values - mean) ** 2).sum()) ** 0.5
        inside = inside & (coordinate <= mean + spread)
    return inside


def at_chosen_bounds(population: Population, law: Array) -> float:
    """Mass of a law on the outermost values of the axes whose size the lowering chose."""
    edges = [law.take(-1, axis=i).sum() for i, a in enumerate(population.axes) if a.cut > 0]
    return float(sum(edges))
