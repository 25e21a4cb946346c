"""The Markov chains of one and of several servers with the method names of Metafor.

States are numbered as Metafor does: queue, then orbit, server by server, the first queue fastest; for one
server ``orbit * qsize + queue``. The methods that both have are in `metafor.chain`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import ceil
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from metafor.averages import Averages
from metafor.chain import Array, Chain
from separatrix.errors import ModelError, Problem
from separatrix.population import Population

Index: TypeAlias = NDArray[np.int64]
Ranges: TypeAlias = "Sequence[float] | Sequence[Sequence[float]]"
"""One half-open range ``(low, high)``, or several."""


class SingleServerCTMC(Averages):
    """The chain that `Program.build` returns for one server."""

    def set_construction(self, q_ranges: Ranges, o_ranges: Ranges) -> Index:
        """Numbers of the states with queue and orbit in one of the ranges each, ``low <= x < high``."""
        queues, orbits = _values(q_ranges, self.qsize), _values(o_ranges, self.orbit_size)
        return np.array([o * self.qsize + q for o, q in product(orbits, queues)], dtype=np.int64)


class MultiServerCTMC(Chain):
    """The chain that `Program.build` returns for several servers.

    Parameters
    ----------
    population : from `separatrix.population.metafor_network.metafor_network`.
    names : of the servers; where a method asks for a `server`, a name or its place among them.
    """

    def __init__(self, population: Population, names: Sequence[str]) -> None:
        super().__init__(population)
        self.names = tuple(names)

    def main_queue_size_average(self, pi: Array, server: int | str = 0) -> float:
        """Mean number of requests at a server."""
        return self._mean(pi, 2 * self._place(server))

    def retry_queue_size_average(self, pi: Array, server: int | str = 0) -> float:
        """Mean number of requests in the orbit of a server."""
        return self._mean(pi, 2 * self._place(server) + 1)

    def queue_full_probability(self, pi: Array, server: int | str = 0) -> float:
        """Probability of the longest queue of a server, ``qsize - 1``."""
        return float(self._marginal(pi, 2 * self._place(server))[-1])

    def set_construction(self, q_ranges: Sequence[Ranges], o_ranges: Sequence[Ranges]) -> Index:
        """Numbers of the states with every server's queue and orbit in one of its ranges.

        Parameters
        ----------
        q_ranges, o_ranges : for each server, as in `SingleServerCTMC.set_construction`.
        """
        if not len(q_ranges) == len(o_ranges) == len(self.names):
            raise ModelError(
                Problem(
                    f"{len(q_ranges)} and {len(o_ranges)} ranges for {len(self.names)} servers",
                    "q_ranges and o_ranges",
                    "give one (or a list) for each server",
                )
            )
        ranges = [r for pair in zip(q_ranges, o_ranges, strict=True) for r in pair]
        sizes = self.population.shape
        values = [_values(r, size) for r, size in zip(ranges, sizes, strict=True)]
        numbers = np.arange(self.n_states).reshape(sizes, order="F")
        return np.sort(numbers[np.ix_(*values)].reshape(-1)).astype(np.int64)

    def _place(self, server: int | str) -> int:
        if isinstance(server, str) and server in self.names:
            return self.names.index(server)
        if isinstance(server, int) and 0 <= server < len(self.names):
            return server
        raise ModelError(
            Problem(f"there is no server {server!r}", hint=f"there are: {', '.join(self.names)}")
        )

    def _marginal(self, pi: Array, axis: int) -> Array:
        table = self._in(pi)
        return np.asarray(table.sum(axis=tuple(i for i in range(table.ndim) if i != axis)))

    def _mean(self, pi: Array, axis: int) -> float:
        marginal = self._marginal(pi, axis)
        return float(marginal @ np.arange(marginal.size))


def _values(ranges: Ranges, size: int) -> list[int]:
    """Integers of 0 .. size-1 in any of the half-open ranges, in order."""
    pairs: Any = ranges if np.ndim(cast(Any, ranges)) == 2 else [ranges]
    inside: set[int] = set()
    for low, high in pairs:
        inside.update(range(max(ceil(low), 0), min(ceil(high), size)))
    return sorted(inside)
