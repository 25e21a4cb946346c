"""Kernels of requests as such: their begin, the calls between servers, late answers accepted."""

from __future__ import annotations

from typing import Any

from separatrix.compiled import compiled
from separatrix.simulate import layout as at
from separatrix.simulate.links import give_back, take
from separatrix.simulate.policies import breaker_hears, close
from separatrix.simulate.random_numbers import below
from separatrix.simulate.timers import cancel_backoff, come_back, disarm


def _push(X: Any, P: Any, op: int, operand: int) -> None:
    """Remember what else this event has set off."""
    top = P[at.X_STACK] + X[at.STACK_FILL]
    X[top] = op
    X[top + 1] = operand
    X[at.STACK_FILL] += 2


push = compiled(_push)


def _begin_request(X: Any, U: Any, P: Any, p: int, sp: int, parent: int, cached: bool) -> None:
    """Fill the wide words of `p`, the first attempt of a request of the stream `sp`."""
    X[p + at.PARENT] = parent
    X[p + at.REQUEST] = 0
    X[p + at.ID] = X[at.NEXT_ID]
    X[at.NEXT_ID] += 1
    if parent > 0:
        X[p + at.PARENT_LIFE] = X[parent + at.LIFE]
    if cached:
        keys = P[P[at.P_SERVERS] + P[sp + at.SERVER] * at.P_SERVER_WORDS + at.CACHE_KEYS]
        if keys > 0:
            X[p + at.CACHE_KEY] = below(U, keys)
    if P[sp + at.ACCEPTS] == 1:
        r = take(X)
        X[p + at.REQUEST] = r
        X[r + at.NEWEST] = p
        X[r + at.REFERENCES] = 1
        X[r + at.IS_OPEN] = 1


begin_request = compiled(_begin_request)


def _inherit(X: Any, q: int, p: int) -> None:
    """Give `q`, the next attempt of the request of `p`, the wide words of `p`."""
    X[q + at.PARENT] = X[p + at.PARENT]
    X[q + at.PARENT_LIFE] = X[p + at.PARENT_LIFE]
    X[q + at.CACHE_KEY] = X[p + at.CACHE_KEY]
    X[q + at.ID] = X[p + at.ID]
    r = X[p + at.REQUEST]
    X[q + at.REQUEST] = r
    if r != 0:
        X[r + at.NEWEST] = q


inherit = compiled(_inherit)


def _orphan(X: Any, p: int) -> bool:
    """Whether the attempt whose work made the call `p`, and waited for it, is gone."""
    parent = X[p + at.PARENT]
    return parent > 0 and X[parent + at.LIFE] != X[p + at.PARENT_LIFE]


orphan = compiled(_orphan)


def _start_calls(X: Any, F: Any, U: Any, P: Any, p: int, w: int, t: float, cached: bool) -> bool:
    """Begin the calls of work `w`, done by `p`; tell whether `p` waits for any of them."""
    X[p + at.PENDING] = P[w + at.N_WAITS]
    for i in range(P[w + at.N_CALLS]):
        stream = P[w + at.FIRST_CALL] + P[w + at.N_CALLS] - 1 - i  # the stack turns the order round
        sp = P[at.P_STREAMS] + stream * at.P_STREAM_WORDS
        q = take(X)
        X[P[at.X_STREAMS] + stream * at.STREAM_WORDS + at.REQUESTS] += 1
        X[q + at.TAG] = stream << 16
        F[q + at.BORN] = t
        begin_request(X, U, P, q, sp, p if P[sp + at.WAITS] == 1 else -1, cached)
        push(X, P, at.SEND, q)
    return P[w + at.N_WAITS] > 0


start_calls = compiled(_start_calls)


def _accept_late(
    X: Any, F: Any, P: Any, G: Any, orbit: Any,
    ss: int, sp: int, timer: int, wait: int, p: int, t: float,
) -> int:  # fmt: skip
    """A response to `p`, given up, ends its request; return the attempts that were sent.

    timer, wait : clocks of the stream's timeouts and of its waits of fixed length.
    """
    q = X[X[p + at.REQUEST] + at.NEWEST]
    tag = X[q + at.TAG]
    attempts = (tag >> 8) & 255
    if tag & at.LIVE != 0:
        attempts += 1
        disarm(X, F, G, ss, sp, timer, q)
        X[q + at.TAG] = tag & ~at.LIVE
        breaker_hears(X, F, P, G, ss, sp, q, True, t)
        if tag & at.AT_SERVER == 0:
            if attempts <= P[sp + at.MAX_RETRIES]:
                X[ss + at.AWAY] -= 1
            give_back(X, q)
    else:
        come_back(X, P, orbit, ss, sp, q)
        cancel_backoff(X, F, P, ss, sp, wait, q)
    X[ss + at.ANSWERED_LATE] += 1
    close(X, p)
    answer_caller(X, P, p)
    return attempts


def _answer_caller(X: Any, P: Any, p: int) -> None:
    """The call `p` is answered: its caller may have been waiting for nothing else."""
    parent = X[p + at.PARENT]
    if parent > 0:
        X[parent + at.PENDING] -= 1
        if X[parent + at.PENDING] == 0:
            push(X, P, at.LEAVE, parent)


answer_caller = compiled(_answer_caller)
accept_late = compiled(_accept_late)
