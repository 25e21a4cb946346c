r"""A load of exactly one: a whole stretch of queue lengths that rest.

Where as much arrives as is served at every queue length between two, the mean dynamics rest at each of them,
and chance alone moves the queue. The Jacobian is singular there; along its null direction the queues are set,
all else comes to rest, and the stretch is as long as the flows stay in balance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from separatrix.fluid.field import jacobian
from separatrix.fluid.gridded import resting
from separatrix.fluid.newton import BALANCED, imbalance
from separatrix.notebook import Shown
from separatrix.population import Array, Population

_PLACES = 401
_FINER = 65
_SHORTEST = 1.0  # attempts


@dataclass(frozen=True)
class Stretch(Shown):
    """Queue lengths that all rest.

    Attributes
    ----------
    queue : name of the coordinate, such as ``"queue[52]"``.
    low, high : its least and greatest length at rest [attempts].
    ends : (2, n_axes) states at these.
    """

    queue: str
    low: float
    high: float
    ends: Array

    @property
    def sentence(self) -> str:
        """In words."""
        return (
            f"marginal: as much arrives as is served (a load of one) at every {self.queue} from "
            f"{self.low:.4g} to {self.high:.4g}: each of these queue lengths rests"
        )

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"queue": self.queue, "low": self.low, "high": self.high}


def marginal_stretches(population: Population, states: Array) -> tuple[Stretch, ...]:
    """The resting stretches through states at rest, (m, n_axes), each once."""
    found: dict[str, Stretch] = {}
    for state in states:
        if any(_through(population, stretch, state) for stretch in found.values()):
            continue
        stretch = stretch_through(population, state)
        if stretch is not None:
            found.setdefault(stretch.queue, stretch)
    return tuple(found.values())


def outside(population: Population, stretches: tuple[Stretch, ...], states: Array) -> list[Array]:
    """The states, (m, n_axes), that lie on no stretch."""
    return [x for x in states if not any(_through(population, s, x) for s in stretches)]


def _through(population: Population, stretch: Stretch, state: Array) -> bool:
    i = next(i for i, axis in enumerate(population.axes) if axis.name == stretch.queue)
    return stretch.low - 0.01 <= state[i] <= stretch.high + 0.01


def stretch_through(population: Population, state: Array) -> Stretch | None:
    """The resting stretch through a state at rest, (n_axes,); None where it stands alone."""
    queues = list(population.axes_of("queue"))
    if not queues:
        return None
    _, _, basis = np.linalg.svd(jacobian(population, state))
    way = basis[-1][queues]
    main = int(np.argmax(np.abs(way)))
    if way[main] == 0.0:
        return None
    top = np.array(population.shape, dtype=np.float64)[queues] - 1.0
    way = way / way[main]

    def states(shift: Array) -> Array:
        return resting(population, queues, np.clip(state[queues] + shift[:, None] * way, 0.0, top))

    def farthest(sign: float) -> float:
        """How far the flows stay in balance on one side: a coarse look, then two finer ones."""
        there = top[main] - state[queues[main]] if sign > 0 else state[queues[main]]
        low, high = 0.0, float(there)
        for places in (_PLACES, _FINER, _FINER):
            shift = np.linspace(low, high, places)
            off = np.flatnonzero(imbalance(population, states(sign * shift)) >= BALANCED)
            if not len(off):
                return high
            first = int(off[0])
            low, high = float(shift[max(first - 1, 0)]), float(shift[first])
        return low

    ends = states(np.array([-farthest(-1.0), farthest(1.0)]))
    low, high = float(ends[0, queues[main]]), float(ends[1, queues[main]])
    if high - low < _SHORTEST:
        return None
    return Stretch(population.axes[queues[main]].name, low, high, ends)
