r"""How long an attempt stays at a last-in-first-out server with exponential service and Poisson arrivals.

Service is not interrupted. An attempt that finds n others at a server with c threads of rate :math:`\mu`
starts at once where :math:`n < c`. Else it starts when the queue first falls back from n + 1 to n: those
that came before it do not matter, and of those that come later, only while there is room for m = K - n - 1.
Its wait is a first passage of a birth-death chain, and with :math:`d = c\mu`

.. math:: E W_m = \frac1d + \frac{\lambda}{d} E W_{m-1}, \qquad W_{-1} = 0 .

The law of the queue itself is that of first in, first out. All this supposes that arrivals do not depend on who
waits: no retries.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from separatrix.population.lattice import Array


def last_first_tail(
    n: ArrayLike, t: float, arrivals: float, rate: float, threads: int, qsize: int
) -> Array:
    r"""P(sojourn > t) for an attempt that finds `n` others, of an attempt that is admitted.

    By uniformisation at :math:`\lambda + c\mu`, without a subtraction: with k jumps survived from j places above n
    with chance :math:`s_k(j)`, :math:`s_{k+1}(j) = [\lambda s_k(j+1) + d\,s_k(j-1)]/(\lambda + d)`, and in
    service :math:`s_{k+1}(0) = [1 - \mu/(\lambda + d)]\,s_k(0)`. What is left out is below 1e-16. Between integers
    the value is interpolated.

    Parameters
    ----------
    n : attempts found, any real >= 0, any shape.
    t : time [s], >= 0.
    arrivals : rate of attempts [1/s]; rate, threads : service rate of one thread [1/s], and their number.
    qsize : most attempts at the server.
    """
    found = np.asarray(n, dtype=np.float64)
    if t <= 0:
        return np.ones(found.shape)
    own = float(np.exp(-rate * t))
    if qsize <= threads:
        return np.full(found.shape, own)
    # so many arrivals within t are certain (1e-16) not to come: more room makes no difference
    likely = int(np.ceil(arrivals * t + 9.0 * np.sqrt(arrivals * t))) + 30
    by_room = _tails(min(qsize - threads, likely), t, arrivals, rate, threads)
    queue = np.arange(qsize + 1)
    room = np.clip(qsize - queue - 1, 0, len(by_room) - 1)
    values = np.where(queue < threads, own, by_room[room])
    return np.interp(found, queue, values)


def _tails(rooms: int, t: float, arrivals: float, rate: float, threads: int) -> Array:
    """P(sojourn > t) where all threads are busy, for room for 0, 1, ... ``rooms - 1`` more."""
    from scipy.special import gammaln

    down = threads * rate
    whole = arrivals + down
    steps = int(np.ceil(whole * t + 9.0 * np.sqrt(whole * t))) + 30
    k = np.arange(steps)
    weights = np.exp(k * np.log(whole * t) - whole * t - gammaln(k + 1.0))
    # row m: room for m more; column j: places above the attempt's start, 0 in service
    alive = np.ones((rooms, rooms + 1))
    top = np.minimum(np.arange(2, rooms + 2)[None, :], np.arange(1, rooms + 1)[:, None])
    rows = np.arange(rooms)[:, None]
    total = np.zeros(rooms)
    for weight in weights:
        total += weight * alive[:, 1]
        after = np.empty_like(alive)
        after[:, 1:] = (arrivals * alive[rows, top] + down * alive[:, :-1]) / whole
        after[:, 0] = (1.0 - rate / whole) * alive[:, 0]
        alive = after
    return np.minimum(total, 1.0)


def last_first_moments(
    n: ArrayLike, arrivals: float, rate: float, threads: int, qsize: int
) -> tuple[Array, Array]:
    """Mean [s] and variance [s²] of the sojourn of an attempt that finds `n` others; as `last_first_tail`."""
    down = threads * rate
    whole = arrivals + down
    up = arrivals / whole
    mean, second = np.zeros(qsize + 1), np.zeros(qsize + 1)
    before, squared = 0.0, 0.0
    for queue in range(qsize - 1, threads - 1, -1):
        # room for m more: one more arrival first adds a wait with room for m - 1
        wait = 1.0 / down + arrivals / down * before
        square = (
            2.0 / whole**2
            + 2.0 * up * (before + wait) / whole
            + up * (squared + 2.0 * before * wait)
        ) / (1.0 - up)
        if queue == qsize - 1:
            square = 2.0 / down**2
        mean[queue], second[queue] = wait, square
        before, squared = wait, square
    mean[qsize], second[qsize] = mean[qsize - 1], second[qsize - 1]
    queues, found = np.arange(qsize + 1), np.asarray(n, dtype=np.float64)
    first = np.interp(found, queues, mean)
    spread = np.interp(found, queues, second - mean**2)
    return first + 1.0 / rate, spread + 1.0 / rate**2
