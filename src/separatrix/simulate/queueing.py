"""Kernel that finds who is served next where that is more than the first in the queue."""

from __future__ import annotations

from typing import Any

from separatrix.compiled import compiled
from separatrix.simulate.calls import orphan, push
from separatrix.simulate.layout import (
    ADAPTIVE, ADAPTIVE_FROM, ADMISSION, AFTER_REFUSAL, AT_SERVER, AWAY, BUSY, CODEL, DISCIPLINE,
    DROP_EXPIRED, DROPPED, DROPPED_NOW, DROPPING, EXPIRED, FAIL_FAST, FIFO, FIRST_ABOVE, LIVE,
    LOST, MAX_RETRIES, MOVED_PRESENT, P_STREAM_WORDS, P_STREAMS, PRESENT, QNEXT, QUEUE_HEAD,
    QUEUE_TAIL, REQUEST, SENT, SERVE_NEXT, SINCE, SOJOURN, STREAM_WORDS, TAG, X_STREAMS, X_CLOCKS,
)  # fmt: skip
from separatrix.simulate.links import give_back, unlink
from separatrix.simulate.policies import breaker_hears, codel_drops, let_go
from separatrix.simulate.timers import disarm


def _who_is_next(
    X: Any, F: Any, P: Any, G: Any, v: int, vp: int, timeout_clock: int, t: float, wide: bool
) -> int:
    """The attempt that a free thread of server `v` starts on; 0 for none.

    Discards expired attempts and those that CoDel drops. Where a client learns at once that its
    attempt was dropped, what follows is pushed and the search goes on after it: then 0, too.
    """
    codel = P[vp + ADMISSION] == 1 + CODEL
    while X[v + QUEUE_HEAD] != 0:
        p = X[v + QUEUE_HEAD]
        waiting = X[v + PRESENT] - X[v + BUSY]
        if P[vp + DISCIPLINE] != FIFO and (
            P[vp + DISCIPLINE] != ADAPTIVE or waiting >= P[vp + ADAPTIVE_FROM]
        ):
            p = X[v + QUEUE_TAIL]
        unlink(X, v + QUEUE_HEAD, p, QNEXT)
        tag = X[p + TAG]
        stream = (tag >> 16) & 0xFFFF
        ss = P[X_STREAMS] + stream * STREAM_WORDS
        sp = P[P_STREAMS] + stream * P_STREAM_WORDS
        wanted = tag & LIVE != 0 and not (wide and orphan(X, p))
        if P[vp + DROP_EXPIRED] == 1 and not wanted:
            X[v + EXPIRED] += 1
        elif codel and codel_drops(X, F, G, v, vp, p, waiting - 1, t):
            X[v + DROPPED + CODEL] += 1
        else:
            X[v + DROPPED_NOW] = 0
            return p
        X[v + PRESENT] -= 1
        F[v + MOVED_PRESENT] -= t - F[SINCE]
        F[v + SOJOURN] += t - F[p + SENT]
        X[p + TAG] = tag & ~AT_SERVER
        if wide and X[p + REQUEST] != 0:
            let_go(X, X[p + REQUEST])
        if tag & LIVE == 0:
            give_back(X, p)
        elif P[vp + FAIL_FAST] == 1:
            disarm(X, F, G, ss, sp, P[X_CLOCKS] + timeout_clock + stream, p)
            X[p + TAG] = tag & ~(AT_SERVER | LIVE)
            if wide:
                breaker_hears(X, F, P, G, ss, sp, p, False, t)
            push(X, P, SERVE_NEXT, v)
            push(X, P, LOST + AFTER_REFUSAL, p)
            return 0
        elif (tag >> 8) & 255 < P[sp + MAX_RETRIES]:
            X[ss + AWAY] += 1
    # an empty queue ends an episode of CoDel
    F[v + FIRST_ABOVE] = 0.0
    if X[v + DROPPED_NOW] == 1:
        X[v + DROPPING] = 0
    X[v + DROPPED_NOW] = 0
    return 0


who_is_next = compiled(_who_is_next)
