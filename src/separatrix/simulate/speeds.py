"""Kernel that changes the speed of a source or a server when a fault begins or ends."""

from __future__ import annotations

from typing import Any

import numpy as np

from separatrix.compiled import compiled
from separatrix.simulate import layout as at
from separatrix.simulate.draws import arrival_after


def _change_speed(X: Any, F: Any, U: Any, P: Any, G: Any, t: float, done: int, source: int) -> None:
    """Apply the next change of speed at `t` and set the clock of the one after it.

    done, source : index of the first clock of services and of arrivals.
    """
    clocks = P[at.X_CLOCKS]
    b = P[at.P_BREAKS] + X[at.NEXT_BREAK] * at.BREAK_WORDS
    i = P[b + 2]
    speed = G[b + 3]
    if P[b + 1] == 1:
        v = P[at.X_SERVERS] + i * at.SERVER_WORDS
        F[v + at.WORK_DONE] += (t - F[v + at.WORK_DONE_AT]) * F[v + at.SPEED]
        F[v + at.WORK_DONE_AT] = t
        F[v + at.SPEED] = speed
        served = X[v + at.SERVED]
        F[clocks + done + i] = np.inf
        if served != 0 and speed > 0.0:
            F[clocks + done + i] = t + (F[served + at.KEY] - F[v + at.WORK_DONE]) / speed
    else:
        ss = P[at.X_STREAMS] + i * at.STREAM_WORDS
        sp = P[at.P_STREAMS] + i * at.P_STREAM_WORDS
        clock = clocks + source + i
        before = F[ss + at.FACTOR]
        F[ss + at.FACTOR] = speed
        if P[sp + at.ARRIVALS] == at.TRACE:
            F[ss + at.WARP] += (t - F[ss + at.WARP_AT]) * before
            F[ss + at.WARP_AT] = t
            if F[clock] < np.inf:
                X[ss + at.PHASE] -= 1
                F[clock] = arrival_after(X, F, U, P, G, t, ss, sp)
        elif P[sp + at.ARRIVALS] == at.MACHINE:
            F[clock] = arrival_after(X, F, U, P, G, t, ss, sp)
        elif G[sp + at.RATE] > 0.0:
            F[clock] = t + (F[clock] - t) * before / speed
    X[at.NEXT_BREAK] += 1
    if X[at.NEXT_BREAK] < P[at.N_BREAKS]:
        F[clocks] = G[b + at.BREAK_WORDS]
    else:
        F[clocks] = np.inf


change_speed = compiled(_change_speed)
