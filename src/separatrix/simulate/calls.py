"""Kernels of requests as such: their begin, the calls between servers, late answers accepted."""

from __future__ import annotations

from typing import Any

from separatrix.compiled import compiled
from separatrix.simulate.layout import (
    ACCEPTS, ANSWERED_LATE, AT_SERVER, AWAY, BORN, CACHE_KEY, CACHE_KEYS, FIRST_CALL, ID, IS_OPEN,
    LEAVE, LIFE, LIVE, MAX_RETRIES, N_CALLS, N_WAITS, NEWEST, NEXT_ID, P_SERVER_WORDS, P_SERVERS,
    P_STREAM_WORDS, P_STREAMS, PARENT, PARENT_LIFE, PENDING, REFERENCES, REQUEST, REQUESTS, SEND,
    SERVER, STACK_FILL, STREAM_WORDS, TAG, WAITS, X_STACK, X_STREAMS,
)  # fmt: skip
from separatrix.simulate.links import give_back, take
from separatrix.simulate.policies import breaker_hears, close
from separatrix.simulate.random_numbers import below
from separatrix.simulate.timers import cancel_backoff, come_back, disarm


def _push(X: Any, P: Any, op: int, operand: int) -> None:
    """Remember what else this event has set off."""
    top = P[X_STACK] + X[STACK_FILL]
    X[top] = op
    X[top + 1] = operand
    X[STACK_FILL] += 2


push = compiled(_push)


def _begin_request(X: Any, U: Any, P: Any, p: int, sp: int, parent: int, cached: bool) -> None:
    """Fill the wide words of `p`, the first attempt of a request of the stream `sp`."""
    X[p + PARENT] = parent
    X[p + REQUEST] = 0
    X[p + ID] = X[NEXT_ID]
    X[NEXT_ID] += 1
    if parent > 0:
        X[p + PARENT_LIFE] = X[parent + LIFE]
    if cached:
        keys = P[P[P_SERVERS] + P[sp + SERVER] * P_SERVER_WORDS + CACHE_KEYS]
        if keys > 0:
            X[p + CACHE_KEY] = below(U, keys)
    if P[sp + ACCEPTS] == 1:
        r = take(X)
        X[p + REQUEST] = r
        X[r + NEWEST] = p
        X[r + REFERENCES] = 1
        X[r + IS_OPEN] = 1


begin_request = compiled(_begin_request)


def _inherit(X: Any, q: int, p: int) -> None:
    """Give `q`, the next attempt of the request of `p`, the wide words of `p`."""
    X[q + PARENT] = X[p + PARENT]
    X[q + PARENT_LIFE] = X[p + PARENT_LIFE]
    X[q + CACHE_KEY] = X[p + CACHE_KEY]
    X[q + ID] = X[p + ID]
    r = X[p + REQUEST]
    X[q + REQUEST] = r
    if r != 0:
        X[r + NEWEST] = q


inherit = compiled(_inherit)


def _orphan(X: Any, p: int) -> bool:
    """Whether the attempt whose work made the call `p`, and waited for it, is gone."""
    parent = X[p + PARENT]
    return parent > 0 and X[parent + LIFE] != X[p + PARENT_LIFE]


orphan = compiled(_orphan)


def _start_calls(X: Any, F: Any, U: Any, P: Any, p: int, w: int, t: float, cached: bool) -> bool:
    """Begin the calls of work `w`, done by `p`; tell whether `p` waits for any of them."""
    X[p + PENDING] = P[w + N_WAITS]
    for i in range(P[w + N_CALLS]):
        stream = P[w + FIRST_CALL] + P[w + N_CALLS] - 1 - i  # the stack turns the order round
        sp = P[P_STREAMS] + stream * P_STREAM_WORDS
        q = take(X)
        X[P[X_STREAMS] + stream * STREAM_WORDS + REQUESTS] += 1
        X[q + TAG] = stream << 16
        F[q + BORN] = t
        begin_request(X, U, P, q, sp, p if P[sp + WAITS] == 1 else -1, cached)
        push(X, P, SEND, q)
    return P[w + N_WAITS] > 0


start_calls = compiled(_start_calls)


def _accept_late(
    X: Any, F: Any, P: Any, G: Any, orbit: Any,
    ss: int, sp: int, timer: int, wait: int, p: int, t: float,
) -> int:  # fmt: skip
    """A response to `p`, given up, ends its request; return the attempts that were sent.

    timer, wait : clocks of the stream's timeouts and of its waits of fixed length.
    """
    q = X[X[p + REQUEST] + NEWEST]
    tag = X[q + TAG]
    attempts = (tag >> 8) & 255
    if tag & LIVE != 0:
        attempts += 1
        disarm(X, F, G, ss, sp, timer, q)
        X[q + TAG] = tag & ~LIVE
        breaker_hears(X, F, P, G, ss, sp, q, True, t)
        if tag & AT_SERVER == 0:
            if attempts <= P[sp + MAX_RETRIES]:
                X[ss + AWAY] -= 1
            give_back(X, q)
    else:
        come_back(X, P, orbit, ss, sp, q)
        cancel_backoff(X, F, P, ss, sp, wait, q)
    X[ss + ANSWERED_LATE] += 1
    close(X, p)
    answer_caller(X, P, p)
    return attempts


def _answer_caller(X: Any, P: Any, p: int) -> None:
    """The call `p` is answered: its caller may have been waiting for nothing else."""
    parent = X[p + PARENT]
    if parent > 0:
        X[parent + PENDING] -= 1
        if X[parent + PENDING] == 0:
            push(X, P, LEAVE, parent)


answer_caller = compiled(_answer_caller)
accept_late = compiled(_accept_late)
