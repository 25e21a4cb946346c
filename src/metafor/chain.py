"""What Metafor's chains of one and of several servers share, over separatrix.markov.

States are numbered as Metafor does, the first coordinate fastest (queue, then orbit, server by server),
and every vector is in that order. Times are in seconds, rates per second. What cannot be certified
raises NotConverged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from math import floor
from typing import Any, Protocol, TypeAlias, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import ModelError, NotConverged, Problem
from separatrix.markov import (
    StationaryLaw,
    as_chain,
    generator,
    hit_within,
    hitting_times,
    spectrum,
    stationary,
    transient,
)
from separatrix.markov.classes import closed_classes
from separatrix.population import Population

Array: TypeAlias = NDArray[np.float64]
States: TypeAlias = "int | Iterable[int]"
"""One state or several, by number."""

DENSE_STATES = 5_000
"""`Q` is a dense array up to this many states, and sparse beyond."""
_BALANCED = 1e-9


class _Judged(Protocol):
    @property
    def status(self) -> str: ...
    @property
    def reason(self) -> str: ...


T = TypeVar("T", bound=_Judged)


class Chain:
    """A population as a chain with Metafor's method names.

    Parameters
    ----------
    population : whose chain.
    """

    def __init__(self, population: Population) -> None:
        self.population = population
        self.n_states = population.n_states

    # --- the chain -------------------------------------------------------------------------------

    @cached_property
    def Q(self) -> Any:
        """Generator [1/s]: dense up to :data:`DENSE_STATES` states, else a SciPy sparse array."""
        order = self._out(np.arange(self.n_states).reshape(self.population.shape))
        sparse = generator(self.population)[order][:, order]
        return sparse.toarray() if self.n_states <= DENSE_STATES else sparse

    def is_irreducible(self) -> bool:
        """Whether every state can be reached from every other."""
        return closed_classes(as_chain(self.population))[0].size == self.n_states

    def check_detailed_balance(self, pi: Array) -> bool:
        r"""Whether :math:`\pi_x q_{xy} = \pi_y q_{yx}` for all pairs, to 1e-9 of the larger."""
        from scipy.sparse import diags_array

        flow = cast(Any, diags_array(self._in(pi).reshape(-1))) @ generator(self.population)
        larger = flow.maximum(flow.T)
        return not (abs(flow - flow.T) > _BALANCED * abs(larger)).nnz

    def get_init_state(self) -> Array:
        """The law that is certain of the empty service."""
        law = np.zeros(self.n_states)
        law[0] = 1.0
        return law

    # --- in the long run -------------------------------------------------------------------------

    def get_stationary_distribution(self) -> Array:
        """Long-run probability of each state, right to about 1e-13 in every entry."""
        return self._out(_sure(self.law).pi)

    def get_eigenvalues(self, count: int = 8) -> Array:
        """Real parts of the `count` eigenvalues nearest to 0 [1/s], in descending order.

        The complex ones are in `separatrix.markov.spectrum`.
        """
        modes = spectrum(self.population, min(count, self.n_states), law=self.law, tolerance=1e-12)
        return np.sort(_sure(modes).eigenvalues.real)[::-1][:count]

    def get_mixing_time(self) -> float:
        """Time ln(100) / spectral gap in which the slowest mode decays to 1 % (Metafor: log2)."""
        return _sure(spectrum(self.population, law=self.law)).mixing_time(0.01)

    # --- hitting times ---------------------------------------------------------------------------

    def time_to_drain(self) -> float:
        """Expected time from the fullest state to the empty one."""
        return self.reach(self.n_states - 1, 0)

    def reach(self, start: int | Array, targets: States) -> float:
        """Expected time from a state, or from a law over the states, until a target is entered."""
        times = _sure(hitting_times(self.population, self._mask(targets), second_moment=False))
        return times.at(self._start(start)).mean

    def get_hitting_time_average(self, S1: States, S2: States) -> float:
        """Expected time until S2 is entered, from the state of S1 where it is shortest."""
        return self.get_hitting_time_average_and_deviation(S1, S2)[0]

    def get_hitting_time_average_and_deviation(self, S1: States, S2: States) -> tuple[float, float]:
        """That time and its standard deviation (Metafor: the square root of the time)."""
        starts = np.flatnonzero(self._mask(S1))
        if not starts.size:
            raise ModelError(Problem("the set of starts is empty", "S1", "name at least one state"))
        times = _sure(hitting_times(self.population, self._mask(S2)))
        best = starts[times.log_mean.reshape(-1)[starts].argmin()]
        return float(times.mean.reshape(-1)[best]), float(times.std.reshape(-1)[best])

    # --- on the way ------------------------------------------------------------------------------

    def finite_time_analysis(
        self,
        pi0: Array,
        analyses: Mapping[str, Callable[[Array], Any]],
        sim_time: float,
        sim_step: float,
    ) -> dict[float, dict[str, Any]]:
        """Values of functions of the law at the times 0, sim_step, .. up to sim_time.

        Parameters
        ----------
        pi0 : law at time 0.
        analyses : name -> function of a law, such as ``{"q": chain.main_queue_size_average}``.
        sim_time, sim_step : [s], > 0.

        Returns
        -------
        values : time [s] -> name -> value.
        """
        if not (sim_step > 0.0 and sim_time >= 0.0):
            raise ModelError(f"sim_time {sim_time!r} and sim_step {sim_step!r} must be > 0 s")
        times = [k * sim_step for k in range(floor(sim_time / sim_step * (1.0 + 1e-12)) + 1)]
        laws = _sure(transient(self.population, self._in(pi0), times)).laws
        return {
            t: {name: analysis(self._out(law)) for name, analysis in analyses.items()}
            for t, law in zip(times, laws, strict=True)
        }

    def reach_prob(self, start: int | Array, targets: States, time: float) -> float:
        """Probability that a target is entered within `time`, from a state or a law."""
        found = hit_within(self.population, self._mask(targets), self._start(start), [time])
        return float(_sure(found).probability[0])

    # --- states by number ------------------------------------------------------------------------

    def _mask(self, states: States) -> NDArray[np.bool_]:
        numbers = np.atleast_1d(
            np.asarray(states if np.isscalar(states) else list(cast(Any, states)))
        )
        if numbers.size and numbers.dtype.kind not in "iu":
            raise ModelError(f"states are given by whole numbers; got {numbers[0]!r}")
        bad = [int(n) for n in numbers if not 0 <= n < self.n_states]
        if bad:
            raise ModelError(
                Problem(
                    f"state {bad[0]} is outside 0..{self.n_states - 1}",
                    hint="states are numbered with the first server's queue fastest, then its orbit",
                )
            )
        mask = np.zeros(self.n_states, dtype=np.bool_)
        mask[numbers.astype(np.int64)] = True
        return mask.reshape(self.population.shape, order="F")

    def _start(self, start: int | Array) -> tuple[int, ...] | Array:
        if isinstance(start, (int, np.integer)):
            self._mask(int(start))
            place = np.unravel_index(int(start), self.population.shape, order="F")
            return tuple(int(i) for i in place)
        return self._in(start)

    # --- between the two numberings --------------------------------------------------------------

    @cached_property
    def law(self) -> StationaryLaw:
        """The stationary law as separatrix has it, with its certificate."""
        return stationary(self.population)

    def _out(self, table: Any) -> Any:
        """A table over the coordinates as a vector in Metafor's order."""
        return np.asarray(table).reshape(-1, order="F")

    def _in(self, pi: Array) -> Array:
        """A vector in Metafor's order as a table over the coordinates."""
        vector = np.asarray(pi, dtype=np.float64).reshape(-1)
        if vector.size != self.n_states:
            raise ModelError(f"the law has {vector.size} entries, the chain {self.n_states} states")
        return vector.reshape(self.population.shape, order="F")


def _sure(result: T) -> T:
    """The result itself; NotConverged where it is not certain."""
    if result.status != "ok":
        raise NotConverged("the answer is not certain", partial=result, certificate=result.reason)
    return result
