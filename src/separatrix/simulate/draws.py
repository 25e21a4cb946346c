"""Service times and gaps between arrivals, of any law in the model."""

from __future__ import annotations

from typing import Any

import numpy as np

from separatrix.compiled import compiled
from separatrix.simulate import layout as at
from separatrix.simulate.random_numbers import below, exponential, gamma, normal, uniform

_FEW_STAGES = 12  # up to here a sum of exponentials is quicker than a gamma


def _service_time(U: Any, P: Any, G: Any, work: int) -> float:
    """A service time [s] of the work whose block begins at `work`, at full speed and no load."""
    mean = G[work + at.MEAN]
    law = P[work + at.LAW]
    if law == at.EXPONENTIAL:
        return mean * exponential(U)
    if law == at.DETERMINISTIC:
        return mean
    a = G[work + at.LAW_A]
    if law == at.ERLANG:
        stages = int(a)
        if stages > _FEW_STAGES:
            return mean * gamma(U, a) / a
        total = 0.0
        for _ in range(stages):
            total += exponential(U)
        return mean * total / a
    if law == at.LOGNORMAL:
        return mean * np.exp(a * normal(U) - 0.5 * a * a)
    if law == at.WEIBULL:  # LAW_A is 1/shape, MEAN the scale
        return mean * exponential(U) ** a
    if law == at.PARETO:  # LAW_A is 1/shape, MEAN the minimum
        return mean * np.exp(a * exponential(U))
    table = P[work + at.P_LAW]
    n = P[work + at.LAW_SIZE]
    if law == at.HYPER:  # cumulated weights, then means
        u = uniform(U)
        i = 0
        while i < n - 1 and u >= G[table + i]:
            i += 1
        return mean * G[table + n + i] * exponential(U)
    return mean * G[table + below(U, n)]


service_time = compiled(_service_time)


def _load_factor(X: Any, P: Any, G: Any, v: int, vp: int) -> float:
    """How many times longer a service that begins now takes because of the load."""
    if P[vp + at.SLOW_BY] == 0:
        return 1.0
    n = X[v + at.PRESENT] if P[vp + at.SLOW_BY] == 1 else X[v + at.BUSY]
    return 1.0 + G[vp + at.SLOW_A] * (n / G[vp + at.SLOW_SCALE]) ** G[vp + at.SLOW_POWER]


load_factor = compiled(_load_factor)


def _arrival_after(
    X: Any, F: Any, U: Any, P: Any, G: Any, t: float, state: int, source: int
) -> float:
    """When the next event of a source's process comes, seen from its present event at `t` [s].

    For a state machine this may be a change of state; `machine_arrives` tells.
    """
    kind = P[source + at.ARRIVALS]
    rate = G[source + at.RATE]
    factor = F[state + at.FACTOR]
    if rate <= 0.0:
        return np.inf
    if kind == at.POISSON:
        return t + exponential(U) / (rate * factor)
    table = P[source + at.P_TABLE]
    n = P[source + at.TABLE_SIZE]
    if kind == at.MIXTURE:  # cumulated weights, then means
        u = uniform(U)
        i = 0
        while i < n - 1 and u >= G[table + i]:
            i += 1
        return t + G[table + n + i] * exponential(U) / (rate * factor)
    if kind == at.PHASES:  # cumulated initial law, then rates of leaving, then jump laws by row
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
    if (
        kind == at.MACHINE
    ):  # stationary law cumulated, arrival rates, rates of leaving, jump laws by row
        m = X[state + at.PHASE]
        total = rate * (G[table + n + m] * factor + G[table + 2 * n + m])
        return t + exponential(U) / total if total > 0.0 else np.inf
    index = X[state + at.PHASE]
    if index >= n:
        return np.inf
    X[state + at.PHASE] = index + 1
    return F[state + at.WARP_AT] + (G[table + index] - F[state + at.WARP]) / factor


arrival_after = compiled(_arrival_after)


def _machine_arrives(X: Any, F: Any, U: Any, P: Any, G: Any, state: int, source: int) -> bool:
    """Whether the event of a state machine is an arrival; if not, change its state."""
    table = P[source + at.P_TABLE]
    n = P[source + at.TABLE_SIZE]
    m = X[state + at.PHASE]
    arriving = G[table + n + m] * F[state + at.FACTOR]
    leaving = G[table + 2 * n + m]
    if uniform(U) * (arriving + leaving) < arriving:
        return True
    row = table + 3 * n + m * n
    u = uniform(U)
    i = 0
    while i < n - 1 and u >= G[row + i]:
        i += 1
    X[state + at.PHASE] = i
    return False


machine_arrives = compiled(_machine_arrives)
