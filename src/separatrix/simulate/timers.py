"""Kernels of a client's timers: constant timeouts in order of sending, waits before retries."""

from __future__ import annotations

from typing import Any

import numpy as np

from separatrix.compiled import compiled
from separatrix.simulate import layout as at
from separatrix.simulate.links import append, give_back, merge, unlink
from separatrix.simulate.random_numbers import uniform

END = np.inf


def _arm(X: Any, F: Any, G: Any, ss: int, sp: int, clock: int, p: int) -> None:
    """Start the timer of attempt `p`, just sent: the youngest of its stream."""
    append(X, ss + at.TIMER_HEAD, p, at.NEXT)
    if X[ss + at.TIMER_HEAD] == p:
        F[clock] = F[p + at.SENT] + G[sp + at.TIMEOUT]


arm = compiled(_arm)


def _disarm(X: Any, F: Any, G: Any, ss: int, sp: int, clock: int, p: int) -> None:
    """Stop the timer of attempt `p`."""
    if X[ss + at.TIMER_HEAD] == p:
        after = X[p + at.NEXT] & at.PLACE
        F[clock] = F[after + at.SENT] + G[sp + at.TIMEOUT] if after != 0 else END
    unlink(X, ss + at.TIMER_HEAD, p, at.NEXT)


disarm = compiled(_disarm)


def _back_off(
    X: Any, F: Any, U: Any, P: Any, G: Any,
    ss: int, sp: int, clock: int, heap_clock: int, p: int, t: float,
) -> None:  # fmt: skip
    """Let `p`, tagged as the attempt to come, wait before it is sent."""
    wait = G[sp + at.BASE]
    if P[sp + at.BACKOFF] == at.FIXED:
        append(X, ss + at.BACKOFF_HEAD, p, at.NEXT)
        F[p + at.KEY] = t + wait
        if X[ss + at.BACKOFF_HEAD] == p:
            F[clock] = F[p + at.KEY]
    else:
        earlier = ((X[p + at.TAG] >> 8) & 255) - 1
        wait = min(wait * G[sp + at.MULTIPLIER] ** earlier, G[sp + at.CAP])
        F[p + at.KEY] = t + wait * (1.0 - G[sp + at.JITTER] * uniform(U))
        X[p + at.QNEXT] = 0
        X[p + at.QPREV] = 0
        X[at.HEAP] = merge(X, F, X[at.HEAP], p)
        F[heap_clock] = F[X[at.HEAP] + at.KEY]
    X[ss + at.AWAY] += 1
    X[p + at.TAG] |= at.BACKING_OFF


back_off = compiled(_back_off)


def _next_of_fixed(X: Any, F: Any, ss: int, clock: int) -> int:
    """Take the first of the stream's waits of fixed length, and set the clock of the next."""
    p = X[ss + at.BACKOFF_HEAD]
    unlink(X, ss + at.BACKOFF_HEAD, p, at.NEXT)
    after = X[ss + at.BACKOFF_HEAD]
    F[clock] = F[after + at.KEY] if after != 0 else END
    return p


next_of_fixed = compiled(_next_of_fixed)


def _next_of_drawn(X: Any, F: Any, clock: int) -> int:
    """Take the first of the waits of drawn lengths, and set the clock of the next."""
    p = X[at.HEAP]
    X[at.HEAP] = merge(X, F, X[p + at.QNEXT], X[p + at.QPREV])
    F[clock] = F[X[at.HEAP] + at.KEY] if X[at.HEAP] != 0 else END
    return p


next_of_drawn = compiled(_next_of_drawn)


def _come_back(X: Any, P: Any, orbit: Any, ss: int, sp: int, p: int) -> None:
    """The wait of `p` is over, or there is no more need for it."""
    tag = X[p + at.TAG]
    X[p + at.TAG] = tag & ~at.BACKING_OFF
    X[ss + at.AWAY] -= 1
    attempt = (tag >> 8) & 255
    leave_orbit(X, P, orbit, sp, attempt - 1)


def _enter_orbit(P: Any, orbit: Any, sp: int, attempt: int, sample: int) -> None:
    """From `sample` on a request is in orbit after `attempt`."""
    orbit[min(sample, orbit.shape[0] - 1), P[sp + at.ORBIT_COLUMN] + attempt] += 1


enter_orbit = compiled(_enter_orbit)


def _leave_orbit(X: Any, P: Any, orbit: Any, sp: int, attempt: int) -> None:
    """From the next sample on a request is no more in orbit after `attempt`."""
    orbit[min(X[at.GRID_INDEX], orbit.shape[0] - 1), P[sp + at.ORBIT_COLUMN] + attempt] -= 1


leave_orbit = compiled(_leave_orbit)
come_back = compiled(_come_back)


def _cancel_backoff(X: Any, F: Any, P: Any, ss: int, sp: int, clock: int, p: int) -> None:
    """Attempt `p`, which waits to be sent, will not be."""
    if P[sp + at.BACKOFF] == at.FIXED:
        if X[ss + at.BACKOFF_HEAD] == p:
            next_of_fixed(X, F, ss, clock)
        else:
            unlink(X, ss + at.BACKOFF_HEAD, p, at.NEXT)
        give_back(X, p)
    else:
        X[p + at.TAG] |= at.CANCELLED | at.BACKING_OFF  # it leaves the heap when its time comes


cancel_backoff = compiled(_cancel_backoff)


def _settle_orbit(X: Any, P: Any, orbit: Any) -> None:
    """At the end of a run: count those whose attempt was dropped and who have not noticed yet."""
    for i in range(P[at.N_STREAMS]):
        sp = P[at.P_STREAMS] + i * at.P_STREAM_WORDS
        p = X[P[at.X_STREAMS] + i * at.STREAM_WORDS + at.TIMER_HEAD]
        while p != 0:
            tag = X[p + at.TAG]
            attempt = (tag >> 8) & 255
            if tag & at.AT_SERVER == 0 and attempt < P[sp + at.MAX_RETRIES]:
                enter_orbit(P, orbit, sp, attempt, tag >> 32)
            p = X[p + at.NEXT]


settle_orbit = compiled(_settle_orbit)
