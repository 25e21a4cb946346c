r"""The generator applied to a vector rule by rule, without storing a matrix.

With transitions :math:`J_k, a_k`

.. math:: (pQ)_y = \sum_k p_{y - J_k}\, a_k(y - J_k) - p_y\,e_y, \qquad
          (Qf)_x = \sum_k a_k(x) f_{x + J_k} - e_x f_x, \qquad e = \sum_k a_k .

Most rates look at one or two coordinates; over the box they are the same number many times, and are kept once
(as the factors of a Kronecker product are). Rates that look at nearly all coordinates are worked out anew,
slab by slab, each time. Beside those, two vectors over the box are held.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from separatrix.population.lattice import Array, Population, State, Transition

SLAB = 500_000
"""About how many states at a time rates are worked out for that are not kept."""
KEPT = 8
"""A rate is kept where it takes at most this fraction (1/8) of the box."""

Box: TypeAlias = tuple[slice, ...]
_Act: TypeAlias = Callable[[Box, Box, Array], None]


@dataclass(frozen=True)
class _Kept:
    """Rates of one jump that are kept, with an extent of 1 in coordinates that they do not look at."""

    jump: tuple[int, ...]
    rates: Array


class Application:
    """The generator of a population as an operator on vectors over its box.

    Attributes
    ----------
    shape : of the box.
    exits : total rate [1/s] out of each state, of the box's shape; jumps out of the box do not count.
    stored : numbers held beside `exits`.
    terms : most terms in an entry of a product.
    """

    def __init__(self, population: Population) -> None:
        self.shape = population.shape
        self._grid = population.grid()
        self._anew: list[Transition] = []
        kept: dict[tuple[tuple[int, ...], tuple[int, ...]], Array] = {}
        for transition in population.transitions:
            if not any(transition.jump):
                continue
            if self._looks_at(transition) * KEPT > population.n_states:
                self._anew.append(transition)
                continue
            rates = np.asarray(transition.rate(self._grid), dtype=np.float64)
            rates = rates.reshape((1,) * (len(self.shape) - rates.ndim) + rates.shape)
            key = (transition.jump, rates.shape)
            kept[key] = kept[key] + rates if key in kept else rates
        self._kept = [_Kept(jump, rates) for (jump, _), rates in kept.items()]
        self.stored = sum(k.rates.size for k in self._kept)
        self.terms = len({t.jump for t in population.transitions}) + 1
        self.exits = np.zeros(self.shape)
        self._each(self.shape, lambda here, there, rates: _add(self.exits, here, rates))

    def left(self, law: Array) -> Array:
        """:math:`pQ` [1/s] for a vector p of the box's shape, or flat; in the same shape."""
        p = np.asarray(law, dtype=np.float64).reshape(self.shape)
        return self.inflow(law) - (p * self.exits).reshape(np.shape(law))

    def inflow(self, law: Array) -> Array:
        """:math:`pQ` without what leaves: no subtraction, so that each entry keeps its digits."""
        p = np.asarray(law, dtype=np.float64).reshape(self.shape)
        result = np.zeros(self.shape)

        def flow(here: Box, there: Box, rates: Array) -> None:
            result[there] += p[here] * rates

        self._each(p.shape, flow)
        return result.reshape(np.shape(law))

    def right(self, values: Array) -> Array:
        """:math:`Qf` [1/s] for a vector f of the box's shape, or flat; in the same shape."""
        f = np.asarray(values, dtype=np.float64).reshape(self.shape)
        result = -f * self.exits

        def gain(here: Box, there: Box, rates: Array) -> None:
            result[here] += rates * f[there]

        self._each(f.shape, gain)
        return result.reshape(np.shape(values))

    def _looks_at(self, transition: Transition) -> int:
        """How many numbers the rates of a transition are: asked of two values of each coordinate."""
        few = tuple(c.take([0, -1], axis=i) for i, c in enumerate(self._grid))
        rates = np.asarray(transition.rate(few))
        extents = (1,) * (len(self.shape) - rates.ndim) + rates.shape
        return int(np.prod([n if e > 1 else 1 for n, e in zip(self.shape, extents, strict=True)]))

    def _each(self, shape: tuple[int, ...], act: _Act) -> None:
        """Call `act` with sources, targets and rates of every jump; slab by slab where worked out anew."""
        for kept in self._kept:
            here, there = _boxes(kept.jump, shape, slice(0, shape[0]))
            seen = tuple(
                part if n > 1 else slice(None)
                for part, n in zip(here, kept.rates.shape, strict=True)
            )
            act(here, there, kept.rates[seen])
        if not self._anew:
            return
        thick = max(1, SLAB // max(1, int(np.prod(shape[1:]))))
        for low in range(0, shape[0], thick):
            slab = slice(low, min(low + thick, shape[0]))
            state: State = (self._grid[0][slab], *self._grid[1:])
            for transition in self._anew:
                here, there = _boxes(transition.jump, shape, slab)
                inside = (slice(here[0].start - low, here[0].stop - low), *here[1:])
                extent = (slab.stop - slab.start, *shape[1:])
                rates = np.broadcast_to(np.asarray(transition.rate(state)), extent)
                act(here, there, rates[inside])


def _add(total: Array, here: Box, rates: Array) -> None:
    total[here] += rates


def _boxes(jump: tuple[int, ...], shape: tuple[int, ...], slab: slice) -> tuple[Box, Box]:
    """Where a jump can start, within a slab of the first coordinate, and where it then ends."""
    low = [max(0, -j) for j in jump]
    high = [max(n - max(0, j), 0) for n, j in zip(shape, jump, strict=True)]
    low[0] = min(max(low[0], slab.start), slab.stop)
    high[0] = max(min(high[0], slab.stop), low[0])
    here = tuple(slice(a, max(a, b)) for a, b in zip(low, high, strict=True))
    there = tuple(slice(s.start + j, s.stop + j) for s, j in zip(here, jump, strict=True))
    return here, there
