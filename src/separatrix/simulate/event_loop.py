"""The event loop: a request's life, one event after the other, in one compiled function.

`event_loop(features)` compiles the loop with the features as constants of its closure: numba drops
the branches of those that are off, and keeps the machine code of each set on disk. The blocks of an
event stand in the order in which one event passes them (its end at a server, the client's answer or
loss, a new attempt, the next in the queue, the start of service), so that a plain service needs a
single pass; only features that set off further events at the same instant go round again. What only
some features need is in functions of its own, so that other sets neither compile nor carry it.

Within one instant: speeds change first, then services end, clients give up, waits end, requests
come, and samples are taken last. A response reaches its client before the thread turns to its next
attempt, and what the client sends in return comes after that.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from separatrix.compiled import compiled
from separatrix.simulate import layout as at
from separatrix.simulate.calls import (
    accept_late,
    answer_caller,
    begin_request,
    inherit,
    orphan,
    push,
    start_calls,
)
from separatrix.simulate.draws import arrival_after, load_factor, machine_arrives, service_time
from separatrix.simulate.features import Features
from separatrix.simulate.journal import integrate, sample, sketch_add, watched_score, write_line
from separatrix.simulate.links import append, give_back, merge, take, unlink
from separatrix.simulate.policies import (
    breaker_hears,
    breaker_lets,
    cached,
    close,
    fill_cache,
    let_go,
    refusal,
)
from separatrix.simulate.queueing import who_is_next
from separatrix.simulate.random_numbers import exponential
from separatrix.simulate.speeds import change_speed
from separatrix.simulate.timers import (
    END,
    arm,
    back_off,
    come_back,
    disarm,
    enter_orbit,
    leave_orbit,
    next_of_drawn,
    next_of_fixed,
)


@functools.cache
def event_loop(features: Features) -> Callable[..., int]:
    """The compiled event loop for `features` (see `plain_event_loop`)."""
    return compiled(plain_event_loop(features))


def plain_event_loop(features: Features) -> Callable[..., int]:
    """The event loop for `features` as a Python function, which `event_loop` compiles.

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

    def loop(
        X: Any, F: Any, U: Any, P: Any, G: Any,
        rows: Any, orbit: Any, sketch: Any, log: Any, flog: Any,
    ) -> int:  # fmt: skip
        n_servers, n_streams, n_sources = P[at.N_SERVERS], P[at.N_STREAMS], P[at.N_SOURCES]
        if single:
            n_servers, n_streams, n_sources = 1, 1, 1
        clocks = P[at.X_CLOCKS] & at.PLACE
        servers, streams = P[at.X_SERVERS] & at.PLACE, P[at.X_STREAMS] & at.PLACE
        p_servers, p_streams = P[at.P_SERVERS] & at.PLACE, P[at.P_STREAMS] & at.PLACE
        timeout_clock = 1 + n_servers
        backoff_clock = timeout_clock + n_streams
        heap_clock = backoff_clock + n_streams if backoff else backoff_clock
        source_clock = heap_clock + 1 if backoff else heap_clock
        tick = source_clock + n_sources
        margin = P[at.MARGIN]
        step = G[at.STEP]
        until = F[at.UNTIL]
        v, vp, ss, sp, stream = servers, p_servers, streams, p_streams, 0
        good, unsent = True, 0
        t = F[at.NOW]
        F[clocks + tick] = min(X[at.GRID_INDEX] * step, until) if record else until
        if X[at.STARTED] == 0:
            X[at.STARTED] = 1
            for i in range(n_sources):
                ss = streams + i * at.STREAM_WORDS
                sp = p_streams + i * at.P_STREAM_WORDS
                if arrivals:
                    F[clocks + source_clock + i] = arrival_after(X, F, U, P, G, 0.0, ss, sp)
                elif G[sp + at.RATE] > 0.0:
                    F[clocks + source_clock + i] = exponential(U) / G[sp + at.RATE]

        while True:
            if X[at.FREE_LEFT] < margin:
                return at.NEED_SLOTS
            if logging and X[at.LOG_FILL] + margin > log.shape[0]:
                return at.LOG_FULL
            if watch:
                score = watched_score(X, P, G)
                if score <= F[at.LOW] or score >= F[at.HIGH]:
                    F[at.NOW] = t
                    return at.STOPPED

            # --- which event is next; the first of equals -----------------------------------------
            j = 0 if faults else 1
            t = F[clocks + j]
            for i in range(2 - faults, tick + 1):
                if F[clocks + i] < t:
                    t = F[clocks + i]
                    j = i

            if j == tick:
                if record:
                    sampling = t == X[at.GRID_INDEX] * step
                    if sampling and X[at.ROW_FILL] == rows.shape[0]:
                        return at.ROWS_FULL
                    integrate(X, F, P, t)
                    if sampling:
                        sample(X, P, rows, sketch.shape[0])
                        F[clocks + tick] = min(X[at.GRID_INDEX] * step, until)
                F[at.NOW] = t
                if t >= until:
                    return at.DONE
                continue

            X[at.EVENTS] += 1
            op = at.NOTHING
            p = 0
            if j >= source_clock:
                # --- a source's event: usually a request ------------------------------------------
                if not single:
                    stream = j - source_clock
                    ss = streams + stream * at.STREAM_WORDS
                    sp = p_streams + stream * at.P_STREAM_WORDS
                arrives = True
                if arrivals:
                    if P[sp + at.ARRIVALS] == at.MACHINE:
                        arrives = machine_arrives(X, F, U, P, G, ss, sp)
                    F[clocks + j] = arrival_after(X, F, U, P, G, t, ss, sp)
                elif faults:
                    F[clocks + j] = t + exponential(U) / (G[sp + at.RATE] * F[ss + at.FACTOR])
                else:
                    F[clocks + j] = t + exponential(U) / G[sp + at.RATE]
                if arrives:
                    p = take(X)
                    X[p + at.TAG] = stream << 16
                    F[p + at.BORN] = t
                    X[ss + at.REQUESTS] += 1
                    if wide:
                        begin_request(X, U, P, p, sp, 0, cache)
                    op = at.SEND
            elif backoff and j >= heap_clock:
                p = next_of_drawn(X, F, clocks + j)
            elif backoff and j >= backoff_clock:
                p = next_of_fixed(X, F, streams + (j - backoff_clock) * at.STREAM_WORDS, clocks + j)
            elif j >= timeout_clock:
                # --- a client gives an attempt up -------------------------------------------------
                if not single:
                    stream = j - timeout_clock
                    ss = streams + stream * at.STREAM_WORDS
                    sp = p_streams + stream * at.P_STREAM_WORDS
                p = X[ss + at.TIMER_HEAD] & at.PLACE
                disarm(X, F, G, ss, sp, clocks + j, p)
                X[ss + at.TIMEOUTS] += 1
                tag = X[p + at.TAG]
                X[p + at.TAG] = tag & ~at.LIVE
                if breaker:
                    breaker_hears(X, F, P, G, ss, sp, p, False, t)
                op = at.LOST + at.AFTER_LATE
                if tag & at.AT_SERVER == 0:
                    op = at.LOST + at.AFTER_DROP
                    if (tag >> 8) & 255 < P[sp + at.MAX_RETRIES]:
                        X[ss + at.AWAY] -= 1
            elif j >= 1:
                # --- a thread's own work is over --------------------------------------------------
                if not single:
                    v = servers + (j - 1) * at.SERVER_WORDS
                p = X[v + at.SERVED] & at.PLACE
                X[v + at.SERVED] = 0
                F[clocks + j] = END
                if threads:
                    q = merge(X, F, X[p + at.QNEXT], X[p + at.QPREV])
                    X[v + at.SERVED] = q
                    if q != 0 and faults:
                        work_left = F[q + at.KEY] - F[v + at.WORK_DONE]
                        F[clocks + j] = F[v + at.WORK_DONE_AT] + work_left / F[v + at.SPEED]
                    elif q != 0:
                        F[clocks + j] = F[q + at.KEY]
                op = at.OWN_WORK_DONE if calling else at.LEAVE
                good = True
            elif faults:
                change_speed(X, F, U, P, G, t, 1, source_clock)

            if backoff and heap_clock >= j >= backoff_clock:
                # --- a wait before a retry is over ------------------------------------------------
                stream = (X[p + at.TAG] >> 16) & 0xFFFF
                if X[p + at.TAG] & at.CANCELLED != 0:
                    give_back(X, p)
                else:
                    ss = streams + stream * at.STREAM_WORDS
                    sp = p_streams + stream * at.P_STREAM_WORDS
                    come_back(X, P, orbit, ss, sp, p)
                    op = at.SEND
                    if calling and orphan(X, p):
                        op = at.GIVE_UP
                        unsent = 1

            while True:
                if calling and op == at.OWN_WORK_DONE:
                    # --- the calls of a piece of work start together ------------------------------
                    w = P[
                        p_streams + ((X[p + at.TAG] >> 16) & 0xFFFF) * at.P_STREAM_WORDS + at.WORK
                    ]
                    op = at.LEAVE
                    if P[w + at.N_CALLS] > 0 and start_calls(X, F, U, P, p, w, t, cache):
                        op = at.NOTHING

                if op == at.LEAVE:
                    # --- an attempt leaves its server, served (good) or failed --------------------
                    tag = X[p + at.TAG]
                    if not single:
                        stream = (tag >> 16) & 0xFFFF
                        ss = streams + stream * at.STREAM_WORDS
                        sp = p_streams + stream * at.P_STREAM_WORDS
                        v = servers + P[sp + at.SERVER] * at.SERVER_WORDS
                    X[v + at.PRESENT] -= 1
                    X[v + at.BUSY] -= 1
                    if record:
                        F[v + at.MOVED_PRESENT] -= t - F[at.SINCE]
                        F[v + at.MOVED_BUSY] -= t - F[at.SINCE]
                        F[v + at.SOJOURN] += t - F[p + at.SENT]
                        sketch_add(X, F, sketch, n_streams + P[sp + at.SERVER], t - F[p + at.SENT])
                    waits = tag & at.LIVE != 0
                    lost = False
                    if calling:
                        X[p + at.LIFE] += 1
                        lost = orphan(X, p)
                    if waits:
                        disarm(X, F, G, ss, sp, clocks + timeout_clock + stream, p)
                    if not good:
                        X[v + at.FAILED] += 1
                    elif waits and not lost:
                        X[v + at.IN_TIME] += 1
                    else:
                        X[v + at.LATE] += 1
                    if cache and good:
                        fill_cache(X, F, P, G, sp, p, t)
                    X[p + at.TAG] = tag & ~(at.LIVE | at.AT_SERVER)
                    op = at.SERVE_NEXT
                    if cascade:
                        if waits and lost:
                            push(X, P, at.GIVE_UP, p)
                        elif waits and not good:
                            push(X, P, at.LOST + at.AFTER_FAILURE, p)
                        push(X, P, at.SERVE_NEXT, v)
                        op = at.NOTHING
                    if accept and X[p + at.REQUEST] != 0:
                        r = X[p + at.REQUEST]
                        if good and not waits and not lost and X[r + at.IS_OPEN] == 1:
                            i = accept_late(
                                X, F, P, G, orbit, ss, sp, clocks + timeout_clock + stream,
                                clocks + backoff_clock + stream, p, t,
                            )  # fmt: skip
                            if logging:
                                write_line(X, F, log, flog, p, stream, i, at.OUT_LATE, t)
                        let_go(X, r)
                    if not waits:
                        give_back(X, p)
                    elif good and not lost:
                        op = at.ANSWER

                if op == at.ANSWER:
                    # --- a response in time ends the request --------------------------------------
                    X[ss + at.ANSWERED] += 1
                    if record:
                        F[ss + at.LATENCY] += t - F[p + at.BORN]
                        sketch_add(X, F, sketch, stream, t - F[p + at.BORN])
                    if logging:
                        i = ((X[p + at.TAG] >> 8) & 255) + 1
                        write_line(X, F, log, flog, p, stream, i, at.OUT_ANSWERED, t)
                    if breaker:
                        breaker_hears(X, F, P, G, ss, sp, p, True, t)
                    if accept:
                        close(X, p)
                    if calling:
                        answer_caller(X, P, p)
                    give_back(X, p)
                    op = at.NOTHING if cascade else at.SERVE_NEXT

                if op >= at.LOST:
                    # --- the client knows that an attempt is lost ---------------------------------
                    tag = X[p + at.TAG]
                    if not single:
                        stream = (tag >> 16) & 0xFFFF
                        ss = streams + stream * at.STREAM_WORDS
                        sp = p_streams + stream * at.P_STREAM_WORDS
                    attempt = (tag >> 8) & 255
                    again = attempt < P[sp + at.MAX_RETRIES]
                    if calling and again:
                        again = not orphan(X, p)
                    if budget and again and P[sp + at.HAS_BUDGET] == 1:
                        if F[ss + at.BUDGET] >= 1.0:
                            F[ss + at.BUDGET] -= 1.0
                        else:
                            again = False
                            X[ss + at.DENIED_BY_BUDGET] += 1
                    if again:
                        X[ss + at.RETRIES + op - at.LOST] += 1
                        if record:
                            i = tag >> 32 if op <= at.LOST + at.AFTER_DROP else X[at.GRID_INDEX]
                            enter_orbit(P, orbit, sp, attempt, i)
                        if op == at.LOST + at.AFTER_LATE:
                            # the doomed attempt stays at its server; the client goes on
                            q = take(X)
                            F[q + at.BORN] = F[p + at.BORN]
                            if wide:
                                inherit(X, q, p)
                            p = q
                        X[p + at.TAG] = (stream << 16) | ((attempt + 1) << 8)
                        op = at.SEND
                        if backoff and P[sp + at.BACKOFF] != at.AT_ONCE:
                            i = clocks + backoff_clock + stream
                            back_off(X, F, U, P, G, ss, sp, i, clocks + heap_clock, p, t)
                            op = at.NOTHING
                        elif record:
                            leave_orbit(X, P, orbit, sp, attempt)
                    else:
                        op = at.GIVE_UP

                if op == at.SEND:
                    # --- an attempt goes to its server --------------------------------------------
                    tag = X[p + at.TAG]
                    if not single:
                        stream = (tag >> 16) & 0xFFFF
                        ss = streams + stream * at.STREAM_WORDS
                        sp = p_streams + stream * at.P_STREAM_WORDS
                        v = servers + P[sp + at.SERVER] * at.SERVER_WORDS
                        vp = p_servers + P[sp + at.SERVER] * at.P_SERVER_WORDS
                    if breaker and not breaker_lets(X, F, P, ss, sp, p, t):
                        X[ss + at.DENIED_BY_BREAKER] += 1
                        op = at.GIVE_UP
                        unsent = 1
                    else:
                        X[ss + at.SENT_ATTEMPTS] += 1
                        attempt = (tag >> 8) & 255
                        if budget and attempt == 0 and P[sp + at.HAS_BUDGET] == 1:
                            tokens = F[ss + at.BUDGET] + G[sp + at.BUDGET_RATIO]
                            F[ss + at.BUDGET] = min(tokens, G[sp + at.BUDGET_BURST])
                        X[v + at.ATTEMPTS] += 1
                        F[p + at.SENT] = t
                        if cache and cached(X, F, P, vp, p, t):
                            X[v + at.CACHE_HITS] += 1
                            op = at.ANSWER
                            continue
                        refused = -1
                        if X[v + at.PRESENT] >= P[vp + at.QSIZE]:
                            refused = at.FULL
                        elif admission and P[vp + at.ADMISSION] != 0:
                            refused = refusal(X, F, U, P, G, v, vp, t)
                        if refused >= 0:
                            X[v + at.DROPPED + refused] += 1
                        if fail_fast and refused >= 0 and P[vp + at.FAIL_FAST] == 1:
                            if breaker:
                                breaker_hears(X, F, P, G, ss, sp, p, False, t)
                            op = at.LOST + at.AFTER_REFUSAL
                            continue
                        arm(X, F, G, ss, sp, clocks + timeout_clock + stream, p)
                        if record:
                            tag = tag & at.LOW_WORD | (X[at.GRID_INDEX] << 32)
                        op = at.NOTHING
                        if refused >= 0:
                            X[p + at.TAG] = tag | at.LIVE
                            if attempt < P[sp + at.MAX_RETRIES]:
                                X[ss + at.AWAY] += 1
                        else:
                            X[p + at.TAG] = tag | (at.LIVE | at.AT_SERVER)
                            X[v + at.PRESENT] += 1
                            if record:
                                F[v + at.MOVED_PRESENT] += t - F[at.SINCE]
                            if accept and X[p + at.REQUEST] != 0:
                                X[X[p + at.REQUEST] + at.REFERENCES] += 1
                            if X[v + at.BUSY] < P[vp + at.THREADS] and X[v + at.QUEUE_HEAD] == 0:
                                op = at.START
                            else:
                                append(X, v + at.QUEUE_HEAD, p, at.QNEXT)

                if op == at.GIVE_UP:
                    # --- a request fails ----------------------------------------------------------
                    tag = X[p + at.TAG]
                    if not single:
                        stream = (tag >> 16) & 0xFFFF
                        ss = streams + stream * at.STREAM_WORDS
                    X[ss + at.REQUESTS_FAILED] += 1
                    if logging:
                        i = ((tag >> 8) & 255) + 1 - unsent
                        write_line(X, F, log, flog, p, stream, i, at.OUT_FAILED, t)
                    unsent = 0
                    if accept:
                        close(X, p)
                    if tag & at.AT_SERVER == 0:
                        give_back(X, p)
                    op = at.NOTHING
                    if calling and X[p + at.PARENT] > 0 and not orphan(X, p):
                        p = X[p + at.PARENT]
                        op = at.LEAVE
                        good = False
                        continue

                if op == at.SERVE_NEXT:
                    # --- a thread is free: who is next --------------------------------------------
                    if not single:
                        vp = p_servers + (v - servers) // at.SERVER_WORDS * at.P_SERVER_WORDS
                    p = 0
                    if X[v + at.BUSY] < P[vp + at.THREADS]:
                        if choosing:
                            p = who_is_next(X, F, P, G, v, vp, timeout_clock, t, wide)
                        else:
                            p = X[v + at.QUEUE_HEAD] & at.PLACE
                            if p != 0:
                                unlink(X, v + at.QUEUE_HEAD, p, at.QNEXT)
                    op = at.START if p != 0 else at.NOTHING

                if op == at.START:
                    # --- service begins -----------------------------------------------------------
                    X[v + at.BUSY] += 1
                    if record:
                        F[v + at.MOVED_BUSY] += t - F[at.SINCE]
                    if not single:
                        sp = p_streams + ((X[p + at.TAG] >> 16) & 0xFFFF) * at.P_STREAM_WORDS
                    w = P[sp + at.WORK] & at.PLACE
                    due = service_time(U, P, G, w) if service else G[w + at.MEAN] * exponential(U)
                    if load:
                        due *= load_factor(X, P, G, v, vp)
                    if faults:
                        due += F[v + at.WORK_DONE] + (t - F[v + at.WORK_DONE_AT]) * F[v + at.SPEED]
                    else:
                        due += t
                    F[p + at.KEY] = due
                    q = p
                    if threads:
                        X[p + at.QNEXT] = 0
                        X[p + at.QPREV] = 0
                        q = merge(X, F, X[v + at.SERVED], p)
                        due = F[q + at.KEY]
                    X[v + at.SERVED] = q
                    if faults and F[v + at.SPEED] > 0.0:
                        due = F[v + at.WORK_DONE_AT] + (due - F[v + at.WORK_DONE]) / F[v + at.SPEED]
                    elif faults:
                        due = END
                    F[clocks + 1 + (v - servers) // at.SERVER_WORDS] = due
                    op = at.NOTHING

                # --- what else the event has set off ----------------------------------------------
                if not cascade or X[at.STACK_FILL] == 0:
                    break
                X[at.STACK_FILL] -= 2
                op = X[P[at.X_STACK] + X[at.STACK_FILL]]
                p = X[P[at.X_STACK] + X[at.STACK_FILL] + 1] & at.PLACE
                v = p
                good = True

    # numba names machine code by this and by a count that begins anew in every process: loops from the
    # disk would share a name, and a look-up by name would find any of them
    loop.__qualname__ = f"loop_{features.name}"
    return loop
