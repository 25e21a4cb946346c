"""Random numbers of an emulated service: when requests come, and how long services take.

Drawn with numpy, apart from the simulator's compiled kernels, so that neither hides the other's
mistake.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import ModelError, Problem
from separatrix.model import (
    Deterministic,
    Empirical,
    Erlang,
    Exponential,
    Hyperexponential,
    Lognormal,
    Mixture,
    Pareto,
    PhaseType,
    Poisson,
    Schedule,
    Source,
    StateMachine,
    Weibull,
    Work,
)

Times: TypeAlias = NDArray[np.float64]

MOST_REQUESTS = 1_000_000
"""Requests of one source in one run."""


def arrival_times(
    source: Source, faults: Schedule, horizon: float, rng: np.random.Generator
) -> Times:
    r"""Sorted times in [0, horizon) [s] at which `source` begins requests.

    Spikes of factor f(t) act as in the simulator: rates of Poisson sources and of a state machine
    are multiplied; renewal processes and traces run on the clock :math:`\tau(t) = \int_0^t f`.

    Raises ModelError where more than `MOST_REQUESTS` would come.
    """
    marks = [0.0, *(b for b in faults.breakpoints if 0 < b < horizon), horizon]
    factors = [faults.arrival_factor(source.name, a) for a in marks[:-1]]
    clock = np.concatenate([[0.0], np.cumsum(np.diff(marks) * factors)])
    expected = source.mean_rate * float(clock[-1])
    if expected > 0.9 * MOST_REQUESTS:
        raise ModelError(
            Problem(
                f"{expected:,.0f} requests are too many to send for real",
                f"sources.{source.name}.arrival_rate",
                "emulate a shorter time, or a smaller copy of the service",
            )
        )
    if source.mean_rate == 0:
        return np.empty(0)
    if isinstance(source.arrivals, StateMachine):
        return _machine(source, marks, factors, rng)
    ticks = _ticks(source, float(clock[-1]), rng)
    return np.interp(ticks, clock, marks)


def _ticks(source: Source, end: float, rng: np.random.Generator) -> Times:
    """Arrival times below `end` on the source's own clock."""
    process, rate = source.arrivals, source.mean_rate
    if isinstance(process, Poisson):
        return np.sort(rng.uniform(0.0, end, rng.poisson(rate * end)))
    natural = process.natural_rate
    assert natural is not None  # noqa: S101 - only a Poisson process has none
    scale = natural / rate
    if isinstance(process, Mixture | PhaseType):
        draw = _mixture(process, rng) if isinstance(process, Mixture) else _phases(process, rng)
        gaps: list[float] = []
        now = 0.0
        while True:
            now += draw() * scale
            if now >= end:
                return np.array(gaps)
            gaps.append(now)
    if isinstance(process, StateMachine):
        raise TypeError("a state machine keeps its own clock")
    times = np.array(process.times) * scale
    return times[times < end]


def _mixture(process: Mixture, rng: np.random.Generator) -> Callable[[], float]:
    bounds = np.cumsum(process.weights)

    def gap() -> float:
        branch = min(int(np.searchsorted(bounds, rng.random(), side="right")), len(bounds) - 1)
        return float(rng.exponential(1.0 / process.rates[branch]))

    return gap


def _phases(process: PhaseType, rng: np.random.Generator) -> Callable[[], float]:
    S = np.array(process.generator)
    total = -np.diag(S)
    jumps = S / total[:, None]
    np.fill_diagonal(jumps, 0.0)
    bounds = np.cumsum(jumps, axis=1)
    bounds[bounds > 1.0 - 1e-12] = 1.0  # rounding must not look like an exit
    initial = np.cumsum(process.initial)

    def gap() -> float:
        phase = min(int(np.searchsorted(initial, rng.random(), side="right")), len(S) - 1)
        wait = 0.0
        while True:
            wait += float(rng.exponential(1.0 / float(total[phase])))
            phase = int(np.searchsorted(bounds[phase], rng.random(), side="right"))
            if phase == len(S):
                return wait

    return gap


def _machine(
    source: Source, marks: list[float], factors: list[float], rng: np.random.Generator
) -> Times:
    """Arrivals of a Markov-modulated Poisson process, interval by interval of constant rate."""
    process = source.arrivals
    assert isinstance(process, StateMachine)  # noqa: S101 - the one caller has looked
    scale = source.mean_rate / process.natural_rate  # time passes so many times as fast
    off = process.transition_rates * scale
    leaving = off.sum(axis=1)
    state = int(rng.choice(len(leaving), p=process.stationary))
    found: list[Times] = []
    now, ends = 0.0, math.inf
    if leaving[state] > 0:
        ends = float(rng.exponential(1.0 / float(leaving[state])))
    for (_, stop), factor in zip(pairwise(marks), factors, strict=True):
        while now < stop:
            until = min(ends, stop)
            rate = process.rates[state] * scale * factor
            found.append(np.sort(rng.uniform(now, until, rng.poisson(rate * (until - now)))))
            now = until
            if now == ends:
                state = int(rng.choice(len(leaving), p=off[state] / leaving[state]))
                ends = now + float(rng.exponential(1.0 / float(leaving[state])))
    return np.concatenate(found) if found else np.empty(0)


def service_sampler(work: Work, rng: np.random.Generator) -> Callable[[], float]:
    """A function that draws one service time [s] of `work`."""
    law, mean = work.law, 1.0 / work.processing_rate
    match law:
        case Exponential():
            return lambda: float(rng.exponential(mean))
        case Deterministic():
            return lambda: mean
        case Erlang():
            return lambda: float(rng.gamma(law.stages, mean / law.stages))
        case Hyperexponential():
            bounds = np.cumsum(law.weights)[:-1]
            rates = law.unit_rates
            return lambda: float(
                rng.exponential(mean / rates[int(np.searchsorted(bounds, rng.random()))])
            )
        case Lognormal():
            shift = -(law.sigma**2) / 2
            return lambda: mean * float(rng.lognormal(shift, law.sigma))
        case Weibull():
            scale = mean / math.gamma(1 + 1 / law.shape)
            return lambda: scale * float(rng.weibull(law.shape))
        case Pareto():
            least = mean * (law.shape - 1) / law.shape
            return lambda: least * (1.0 + float(rng.pareto(law.shape)))
        case Empirical():
            samples = np.array(law.samples)
            samples = samples * (mean / samples.mean())
            return lambda: float(samples[rng.integers(len(samples))])
