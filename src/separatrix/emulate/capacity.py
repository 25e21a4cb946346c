r"""Service rate and concurrency of a server that answers HTTP, from a closed loop of clients.

While n clients each keep exactly one request under way, a server of c threads of rate
:math:`\mu` completes

.. math:: X(n) = \mu \min(n, c)

requests per second, whatever the law of its service times, once there is no think time: for
:math:`n \le c` every client is in service all the time, and beyond it all threads are busy. A
ladder of n therefore shows both.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from separatrix.emulate.target import MOST_RATE_ELSEWHERE, Target
from separatrix.emulate.wire import ClientEnd, Pool
from separatrix.errors import ModelError, NotConverged, Problem
from separatrix.notebook import Shown

MOST_CLIENTS = 1024
_FIT = 0.15
"""Largest relative misfit of one rung with which the form X(n) = mu min(n, c) is believed."""

_NEARLY = 3.84
"""95 % quantile of the chi-squared law with one degree of freedom."""


@dataclass(frozen=True)
class Capacity(Shown):
    """What a closed loop found.

    Attributes
    ----------
    service_rate : of one thread [1/s].
    threads : how many work at once.
    clients, throughput : the ladder: clients at once, and responses per second.
    relative_error : standard error of `service_rate`, as a share of it.
    misfit : largest relative distance of a rung from mu min(n, c).
    threads_range : every number of threads that fits nearly as well (95 %).
    status, reason : "ok", or "inconclusive" and why.
    """

    service_rate: float
    threads: int
    clients: tuple[int, ...]
    throughput: tuple[float, ...]
    relative_error: float
    misfit: float
    threads_range: tuple[int, int]
    status: Literal["ok", "inconclusive"]
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"schema": "separatrix.capacity/1", **vars(self)}


def measure_capacity(
    target: Target, *, seconds: float = 2.0, most_clients: int = 64, timeout: float = 30.0
) -> Capacity:
    """Load `target` with 1, 2, 4, ... clients and fit rate and threads.

    Parameters
    ----------
    seconds : how long each rung lasts [s].
    most_clients : the last rung.
    timeout : patience for one response [s].

    Raises
    ------
    ModelError : a setting is out of range, or the address is not this machine.
    NotConverged : the server did not answer.
    """
    problems: list[Problem] = []
    if not 0.1 <= seconds <= 60:
        problems.append(Problem(f"must be 0.1 to 60 s, got {seconds:g}", "seconds"))
    if not 1 <= most_clients <= MOST_CLIENTS:
        problems.append(Problem(f"must be 1 to {MOST_CLIENTS}, got {most_clients}", "most_clients"))
    if target.elsewhere:
        problems.append(
            Problem(
                "a closed loop would load another machine to its limit",
                "--target",
                f"measure on the machine itself; elsewhere at most {MOST_RATE_ELSEWHERE:g}/s",
            )
        )
    if problems:
        raise ModelError(problems)
    rungs = [2**i for i in range(most_clients.bit_length()) if 2**i <= most_clients]
    counts = asyncio.run(_ladder(target, rungs, seconds, timeout))
    return fit_capacity(rungs, counts, seconds)


def fit_capacity(clients: list[int], counts: list[int], seconds: float) -> Capacity:
    r"""Fit :math:`X(n) = \mu \min(n, c)` to responses counted over `seconds` at each n.

    For each c the best :math:`\mu` has a closed form (weights 1/count, as for Poisson counts); the
    c with the smallest weighted sum of squares is taken.
    """
    n = np.array(clients, dtype=np.float64)
    counted = np.array(counts, dtype=np.float64)
    if np.any(counted < 1):
        raise NotConverged("a rung of the ladder got no response: give it more time")
    weight = 1.0 / counted
    fits: list[tuple[float, int, float]] = []
    for threads in range(1, max(clients) + 1):
        work = np.minimum(n, threads) * seconds
        rate = float((weight * work * counted).sum() / (weight * work**2).sum())
        fits.append((float((weight * (counted - rate * work) ** 2).sum()), threads, rate))
    loss, threads, rate = min(fits)
    near = [c for other, c, _ in fits if other <= loss + _NEARLY * max(1.0, loss / len(clients))]
    expected = rate * np.minimum(n, threads) * seconds
    misfit = float(np.abs(counted / expected - 1).max())
    reasons: list[str] = []
    if misfit > _FIT:
        reasons.append(
            f"a rung lies {100 * misfit:.0f} % off a fixed number of threads of one rate; the "
            "server may slow down under load"
        )
    if threads >= max(clients) and len(clients) > 1:
        reasons.append(
            f"throughput still grew at {max(clients)} clients; ask for more, the number of "
            "threads is only a lower bound"
        )
    return Capacity(
        service_rate=rate,
        threads=threads,
        clients=tuple(clients),
        throughput=tuple(float(c) / seconds for c in counts),
        relative_error=float(1.0 / np.sqrt(counted.sum())),
        misfit=misfit,
        threads_range=(min(near), max(near)),
        status="inconclusive" if reasons else "ok",
        reason="; ".join(reasons),
    )


async def _ladder(target: Target, rungs: list[int], seconds: float, timeout: float) -> list[int]:
    loop = asyncio.get_running_loop()
    pool = Pool(target.host, target.port)
    request = (f"GET {target.path} HTTP/1.1\r\nHost: {target.host}:{target.port}\r\n\r\n").encode(
        "latin-1"
    )
    counts: list[int] = []
    try:
        for more in np.diff([0, *rungs]).tolist():
            ends: list[ClientEnd] = []
            for _ in range(more):
                ends.append(await pool.connect())
            for end in ends:
                pool.put(end)
            counts.append(await _rung(pool, request, rungs[len(counts)], seconds, timeout, loop))
    except OSError as error:
        raise NotConverged(f"nobody answers at {target.host}:{target.port}: {error}") from None
    return counts


async def _rung(
    pool: Pool,
    request: bytes,
    clients: int,
    seconds: float,
    timeout: float,
    loop: asyncio.AbstractEventLoop,
) -> int:
    """Responses in the last `seconds` of a rung; the first quarter more is left out."""
    begin = loop.time() + seconds / 4
    counted = 0

    async def client() -> None:
        nonlocal counted
        while loop.time() < begin + seconds:
            end = pool.idle() or await pool.connect()
            answered: asyncio.Future[int | None] = loop.create_future()
            end.send(request, answered.set_result)
            status = await asyncio.wait_for(answered, timeout)
            now = loop.time()
            if status is None or status >= 500:
                raise NotConverged(
                    f"the server answered {'nothing' if status is None else status} to one of "
                    f"{clients} clients; it refuses under load: ask for fewer"
                )
            pool.put(end)
            counted += begin <= now < begin + seconds

    try:
        await asyncio.gather(*(client() for _ in range(clients)))
    except TimeoutError:
        raise NotConverged(f"a response took longer than {timeout:g} s") from None
    return counted
