"""Tables of the arrival processes and service laws, as the kernels in `draws` read them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from separatrix.model.arrivals import Mixture, PhaseType, Poisson, StateMachine
from separatrix.model.parts import Source, Work
from separatrix.model.service import (
    Deterministic,
    Empirical,
    Erlang,
    Exponential,
    Hyperexponential,
    Lognormal,
    Weibull,
)
from separatrix.simulate import layout as at

Table = NDArray[np.float64]
_NONE: Table = np.empty(0)


def arrival_table(source: Source) -> tuple[int, float, Table, int]:
    """(kind, rate or time scale, table, size) of a source's arrivals.

    The scale makes the mean rate the stated one; for a trace it is applied to the times.
    """
    process = source.arrivals
    natural = process.natural_rate
    if isinstance(process, Poisson) or natural is None:
        return at.POISSON, source.mean_rate, _NONE, 0
    scale = source.mean_rate / natural
    if isinstance(process, Mixture):
        means = 1.0 / np.array(process.rates)
        return at.MIXTURE, scale, np.concatenate([_cumulated(process.weights), means]), len(means)
    if isinstance(process, PhaseType):
        S = np.array(process.generator)
        total = -np.diag(S)
        jumps = S / total[:, None]
        np.fill_diagonal(jumps, 0.0)
        rows = np.cumsum(jumps, axis=1)
        # what rounding leaves above a row without an exit must not look like one
        rows[rows > 1.0 - 1e-12] = 1.0
        table = np.concatenate([_cumulated(process.initial), total, rows.ravel()])
        return at.PHASES, scale, table, len(S)
    if isinstance(process, StateMachine):
        off = process.transition_rates
        leaving = off.sum(axis=1)
        jumps = off / np.where(leaving > 0, leaving, 1.0)[:, None]
        table = np.concatenate(
            [
                _cumulated(process.stationary),
                np.array(process.rates),
                leaving,
                np.cumsum(jumps, axis=1).ravel(),
            ]
        )
        return at.MACHINE, scale, table, len(leaving)
    times = np.array(process.times)
    return at.TRACE, scale, times / scale if scale > 0 else times, len(times)


def law_words(work: Work) -> tuple[int, float, float, Table, int]:
    """(law, scale, parameter, table, size) of a service law with mean ``1 / processing_rate``."""
    mean = 1.0 / work.processing_rate
    law = work.law
    if isinstance(law, Exponential):
        return at.EXPONENTIAL, mean, 0.0, _NONE, 0
    if isinstance(law, Deterministic):
        return at.DETERMINISTIC, mean, 0.0, _NONE, 0
    if isinstance(law, Erlang):
        return at.ERLANG, mean, float(law.stages), _NONE, 0
    if isinstance(law, Hyperexponential):
        means = 1.0 / np.array(law.unit_rates)
        return at.HYPER, mean, 0.0, np.concatenate([_cumulated(law.weights), means]), len(means)
    if isinstance(law, Lognormal):
        return at.LOGNORMAL, mean, law.sigma, _NONE, 0
    if isinstance(law, Weibull):
        scale = mean / math.gamma(1.0 + 1.0 / law.shape)
        return at.WEIBULL, scale, 1.0 / law.shape, _NONE, 0
    if isinstance(law, Empirical):
        samples = np.array(law.samples)
        return at.EMPIRICAL, mean, 0.0, samples / samples.mean(), len(samples)
    return at.PARETO, mean * (law.shape - 1.0) / law.shape, 1.0 / law.shape, _NONE, 0


def _cumulated(weights: tuple[float, ...] | Table) -> Table:
    sums = np.cumsum(np.asarray(weights, dtype=np.float64))
    return sums / sums[-1]
