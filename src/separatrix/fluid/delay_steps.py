"""One pass of the delay form over time: queues with constant rates within a step, cohorts by their step.

Plain functions and their compiled forms. Arrays, with n steps, m streams, s servers:

* ``rates`` (m, n): new requests [1/s] of each stream in each step; a call's are filled in here;
* ``speeds`` (s, n): speed of each server in each step;
* ``launched`` (m, n), ``admitted`` (s, n), ``wait`` (s, n): attempts sent [1/s], share admitted, and time from
  sending to the start of service [s], infinite while it has not begun;
* ``queue`` (s, n + 1): attempts at each server at the steps' ends.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from separatrix.compiled import compiled

Array = NDArray[np.float64]
Whole = NDArray[np.int64]


def _course(
    h: float,
    rates: Array,
    speeds: Array,
    where: Whole,
    timeout: Array,
    mu: Array,
    retries: Whole,
    sent_after: Array,
    accepts: NDArray[np.bool_],
    caller: Whole,
    calls: Array,
    threads: Array,
    service: Array,
    size: Array,
    threshold: Array,
    admit: Array,
    order: Whole,
    drops: Array,
    launched: Array,
    admitted: Array,
    wait: Array,
    queue: Array,
) -> None:
    """Fill the last four arrays; see the module's description.

    sent_after : (m, most retries + 1) time from the first attempt to each further one [s].
    caller, calls : (m,) server whose completed services make a call's requests (-1 for a source), and how
        many requests each completion makes.
    order : servers, callers first. drops : (s,) age at which waiting attempts are dropped [s]; inf for never.
    """
    n = rates.shape[1]
    work = np.zeros((len(threads), n + 1))
    for k in range(n):
        work[:, k + 1] = work[:, k] + h * speeds[:, k]
    m, s = len(where), len(threads)
    entered = np.zeros((s, n + 1))
    gone = np.zeros(s)
    head = np.zeros(s, np.int64)
    done = np.zeros(s)
    for k in range(n):
        now = (k + 0.5) * h
        for place in range(s):
            j = int(order[place])
            inflow = 0.0
            for i in range(m):
                if where[i] != j:
                    continue
                if caller[i] >= 0:
                    rates[i, k] = calls[i] * done[caller[i]]
                sent = rates[i, k]
                for a in range(1, retries[i] + 1):
                    sent += again(
                        i, a, now, h, rates, timeout[i], mu[i], sent_after[i], accepts[i],
                        admitted[j], wait[j], work[j],
                    )  # fmt: skip
                launched[i, k] = sent
                inflow += sent
            q, taken = advanced(
                queue[j, k], inflow, h, service[j] * speeds[j, k], threads[j], size[j],
                threshold[j], admit[j],
            )  # fmt: skip
            # what is older than the limit leaves the line without service
            before = gone[j]
            entered[j, k + 1] = entered[j, k] + taken
            lost = 0.0
            edge = now + 0.5 * h - drops[j]
            if edge > 0:
                old = min(int(edge / h), k)
                part = min(edge / h - old, 1.0)
                stale = entered[j, old] + part * (entered[j, old + 1] - entered[j, old])
                begun = entered[j, k + 1] - max(q - threads[j], 0.0)
                lost = max(stale - begun, 0.0)
                q -= lost
            queue[j, k + 1] = q
            done[j] = max(queue[j, k] + taken - lost - q, 0.0) / h
            begun = entered[j, k + 1] - max(q - threads[j], 0.0)
            gone[j] = begun
            admitted[j, k] = taken / (inflow * h) if inflow > 0 else 1.0
            # cohorts whose middle has begun service in this step
            while head[j] <= k:
                middle = 0.5 * (entered[j, head[j]] + entered[j, head[j] + 1])
                if middle > begun:
                    break
                width = begun - before
                part = (middle - before) / width if width > 0 else 1.0
                waited = max((k + min(max(part, 0.0), 1.0)) * h - (head[j] + 0.5) * h, 0.0)
                wait[j, head[j]] = np.inf if waited >= drops[j] - h else waited
                head[j] += 1


def _again(
    i: int, a: int, now: float, h: float, rates: Array, timeout: float, mu: float,
    sent_after: Array, accepts: bool, admitted: Array, wait: Array, work: Array,
) -> float:  # fmt: skip
    """Rate of attempts number `a` now: requests begun in time whose earlier attempts all failed."""
    birth = now - sent_after[a]
    share = between(rates[i], birth, h)
    for b in range(a):
        if share == 0.0:
            return 0.0
        at = birth + sent_after[b]
        patience = sent_after[a] - sent_after[b] if accepts else timeout
        share *= 1.0 - answered(at, h, patience, mu, admitted, wait, work)
    return share


def _answered(
    at: float, h: float, patience: float, mu: float, admitted: Array, wait: Array, work: Array
) -> float:
    """Chance that an attempt sent at time `at` is answered within `patience` [s].

    work : (n + 1,) what a thread can have done by the end of each step [s at full speed].
    """
    place = at / h - 0.5
    low = int(np.floor(place))
    part = place - low
    total = 0.0
    for k, weight in ((low, 1.0 - part), (low + 1, part)):
        if k >= 0 and weight > 0.0 and wait[k] < patience:
            begin = k + 0.5 + wait[k] / h
            done = reached(work, k + 0.5 + patience / h) - reached(work, begin)
            total += weight * admitted[k] * (1.0 - np.exp(-mu * done))
    return total


def _reached(work: Array, place: float) -> float:
    """Work done at a time given in steps; nothing is known beyond the last."""
    low = min(int(place), len(work) - 2)
    return work[low] + min(place - low, 1.0) * (work[low + 1] - work[low])


def _between(series: Array, at: float, h: float) -> float:
    """Value of a series of steps at a time, between the middles of two steps."""
    place = at / h - 0.5
    low = int(np.floor(place))
    part = place - low
    value = 0.0
    if low >= 0:
        value += (1.0 - part) * series[low]
    if low + 1 >= 0:
        value += part * series[low + 1]
    return value


def _advanced(
    q: float, inflow: float, h: float, rate: float, threads: float, size: float,
    threshold: float, admit: float,
) -> tuple[float, float]:  # fmt: skip
    """Queue after a step of constant inflow, and how many were admitted, exactly.

    Below `threads` the queue relaxes exponentially, above it grows or drains evenly; at `threshold` and at
    `size` it is held while more come than can be served.
    """
    left, taken = h, 0.0
    for _ in range(12):
        if left <= 0:
            break
        at_threshold = q >= threshold
        a = inflow * (admit if at_threshold else 1.0)
        capacity = rate * threads
        if q == threshold < threads and a < rate * q < inflow:
            return q, taken + rate * q * left  # held where some are turned away
        if q < threads or (q == threads and a <= capacity):
            goal = a / rate if rate > 0 else np.inf
            stop = min(threads, threshold if q < threshold else size)
            if rate * left < 1e-12:
                moved = min(a * left, max(stop - q, 0.0))
                if moved < a * left:
                    left -= moved / a
                    taken += moved
                    q = stop
                    continue
                return q + moved, taken + moved
            time = left
            if goal > stop > q:
                time = min(left, np.log((goal - q) / (goal - stop)) / rate)
            taken += a * time
            q = goal + (q - goal) * np.exp(-rate * time)
            if time < left:
                q = stop
            left -= time
            continue
        speed = a - capacity
        if q >= size and speed > 0:
            return size, taken + capacity * left
        if q == threshold and speed < 0 and inflow > capacity:
            return q, taken + capacity * left  # held where some are turned away
        if speed == 0:
            return q, taken + a * left
        if speed > 0:
            stop = threshold if q < threshold else size
        else:
            stop = threshold if q > threshold > threads else threads
        time = min(left, (stop - q) / speed)
        taken += a * time
        q = q + speed * time
        if time < left:
            q = stop
        left -= time
    return q, taken


between = compiled(_between, inner=True)
reached = compiled(_reached, inner=True)
answered = compiled(_answered, inner=True)
again = compiled(_again, inner=True)
advanced = compiled(_advanced, inner=True)
course = compiled(_course)
