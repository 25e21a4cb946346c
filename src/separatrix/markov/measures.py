r"""Long-run averages under a stationary law: queues, orbits, rates, latency.

Latency of an API is the mixture, over the states that its accepted attempts find, of the sojourn
law in that state; with acceptance rate :math:`w(x)`,

.. math:: P(S > t) = \frac{\sum_x \pi_x w(x) P_x(S > t)}{\sum_x \pi_x w(x)} .
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import ModelError
from separatrix.markov.generator import sum_at
from separatrix.markov.stationary import StationaryLaw
from separatrix.population.lattice import AxisKind, Population, Sojourn

Array: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Count:
    """Long-run law of one coordinate, or of the sum of all coordinates of a kind.

    Attributes
    ----------
    name : the axis, or the kind for a sum.
    kind : what it counts.
    mean, variance : of the count [requests], [requests^2].
    marginal : probability of each value 0, 1, ...
    """

    name: str
    kind: AxisKind
    mean: float
    variance: float
    marginal: Array

    @property
    def std(self) -> float:
        """Standard deviation [requests]."""
        return float(np.sqrt(self.variance))

    @property
    def at_bound(self) -> float:
        """Probability of the largest value: P(queue full), or what a truncated orbit presses on."""
        return float(self.marginal[-1])

    def to_dict(self) -> dict[str, Any]:
        """Numbers for JSON."""
        return {
            "name": self.name, "kind": self.kind, "unit": "requests", "mean": self.mean,
            "variance": self.variance, "std": self.std, "p_at_bound": self.at_bound,
        }  # fmt: skip


@dataclass(frozen=True)
class Average:
    """Long-run average of a named measure, in its unit."""

    name: str
    unit: str
    value: float

    def to_dict(self) -> dict[str, Any]:
        """Numbers for JSON."""
        return {"name": self.name, "unit": self.unit, "value": self.value}


@dataclass(frozen=True)
class Latency:
    """Time that accepted attempts of one API spend at the server.

    Attributes
    ----------
    name : the API.
    accepted : rate of accepted attempts [1/s].
    mean : [s].
    variance : [s^2].
    percentiles : probability -> time [s].
    status : ``"ok"``, or ``"inconclusive"`` with `reason` where nothing is accepted.
    """

    name: str
    accepted: float
    mean: float
    variance: float
    percentiles: dict[float, float]
    status: Literal["ok", "inconclusive"] = "ok"
    reason: str = ""

    @property
    def std(self) -> float:
        """Standard deviation [s]."""
        return float(np.sqrt(self.variance))

    def to_dict(self) -> dict[str, Any]:
        """Numbers for JSON."""
        return {
            "name": self.name, "unit": "s", "accepted_per_s": self.accepted, "mean": self.mean,
            "variance": self.variance, "std": self.std,
            "percentiles": {f"p{100 * p:g}": t for p, t in self.percentiles.items()},
            "status": self.status, "reason": self.reason,
        }  # fmt: skip


@dataclass(frozen=True)
class Steady:
    """All long-run numbers of a population.

    Attributes
    ----------
    counts : one per axis.
    queue, orbit : sums over all axes of that kind; None where there is no such axis.
    averages : the population's own measures.
    latencies : one per API.
    boundary : axis name -> probability of its largest value.
    cut : bound on the mass that the box cuts off.
    """

    counts: tuple[Count, ...]
    queue: Count | None
    orbit: Count | None
    averages: tuple[Average, ...]
    latencies: tuple[Latency, ...]
    boundary: dict[str, float]
    cut: float

    def to_dict(self) -> dict[str, Any]:
        """Numbers for JSON."""
        return {
            "counts": [c.to_dict() for c in self.counts],
            "queue": None if self.queue is None else self.queue.to_dict(),
            "orbit": None if self.orbit is None else self.orbit.to_dict(),
            "averages": [a.to_dict() for a in self.averages],
            "latencies": [entry.to_dict() for entry in self.latencies],
            "boundary_mass": dict(self.boundary),
            "cut_mass": self.cut,
        }


def steady(law: StationaryLaw, probabilities: Sequence[float] = (0.5, 0.9, 0.99)) -> Steady:
    """All long-run numbers of the law's population.

    Parameters
    ----------
    law : from `stationary` of a population (not of a bare chain).
    probabilities : which latency percentiles, each in (0, 1).

    Raises
    ------
    ModelError : the law is of a bare chain, or a measure is not finite.
    """
    population = _population(law)
    counts = tuple(count(law, i) for i in range(len(population.axes)))
    return Steady(
        counts=counts,
        queue=total_count(law, "queue"),
        orbit=total_count(law, "orbit"),
        averages=averages(law),
        latencies=tuple(latency(law, s, probabilities) for s in population.sojourns),
        boundary={c.name: c.at_bound for c in counts},
        cut=population.cut,
    )


def count(law: StationaryLaw, axis: int) -> Count:
    """Marginal law of one axis."""
    population = _population(law)
    others = tuple(i for i in range(law.pi.ndim) if i != axis)
    described = population.axes[axis]
    return _counted(described.name, described.kind, law.pi.sum(axis=others))


def total_count(law: StationaryLaw, kind: AxisKind) -> Count | None:
    """Law of the sum of all axes of one kind; None where there is none."""
    population = _population(law)
    axes = population.axes_of(kind)
    if not axes:
        return None
    others = tuple(i for i in range(law.pi.ndim) if i not in axes)
    joint = law.pi.sum(axis=others)
    total = np.asarray(np.indices(joint.shape), dtype=np.int64).sum(axis=0).reshape(-1)
    size = sum(joint.shape) - joint.ndim + 1
    return _counted(kind, kind, sum_at(total, joint.reshape(-1), size))


def average(law: StationaryLaw, values: Array) -> float:
    r""":math:`\sum_x \pi_x f(x)` for values that broadcast to the box's shape."""
    reduced, flat = _align(law.pi, values)
    return float((reduced * flat).sum())


def averages(law: StationaryLaw) -> tuple[Average, ...]:
    """Long-run value of every measure that the population names.

    Raises
    ------
    ModelError : a measure is not finite where the law has mass.
    """
    population = _population(law)
    grid = population.grid()
    found: list[Average] = []
    for measure in population.measures:
        value = average(law, np.asarray(measure.value(grid), dtype=np.float64))
        if not np.isfinite(value):
            raise ModelError(f"the measure {measure.name!r} is not finite: {value}")
        found.append(Average(measure.name, measure.unit, value))
    return tuple(found)


def latency(
    law: StationaryLaw, sojourn: Sojourn, probabilities: Sequence[float] = (0.5, 0.9, 0.99)
) -> Latency:
    """Mean, variance and percentiles [s] of the sojourn of accepted attempts.

    Raises
    ------
    ModelError : a probability outside (0, 1).
    """
    for p in probabilities:
        if not 0.0 < p < 1.0:
            raise ModelError(f"a percentile's probability must be in (0, 1); got {p}")
    population = _population(law)
    grid = population.grid()
    flow = law.pi * np.asarray(sojourn.weight(grid), dtype=np.float64)
    accepted = float(flow.sum())
    if not accepted > 0.0:
        nan = float("nan")
        return Latency(
            sojourn.name, 0.0, nan, nan, dict.fromkeys(probabilities, nan),
            "inconclusive", "no attempt of this API is accepted in the long run",
        )  # fmt: skip
    seen = flow / accepted
    first, second = (np.asarray(m, dtype=np.float64) for m in sojourn.moments(grid))
    mean = _weighted(seen, first)
    # spread of the conditional means plus the mean of the conditional variances: both are >= 0
    variance = _weighted(seen, np.maximum(second - first**2, 0.0))
    variance += _weighted(seen, (first - mean) ** 2)

    def tail(t: float) -> float:
        return _weighted(seen, np.asarray(sojourn.tail(grid, t), dtype=np.float64))

    percentiles = {p: _quantile(tail, 1.0 - p, mean) for p in probabilities}
    return Latency(sojourn.name, accepted, mean, variance, percentiles)


def _quantile(tail: Callable[[float], float], level: float, scale: float) -> float:
    """Smallest time with ``tail(t) <= level``, by bisection: service laws may have jumps."""
    if tail(0.0) <= level:
        return 0.0
    low, high = 0.0, max(scale, 1e-300)
    while tail(high) > level:
        low, high = high, 2.0 * high
        if not np.isfinite(high):
            return float("inf")
    while high - low > 1e-13 * high:
        middle = 0.5 * (low + high)
        if tail(middle) > level:
            low = middle
        else:
            high = middle
    return high


def _counted(name: str, kind: AxisKind, marginal: Array) -> Count:
    values = np.arange(marginal.size, dtype=np.float64)
    mean = float(marginal @ values)
    return Count(name, kind, mean, float(marginal @ (values - mean) ** 2), marginal)


def _weighted(weights: Array, values: Array) -> float:
    reduced, flat = _align(weights, values)
    return float((reduced * flat).sum())


def _align(weights: Array, values: Array) -> tuple[Array, Array]:
    """Weights summed over the axes that the values do not depend on, and the values."""
    shaped = values.reshape((1,) * (weights.ndim - values.ndim) + values.shape)
    constant = tuple(
        i for i in range(weights.ndim) if shaped.shape[i] == 1 and weights.shape[i] > 1
    )
    return weights.sum(axis=constant, keepdims=True), shaped


def _population(law: StationaryLaw) -> Population:
    if law.population is None:
        raise ModelError("this law is of a bare chain; take `stationary` of the population itself")
    return law.population
