"""Kernels of the policies: admission, CoDel, circuit breaker, late answers that are accepted."""

from __future__ import annotations

from typing import Any

import numpy as np

from separatrix.compiled import compiled
from separatrix.simulate.layout import (
    ADMISSION, ADMIT_A, ADMIT_B, BREAKER_STATE, CLOSED, CONCURRENCY, DROP_COUNT, DROP_NEXT,
    DROPPED_NOW, DROPPING, EPOCH, FIRST_ABOVE, HALF_OPEN, IS_OPEN, LAST_COUNT, OPEN,
    OPEN_FOR, OPEN_UNTIL, PRESENT, PROBES, PROBES_GOOD, PROBES_SENT, REFERENCES, REQUEST, SENT,
    SENT_EPOCH, THRESHOLD, TOKEN, TOKENS, TOKENS_AT, TRIP, WINDOW, WINDOW_AT, WINDOW_FAILS,
    WINDOW_FILL, X_WINDOW,
)  # fmt: skip
from separatrix.simulate.links import give_back
from separatrix.simulate.random_numbers import uniform


def _refusal(X: Any, F: Any, U: Any, P: Any, G: Any, v: int, vp: int, t: float) -> int:
    """Why the admission policy of server `v` refuses an attempt at `t`: a drop reason, or -1."""
    policy = P[vp + ADMISSION] - 1
    if policy == THRESHOLD:
        if X[v + PRESENT] >= G[vp + ADMIT_A] and uniform(U) >= G[vp + ADMIT_B]:
            return THRESHOLD
    elif policy == CONCURRENCY:
        if X[v + PRESENT] >= G[vp + ADMIT_A]:
            return CONCURRENCY
    elif policy == TOKEN:
        full = F[v + TOKENS] + (t - F[v + TOKENS_AT]) * G[vp + ADMIT_A]
        F[v + TOKENS] = min(full, G[vp + ADMIT_B])
        F[v + TOKENS_AT] = t
        if F[v + TOKENS] < 1.0:
            return TOKEN
        F[v + TOKENS] -= 1.0
    return -1


refusal = compiled(_refusal)


def _codel_drops(X: Any, F: Any, G: Any, v: int, vp: int, p: int, left: int, t: float) -> bool:
    """Whether CoDel drops `p`, just taken from the queue with `left` others still waiting.

    RFC 8289, section 5, as one decision per attempt; DROPPED_NOW says what the dequeue has done so
    far. The rule "no drop with less than a packet left" reads here: none when nobody else waits.
    """
    interval = G[vp + ADMIT_B]
    due = False
    if t - F[p + SENT] < G[vp + ADMIT_A] or left == 0:
        F[v + FIRST_ABOVE] = 0.0
    elif F[v + FIRST_ABOVE] == 0.0:
        F[v + FIRST_ABOVE] = t + interval
    else:
        due = t >= F[v + FIRST_ABOVE]
    before = X[v + DROPPED_NOW]
    X[v + DROPPED_NOW] = 0
    if before == 2:
        return False
    if X[v + DROPPING] == 1:
        if not due:
            X[v + DROPPING] = 0
            return False
        if before == 1:
            F[v + DROP_NEXT] += interval / np.sqrt(X[v + DROP_COUNT])
        if t < F[v + DROP_NEXT]:
            return False
        X[v + DROP_COUNT] += 1
        X[v + DROPPED_NOW] = 1
        return True
    if not due:
        return False
    # an episode that follows the last one closely goes on at its pace
    pace = X[v + DROP_COUNT] - X[v + LAST_COUNT]
    recent = t - F[v + DROP_NEXT] < 16.0 * interval
    X[v + DROP_COUNT] = pace if pace > 1 and recent else 1
    X[v + LAST_COUNT] = X[v + DROP_COUNT]
    F[v + DROP_NEXT] = t + interval / np.sqrt(X[v + DROP_COUNT])
    X[v + DROPPING] = 1
    X[v + DROPPED_NOW] = 2
    return True


codel_drops = compiled(_codel_drops)


def _breaker_lets(X: Any, F: Any, P: Any, ss: int, sp: int, p: int, t: float) -> bool:
    """Whether the breaker of stream `ss` lets attempt `p` be sent at `t`."""
    if P[sp + WINDOW] == 0:
        return True
    if X[ss + BREAKER_STATE] == OPEN and t >= F[ss + OPEN_UNTIL]:
        X[ss + BREAKER_STATE] = HALF_OPEN
        X[ss + PROBES_SENT] = 0
        X[ss + PROBES_GOOD] = 0
        X[ss + EPOCH] += 1
    if X[ss + BREAKER_STATE] == OPEN:
        return False
    if X[ss + BREAKER_STATE] == HALF_OPEN:
        if X[ss + PROBES_SENT] >= P[sp + PROBES]:
            return False
        X[ss + PROBES_SENT] += 1
    X[p + SENT_EPOCH] = X[ss + EPOCH]
    return True


breaker_lets = compiled(_breaker_lets)


def _breaker_hears(
    X: Any, F: Any, P: Any, G: Any, ss: int, sp: int, p: int, good: bool, t: float
) -> None:
    """Tell the breaker of stream `ss` how attempt `p` ended."""
    size = P[sp + WINDOW]
    if size == 0 or X[p + SENT_EPOCH] != X[ss + EPOCH]:
        return
    opens = False
    if X[ss + BREAKER_STATE] == HALF_OPEN:
        opens = not good
        X[ss + PROBES_GOOD] += 1
        if good and X[ss + PROBES_GOOD] == P[sp + PROBES]:
            X[ss + BREAKER_STATE] = CLOSED
    elif X[ss + BREAKER_STATE] == CLOSED:
        at = P[sp + X_WINDOW] + X[ss + WINDOW_AT]
        failure = 0 if good else 1
        X[ss + WINDOW_FAILS] += failure
        if X[ss + WINDOW_FILL] == size:
            X[ss + WINDOW_FAILS] -= X[at]
        else:
            X[ss + WINDOW_FILL] += 1
        X[at] = failure
        X[ss + WINDOW_AT] = (X[ss + WINDOW_AT] + 1) % size
        opens = X[ss + WINDOW_FILL] == size and X[ss + WINDOW_FAILS] >= P[sp + TRIP]
    if opens:
        X[ss + BREAKER_STATE] = OPEN
        F[ss + OPEN_UNTIL] = t + G[sp + OPEN_FOR]
        X[ss + EPOCH] += 1
        X[ss + WINDOW_FILL] = 0
        X[ss + WINDOW_FAILS] = 0
        X[ss + WINDOW_AT] = 0


breaker_hears = compiled(_breaker_hears)


def _let_go(X: Any, r: int) -> None:
    """One reference less to the slot that stands for a request; the last one frees it."""
    X[r + REFERENCES] -= 1
    if X[r + REFERENCES] == 0:
        give_back(X, r)


let_go = compiled(_let_go)


def _close(X: Any, p: int) -> None:
    """The request of attempt `p` has ended: responses still to come mean nothing."""
    r = X[p + REQUEST]
    if r != 0:
        X[r + IS_OPEN] = 0
        let_go(X, r)


close = compiled(_close)
