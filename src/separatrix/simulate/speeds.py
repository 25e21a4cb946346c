"""Kernels that begin a run and that change speeds when a fault begins or ends."""

from __future__ import annotations

from typing import Any

import numpy as np

from separatrix.compiled import compiled
from separatrix.simulate.draws import arrival_after
from separatrix.simulate.layout import (
    ARRIVALS, BREAK_WORDS, CACHE_KEYS, CACHE_TTL, FACTOR, KEY, MACHINE, N_BREAKS, N_SERVERS,
    N_SOURCES, NEXT_BREAK, P_BREAKS, P_SERVER_WORDS, P_SERVERS, P_STREAM_WORDS, P_STREAMS, P_TABLE,
    PHASE, RATE, SERVED, SERVER_WORDS, SPEED, STREAM_WORDS, TABLE_SIZE, TRACE, WARP, WARP_AT,
    WORK_DONE, WORK_DONE_AT, X_CACHE, X_CLOCKS, X_SERVERS, X_STREAMS,
)  # fmt: skip
from separatrix.simulate.random_numbers import uniform


def _begin(X: Any, F: Any, U: Any, P: Any, G: Any, first_source_clock: int, warm: Any) -> None:
    """Draw the first arrivals, the states of state machines, and the ages of warm cache entries.

    warm : (servers,) number of keys that are live at the start; their remaining lives are uniform
        over the time to live.
    """
    for i in range(P[N_SOURCES]):
        source = P[P_STREAMS] + i * P_STREAM_WORDS
        state = P[X_STREAMS] + i * STREAM_WORDS
        if P[source + ARRIVALS] == MACHINE:
            table = P[source + P_TABLE]
            n = P[source + TABLE_SIZE]
            u = uniform(U)
            m = 0
            while m < n - 1 and u >= G[table + m]:
                m += 1
            X[state + PHASE] = m
        F[P[X_CLOCKS] + first_source_clock + i] = arrival_after(X, F, U, P, G, 0.0, state, source)
    for j in range(P[N_SERVERS]):
        server = P[P_SERVERS] + j * P_SERVER_WORDS
        expiry = P[server + X_CACHE]
        for k in range(P[server + CACHE_KEYS]):
            F[expiry + k] = uniform(U) * G[server + CACHE_TTL] if k < warm[j] else -1.0


begin = compiled(_begin)


def _change_speed(
    X: Any, F: Any, U: Any, P: Any, G: Any, t: float, done: int, source: int
) -> None:
    """Apply the next change of speed at `t` and set the clock of the one after it.

    done, source : index of the first clock of services and of arrivals.
    """
    clocks = P[X_CLOCKS]
    b = P[P_BREAKS] + X[NEXT_BREAK] * BREAK_WORDS
    i = P[b + 2]
    speed = G[b + 3]
    if P[b + 1] == 1:
        v = P[X_SERVERS] + i * SERVER_WORDS
        F[v + WORK_DONE] += (t - F[v + WORK_DONE_AT]) * F[v + SPEED]
        F[v + WORK_DONE_AT] = t
        F[v + SPEED] = speed
        served = X[v + SERVED]
        F[clocks + done + i] = np.inf
        if served != 0 and speed > 0.0:
            F[clocks + done + i] = t + (F[served + KEY] - F[v + WORK_DONE]) / speed
    else:
        ss = P[X_STREAMS] + i * STREAM_WORDS
        sp = P[P_STREAMS] + i * P_STREAM_WORDS
        clock = clocks + source + i
        before = F[ss + FACTOR]
        F[ss + FACTOR] = speed
        if P[sp + ARRIVALS] == TRACE:
            F[ss + WARP] += (t - F[ss + WARP_AT]) * before
            F[ss + WARP_AT] = t
            if F[clock] < np.inf:
                X[ss + PHASE] -= 1
                F[clock] = arrival_after(X, F, U, P, G, t, ss, sp)
        elif P[sp + ARRIVALS] == MACHINE:
            F[clock] = arrival_after(X, F, U, P, G, t, ss, sp)
        elif G[sp + RATE] > 0.0:
            F[clock] = t + (F[clock] - t) * before / speed
    X[NEXT_BREAK] += 1
    if X[NEXT_BREAK] < P[N_BREAKS]:
        F[clocks] = G[b + BREAK_WORDS]
    else:
        F[clocks] = np.inf


change_speed = compiled(_change_speed)
