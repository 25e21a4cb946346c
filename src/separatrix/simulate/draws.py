"""Service times and gaps between arrivals, of any law in the model."""

from __future__ import annotations

from typing import Any

import numpy as np

from separatrix.compiled import compiled
from separatrix.simulate.layout import (
    ARRIVALS, DETERMINISTIC, ERLANG, EXPONENTIAL, FACTOR, HYPER, LAW, LAW_A, LAW_SIZE, LOGNORMAL,
    MACHINE, MEAN, MIXTURE, P_LAW, P_TABLE, PARETO, PHASE, PHASES, POISSON, RATE, TABLE_SIZE,
    WARP, WARP_AT, WEIBULL,
)  # fmt: skip
from separatrix.simulate.random_numbers import below, exponential, gamma, normal, uniform

_FEW_STAGES = 12  # up to here a sum of exponentials is quicker than a gamma


def _service_time(U: Any, P: Any, G: Any, work: int) -> float:
    """A service time [s] of the work whose block begins at `work`, at full speed and no load."""
    mean = G[work + MEAN]
    law = P[work + LAW]
    if law == EXPONENTIAL:
        return mean * exponential(U)
    if law == DETERMINISTIC:
        return mean
    a = G[work + LAW_A]
    if law == ERLANG:
        stages = int(a)
        if stages > _FEW_STAGES:
            return mean * gamma(U, a) / a
        total = 0.0
        for _ in range(stages):
            total += exponential(U)
        return mean * total / a
    if law == LOGNORMAL:
        return mean * np.exp(a * normal(U) - 0.5 * a * a)
    if law == WEIBULL:  # LAW_A is 1/shape, MEAN the scale
        return mean * exponential(U) ** a
    if law == PARETO:  # LAW_A is 1/shape, MEAN the minimum
        return mean * np.exp(a * exponential(U))
    table = P[work + P_LAW]
    n = P[work + LAW_SIZE]
    if law == HYPER:  # cumulated weights, then means
        u = uniform(U)
        i = 0
        while i < n - 1 and u >= G[table + i]:
            i += 1
        return mean * G[table + n + i] * exponential(U)
    return mean * G[table + below(U, n)]


service_time = compiled(_service_time)


def _arrival_after(
    X: Any, F: Any, U: Any, P: Any, G: Any, t: float, state: int, source: int
) -> float:
    """When the next event of a source's process comes, seen from its present event at `t` [s].

    For a state machine this may be a change of state; `machine_arrives` tells.
    """
    kind = P[source + ARRIVALS]
    rate = G[source + RATE]
    factor = F[state + FACTOR]
    if rate <= 0.0:
        return np.inf
    if kind == POISSON:
        return t + exponential(U) / (rate * factor)
    table = P[source + P_TABLE]
    n = P[source + TABLE_SIZE]
    if kind == MIXTURE:  # cumulated weights, then means
        u = uniform(U)
        i = 0
        while i < n - 1 and u >= G[table + i]:
            i += 1
        return t + G[table + n + i] * exponential(U) / (rate * factor)
    if kind == PHASES:  # cumulated initial law, then total rates, then cumulated jump laws by row
        u = uniform(U)
        i = 0
        while i < n - 1 and u >= G[table + i]:
            i += 1
        gap = 0.0
        while i < n:
            gap += exponential(U) / G[table + n + i]
            row = table + 2 * n + i * n
            u = uniform(U)
            i = 0
            while i < n and u >= G[row + i]:
                i += 1
        return t + gap / (rate * factor)
    if kind == MACHINE:  # stationary law cumulated, arrival rates, rates of leaving, jump laws by row
        m = X[state + PHASE]
        total = rate * (G[table + n + m] * factor + G[table + 2 * n + m])
        return t + exponential(U) / total if total > 0.0 else np.inf
    index = X[state + PHASE]
    if index >= n:
        return np.inf
    X[state + PHASE] = index + 1
    return F[state + WARP_AT] + (G[table + index] - F[state + WARP]) / factor


arrival_after = compiled(_arrival_after)


def _machine_arrives(X: Any, F: Any, U: Any, P: Any, G: Any, state: int, source: int) -> bool:
    """Whether the event of a state machine is an arrival; if not, change its state."""
    table = P[source + P_TABLE]
    n = P[source + TABLE_SIZE]
    m = X[state + PHASE]
    arriving = G[table + n + m] * F[state + FACTOR]
    leaving = G[table + 2 * n + m]
    if uniform(U) * (arriving + leaving) < arriving:
        return True
    row = table + 3 * n + m * n
    u = uniform(U)
    i = 0
    while i < n - 1 and u >= G[row + i]:
        i += 1
    X[state + PHASE] = i
    return False


machine_arrives = compiled(_machine_arrives)
