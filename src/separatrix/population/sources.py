r"""New requests of a source: the rates at which they come, and the phases that modulate them.

A process with n phases becomes n - 1 axes that are 1 while their phase is on; phase 0 is on while
none is. All rates are then linear in the axes, so that at real values, where an axis is the
probability of its phase, the mean dynamics are right, too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from separatrix.model import Mixture, PhaseType, StateMachine
from separatrix.population.frame import Frame, Jump, constant
from separatrix.population.lattice import Array, RateFunction, State
from separatrix.population.network import Stream


@dataclass(frozen=True)
class Emission:
    """New requests of one kind.

    Attributes
    ----------
    rate : [1/s], by state.
    jump : of the source's own axes, with each request.
    """

    rate: RateFunction
    jump: Jump


@dataclass(frozen=True)
class _Phased:
    """A Markovian arrival process: (n, n) rates without an arrival, and with one [1/s]."""

    silent: NDArray[np.float64]
    arriving: NDArray[np.float64]


def _phased(stream: Stream) -> _Phased | None:
    """The phases of a source; None for a Poisson source, and for one that never sends."""
    arrivals, rate = stream.arrivals, stream.rate
    if not isinstance(arrivals, StateMachine | PhaseType | Mixture) or rate == 0.0:
        return None
    scale = rate / arrivals.natural_rate
    if isinstance(arrivals, StateMachine):
        arriving = np.zeros((len(arrivals.rates),) * 2)
        np.fill_diagonal(arriving, scale * np.array(arrivals.rates))
        return _Phased(scale * arrivals.transition_rates, arriving)
    if isinstance(arrivals, Mixture):
        start, out = np.array(arrivals.weights), np.array(arrivals.rates)
        return _Phased(np.zeros((len(out), len(out))), scale * np.outer(out, start))
    S = scale * np.array(arrivals.generator)
    silent = S - np.diag(np.diag(S))
    start = np.array(arrivals.initial, dtype=np.float64)
    ending: NDArray[np.float64] = np.maximum(-S.sum(axis=1), 0.0)
    return _Phased(silent, np.outer(ending, start))


def highest_rate(stream: Stream) -> float:
    """Highest rate of new requests in any phase [1/s]."""
    phased = _phased(stream)
    return stream.rate if phased is None else float(phased.arriving.sum(axis=1).max())


def emissions(frame: Frame, stream: Stream) -> list[Emission]:
    """Add the axes and the changes of phase of a source; what it sends."""
    phased = _phased(stream)
    if phased is None:
        return [Emission(constant(stream.rate), {})]
    n = len(phased.silent)
    axes = [frame.axis(f"phase {i}[{stream.name}]", 2, "phase") for i in range(1, n)]

    def on(i: int) -> RateFunction:
        if i:
            return lambda x: x[axes[i - 1]]
        return lambda x: np.maximum(1.0 - sum((x[a] for a in axes), start=np.zeros(())), 0.0)

    def change(i: int, j: int) -> Jump:
        return {axes[k - 1]: step for k, step in ((i, -1), (j, 1)) if k}

    def moving(rate: float, i: int, j: int) -> RateFunction:
        # where one phase is on, what is on at j is at most 1 - on(i); elsewhere the jump must not
        # leave the box
        here = on(i)
        if not j:
            return lambda x: rate * here(x)
        return lambda x: rate * np.minimum(here(x), 1.0 - x[axes[j - 1]])

    staying = np.diag(phased.arriving)

    def same(x: State) -> Array:
        parts = (rate * on(i)(x) for i, rate in enumerate(staying) if rate)
        return sum(parts, start=np.zeros(()))

    found: list[Emission] = [Emission(same, {})] if staying.any() else []
    for i in range(n):
        for j in range(n):
            if i == j:
                continue
            if phased.silent[i, j] > 0:
                name = f"phase of {stream.name}: {i} to {j}"
                frame.move(name, moving(float(phased.silent[i, j]), i, j), change(i, j))
            if phased.arriving[i, j] > 0:
                rate = moving(float(phased.arriving[i, j]), i, j)
                found.append(Emission(rate, change(i, j)))
    return found
