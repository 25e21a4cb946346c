"""Kernels of the policies: admission, CoDel, circuit breaker, cache, late answers accepted."""

from __future__ import annotations

from typing import Any

import numpy as np

from separatrix.compiled import compiled
from separatrix.simulate import layout as at
from separatrix.simulate.links import give_back
from separatrix.simulate.random_numbers import uniform


def _refusal(X: Any, F: Any, U: Any, P: Any, G: Any, v: int, vp: int, t: float) -> int:
    """Why the admission policy of server `v` refuses an attempt at `t`: a drop reason, or -1."""
    policy = P[vp + at.ADMISSION] - 1
    if policy == at.THRESHOLD:
        if X[v + at.PRESENT] >= G[vp + at.ADMIT_A] and uniform(U) >= G[vp + at.ADMIT_B]:
            return at.THRESHOLD
    elif policy == at.CONCURRENCY:
        if X[v + at.PRESENT] >= G[vp + at.ADMIT_A]:
            return at.CONCURRENCY
    elif policy == at.TOKEN:
        full = F[v + at.TOKENS] + (t - F[v + at.TOKENS_AT]) * G[vp + at.ADMIT_A]
        F[v + at.TOKENS] = min(full, G[vp + at.ADMIT_B])
        F[v + at.TOKENS_AT] = t
        if F[v + at.TOKENS] < 1.0:
            return at.TOKEN
        F[v + at.TOKENS] -= 1.0
    return -1


refusal = compiled(_refusal)


def _codel_drops(X: Any, F: Any, G: Any, v: int, vp: int, p: int, left: int, t: float) -> bool:
    """Whether CoDel drops `p`, just taken from the queue with `left` others still waiting.

    RFC 8289, section 5, as one decision per attempt; DROPPED_NOW says what the dequeue has done so
    far. The rule "no drop with less than a packet left" reads here: none when nobody else waits.
    """
    interval = G[vp + at.ADMIT_B]
    due = False
    if t - F[p + at.SENT] < G[vp + at.ADMIT_A] or left == 0:
        F[v + at.FIRST_ABOVE] = 0.0
    elif F[v + at.FIRST_ABOVE] == 0.0:
        F[v + at.FIRST_ABOVE] = t + interval
    else:
        due = t >= F[v + at.FIRST_ABOVE]
    before = X[v + at.DROPPED_NOW]
    X[v + at.DROPPED_NOW] = 0
    if before == 2:
        return False
    if X[v + at.DROPPING] == 1:
        if not due:
            X[v + at.DROPPING] = 0
            return False
        if before == 1:
            F[v + at.DROP_NEXT] += interval / np.sqrt(X[v + at.DROP_COUNT])
        if t < F[v + at.DROP_NEXT]:
            return False
        X[v + at.DROP_COUNT] += 1
        X[v + at.DROPPED_NOW] = 1
        return True
    if not due:
        return False
    # an episode that follows the last one closely goes on at its pace
    pace = X[v + at.DROP_COUNT] - X[v + at.LAST_COUNT]
    recent = t - F[v + at.DROP_NEXT] < 16.0 * interval
    X[v + at.DROP_COUNT] = pace if pace > 1 and recent else 1
    X[v + at.LAST_COUNT] = X[v + at.DROP_COUNT]
    F[v + at.DROP_NEXT] = t + interval / np.sqrt(X[v + at.DROP_COUNT])
    X[v + at.DROPPING] = 1
    X[v + at.DROPPED_NOW] = 2
    return True


codel_drops = compiled(_codel_drops)


def _breaker_lets(X: Any, F: Any, P: Any, ss: int, sp: int, p: int, t: float) -> bool:
    """Whether the breaker of stream `ss` lets attempt `p` be sent at `t`."""
    if P[sp + at.WINDOW] == 0:
        return True
    if X[ss + at.BREAKER_STATE] == at.OPEN and t >= F[ss + at.OPEN_UNTIL]:
        X[ss + at.BREAKER_STATE] = at.HALF_OPEN
        X[ss + at.PROBES_SENT] = 0
        X[ss + at.PROBES_GOOD] = 0
        X[ss + at.EPOCH] += 1
    if X[ss + at.BREAKER_STATE] == at.OPEN:
        return False
    if X[ss + at.BREAKER_STATE] == at.HALF_OPEN:
        if X[ss + at.PROBES_SENT] >= P[sp + at.PROBES]:
            return False
        X[ss + at.PROBES_SENT] += 1
    X[p + at.SENT_EPOCH] = X[ss + at.EPOCH]
    return True


breaker_lets = compiled(_breaker_lets)


def _breaker_hears(
    X: Any, F: Any, P: Any, G: Any, ss: int, sp: int, p: int, good: bool, t: float
) -> None:
    """Tell the breaker of stream `ss` how attempt `p` ended."""
    size = P[sp + at.WINDOW]
    if size == 0 or X[p + at.SENT_EPOCH] != X[ss + at.EPOCH]:
        return
    opens = False
    if X[ss + at.BREAKER_STATE] == at.HALF_OPEN:
        opens = not good
        X[ss + at.PROBES_GOOD] += 1
        if good and X[ss + at.PROBES_GOOD] == P[sp + at.PROBES]:
            X[ss + at.BREAKER_STATE] = at.CLOSED
    elif X[ss + at.BREAKER_STATE] == at.CLOSED:
        place = P[sp + at.X_WINDOW] + X[ss + at.WINDOW_AT]
        failure = 0 if good else 1
        X[ss + at.WINDOW_FAILS] += failure
        if X[ss + at.WINDOW_FILL] == size:
            X[ss + at.WINDOW_FAILS] -= X[place]
        else:
            X[ss + at.WINDOW_FILL] += 1
        X[place] = failure
        X[ss + at.WINDOW_AT] = (X[ss + at.WINDOW_AT] + 1) % size
        opens = X[ss + at.WINDOW_FILL] == size and X[ss + at.WINDOW_FAILS] >= P[sp + at.TRIP]
    if opens:
        X[ss + at.BREAKER_STATE] = at.OPEN
        F[ss + at.OPEN_UNTIL] = t + G[sp + at.OPEN_FOR]
        X[ss + at.EPOCH] += 1
        X[ss + at.WINDOW_FILL] = 0
        X[ss + at.WINDOW_FAILS] = 0
        X[ss + at.WINDOW_AT] = 0


breaker_hears = compiled(_breaker_hears)


def _cached(X: Any, F: Any, P: Any, vp: int, p: int, t: float) -> bool:
    """Whether the cache beside a server holds what `p` asks for."""
    return P[vp + at.CACHE_KEYS] > 0 and F[P[vp + at.X_CACHE] + X[p + at.CACHE_KEY]] > t


cached = compiled(_cached)


def _fill_cache(X: Any, F: Any, P: Any, G: Any, sp: int, p: int, t: float) -> None:
    """A completed service of `p`, of the stream `sp`, fills its key for a time to live."""
    vp = P[at.P_SERVERS] + P[sp + at.SERVER] * at.P_SERVER_WORDS
    if P[vp + at.CACHE_KEYS] > 0:
        F[P[vp + at.X_CACHE] + X[p + at.CACHE_KEY]] = t + G[vp + at.CACHE_TTL]


fill_cache = compiled(_fill_cache)


def _let_go(X: Any, r: int) -> None:
    """One reference less to the slot that stands for a request; the last one frees it."""
    X[r + at.REFERENCES] -= 1
    if X[r + at.REFERENCES] == 0:
        give_back(X, r)


let_go = compiled(_let_go)


def _close(X: Any, p: int) -> None:
    """The request of attempt `p` has ended: responses still to come mean nothing."""
    r = X[p + at.REQUEST]
    if r != 0:
        X[r + at.IS_OPEN] = 0
        let_go(X, r)


close = compiled(_close)
