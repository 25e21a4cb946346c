"""Kernel that finds who is served next where that is more than the first in the queue."""

from __future__ import annotations

from typing import Any

from separatrix.compiled import compiled
from separatrix.simulate import layout as at
from separatrix.simulate.calls import orphan, push
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
    codel = P[vp + at.ADMISSION] == 1 + at.CODEL
    while X[v + at.QUEUE_HEAD] != 0:
        p = X[v + at.QUEUE_HEAD]
        waiting = X[v + at.PRESENT] - X[v + at.BUSY]
        if P[vp + at.DISCIPLINE] != at.FIFO and (
            P[vp + at.DISCIPLINE] != at.ADAPTIVE or waiting >= P[vp + at.ADAPTIVE_FROM]
        ):
            p = X[v + at.QUEUE_TAIL]
        unlink(X, v + at.QUEUE_HEAD, p, at.QNEXT)
        tag = X[p + at.TAG]
        stream = (tag >> 16) & 0xFFFF
        ss = P[at.X_STREAMS] + stream * at.STREAM_WORDS
        sp = P[at.P_STREAMS] + stream * at.P_STREAM_WORDS
        wanted = tag & at.LIVE != 0 and not (wide and orphan(X, p))
        if P[vp + at.DROP_EXPIRED] == 1 and not wanted:
            X[v + at.EXPIRED] += 1
        elif codel and codel_drops(X, F, G, v, vp, p, waiting - 1, t):
            X[v + at.DROPPED + at.CODEL] += 1
        else:
            X[v + at.DROPPED_NOW] = 0
            return p
        X[v + at.PRESENT] -= 1
        F[v + at.MOVED_PRESENT] -= t - F[at.SINCE]
        F[v + at.SOJOURN] += t - F[p + at.SENT]
        X[p + at.TAG] = tag & ~at.AT_SERVER
        if wide and X[p + at.REQUEST] != 0:
            let_go(X, X[p + at.REQUEST])
        if tag & at.LIVE == 0:
            give_back(X, p)
        elif wanted and P[vp + at.FAIL_FAST] == 1:
            disarm(X, F, G, ss, sp, P[at.X_CLOCKS] + timeout_clock + stream, p)
            X[p + at.TAG] = tag & ~(at.AT_SERVER | at.LIVE)
            if wide:
                breaker_hears(X, F, P, G, ss, sp, p, False, t)
            push(X, P, at.SERVE_NEXT, v)
            push(X, P, at.LOST + at.AFTER_REFUSAL, p)
            return 0
        elif (tag >> 8) & 255 < P[sp + at.MAX_RETRIES]:
            X[ss + at.AWAY] += 1
    # an empty queue ends an episode of CoDel
    F[v + at.FIRST_ABOVE] = 0.0
    if X[v + at.DROPPED_NOW] == 1:
        X[v + at.DROPPING] = 0
    X[v + at.DROPPED_NOW] = 0
    return 0


who_is_next = compiled(_who_is_next)
