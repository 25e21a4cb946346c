"""Kernels that make all trials of a splitting's step, or watch its start set, in one compiled call.

A trial that falls back past a level below its own is ended by a draw, and goes on with its weight
divided by the chance of that draw: the mean is kept, and the long way back to the start set, which
seldom leads up again, is seldom walked (Russian roulette: Kahn and Harris, NBS Applied Mathematics
Series 12, 1951).

Both kernels come back to grow the state where it has no free slot, and go on where they left off:
what they need for it is kept on a desk, `desk` and its float view `fdesk`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

from separatrix.compiled import compiled
from separatrix.simulate import layout as at
from separatrix.simulate.journal import watched_score
from separatrix.simulate.random_numbers import below, uniform

# the desk of the trials
TRIAL, HITS, RUNNING, SURFACE, WEIGHT, EVENTS = range(6)  # WEIGHT (f)
# the desk of the watch; BEGIN and COUNTED (f) [s]
SEEN, BACK, TIPPED, BEGIN, COUNTED = 0, 1, 3, 4, 5  # RUNNING is 2 on both
DESK_WORDS = 6
REFUGE_EVERY = 16  # crossings

_STATE = "int64[::1], float64[::1], uint64[::1], int64[::1], float64[::1]"
_BUFFERS = "int64[:, ::1], int32[:, ::1], int32[:, :, ::1], int64[:, ::1], float64[:, ::1]"
LOOP = f"int64({_STATE}, {_BUFFERS})"
_LOOP = f"FunctionType({LOOP})"
_DESK = "int64[::1], float64[::1]"


def _bound(F: Any, back: float, ahead: float) -> None:
    """Watch for a score of `back` or of `ahead`, seen from between them."""
    F[at.LOW] = min(back, ahead)
    F[at.HIGH] = max(back, ahead)


bound = compiled(_bound)


def _make_trials(
    loop: Any, X: Any, F: Any, U: Any, P: Any, G: Any,
    rows: Any, orbit: Any, sketch: Any, log: Any, flog: Any,
    pool: Any, order: Any, streams: Any, surfaces: Any, survive: Any, level: float, longest: float,
    reached: Any, weights: Any, desk: Any, fdesk: Any,
) -> int:  # fmt: skip
    """Make trial after trial towards `level`; why it came back: `DONE`, `NEED_SLOTS`, or `STOPPED`
    where one took longer than `longest` [s].

    pool : (entries, words) states to start from; trial i starts from ``order[i]`` with ``streams[i]``.
    surfaces : levels behind, the nearest first, the start set's bound last.
    survive : chance to go on past each of them.
    reached, weights : where the states at `level` are written.
    """
    ahead = 1.0 if level > surfaces[-1] else -1.0
    last = len(surfaces) - 1
    while desk[TRIAL] < len(order):
        if desk[RUNNING] == 0:
            X[:] = pool[order[desk[TRIAL]]]
            U[at.RNG : at.RNG + 4] = streams[desk[TRIAL]]
            F[at.UNTIL] = F[at.NOW] + longest
            desk[RUNNING] = 1
            desk[SURFACE] = 0
            fdesk[WEIGHT] = 1.0
        k = desk[SURFACE]
        bound(F, surfaces[k], level)
        before = X[at.EVENTS]
        code = loop(X, F, U, P, G, rows, orbit, sketch, log, flog)
        desk[EVENTS] += X[at.EVENTS] - before
        if code == at.NEED_SLOTS:
            return at.NEED_SLOTS
        if code == at.DONE:
            return at.STOPPED
        score = ahead * watched_score(X, P, G)
        if score >= ahead * level:
            reached[desk[HITS]] = X
            weights[desk[HITS]] = fdesk[WEIGHT]
            desk[HITS] += 1
            desk[RUNNING] = 0
        while desk[RUNNING] == 1 and k <= last and score <= ahead * surfaces[k]:
            if k == last or uniform(U) >= survive[k]:
                desk[RUNNING] = 0
            else:
                fdesk[WEIGHT] /= survive[k]
            k += 1
        desk[SURFACE] = k
        desk[TRIAL] += 1 - desk[RUNNING]
    return at.DONE


@functools.cache
def make_trials() -> Callable[..., int]:
    """`_make_trials`, compiled for every event loop at once, which it takes by its address."""
    pools = (
        "int64[:, ::1], int64[::1], uint64[:, ::1], float64[::1], float64[::1], float64, float64"
    )
    out = "int64[:, ::1], float64[::1]"
    return compiled(
        _make_trials,
        signature=f"int64({_LOOP}, {_STATE}, {_BUFFERS}, {pools}, {out}, {_DESK})",
    )


def _watch_start(
    loop: Any, X: Any, F: Any, U: Any, P: Any, G: Any,
    rows: Any, orbit: Any, sketch: Any, log: Any, flog: Any,
    near: float, first: float, far: float, longest: float, crossings: int, time: float,
    kept: Any, refuge: Any, desk: Any, fdesk: Any,
) -> int:  # fmt: skip
    """Watch the start set until `first` was crossed so often, and so long [s]; returns as
    `_make_trials` does.

    kept : (n, words) takes states at crossings, each as likely as any other.
    refuge : a state in the start set; the run goes on there when it tips.
    """
    ahead = 1.0 if far > near else -1.0
    while desk[BACK] or desk[SEEN] < crossings or fdesk[COUNTED] + F[at.NOW] - fdesk[BEGIN] < time:
        if desk[RUNNING] == 0:
            F[at.UNTIL] = F[at.NOW] + longest
            desk[RUNNING] = 1
        if desk[BACK]:
            bound(F, near, far)
        else:
            bound(F, -ahead * math.inf, first)
        code = loop(X, F, U, P, G, rows, orbit, sketch, log, flog)
        if code == at.NEED_SLOTS:
            return at.NEED_SLOTS
        if code == at.DONE:
            return at.STOPPED
        desk[RUNNING] = 0
        if desk[BACK] == 0:
            place = desk[SEEN]
            if place >= len(kept):
                place = below(U, desk[SEEN] + 1)
            if place < len(kept):
                kept[place] = X
            desk[SEEN] += 1
            desk[BACK] = 1
        else:
            desk[BACK] = 0
            if ahead * watched_score(X, P, G) >= ahead * far:
                desk[TIPPED] += 1
                fdesk[COUNTED] += F[at.NOW] - fdesk[BEGIN]
                a, b, c, d = U[at.RNG], U[at.RNG + 1], U[at.RNG + 2], U[at.RNG + 3]
                X[:] = refuge
                U[at.RNG], U[at.RNG + 1], U[at.RNG + 2], U[at.RNG + 3] = a, b, c, d
                fdesk[BEGIN] = F[at.NOW]
            elif desk[SEEN] % REFUGE_EVERY == 0:
                refuge[:] = X
    return at.DONE


@functools.cache
def watch_start() -> Callable[..., int]:
    """`_watch_start`, compiled for every event loop at once."""
    bounds = "float64, float64, float64, float64, int64, float64"
    out = "int64[:, ::1], int64[::1]"
    return compiled(
        _watch_start,
        signature=f"int64({_LOOP}, {_STATE}, {_BUFFERS}, {bounds}, {out}, {_DESK})",
    )
