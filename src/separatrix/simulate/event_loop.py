"""The event loop: a request's life, one event after the other, in one compiled function.

`event_loop(features)` compiles the loop with the features as constants of its closure: numba drops
the branches of those that are off, and keeps the machine code of each set on disk. The blocks of an
event stand in the order in which one event passes them (its end at a server, the client's answer or
loss, a new attempt, the next in the queue, the start of service), so that a plain service needs a
single pass; only features that set off further events at the same instant go round again.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from separatrix.compiled import compiled
from separatrix.simulate import draws, layout, links, policies, random_numbers, speeds
from separatrix.simulate.draws import arrival_after, machine_arrives, service_time
from separatrix.simulate.features import Features
from separatrix.simulate.layout import (
    ACCEPTS, ADAPTIVE, ADAPTIVE_FROM, ADMISSION, AFTER_DROP, AFTER_FAILURE, AFTER_LATE,
    AFTER_REFUSAL, ANSWERED, ANSWERED_LATE, AREA_BUSY, AREA_PRESENT, ARRIVALS, AT_ONCE, AT_SERVER,
    ATTEMPTS, AWAY, BACKING_OFF, BACKOFF, BACKOFF_HEAD, BASE, BORN, BUCKETS, BUDGET, BUDGET_BURST,
    BUDGET_RATIO, BUSY, CACHE_HITS, CACHE_KEY, CACHE_KEYS, CACHE_TTL, CANCELLED, CAP, CODEL,
    DENIED_BY_BREAKER, DENIED_BY_BUDGET, DISCIPLINE, DONE, DROP_EXPIRED, DROPPED, DROPPED_NOW,
    DROPPING, EVENTS, EXPIRED, FACTOR, FAIL_FAST, FAILED, FIFO, FIRST_ABOVE, FIRST_CALL, FIXED,
    FREE_LEFT, FULL, GRID_INDEX, HAS_BUDGET, HEAP, HIGH, ID, IN_TIME, IS_OPEN, JITTER, KEY, LATE,
    LATENCY, LIFE, LIVE, LOG_FILL, LOG_FULL, LOW, LOWEST_EXPONENT, MACHINE, MARGIN, MAX_RETRIES,
    MEAN, MOVED_BUSY, MOVED_PRESENT, MULTIPLIER, N_CALLS, N_CLOCKS, N_SERVERS, N_SOURCES,
    N_STREAMS, N_WAITS, NEED_SLOTS, NEWEST, NEXT, NEXT_ID, NOW, ORBIT_COLUMN, OUT_ANSWERED,
    OUT_FAILED, OUT_LATE, P_SERVER_WORDS, P_SERVERS, P_STREAM_WORDS, P_STREAMS, P_WATCH, PARENT,
    PARENT_LIFE, PENDING, PRESENT, QNEXT, QPREV, QSIZE, QUEUE_HEAD, QUEUE_TAIL, RATE, REFERENCES,
    REQUEST, REQUESTS, REQUESTS_FAILED, RETRIES, ROW_FILL, ROWS_FULL, SCRATCH, SENT,
    SENT_ATTEMPTS, SERVED, SERVER, SERVER_OBSERVED, SERVER_WORDS, SINCE, SKETCH_STEP, SLOW_A,
    SLOW_BY, SLOW_POWER, SLOW_SCALE, SOJOURN, SPEED, STACK_FILL, STEP, STOPPED, STREAM_OBSERVED,
    STREAM_WORDS, SUB_BITS, TAG, THREADS, TIMEOUT, TIMEOUTS, TIMER_HEAD, UNTIL, WAITS, WORK,
    WORK_DONE, WORK_DONE_AT, X_CACHE, X_CLOCKS, X_SERVERS, X_STACK, X_STREAMS,
)  # fmt: skip
from separatrix.simulate.links import append, give_back, merge, take, unlink
from separatrix.simulate.policies import (
    breaker_hears,
    breaker_lets,
    close,
    codel_drops,
    let_go,
    refusal,
)
from separatrix.simulate.random_numbers import below, exponential, uniform
from separatrix.simulate.speeds import change_speed

# what is to be done within an event
NOTHING, OWN_WORK_DONE, LEAVE, ANSWER, GIVE_UP, SEND, SERVE_NEXT, START = range(8)
LOST = 8  # + origin of the loss
END = np.inf


def _fingerprint() -> int:
    """A hash of the sources that the loop inlines: numba's cache watches this file only."""
    digest = hashlib.sha256()
    for module in (draws, layout, links, policies, random_numbers, speeds):
        digest.update(Path(str(module.__file__)).read_bytes())
    return int.from_bytes(digest.digest()[:7], "little")


@functools.cache
def event_loop(features: Features, *, plain: bool = False) -> Callable[..., int]:
    """The event loop for `features`; `plain` leaves it uncompiled.

    The loop is called as ``loop(X, F, U, P, G, rows, orbit, sketch, log, flog)`` with the views of
    the run's buffer and of the program's (see `layout`), and

    * rows : (chunk, observed words) int64; a sample every ``G[STEP]`` seconds;
    * orbit : (grid + 1, columns) int32; changes of the orbit by stream and attempt;
    * sketch : (windows, streams + servers, BUCKETS) int32; latencies and times at the server;
    * log, flog : (chunk, LOG_WORDS) int64 and its float64 view; requests that ended;

    and returns why it came back: `DONE` at time ``F[UNTIL]``, or with nothing lost and to be called
    again: `NEED_SLOTS`, `ROWS_FULL`, `LOG_FULL`, `STOPPED` (the watched score left its interval).
    """
    single, threads, calls = features.single, features.threads, features.calls
    service, arrivals, order = features.service, features.arrivals, features.order
    expire, fail_fast, admission = features.expire, features.fail_fast, features.admission
    codel, backoff, budget = features.codel, features.backoff, features.budget
    breaker, accept, cache = features.breaker, features.accept, features.cache
    load, faults, record = features.load, features.faults, features.record
    logging, watch = features.log, features.watch
    wide, cascade = features.wide, features.cascade
    sources_changed = _fingerprint()

    def loop(
        X: Any, F: Any, U: Any, P: Any, G: Any,
        rows: Any, orbit: Any, sketch: Any, log: Any, flog: Any,
    ) -> int:  # fmt: skip
        _ = sources_changed
        n_servers, n_streams, n_sources = P[N_SERVERS], P[N_STREAMS], P[N_SOURCES]
        if single:
            n_servers, n_streams, n_sources = 1, 1, 1
        clocks, stack = P[X_CLOCKS], P[X_STACK]
        servers, streams = P[X_SERVERS], P[X_STREAMS]
        p_servers, p_streams = P[P_SERVERS], P[P_STREAMS]
        timeout_clock = 1 + n_servers
        backoff_clock = timeout_clock + n_streams
        heap_clock = backoff_clock + n_streams
        source_clock = heap_clock + 1
        tick = source_clock + n_sources
        n_clocks = tick + 1
        margin = P[MARGIN]
        step, sketch_step = G[STEP], G[SKETCH_STEP]
        grid = orbit.shape[0] - 1
        until = F[UNTIL]
        v, vp, ss, sp, stream, good, q, unsent = 0, 0, 0, 0, 0, 0, 0, 0
        F[clocks + tick] = min(X[GRID_INDEX] * step if record else END, until)

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
            j = 0
            t = F[clocks]
            for i in range(1, n_clocks):
                if F[clocks + i] < t:
                    t = F[clocks + i]
                    j = i

            if j == tick:
                sampling = record and t == X[GRID_INDEX] * step
                if sampling and X[ROW_FILL] == rows.shape[0]:
                    return ROWS_FULL
                F[NOW] = t
                if record:
                    for i in range(n_servers):
                        v = servers + i * SERVER_WORDS
                        span = t - F[SINCE]
                        F[v + AREA_PRESENT] += X[v + PRESENT] * span - F[v + MOVED_PRESENT]
                        F[v + AREA_BUSY] += X[v + BUSY] * span - F[v + MOVED_BUSY]
                        F[v + MOVED_PRESENT] = 0.0
                        F[v + MOVED_BUSY] = 0.0
                    F[SINCE] = t
                if sampling:
                    row = X[ROW_FILL]
                    column = 0
                    for i in range(n_servers):
                        for k in range(SERVER_OBSERVED):
                            rows[row, column] = X[servers + i * SERVER_WORDS + k]
                            column += 1
                    for i in range(n_streams):
                        for k in range(STREAM_OBSERVED):
                            rows[row, column] = X[streams + i * STREAM_WORDS + k]
                            column += 1
                    X[ROW_FILL] += 1
                    X[GRID_INDEX] += 1
                    F[clocks + tick] = min(X[GRID_INDEX] * step, until)
                if t >= until:
                    return DONE
                continue

            X[EVENTS] += 1
            op = NOTHING
            p = 0
            if j >= source_clock:
                # --- a source's event: usually a request ------------------------------------------
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
                        X[p + PARENT] = 0
                        X[p + REQUEST] = 0
                        X[p + ID] = X[NEXT_ID]
                        X[NEXT_ID] += 1
                    if cache:
                        v = p_servers + P[sp + SERVER] * P_SERVER_WORDS
                        X[p + CACHE_KEY] = below(U, P[v + CACHE_KEYS])
                    if accept and P[sp + ACCEPTS] == 1:
                        q = take(X)
                        X[p + REQUEST] = q
                        X[q + NEWEST] = p
                        X[q + REFERENCES] = 1
                        X[q + IS_OPEN] = 1
                    op = SEND
            elif j >= heap_clock:
                # --- a wait of drawn length is over -----------------------------------------------
                if backoff:
                    p = X[HEAP]
                    q = merge(X, F, X[p + QNEXT], X[p + QPREV])
                    X[HEAP] = q
                    F[clocks + j] = F[q + KEY] if q != 0 else END
                    op = SEND
            elif j >= backoff_clock:
                # --- a wait of fixed length is over -----------------------------------------------
                if backoff:
                    ss = streams + (j - backoff_clock) * STREAM_WORDS
                    p = X[ss + BACKOFF_HEAD]
                    unlink(X, ss + BACKOFF_HEAD, p, NEXT)
                    q = X[ss + BACKOFF_HEAD]
                    F[clocks + j] = F[q + KEY] if q != 0 else END
                    op = SEND
            elif j >= timeout_clock:
                # --- a client gives an attempt up -------------------------------------------------
                stream = j - timeout_clock
                ss = streams + stream * STREAM_WORDS
                sp = p_streams + stream * P_STREAM_WORDS
                p = X[ss + TIMER_HEAD]
                unlink(X, ss + TIMER_HEAD, p, NEXT)
                q = X[ss + TIMER_HEAD]
                F[clocks + j] = F[q + SENT] + G[sp + TIMEOUT] if q != 0 else END
                X[ss + TIMEOUTS] += 1
                tag = X[p + TAG]
                X[p + TAG] = tag & ~LIVE
                if breaker:
                    breaker_hears(X, F, P, G, ss, sp, p, False, t)
                if tag & AT_SERVER != 0:
                    op = LOST + AFTER_LATE
                else:
                    op = LOST + AFTER_DROP
                    if (tag >> 8) & 255 < P[sp + MAX_RETRIES]:
                        X[ss + AWAY] -= 1
            elif j >= 1:
                # --- a thread's own work is over --------------------------------------------------
                v = servers + (j - 1) * SERVER_WORDS
                p = X[v + SERVED]
                if threads:
                    q = merge(X, F, X[p + QNEXT], X[p + QPREV])
                    X[v + SERVED] = q
                    if q == 0:
                        F[clocks + j] = END
                    elif faults:
                        F[clocks + j] = (
                            F[v + WORK_DONE_AT] + (F[q + KEY] - F[v + WORK_DONE]) / F[v + SPEED]
                        )
                    else:
                        F[clocks + j] = F[q + KEY]
                else:
                    X[v + SERVED] = 0
                    F[clocks + j] = END
                op = OWN_WORK_DONE if calls else LEAVE
                good = 1
            elif faults:
                change_speed(X, F, U, P, G, t, 1, source_clock)

            if backoff and op == SEND and X[p + TAG] & BACKING_OFF != 0:
                tag = X[p + TAG]
                if tag & CANCELLED != 0:
                    give_back(X, p)
                    op = NOTHING
                else:
                    X[p + TAG] = tag & ~BACKING_OFF
                    X[streams + (tag >> 16) * STREAM_WORDS + AWAY] -= 1
                    if record:
                        sp = p_streams + (tag >> 16) * P_STREAM_WORDS
                        i = min(int(np.ceil(t / step)), grid)
                        orbit[i, P[sp + ORBIT_COLUMN] + ((tag >> 8) & 255) - 1] -= 1
                    if calls:
                        q = X[p + PARENT]
                        if q > 0 and X[q + LIFE] != X[p + PARENT_LIFE]:
                            op = GIVE_UP  # nobody waits for this call any more
                            unsent = 1

            while True:
                if calls and op == OWN_WORK_DONE:
                    # --- the calls of a piece of work start together ------------------------------
                    w = P[p_streams + (X[p + TAG] >> 16) * P_STREAM_WORDS + WORK]
                    op = LEAVE
                    X[p + PENDING] = P[w + N_WAITS]
                    if P[w + N_WAITS] > 0:
                        op = NOTHING
                    for i in range(P[w + N_CALLS]):
                        stream = P[w + FIRST_CALL] + P[w + N_CALLS] - 1 - i
                        sp = p_streams + stream * P_STREAM_WORDS
                        q = take(X)
                        X[streams + stream * STREAM_WORDS + REQUESTS] += 1
                        X[q + TAG] = stream << 16
                        F[q + BORN] = t
                        X[q + PARENT] = p if P[sp + WAITS] == 1 else -1
                        X[q + PARENT_LIFE] = X[p + LIFE]
                        X[q + REQUEST] = 0
                        X[q + ID] = X[NEXT_ID]
                        X[NEXT_ID] += 1
                        if cache:
                            v = p_servers + P[sp + SERVER] * P_SERVER_WORDS
                            X[q + CACHE_KEY] = below(U, P[v + CACHE_KEYS])
                        X[stack + X[STACK_FILL]] = SEND
                        X[stack + X[STACK_FILL] + 1] = q
                        X[STACK_FILL] += 2
                        if accept and P[sp + ACCEPTS] == 1:
                            r = take(X)
                            X[q + REQUEST] = r
                            X[r + NEWEST] = q
                            X[r + REFERENCES] = 1
                            X[r + IS_OPEN] = 1

                if op == LEAVE:
                    # --- an attempt leaves its server, served (good) or failed --------------------
                    tag = X[p + TAG]
                    stream = tag >> 16
                    if single:
                        stream = 0
                    ss = streams + stream * STREAM_WORDS
                    sp = p_streams + stream * P_STREAM_WORDS
                    v = servers
                    if not single:
                        v = servers + P[sp + SERVER] * SERVER_WORDS
                    X[v + PRESENT] -= 1
                    X[v + BUSY] -= 1
                    if record:
                        F[v + MOVED_PRESENT] -= t - F[SINCE]
                        F[v + MOVED_BUSY] -= t - F[SINCE]
                        F[v + SOJOURN] += t - F[p + SENT]
                        F[SCRATCH] = t - F[p + SENT]
                        i = (X[SCRATCH] >> (52 - SUB_BITS)) - ((LOWEST_EXPONENT + 1023) << SUB_BITS)
                        q = min(int(t / sketch_step), sketch.shape[0] - 1)
                        sketch[q, n_streams + (v - servers) // SERVER_WORDS, min(max(i, 0), BUCKETS - 1)] += 1
                    waits = tag & LIVE != 0
                    orphan = False
                    if calls:
                        X[p + LIFE] += 1
                        q = X[p + PARENT]
                        orphan = q > 0 and X[q + LIFE] != X[p + PARENT_LIFE]
                    if waits:
                        q = X[p + NEXT]
                        if X[ss + TIMER_HEAD] == p:
                            F[clocks + timeout_clock + stream] = (
                                F[q + SENT] + G[sp + TIMEOUT] if q != 0 else END
                            )
                        unlink(X, ss + TIMER_HEAD, p, NEXT)
                    if good == 0:
                        X[v + FAILED] += 1
                    elif waits and not orphan:
                        X[v + IN_TIME] += 1
                    else:
                        X[v + LATE] += 1
                    if cache and good == 1:
                        vp = p_servers + (v - servers) // SERVER_WORDS * P_SERVER_WORDS
                        if P[vp + CACHE_KEYS] > 0:
                            F[P[vp + X_CACHE] + X[p + CACHE_KEY]] = t + G[vp + CACHE_TTL]
                    X[p + TAG] = tag & ~(LIVE | AT_SERVER)
                    if cascade:
                        if waits and (good == 0 or orphan):
                            X[stack + X[STACK_FILL]] = GIVE_UP if orphan else LOST + AFTER_FAILURE
                            X[stack + X[STACK_FILL] + 1] = p
                            X[STACK_FILL] += 2
                        X[stack + X[STACK_FILL]] = SERVE_NEXT
                        X[stack + X[STACK_FILL] + 1] = v
                        X[STACK_FILL] += 2
                        op = NOTHING
                    else:
                        op = SERVE_NEXT
                    if accept and X[p + REQUEST] != 0:
                        r = X[p + REQUEST]
                        if good == 1 and not waits and not orphan and X[r + IS_OPEN] == 1:
                            # a response to an attempt given up ends the request all the same
                            q = X[r + NEWEST]
                            tag = X[q + TAG]
                            i = (tag >> 8) & 255
                            if tag & LIVE != 0:
                                if X[ss + TIMER_HEAD] == q:
                                    k = X[q + NEXT]
                                    F[clocks + timeout_clock + stream] = (
                                        F[k + SENT] + G[sp + TIMEOUT] if k != 0 else END
                                    )
                                unlink(X, ss + TIMER_HEAD, q, NEXT)
                                X[q + TAG] = tag & ~LIVE
                                if breaker:
                                    breaker_hears(X, F, P, G, ss, sp, q, True, t)
                                if tag & AT_SERVER == 0:
                                    if i < P[sp + MAX_RETRIES]:
                                        X[ss + AWAY] -= 1
                                    give_back(X, q)
                                i += 1
                            elif backoff:
                                X[ss + AWAY] -= 1
                                if record:
                                    k = min(int(np.ceil(t / step)), grid)
                                    orbit[k, P[sp + ORBIT_COLUMN] + i - 1] -= 1
                                if P[sp + BACKOFF] == FIXED:
                                    if X[ss + BACKOFF_HEAD] == q:
                                        k = X[q + NEXT]
                                        F[clocks + backoff_clock + stream] = (
                                            F[k + KEY] if k != 0 else END
                                        )
                                    unlink(X, ss + BACKOFF_HEAD, q, NEXT)
                                    give_back(X, q)
                                else:
                                    X[q + TAG] = tag | CANCELLED
                            X[ss + ANSWERED_LATE] += 1
                            if logging:
                                k = X[LOG_FILL]
                                log[k, 0], log[k, 1], log[k, 2] = X[p + ID], stream, i
                                log[k, 3] = OUT_LATE
                                flog[k, 4], flog[k, 5] = F[p + BORN], t
                                X[LOG_FILL] += 1
                            close(X, p)
                            if calls and X[p + PARENT] > 0:
                                q = X[p + PARENT]
                                X[q + PENDING] -= 1
                                if X[q + PENDING] == 0:
                                    X[stack + X[STACK_FILL]] = LEAVE
                                    X[stack + X[STACK_FILL] + 1] = q
                                    X[STACK_FILL] += 2
                        let_go(X, r)
                    if waits:
                        if good == 1 and not orphan:
                            op = ANSWER
                    else:
                        give_back(X, p)

                if op == ANSWER:
                    # --- a response in time ends the request --------------------------------------
                    X[ss + ANSWERED] += 1
                    if record:
                        latency = t - F[p + BORN]
                        F[ss + LATENCY] += latency
                        F[SCRATCH] = latency
                        i = (X[SCRATCH] >> (52 - SUB_BITS)) - ((LOWEST_EXPONENT + 1023) << SUB_BITS)
                        q = min(int(t / sketch_step), sketch.shape[0] - 1)
                        sketch[q, stream, min(max(i, 0), BUCKETS - 1)] += 1
                    if logging:
                        k = X[LOG_FILL]
                        log[k, 0], log[k, 1] = X[p + ID], stream
                        log[k, 2], log[k, 3] = ((X[p + TAG] >> 8) & 255) + 1, OUT_ANSWERED
                        flog[k, 4], flog[k, 5] = F[p + BORN], t
                        X[LOG_FILL] += 1
                    if breaker:
                        breaker_hears(X, F, P, G, ss, sp, p, True, t)
                    if accept:
                        close(X, p)
                    give_back(X, p)
                    op = SERVE_NEXT
                    if cascade:
                        op = NOTHING
                        if calls and X[p + PARENT] > 0:
                            p = X[p + PARENT]
                            X[p + PENDING] -= 1
                            if X[p + PENDING] == 0:
                                op = LEAVE
                                good = 1
                                continue

                if op >= LOST:
                    # --- the client knows that an attempt is lost ---------------------------------
                    tag = X[p + TAG]
                    stream = tag >> 16
                    if single:
                        stream = 0
                    ss = streams + stream * STREAM_WORDS
                    sp = p_streams + stream * P_STREAM_WORDS
                    attempt = (tag >> 8) & 255
                    again = attempt < P[sp + MAX_RETRIES]
                    if calls:
                        q = X[p + PARENT]
                        if q > 0 and X[q + LIFE] != X[p + PARENT_LIFE]:
                            again = False
                    if budget and again and P[sp + HAS_BUDGET] == 1:
                        if F[ss + BUDGET] >= 1.0:
                            F[ss + BUDGET] -= 1.0
                        else:
                            again = False
                            X[ss + DENIED_BY_BUDGET] += 1
                    if again:
                        X[ss + RETRIES + op - LOST] += 1
                        q = p
                        if op == LOST + AFTER_LATE:
                            # the doomed attempt stays at its server; the client goes on
                            q = take(X)
                            F[q + BORN] = F[p + BORN]
                            if wide:
                                X[q + PARENT] = X[p + PARENT]
                                X[q + PARENT_LIFE] = X[p + PARENT_LIFE]
                                X[q + CACHE_KEY] = X[p + CACHE_KEY]
                                X[q + REQUEST] = X[p + REQUEST]
                                X[q + ID] = X[p + ID]
                                if accept and X[p + REQUEST] != 0:
                                    X[X[p + REQUEST] + NEWEST] = q
                        if record:
                            left = F[p + SENT] if op <= LOST + AFTER_DROP else t
                            i = min(int(np.ceil(left / step)), grid)
                            orbit[i, P[sp + ORBIT_COLUMN] + attempt] += 1
                        tag = (stream << 16) | ((attempt + 1) << 8)
                        p = q
                        op = SEND
                        if backoff and P[sp + BACKOFF] != AT_ONCE:
                            wait = G[sp + BASE]
                            if P[sp + BACKOFF] == FIXED:
                                append(X, ss + BACKOFF_HEAD, p, NEXT)
                                F[p + KEY] = t + wait
                                if X[ss + BACKOFF_HEAD] == p:
                                    F[clocks + backoff_clock + stream] = F[p + KEY]
                            else:
                                wait = min(wait * G[sp + MULTIPLIER] ** attempt, G[sp + CAP])
                                F[p + KEY] = t + wait * (1.0 - G[sp + JITTER] * uniform(U))
                                X[p + QNEXT] = 0
                                X[p + QPREV] = 0
                                X[HEAP] = merge(X, F, X[HEAP], p)
                                F[clocks + heap_clock] = F[X[HEAP] + KEY]
                            X[ss + AWAY] += 1
                            tag |= BACKING_OFF
                            op = NOTHING
                        elif record:
                            i = min(int(np.ceil(t / step)), grid)
                            orbit[i, P[sp + ORBIT_COLUMN] + attempt] -= 1
                        X[p + TAG] = tag
                    else:
                        op = GIVE_UP

                if op == SEND:
                    # --- an attempt goes to its server --------------------------------------------
                    tag = X[p + TAG]
                    stream = tag >> 16
                    if single:
                        stream = 0
                    ss = streams + stream * STREAM_WORDS
                    sp = p_streams + stream * P_STREAM_WORDS
                    attempt = (tag >> 8) & 255
                    if breaker and not breaker_lets(X, F, P, ss, sp, p, t):
                        X[ss + DENIED_BY_BREAKER] += 1
                        op = GIVE_UP
                        unsent = 1
                    else:
                        X[ss + SENT_ATTEMPTS] += 1
                        if budget and attempt == 0 and P[sp + HAS_BUDGET] == 1:
                            F[ss + BUDGET] = min(
                                F[ss + BUDGET] + G[sp + BUDGET_RATIO], G[sp + BUDGET_BURST]
                            )
                        v, vp = servers, p_servers
                        if not single:
                            v = servers + P[sp + SERVER] * SERVER_WORDS
                            vp = p_servers + P[sp + SERVER] * P_SERVER_WORDS
                        X[v + ATTEMPTS] += 1
                        F[p + SENT] = t
                        if cache and P[vp + CACHE_KEYS] > 0 and F[P[vp + X_CACHE] + X[p + CACHE_KEY]] > t:
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
                        append(X, ss + TIMER_HEAD, p, NEXT)
                        if X[ss + TIMER_HEAD] == p:
                            F[clocks + timeout_clock + stream] = t + G[sp + TIMEOUT]
                        if refused >= 0:
                            X[p + TAG] = tag | LIVE
                            if attempt < P[sp + MAX_RETRIES]:
                                X[ss + AWAY] += 1
                            op = NOTHING
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
                                op = NOTHING

                if op == GIVE_UP:
                    # --- a request fails ----------------------------------------------------------
                    tag = X[p + TAG]
                    stream = tag >> 16
                    X[streams + stream * STREAM_WORDS + REQUESTS_FAILED] += 1
                    if logging:
                        k = X[LOG_FILL]
                        log[k, 0], log[k, 1] = X[p + ID], stream
                        log[k, 2], log[k, 3] = ((tag >> 8) & 255) + 1 - unsent, OUT_FAILED
                        flog[k, 4], flog[k, 5] = F[p + BORN], t
                        X[LOG_FILL] += 1
                        unsent = 0
                    if accept:
                        close(X, p)
                    if tag & AT_SERVER == 0:
                        give_back(X, p)
                    op = NOTHING
                    if calls:
                        q = X[p + PARENT]
                        if q > 0 and X[q + LIFE] == X[p + PARENT_LIFE]:
                            p = q
                            op = LEAVE
                            good = 0
                            continue

                if op == SERVE_NEXT:
                    # --- a thread is free: who is next --------------------------------------------
                    vp = p_servers
                    if not single:
                        vp = p_servers + (v - servers) // SERVER_WORDS * P_SERVER_WORDS
                    op = NOTHING
                    while X[v + QUEUE_HEAD] != 0 and X[v + BUSY] < P[vp + THREADS]:
                        p = X[v + QUEUE_HEAD]
                        if order and P[vp + DISCIPLINE] != FIFO:
                            waiting = X[v + PRESENT] - X[v + BUSY]
                            if P[vp + DISCIPLINE] != ADAPTIVE or waiting >= P[vp + ADAPTIVE_FROM]:
                                p = X[v + QUEUE_TAIL]
                        unlink(X, v + QUEUE_HEAD, p, QNEXT)
                        op = START
                        if not expire and not codel:
                            break
                        waits = X[p + TAG] & LIVE != 0
                        if calls and waits:
                            q = X[p + PARENT]
                            waits = q <= 0 or X[q + LIFE] == X[p + PARENT_LIFE]
                        dropped = expire and not waits and P[vp + DROP_EXPIRED] == 1
                        if dropped:
                            X[v + EXPIRED] += 1
                        elif codel and P[vp + ADMISSION] == 1 + CODEL:
                            left = X[v + PRESENT] - X[v + BUSY] - 1
                            dropped = codel_drops(X, F, G, v, vp, p, left, t)
                            if dropped:
                                X[v + DROPPED + CODEL] += 1
                        if not dropped:
                            break
                        op = NOTHING
                        X[v + PRESENT] -= 1
                        if record:
                            F[v + MOVED_PRESENT] -= t - F[SINCE]
                            F[v + SOJOURN] += t - F[p + SENT]
                        tag = X[p + TAG]
                        X[p + TAG] = tag & ~AT_SERVER
                        if accept and X[p + REQUEST] != 0:
                            let_go(X, X[p + REQUEST])
                        if tag & LIVE == 0:
                            give_back(X, p)
                        elif fail_fast and P[vp + FAIL_FAST] == 1:
                            ss = streams + (tag >> 16) * STREAM_WORDS
                            sp = p_streams + (tag >> 16) * P_STREAM_WORDS
                            if X[ss + TIMER_HEAD] == p:
                                q = X[p + NEXT]
                                F[clocks + timeout_clock + (tag >> 16)] = (
                                    F[q + SENT] + G[sp + TIMEOUT] if q != 0 else END
                                )
                            unlink(X, ss + TIMER_HEAD, p, NEXT)
                            X[p + TAG] = X[p + TAG] & ~LIVE
                            if breaker:
                                breaker_hears(X, F, P, G, ss, sp, p, False, t)
                            X[stack + X[STACK_FILL]] = SERVE_NEXT
                            X[stack + X[STACK_FILL] + 1] = v
                            X[STACK_FILL] += 2
                            op = LOST + AFTER_REFUSAL
                            break
                        elif (tag >> 8) & 255 < P[p_streams + (tag >> 16) * P_STREAM_WORDS + MAX_RETRIES]:
                            X[streams + (tag >> 16) * STREAM_WORDS + AWAY] += 1
                    if codel and op == NOTHING:
                        # an empty queue ends an episode
                        F[v + FIRST_ABOVE] = 0.0
                        if X[v + DROPPED_NOW] == 1:
                            X[v + DROPPING] = 0
                        X[v + DROPPED_NOW] = 0
                    if op >= LOST:
                        continue

                if op == START:
                    # --- service begins -----------------------------------------------------------
                    X[v + BUSY] += 1
                    if record:
                        F[v + MOVED_BUSY] += t - F[SINCE]
                    w = P[p_streams + (X[p + TAG] >> 16) * P_STREAM_WORDS + WORK]
                    due = service_time(U, P, G, w) if service else G[w + MEAN] * exponential(U)
                    if load and P[vp + SLOW_BY] != 0:
                        n = X[v + PRESENT] if P[vp + SLOW_BY] == 1 else X[v + BUSY]
                        due *= 1.0 + G[vp + SLOW_A] * (n / G[vp + SLOW_SCALE]) ** G[vp + SLOW_POWER]
                    if faults:
                        due += F[v + WORK_DONE] + (t - F[v + WORK_DONE_AT]) * F[v + SPEED]
                    else:
                        due += t
                    F[p + KEY] = due
                    if threads:
                        X[p + QNEXT] = 0
                        X[p + QPREV] = 0
                        q = merge(X, F, X[v + SERVED], p)
                        X[v + SERVED] = q
                        due = F[q + KEY]
                    else:
                        X[v + SERVED] = p
                    j = 1
                    if not single:
                        j = 1 + (v - servers) // SERVER_WORDS
                    if faults:
                        F[clocks + j] = END
                        if F[v + SPEED] > 0.0:
                            F[clocks + j] = (
                                F[v + WORK_DONE_AT] + (due - F[v + WORK_DONE]) / F[v + SPEED]
                            )
                    else:
                        F[clocks + j] = due
                    if codel:
                        X[v + DROPPED_NOW] = 0
                    op = NOTHING

                # --- what else the event has set off ----------------------------------------------
                if cascade and X[STACK_FILL] > 0:
                    X[STACK_FILL] -= 2
                    op = X[stack + X[STACK_FILL]]
                    p = X[stack + X[STACK_FILL] + 1]
                    v = p
                    good = 1
                else:
                    break

    if plain:
        return loop
    return compiled(loop)
