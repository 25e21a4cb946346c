"""The event loop: a request's life, one event after the other, in one compiled function.

`event_loop(features)` compiles the loop with the features as constants of its closure: numba drops
the branches of those that are off, and keeps the machine code of each set on disk. The blocks of an
event stand in the order in which one event passes them (its end at a server, the client's answer or
loss, a new attempt, the next in the queue, the start of service), so that a plain service needs a
single pass; only features that set off further events at the same instant go round again. What only
some features need is in functions of its own, so that other sets neither compile nor carry it.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from separatrix.compiled import compiled
from separatrix.simulate import (
    calls, draws, journal, layout, links, policies, queueing, random_numbers, speeds, timers,
)  # fmt: skip
from separatrix.simulate.calls import (
    accept_late, answer_caller, begin_request, inherit, orphan, push, start_calls,
)  # fmt: skip
from separatrix.simulate.draws import arrival_after, machine_arrives, service_time
from separatrix.simulate.features import Features
from separatrix.simulate.journal import integrate, sample, sketch_add, write_line
from separatrix.simulate.layout import (
    ADMISSION, AFTER_DROP, AFTER_FAILURE, AFTER_LATE, AFTER_REFUSAL, ANSWER, ANSWERED, ARRIVALS,
    AT_ONCE, AT_SERVER, ATTEMPTS, AWAY, BACKING_OFF, BACKOFF, BORN, BUDGET, BUDGET_BURST,
    BUDGET_RATIO, BUSY, CACHE_HITS, CACHE_KEY, CACHE_KEYS, CACHE_TTL, CANCELLED, DENIED_BY_BREAKER,
    DENIED_BY_BUDGET, DONE, DROPPED, EVENTS, FACTOR, FAIL_FAST, FAILED, FREE_LEFT, FULL, GIVE_UP,
    GRID_INDEX, HAS_BUDGET, HIGH, IN_TIME, IS_OPEN, KEY, LATE, LATENCY, LEAVE, LIFE, LIVE,
    LOG_FILL, LOG_FULL, LOST, LOW, LOW_WORD, MACHINE, MARGIN, MAX_RETRIES, MEAN, MOVED_BUSY,
    MOVED_PRESENT, N_CALLS, N_SERVERS, N_SOURCES, N_STREAMS, NEED_SLOTS, NEXT, NOTHING, NOW,
    OUT_ANSWERED, OUT_FAILED, OUT_LATE, OWN_WORK_DONE, P_SERVER_WORDS, P_SERVERS, P_STREAM_WORDS,
    P_STREAMS, P_WATCH, PARENT, PRESENT, QNEXT, QPREV, QSIZE, QUEUE_HEAD, RATE, REFERENCES,
    REQUEST, REQUESTS, REQUESTS_FAILED, RETRIES, ROW_FILL, ROWS_FULL, SEND, SENT, SENT_ATTEMPTS,
    SERVE_NEXT, SERVED, SERVER, SERVER_WORDS, SINCE, SLOW_A, SLOW_BY, SLOW_POWER, SLOW_SCALE,
    SOJOURN, SPEED, STACK_FILL, START, STARTED, STEP, STOPPED, STREAM_WORDS, TAG, THREADS, TIMEOUT,
    TIMEOUTS, TIMER_HEAD, UNTIL, WORK, WORK_DONE, WORK_DONE_AT, X_CACHE, X_CLOCKS, X_SERVERS,
    X_STACK, X_STREAMS,
)  # fmt: skip
from separatrix.simulate.links import append, give_back, merge, take, unlink
from separatrix.simulate.policies import breaker_hears, breaker_lets, close, let_go, refusal
from separatrix.simulate.queueing import who_is_next
from separatrix.simulate.random_numbers import exponential
from separatrix.simulate.speeds import change_speed
from separatrix.simulate.timers import (
    END, arm, back_off, come_back, disarm, enter_orbit, leave_orbit, next_of_drawn, next_of_fixed,
)  # fmt: skip


def _fingerprint() -> int:
    """A hash of the sources that the loop inlines: numba's cache watches this file only."""
    digest = hashlib.sha256()
    inlined = (calls, draws, journal, layout, links, policies, queueing, random_numbers, speeds)
    for module in (*inlined, timers):
        digest.update(Path(str(module.__file__)).read_bytes())
    return int.from_bytes(digest.digest()[:7], "little")


@functools.cache
def event_loop(features: Features, *, plain: bool = False) -> Callable[..., int]:
    """The event loop for `features`; `plain` leaves it uncompiled.

    The loop is called as ``loop(X, F, U, P, G, rows, orbit, sketch, log, flog)`` with the views of
    the run's buffer and of the program's (see `layout`), and

    * rows : (chunk, observed words) int64; a sample every ``G[STEP]`` seconds;
    * orbit : (samples + 1, columns) int32; changes of the orbit by stream and attempt;
    * sketch : (windows, streams + servers, BUCKETS) int32; latencies and times at the server;
    * log, flog : (chunk, LOG_WORDS) int64 and its float64 view; requests that ended;

    and returns why it came back: `DONE` at time ``F[UNTIL]``, or with nothing lost and to be called
    again: `NEED_SLOTS`, `ROWS_FULL`, `LOG_FULL`, `STOPPED` (the watched score left its interval).
    """
    single, threads, calling = features.single, features.threads, features.calls
    service, arrivals, order = features.service, features.arrivals, features.order
    expire, fail_fast, admission = features.expire, features.fail_fast, features.admission
    codel, backoff, budget = features.codel, features.backoff, features.budget
    breaker, accept, cache = features.breaker, features.accept, features.cache
    load, faults, record = features.load, features.faults, features.record
    logging, watch = features.log, features.watch
    wide, cascade = features.wide, features.cascade
    choosing = order or expire or codel
    sources_changed = _fingerprint()

    def loop(
        X: Any, F: Any, U: Any, P: Any, G: Any,
        rows: Any, orbit: Any, sketch: Any, log: Any, flog: Any,
    ) -> int:  # fmt: skip
        _ = sources_changed
        n_servers, n_streams, n_sources = P[N_SERVERS], P[N_STREAMS], P[N_SOURCES]
        if single:
            n_servers, n_streams, n_sources = 1, 1, 1
        clocks = P[X_CLOCKS]
        servers, streams = P[X_SERVERS], P[X_STREAMS]
        p_servers, p_streams = P[P_SERVERS], P[P_STREAMS]
        timeout_clock = 1 + n_servers
        backoff_clock = timeout_clock + n_streams
        heap_clock = backoff_clock + n_streams if backoff else backoff_clock
        source_clock = heap_clock + 1 if backoff else heap_clock
        tick = source_clock + n_sources
        margin = P[MARGIN]
        step = G[STEP]
        until = F[UNTIL]
        v, vp, ss, sp, stream = servers, p_servers, streams, p_streams, 0
        good, unsent = True, 0
        F[clocks + tick] = min(X[GRID_INDEX] * step, until) if record else until
        if X[STARTED] == 0:
            X[STARTED] = 1
            for i in range(n_sources):
                ss = streams + i * STREAM_WORDS
                sp = p_streams + i * P_STREAM_WORDS
                if arrivals:
                    F[clocks + source_clock + i] = arrival_after(X, F, U, P, G, 0.0, ss, sp)
                elif G[sp + RATE] > 0.0:
                    F[clocks + source_clock + i] = exponential(U) / G[sp + RATE]

        while True:
            if X[FREE_LEFT] < margin:
                return NEED_SLOTS
            if logging and X[LOG_FILL] + margin > log.shape[0]:
                return LOG_FULL
            if watch:
                score = 0.0
                for i in range(n_servers):
                    score += G[P[P_WATCH] + i] * X[servers + i * SERVER_WORDS + PRESENT]
                for i in range(n_streams):
                    score += G[P[P_WATCH] + n_servers + i] * X[streams + i * STREAM_WORDS + AWAY]
                if score <= F[LOW] or score >= F[HIGH]:
                    return STOPPED

            # --- which event is next; the first of equals -----------------------------------------
            j = 0 if faults else 1
            t = F[clocks + j]
            for i in range(2 - faults, tick + 1):
                if F[clocks + i] < t:
                    t = F[clocks + i]
                    j = i

            if j == tick:
                if record:
                    sampling = t == X[GRID_INDEX] * step
                    if sampling and X[ROW_FILL] == rows.shape[0]:
                        return ROWS_FULL
                    integrate(X, F, P, t)
                    if sampling:
                        sample(X, P, rows, sketch.shape[0])
                        F[clocks + tick] = min(X[GRID_INDEX] * step, until)
                F[NOW] = t
                if t >= until:
                    return DONE
                continue

            X[EVENTS] += 1
            op = NOTHING
            p = 0
            if j >= source_clock:
                # --- a source's event: usually a request ------------------------------------------
                if not single:
                    stream = j - source_clock
                    ss = streams + stream * STREAM_WORDS
                    sp = p_streams + stream * P_STREAM_WORDS
                arrives = True
                if arrivals:
                    if P[sp + ARRIVALS] == MACHINE:
                        arrives = machine_arrives(X, F, U, P, G, ss, sp)
                    F[clocks + j] = arrival_after(X, F, U, P, G, t, ss, sp)
                elif faults:
                    F[clocks + j] = t + exponential(U) / (G[sp + RATE] * F[ss + FACTOR])
                else:
                    F[clocks + j] = t + exponential(U) / G[sp + RATE]
                if arrives:
                    p = take(X)
                    X[p + TAG] = stream << 16
                    F[p + BORN] = t
                    X[ss + REQUESTS] += 1
                    if wide:
                        begin_request(X, U, P, p, sp, 0, cache)
                    op = SEND
            elif backoff and j >= heap_clock:
                p = next_of_drawn(X, F, clocks + j)
            elif backoff and j >= backoff_clock:
                p = next_of_fixed(X, F, streams + (j - backoff_clock) * STREAM_WORDS, clocks + j)
            elif j >= timeout_clock:
                # --- a client gives an attempt up -------------------------------------------------
                if not single:
                    stream = j - timeout_clock
                    ss = streams + stream * STREAM_WORDS
                    sp = p_streams + stream * P_STREAM_WORDS
                p = X[ss + TIMER_HEAD]
                disarm(X, F, G, ss, sp, clocks + j, p)
                X[ss + TIMEOUTS] += 1
                tag = X[p + TAG]
                X[p + TAG] = tag & ~LIVE
                if breaker:
                    breaker_hears(X, F, P, G, ss, sp, p, False, t)
                op = LOST + AFTER_LATE
                if tag & AT_SERVER == 0:
                    op = LOST + AFTER_DROP
                    if (tag >> 8) & 255 < P[sp + MAX_RETRIES]:
                        X[ss + AWAY] -= 1
            elif j >= 1:
                # --- a thread's own work is over --------------------------------------------------
                if not single:
                    v = servers + (j - 1) * SERVER_WORDS
                p = X[v + SERVED]
                X[v + SERVED] = 0
                F[clocks + j] = END
                if threads:
                    q = merge(X, F, X[p + QNEXT], X[p + QPREV])
                    X[v + SERVED] = q
                    if q != 0 and faults:
                        work_left = F[q + KEY] - F[v + WORK_DONE]
                        F[clocks + j] = F[v + WORK_DONE_AT] + work_left / F[v + SPEED]
                    elif q != 0:
                        F[clocks + j] = F[q + KEY]
                op = OWN_WORK_DONE if calling else LEAVE
                good = True
            elif faults:
                change_speed(X, F, U, P, G, t, 1, source_clock)

            if backoff and heap_clock >= j >= backoff_clock:
                # --- a wait before a retry is over ------------------------------------------------
                stream = (X[p + TAG] >> 16) & 0xFFFF
                if X[p + TAG] & CANCELLED != 0:
                    give_back(X, p)
                else:
                    ss = streams + stream * STREAM_WORDS
                    sp = p_streams + stream * P_STREAM_WORDS
                    come_back(X, P, orbit, ss, sp, p)
                    op = SEND
                    if calling and orphan(X, p):
                        op = GIVE_UP
                        unsent = 1

            while True:
                if calling and op == OWN_WORK_DONE:
                    # --- the calls of a piece of work start together ------------------------------
                    w = P[p_streams + ((X[p + TAG] >> 16) & 0xFFFF) * P_STREAM_WORDS + WORK]
                    op = LEAVE
                    if P[w + N_CALLS] > 0 and start_calls(X, F, U, P, p, w, t, cache):
                        op = NOTHING

                if op == LEAVE:
                    # --- an attempt leaves its server, served (good) or failed --------------------
                    tag = X[p + TAG]
                    if not single:
                        stream = (tag >> 16) & 0xFFFF
                        ss = streams + stream * STREAM_WORDS
                        sp = p_streams + stream * P_STREAM_WORDS
                        v = servers + P[sp + SERVER] * SERVER_WORDS
                    X[v + PRESENT] -= 1
                    X[v + BUSY] -= 1
                    if record:
                        F[v + MOVED_PRESENT] -= t - F[SINCE]
                        F[v + MOVED_BUSY] -= t - F[SINCE]
                        F[v + SOJOURN] += t - F[p + SENT]
                        sketch_add(X, F, sketch, n_streams + P[sp + SERVER], t - F[p + SENT])
                    waits = tag & LIVE != 0
                    lost = False
                    if calling:
                        X[p + LIFE] += 1
                        lost = orphan(X, p)
                    if waits:
                        disarm(X, F, G, ss, sp, clocks + timeout_clock + stream, p)
                    if not good:
                        X[v + FAILED] += 1
                    elif waits and not lost:
                        X[v + IN_TIME] += 1
                    else:
                        X[v + LATE] += 1
                    if cache and good:
                        vp = p_servers + P[sp + SERVER] * P_SERVER_WORDS
                        if P[vp + CACHE_KEYS] > 0:
                            F[P[vp + X_CACHE] + X[p + CACHE_KEY]] = t + G[vp + CACHE_TTL]
                    X[p + TAG] = tag & ~(LIVE | AT_SERVER)
                    op = SERVE_NEXT
                    if cascade:
                        if waits and lost:
                            push(X, P, GIVE_UP, p)
                        elif waits and not good:
                            push(X, P, LOST + AFTER_FAILURE, p)
                        push(X, P, SERVE_NEXT, v)
                        op = NOTHING
                    if accept and X[p + REQUEST] != 0:
                        r = X[p + REQUEST]
                        if good and not waits and not lost and X[r + IS_OPEN] == 1:
                            i = accept_late(
                                X, F, P, G, orbit, ss, sp, clocks + timeout_clock + stream,
                                clocks + backoff_clock + stream, p, t,
                            )  # fmt: skip
                            if logging:
                                write_line(X, F, log, flog, p, stream, i, OUT_LATE, t)
                        let_go(X, r)
                    if not waits:
                        give_back(X, p)
                    elif good and not lost:
                        op = ANSWER

                if op == ANSWER:
                    # --- a response in time ends the request --------------------------------------
                    X[ss + ANSWERED] += 1
                    if record:
                        F[ss + LATENCY] += t - F[p + BORN]
                        sketch_add(X, F, sketch, stream, t - F[p + BORN])
                    if logging:
                        i = ((X[p + TAG] >> 8) & 255) + 1
                        write_line(X, F, log, flog, p, stream, i, OUT_ANSWERED, t)
                    if breaker:
                        breaker_hears(X, F, P, G, ss, sp, p, True, t)
                    if accept:
                        close(X, p)
                    if calling:
                        answer_caller(X, P, p)
                    give_back(X, p)
                    op = NOTHING if cascade else SERVE_NEXT

                if op >= LOST:
                    # --- the client knows that an attempt is lost ---------------------------------
                    tag = X[p + TAG]
                    if not single:
                        stream = (tag >> 16) & 0xFFFF
                        ss = streams + stream * STREAM_WORDS
                        sp = p_streams + stream * P_STREAM_WORDS
                    attempt = (tag >> 8) & 255
                    again = attempt < P[sp + MAX_RETRIES]
                    if calling and again:
                        again = not orphan(X, p)
                    if budget and again and P[sp + HAS_BUDGET] == 1:
                        if F[ss + BUDGET] >= 1.0:
                            F[ss + BUDGET] -= 1.0
                        else:
                            again = False
                            X[ss + DENIED_BY_BUDGET] += 1
                    if again:
                        X[ss + RETRIES + op - LOST] += 1
                        if record:
                            i = tag >> 32 if op <= LOST + AFTER_DROP else X[GRID_INDEX]
                            enter_orbit(P, orbit, sp, attempt, i)
                        if op == LOST + AFTER_LATE:
                            # the doomed attempt stays at its server; the client goes on
                            q = take(X)
                            F[q + BORN] = F[p + BORN]
                            if wide:
                                inherit(X, q, p)
                            p = q
                        X[p + TAG] = (stream << 16) | ((attempt + 1) << 8)
                        op = SEND
                        if backoff and P[sp + BACKOFF] != AT_ONCE:
                            i = clocks + backoff_clock + stream
                            back_off(X, F, U, P, G, ss, sp, i, clocks + heap_clock, p, t)
                            op = NOTHING
                        elif record:
                            leave_orbit(X, P, orbit, sp, attempt)
                    else:
                        op = GIVE_UP

                if op == SEND:
                    # --- an attempt goes to its server --------------------------------------------
                    tag = X[p + TAG]
                    if not single:
                        stream = (tag >> 16) & 0xFFFF
                        ss = streams + stream * STREAM_WORDS
                        sp = p_streams + stream * P_STREAM_WORDS
                        v = servers + P[sp + SERVER] * SERVER_WORDS
                        vp = p_servers + P[sp + SERVER] * P_SERVER_WORDS
                    if breaker and not breaker_lets(X, F, P, ss, sp, p, t):
                        X[ss + DENIED_BY_BREAKER] += 1
                        op = GIVE_UP
                        unsent = 1
                    else:
                        X[ss + SENT_ATTEMPTS] += 1
                        attempt = (tag >> 8) & 255
                        if budget and attempt == 0 and P[sp + HAS_BUDGET] == 1:
                            tokens = F[ss + BUDGET] + G[sp + BUDGET_RATIO]
                            F[ss + BUDGET] = min(tokens, G[sp + BUDGET_BURST])
                        X[v + ATTEMPTS] += 1
                        F[p + SENT] = t
                        if cache and P[vp + CACHE_KEYS] > 0:
                            if F[P[vp + X_CACHE] + X[p + CACHE_KEY]] > t:
                                X[v + CACHE_HITS] += 1
                                op = ANSWER
                                continue
                        refused = -1
                        if X[v + PRESENT] >= P[vp + QSIZE]:
                            refused = FULL
                        elif admission and P[vp + ADMISSION] != 0:
                            refused = refusal(X, F, U, P, G, v, vp, t)
                        if refused >= 0:
                            X[v + DROPPED + refused] += 1
                        if fail_fast and refused >= 0 and P[vp + FAIL_FAST] == 1:
                            if breaker:
                                breaker_hears(X, F, P, G, ss, sp, p, False, t)
                            op = LOST + AFTER_REFUSAL
                            continue
                        arm(X, F, G, ss, sp, clocks + timeout_clock + stream, p)
                        if record:
                            tag = tag & LOW_WORD | (X[GRID_INDEX] << 32)
                        op = NOTHING
                        if refused >= 0:
                            X[p + TAG] = tag | LIVE
                            if attempt < P[sp + MAX_RETRIES]:
                                X[ss + AWAY] += 1
                        else:
                            X[p + TAG] = tag | (LIVE | AT_SERVER)
                            X[v + PRESENT] += 1
                            if record:
                                F[v + MOVED_PRESENT] += t - F[SINCE]
                            if accept and X[p + REQUEST] != 0:
                                X[X[p + REQUEST] + REFERENCES] += 1
                            if X[v + BUSY] < P[vp + THREADS] and X[v + QUEUE_HEAD] == 0:
                                op = START
                            else:
                                append(X, v + QUEUE_HEAD, p, QNEXT)

                if op == GIVE_UP:
                    # --- a request fails ----------------------------------------------------------
                    tag = X[p + TAG]
                    if not single:
                        stream = (tag >> 16) & 0xFFFF
                        ss = streams + stream * STREAM_WORDS
                    X[ss + REQUESTS_FAILED] += 1
                    if logging:
                        i = ((tag >> 8) & 255) + 1 - unsent
                        write_line(X, F, log, flog, p, stream, i, OUT_FAILED, t)
                    unsent = 0
                    if accept:
                        close(X, p)
                    if tag & AT_SERVER == 0:
                        give_back(X, p)
                    op = NOTHING
                    if calling and X[p + PARENT] > 0 and not orphan(X, p):
                        p = X[p + PARENT]
                        op = LEAVE
                        good = False
                        continue

                if op == SERVE_NEXT:
                    # --- a thread is free: who is next --------------------------------------------
                    if not single:
                        vp = p_servers + (v - servers) // SERVER_WORDS * P_SERVER_WORDS
                    p = 0
                    if X[v + BUSY] < P[vp + THREADS]:
                        if choosing:
                            p = who_is_next(X, F, P, G, v, vp, timeout_clock, t, wide)
                        else:
                            p = X[v + QUEUE_HEAD]
                            if p != 0:
                                unlink(X, v + QUEUE_HEAD, p, QNEXT)
                    op = START if p != 0 else NOTHING

                if op == START:
                    # --- service begins -----------------------------------------------------------
                    X[v + BUSY] += 1
                    if record:
                        F[v + MOVED_BUSY] += t - F[SINCE]
                    if not single:
                        sp = p_streams + ((X[p + TAG] >> 16) & 0xFFFF) * P_STREAM_WORDS
                    w = P[sp + WORK]
                    due = service_time(U, P, G, w) if service else G[w + MEAN] * exponential(U)
                    if load and P[vp + SLOW_BY] != 0:
                        n = X[v + PRESENT] if P[vp + SLOW_BY] == 1 else X[v + BUSY]
                        due *= 1.0 + G[vp + SLOW_A] * (n / G[vp + SLOW_SCALE]) ** G[vp + SLOW_POWER]
                    if faults:
                        due += F[v + WORK_DONE] + (t - F[v + WORK_DONE_AT]) * F[v + SPEED]
                    else:
                        due += t
                    F[p + KEY] = due
                    q = p
                    if threads:
                        X[p + QNEXT] = 0
                        X[p + QPREV] = 0
                        q = merge(X, F, X[v + SERVED], p)
                        due = F[q + KEY]
                    X[v + SERVED] = q
                    if faults and F[v + SPEED] > 0.0:
                        due = F[v + WORK_DONE_AT] + (due - F[v + WORK_DONE]) / F[v + SPEED]
                    elif faults:
                        due = END
                    F[clocks + 1 + (v - servers) // SERVER_WORDS] = due
                    op = NOTHING

                # --- what else the event has set off ----------------------------------------------
                if not cascade or X[STACK_FILL] == 0:
                    break
                X[STACK_FILL] -= 2
                op = X[P[X_STACK] + X[STACK_FILL]]
                p = X[P[X_STACK] + X[STACK_FILL] + 1]
                v = p
                good = True

    if plain:
        return loop
    return compiled(loop)
