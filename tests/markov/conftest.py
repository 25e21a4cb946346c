"""Chains with known answers, built by hand as populations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
import pytest
from scipy.special import gammaincc

from separatrix.markov.generator import Chain, Edges
from separatrix.population.lattice import Axis, Population, Transition


def retry_chain(n_queue: int, n_orbit: int, arrival: float, timeout: float) -> Population:
    """One server, one thread, rate 10/s, three retries: the chain of the published benchmark."""
    mu, retries = 10.0, 3
    again = retries / ((retries + 1) * timeout)
    done = 1.0 / ((retries + 1) * timeout)

    def tail(q: Any) -> Any:
        return np.where(q > 0, gammaincc(np.maximum(q, 1.0), mu * timeout), 0.0)

    def accept(x: Any) -> Any:
        q, o = x
        late = tail(q)
        rate = arrival * (1 - late) + o * again * late + (o == n_orbit - 1) * arrival * late
        return (q < n_queue - 1) * rate

    transitions = (
        Transition("serve", (-1, 0), lambda x: mu * (x[0] > 0) * np.ones_like(x[1])),
        Transition("accept", (1, 0), accept),
        Transition(
            "accept, too late",
            (1, 1),
            lambda x: (x[0] < n_queue - 1) * (x[1] < n_orbit - 1) * arrival * tail(x[0]),
        ),
        Transition(
            "retry", (1, -1), lambda x: (x[0] < n_queue - 1) * x[1] * again * (1 - tail(x[0]))
        ),
        Transition("give up", (0, -1), lambda x: x[1] * (done + again * (x[0] == n_queue - 1))),
    )
    axes = (Axis("queue", n_queue, "queue"), Axis("orbit", n_orbit, "orbit"))
    return Population("retry", "metafor", axes, transitions)


def birth_death(up: Any, down: Any) -> Chain:
    """States 0..n with rate ``up[i]`` from i to i+1 and ``down[i]`` from i+1 to i."""
    up, down = np.asarray(up, float), np.asarray(down, float)
    low = np.arange(up.size)
    rows = np.concatenate([low, low + 1])
    cols = np.concatenate([low + 1, low])
    return Chain((up.size + 1,), ("n",), listed=Edges(rows, cols, np.concatenate([up, down])))


def steep(shape: tuple[int, int], up: float, decades: float, seed: int) -> Chain:
    """Rates `up` against about 1 along the queue; the orbit fills `decades` more rarely at an empty queue."""
    rng = np.random.default_rng(seed)
    q, o = np.indices(shape)
    last, full = q == shape[0] - 1, o == shape[1] - 1

    def near(rate, never):
        return np.where(never, 0.0, rate * 10.0 ** rng.uniform(-1, 1, shape))

    rare = 10.0 ** (-decades * (1.0 - q / (shape[0] - 1)))
    jumps = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, -1))
    never = (last, q == 0, full, o == 0, last | (o == 0))
    rates = (up, 1.0, rare, 1.0, 0.3)
    tables = tuple(near(rate, no) for rate, no in zip(rates, never, strict=True))
    return Chain(shape, ("queue", "orbit"), jumps, tables)


def many_servers(arrival: float, service: float, servers: int, bound: int) -> Population:
    """M/M/c/K with K = `bound`."""
    transitions = (
        Transition("arrive", (1,), lambda x: arrival * (x[0] < bound)),
        Transition("serve", (-1,), lambda x: service * np.minimum(x[0], servers)),
    )
    return Population("M/M/c/K", "staged", (Axis("queue", bound + 1, "queue"),), transitions)


def mp_stationary(rates: Any) -> list[mpmath.mpf]:
    """Stationary law in 1200 digits from a dense table of off-diagonal rates."""
    with mpmath.workdps(1200):
        n = len(rates)
        A = mpmath.matrix(n, n)
        for i in range(n):
            for j in range(n):
                if i != j:
                    A[j, i] += mpmath.mpf(float(rates[i][j]))
                    A[i, i] -= mpmath.mpf(float(rates[i][j]))
        for j in range(n):
            A[n - 1, j] = 1
        b = mpmath.zeros(n, 1)
        b[n - 1] = 1
        return list(mpmath.lu_solve(A, b))


def mp_hitting(rates: Any, target: Any) -> list[mpmath.mpf]:
    """Mean hitting times in 1200 digits from a dense table of off-diagonal rates."""
    with mpmath.workdps(1200):
        n = len(rates)
        kept = [i for i in range(n) if not target[i]]
        M = mpmath.zeros(len(kept), len(kept))
        for a, i in enumerate(kept):
            for j in range(n):
                if i != j:
                    M[a, a] += mpmath.mpf(float(rates[i][j]))
            for b, j in enumerate(kept):
                if a != b:
                    M[a, b] -= mpmath.mpf(float(rates[i][j]))
        solved = mpmath.lu_solve(M, mpmath.ones(len(kept), 1))
        times = [mpmath.mpf(0)] * n
        for a, i in enumerate(kept):
            times[i] = solved[a]
        return times


@dataclass(frozen=True)
class Known:
    retry_chain: Callable[[int, int, float, float], Population]
    birth_death: Callable[[Any, Any], Chain]
    many_servers: Callable[[float, float, int, int], Population]
    steep: Callable[[tuple[int, int], float, float, int], Chain]
    mp_stationary: Callable[[Any], list[mpmath.mpf]]
    mp_hitting: Callable[[Any, Any], list[mpmath.mpf]]


@pytest.fixture(scope="session")
def known() -> Known:
    return Known(retry_chain, birth_death, many_servers, steep, mp_stationary, mp_hitting)
