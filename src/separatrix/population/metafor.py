r"""The closure of Metafor, to the last entry of its generator: for comparison and for its users.

Queue 0 .. qsize-1 (so the capacity is qsize - 1), one orbit 0 .. orbit_size-1, all sources pooled
with arrival-weighted means of service rate :math:`\mu`, time-out T and retries r.
The chance that an attempt finding q is late is bounded by Chebyshev's inequality,

.. math:: p(q) = \min\Bigl(1, \frac{\sigma_q^2}{(T - m_q)^2}\Bigr),\quad
   m_q = \frac{(q-c)^+}{c\mu} + \frac1\mu,\quad \sigma_q^2 = \frac{q}{(\min(q, c)\,\mu)^2},

p = 1 where :math:`m_q \ge T`, and p(0) = 0. Differences from the request's life as this house
defines it: arrivals enter the queue at the full rate *and* a late one adds a second entry, with its
orbit member, at rate :math:`\alpha\lambda p(q)`; what is refused at a full queue is lost unless
``retry_when_full``.

Source of the numbers: generators published by the Metafor project (mpi-sws-rse/metafor, 2026).
"""

from __future__ import annotations

import numpy as np

from separatrix.errors import ModelError, Problem
from separatrix.model import Program
from separatrix.population.frame import room
from separatrix.population.lattice import Array, Axis, Measure, Population, State, Transition
from separatrix.population.plain import plain_server

ALPHA = 0.25
"""Metafor's weight of the extra entry of a late arrival."""


def chebyshev_tail(q: Array, timeout: float, rate: float, threads: int) -> Array:
    """Metafor's bound on P(late) at queue length `q`; see the module's description."""
    q = np.asarray(q, dtype=np.float64)
    busy = np.maximum(np.minimum(q, threads), np.minimum(1, threads))
    mean = np.maximum(q - threads, 0.0) / (threads * rate) + 1.0 / rate
    variance = q / (busy * rate) ** 2
    slack = timeout - mean
    bound = variance / np.where(slack > 0, slack, 1.0) ** 2
    return np.where(q <= 0, 0.0, np.where(slack > 0, np.minimum(bound, 1.0), 1.0))


def metafor(
    name: str, program: Program, *, alpha: float = ALPHA, retry_when_full: bool = False
) -> Population:
    """Metafor's chain of a single-server program.

    Raises ModelError where the server states no ``orbit_size``, which Metafor needs.
    """
    server = plain_server(program)
    if server.orbit_size is None:
        raise ModelError(
            Problem(
                "the metafor closure needs an orbit_size",
                f"servers.{server.name}.orbit_size",
                "state one, for example 20",
            )
        )
    sources = program.sources_of(server.name)
    total = sum(s.mean_rate for s in sources)
    weights = [s.mean_rate / total for s in sources]
    pairs = list(zip(weights, sources, strict=True))
    mu = sum(w * server.apis[s.api].processing_rate for w, s in pairs)
    timeout = sum(w * s.timeout for w, s in pairs)
    r = sum(w * s.retries for w, s in pairs)
    c, nq, no = server.thread_pool, server.qsize, server.orbit_size
    retry, quit_ = r / ((r + 1) * timeout), 1 / ((r + 1) * timeout)

    def late(x: State) -> Array:
        return chebyshev_tail(x[0], timeout, mu, c)

    def below(x: State) -> Array:
        return room(x[0], nq - 1)

    def space(x: State) -> Array:
        return room(x[1], no - 1)

    def leaves(x: State) -> Array:
        at_full = quit_ if retry_when_full else quit_ + retry
        return x[1] * (below(x) * quit_ + (1 - below(x)) * at_full)

    def goodput(x: State) -> Array:
        return below(x) * (total + x[1] * retry) * (1 - late(x))

    transitions = [
        Transition("service completion", (-1, 0), lambda x: mu * np.minimum(x[0], c)),
        Transition("accepted", (1, 0), lambda x: below(x) * (total + x[1] * retry * late(x))),
        Transition("late arrival", (1, 1), lambda x: below(x) * space(x) * alpha * total * late(x)),
        Transition("retry in time", (1, -1), lambda x: below(x) * x[1] * retry * (1 - late(x))),
        Transition("given up", (0, -1), leaves),
    ]
    if retry_when_full:
        transitions.append(
            Transition(
                "refused",
                (0, 1),
                lambda x: (1 - below(x)) * space(x) * alpha * (total + x[1] * retry),
            )
        )
    return Population(
        name=name,
        closure="metafor",
        axes=(
            Axis(f"queue[{server.name}]", nq, "queue"),
            Axis(f"orbit[{server.name}]", no, "orbit"),
        ),
        transitions=tuple(transitions),
        measures=(
            Measure("goodput", "1/s", goodput),
            Measure("throughput", "1/s", lambda x: mu * np.minimum(x[0], c)),
            Measure("failures", "1/s", leaves),
            Measure("queue full", "1", lambda x: 1 - below(x)),
        ),
        notes=("Metafor's closure: see separatrix.population.metafor for where it differs",),
    )
