"""Kernel that changes the speed of a source or a server when a fault begins or ends."""

from __future__ import annotations

from typing import Any

import numpy as np

from separatrix.compiled import compiled
from separatrix.simulate.draws import arrival_after
from separatrix.simulate.layout import (
    ARRIVALS, BREAK_WORDS, FACTOR, KEY, MACHINE, N_BREAKS, NEXT_BREAK, P_BREAKS, P_STREAM_WORDS,
    P_STREAMS, PHASE, RATE, SERVED, SERVER_WORDS, SPEED, STREAM_WORDS, TRACE, WARP, WARP_AT,
    WORK_DONE, WORK_DONE_AT, X_CLOCKS, X_SERVERS, X_STREAMS,
)  # fmt: skip


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
