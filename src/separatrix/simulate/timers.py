"""Kernels of a client's timers: constant timeouts in order of sending, waits before retries."""

from __future__ import annotations

from typing import Any

import numpy as np

from separatrix.compiled import compiled
from separatrix.simulate.layout import (
    AT_SERVER, AWAY, BACKING_OFF, BACKOFF, BACKOFF_HEAD, BASE, CANCELLED, CAP, FIXED, GRID_INDEX,
    HEAP, JITTER, KEY, MAX_RETRIES, MULTIPLIER, N_STREAMS, NEXT, ORBIT_COLUMN, P_STREAM_WORDS,
    P_STREAMS, QNEXT, QPREV, SENT, STREAM_WORDS, TAG, TIMEOUT, TIMER_HEAD, X_STREAMS,
)  # fmt: skip
from separatrix.simulate.links import append, give_back, merge, unlink
from separatrix.simulate.random_numbers import uniform

END = np.inf


def _arm(X: Any, F: Any, G: Any, ss: int, sp: int, clock: int, p: int) -> None:
    """Start the timer of attempt `p`, just sent: the youngest of its stream."""
    append(X, ss + TIMER_HEAD, p, NEXT)
    if X[ss + TIMER_HEAD] == p:
        F[clock] = F[p + SENT] + G[sp + TIMEOUT]


arm = compiled(_arm)


def _disarm(X: Any, F: Any, G: Any, ss: int, sp: int, clock: int, p: int) -> None:
    """Stop the timer of attempt `p`."""
    if X[ss + TIMER_HEAD] == p:
        after = X[p + NEXT]
        F[clock] = F[after + SENT] + G[sp + TIMEOUT] if after != 0 else END
    unlink(X, ss + TIMER_HEAD, p, NEXT)


disarm = compiled(_disarm)


def _back_off(
    X: Any, F: Any, U: Any, P: Any, G: Any,
    ss: int, sp: int, clock: int, heap_clock: int, p: int, t: float,
) -> None:  # fmt: skip
    """Let `p`, tagged as the attempt to come, wait before it is sent."""
    wait = G[sp + BASE]
    if P[sp + BACKOFF] == FIXED:
        append(X, ss + BACKOFF_HEAD, p, NEXT)
        F[p + KEY] = t + wait
        if X[ss + BACKOFF_HEAD] == p:
            F[clock] = F[p + KEY]
    else:
        earlier = ((X[p + TAG] >> 8) & 255) - 1
        wait = min(wait * G[sp + MULTIPLIER] ** earlier, G[sp + CAP])
        F[p + KEY] = t + wait * (1.0 - G[sp + JITTER] * uniform(U))
        X[p + QNEXT] = 0
        X[p + QPREV] = 0
        X[HEAP] = merge(X, F, X[HEAP], p)
        F[heap_clock] = F[X[HEAP] + KEY]
    X[ss + AWAY] += 1
    X[p + TAG] |= BACKING_OFF


back_off = compiled(_back_off)


def _next_of_fixed(X: Any, F: Any, ss: int, clock: int) -> int:
    """Take the first of the stream's waits of fixed length, and set the clock of the next."""
    p = X[ss + BACKOFF_HEAD]
    unlink(X, ss + BACKOFF_HEAD, p, NEXT)
    after = X[ss + BACKOFF_HEAD]
    F[clock] = F[after + KEY] if after != 0 else END
    return p


next_of_fixed = compiled(_next_of_fixed)


def _next_of_drawn(X: Any, F: Any, clock: int) -> int:
    """Take the first of the waits of drawn lengths, and set the clock of the next."""
    p = X[HEAP]
    X[HEAP] = merge(X, F, X[p + QNEXT], X[p + QPREV])
    F[clock] = F[X[HEAP] + KEY] if X[HEAP] != 0 else END
    return p


next_of_drawn = compiled(_next_of_drawn)


def _come_back(X: Any, P: Any, orbit: Any, ss: int, sp: int, p: int) -> None:
    """The wait of `p` is over, or there is no more need for it."""
    tag = X[p + TAG]
    X[p + TAG] = tag & ~BACKING_OFF
    X[ss + AWAY] -= 1
    attempt = (tag >> 8) & 255
    leave_orbit(X, P, orbit, sp, attempt - 1)


def _enter_orbit(P: Any, orbit: Any, sp: int, attempt: int, sample: int) -> None:
    """From `sample` on a request is in orbit after `attempt`."""
    orbit[min(sample, orbit.shape[0] - 1), P[sp + ORBIT_COLUMN] + attempt] += 1


enter_orbit = compiled(_enter_orbit)


def _leave_orbit(X: Any, P: Any, orbit: Any, sp: int, attempt: int) -> None:
    """From the next sample on a request is no more in orbit after `attempt`."""
    orbit[min(X[GRID_INDEX], orbit.shape[0] - 1), P[sp + ORBIT_COLUMN] + attempt] -= 1


leave_orbit = compiled(_leave_orbit)
come_back = compiled(_come_back)


def _cancel_backoff(X: Any, F: Any, P: Any, ss: int, sp: int, clock: int, p: int) -> None:
    """Attempt `p`, which waits to be sent, will not be."""
    if P[sp + BACKOFF] == FIXED:
        if X[ss + BACKOFF_HEAD] == p:
            next_of_fixed(X, F, ss, clock)
        else:
            unlink(X, ss + BACKOFF_HEAD, p, NEXT)
        give_back(X, p)
    else:
        X[p + TAG] |= CANCELLED | BACKING_OFF  # it leaves the heap when its time comes


cancel_backoff = compiled(_cancel_backoff)


def _settle_orbit(X: Any, P: Any, orbit: Any) -> None:
    """At the end of a run: count those whose attempt was dropped and who have not noticed yet."""
    for i in range(P[N_STREAMS]):
        sp = P[P_STREAMS] + i * P_STREAM_WORDS
        p = X[P[X_STREAMS] + i * STREAM_WORDS + TIMER_HEAD]
        while p != 0:
            tag = X[p + TAG]
            attempt = (tag >> 8) & 255
            if tag & AT_SERVER == 0 and attempt < P[sp + MAX_RETRIES]:
                enter_orbit(P, orbit, sp, attempt, tag >> 32)
            p = X[p + NEXT]


settle_orbit = compiled(_settle_orbit)
