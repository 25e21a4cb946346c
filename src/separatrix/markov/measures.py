"""Long-run averages under a stationary law: queues, orbits, rates, and (see `latency`) sojourns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import ModelError
from separatrix.markov.averaging import average, population_of
from separatrix.markov.generator import sum_at
from separatrix.markov.latency import Latency, latency
from separatrix.markov.stationary import StationaryLaw
from separatrix.notebook import Shown
from separatrix.population.lattice import AxisKind

Array: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Count(Shown):
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
class Average(Shown):
    """Long-run average of a named measure, in its unit."""

    name: str
    unit: str
    value: float

    def to_dict(self) -> dict[str, Any]:
        """Numbers for JSON."""
        return {"name": self.name, "unit": self.unit, "value": self.value}


@dataclass(frozen=True)
class Steady(Shown):
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
    population = population_of(law)
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
    population = population_of(law)
    others = tuple(i for i in range(law.pi.ndim) if i != axis)
    described = population.axes[axis]
    return _counted(described.name, described.kind, law.pi.sum(axis=others))


def total_count(law: StationaryLaw, kind: AxisKind) -> Count | None:
    """Law of the sum of all axes of one kind; None where there is none."""
    population = population_of(law)
    axes = population.axes_of(kind)
    if not axes:
        return None
    others = tuple(i for i in range(law.pi.ndim) if i not in axes)
    joint = law.pi.sum(axis=others)
    total = np.asarray(np.indices(joint.shape), dtype=np.int64).sum(axis=0).reshape(-1)
    size = sum(joint.shape) - joint.ndim + 1
    return _counted(kind, kind, sum_at(total, joint.reshape(-1), size))


def averages(law: StationaryLaw) -> tuple[Average, ...]:
    """Long-run value of every measure that the population names.

    Raises
    ------
    ModelError : a measure is not finite where the law has mass.
    """
    population = population_of(law)
    grid = population.grid()
    found: list[Average] = []
    for measure in population.measures:
        value = average(law, np.asarray(measure.value(grid), dtype=np.float64))
        if not np.isfinite(value):
            raise ModelError(f"the measure {measure.name!r} is not finite: {value}")
        found.append(Average(measure.name, measure.unit, value))
    return tuple(found)


def _counted(name: str, kind: AxisKind, marginal: Array) -> Count:
    values = np.arange(marginal.size, dtype=np.float64)
    mean = float(marginal @ values)
    return Count(name, kind, mean, float(marginal @ (values - mean) ** 2), marginal)
