r"""Metafor's chain of several servers, to the last entry of its generator: for comparison and its users.

Each server i has a queue (0 .. qsize-1) and an orbit (0 .. orbit_size-1). With D the server and all
that it calls, directly or not, an attempt is late with Chebyshev's bound for the sum of the times at D,

.. math:: p_i = \min\Bigl(1, \frac{\sum_{j \in D} \sigma_j^2}{(T_i - \sum_{j \in D} m_j)^2}\Bigr)

(m and :math:`\sigma^2` as in `metafor`), :math:`p_i = 1` where the mean exceeds :math:`T_i` *and where any
queue of D is empty*. The server's rate is that of the slowest of D,
:math:`\min_j \mu_j \min(\max(q_j, 1), c_j)`; what a caller passes on is the rate of its sources, as long
as its queue is not empty; a full orbit adds the whole arrival rate once more to the queue. These are
Metafor's choices, kept since its users compare numbers; the staged closure is what this house says.

Source of the numbers: two-server generators published by the Metafor project (mpi-sws-rse/metafor,
2026). They leave open how more than one thread counts at a server that calls none, and the rate passed on
by a caller whose sources outrun it: here as in the formulas above.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.errors import ModelError, Problem
from separatrix.model import Program, Server
from separatrix.model.demand import calls_of, order
from separatrix.population.frame import Frame, Once, certain, constant, product, rest, room
from separatrix.population.lattice import Array, Measure, Population, RateFunction, State
from separatrix.population.plain import require_plain


@dataclass(frozen=True)
class _Node:
    """One server as Metafor sees it: means weighted by arrivals, and its axes."""

    server: Server
    mu: float
    timeout: float
    retries: float
    rate: float
    queue: int
    orbit: int


def metafor_network(name: str, program: Program) -> Population:
    """Metafor's chain of a program with several servers that call one another.

    Raises ModelError where a server states no ``orbit_size`` or nobody asks it, `Unsupported` for
    features that Metafor's chain does not know.
    """
    program.check()
    require_plain(program)
    frame = Frame()
    nodes = {s.name: _node(frame, program, s) for s in program.servers}
    below = {s: _below(program, s) for s in nodes}
    callers: dict[str, list[str]] = {s: [] for s in nodes}
    for server in program.servers:
        for callee in dict.fromkeys(call.callee for call in calls_of(server)):
            callers[callee].append(server.name)
    rates: dict[str, RateFunction] = {}
    for s in order(program):
        rates[s] = _arrivals(nodes[s], [(nodes[c], rates[c]) for c in callers[s]])
    goodput: list[Measure] = []
    for s, node in nodes.items():
        late = Once(_late(node, [nodes[d] for d in below[s]]))
        _moves(frame, node, rates[s], late, [nodes[d] for d in below[s]])
        good = product(rates[s], rest([late]))
        goodput.append(Measure(f"goodput[{s}]", "1/s", good))
    frame.note("Metafor's closure: see separatrix.population.metafor_network for where it differs")
    return Population(
        name=name,
        closure="metafor",
        axes=tuple(frame.axes),
        transitions=frame.transitions(),
        measures=tuple(goodput),
        notes=tuple(frame.notes),
    )


def _node(frame: Frame, program: Program, server: Server) -> _Node:
    place = f"servers.{server.name}"
    if server.orbit_size is None:
        raise ModelError(
            Problem("the metafor closure needs an orbit_size", f"{place}.orbit_size", "state one")
        )
    sources = program.sources_of(server.name)
    rate = sum(s.mean_rate for s in sources)
    asked = [
        (s.mean_rate, server.apis[s.api].processing_rate, s.timeout, s.retries) for s in sources
    ]
    if not rate:
        # nobody outside asks: what its callers say holds, each call alike
        calls = [c for s in program.servers for c in calls_of(s) if c.callee == server.name]
        asked = [(1.0, server.apis[c.api_name].processing_rate, c.timeout, c.retry) for c in calls]
    if not asked:
        raise ModelError(Problem("nobody asks this server", place, "connect a source or a call"))
    weights = np.array([a[0] for a in asked], dtype=np.float64)
    weights /= weights.sum()
    mu, timeout, retries = (float(weights @ np.array([a[i] for a in asked])) for i in (1, 2, 3))
    queue = frame.axis(f"queue[{server.name}]", server.qsize, "queue")
    orbit = frame.axis(f"orbit[{server.name}]", server.orbit_size, "orbit")
    return _Node(server, mu, timeout, retries, rate, queue, orbit)


def _below(program: Program, server: str) -> list[str]:
    """The server and all that it calls, directly or not."""
    found = [server]
    for name in found:
        found += [c.callee for c in calls_of(program.get_server(name)) if c.callee not in found]
    return list(dict.fromkeys(found))


def _arrivals(node: _Node, callers: list[tuple[_Node, RateFunction]]) -> RateFunction:
    """New attempts at a server [1/s]: its sources', and what busy callers pass on."""
    own = node.rate
    if not callers:
        return constant(own)

    def rate(x: State) -> Array:
        return own + np.asarray(
            sum(np.minimum(x[caller.queue], 1.0) * passed(x) for caller, passed in callers)
        )

    return rate


def _late(node: _Node, below: list[_Node]) -> RateFunction:
    def chance(x: State) -> Array:
        mean, variance, busy = np.zeros(()), np.zeros(()), np.ones(())
        for other in below:
            q, c, mu = x[other.queue], other.server.thread_pool, other.mu
            mean = mean + np.maximum(q - c, 0.0) / (c * mu) + 1.0 / mu
            variance = variance + q / (np.clip(q, 1.0, c) * mu) ** 2
            busy = busy * np.minimum(q, 1.0)
        slack = node.timeout - mean
        bound = np.minimum(variance / np.where(slack > 0, slack, 1.0) ** 2, 1.0)
        return 1.0 - busy * (1.0 - np.where(slack > 0, bound, 1.0))

    return chance


def _service(node: _Node, below: list[_Node]) -> RateFunction:
    def rate(x: State) -> Array:
        slowest = np.full((), np.inf)
        for other in below:
            threads = np.clip(x[other.queue], 1.0, other.server.thread_pool)
            slowest = np.minimum(slowest, other.mu * threads)
        return slowest * np.minimum(x[node.queue], 1.0)

    return rate


def _moves(
    frame: Frame, node: _Node, arrivals: RateFunction, late: RateFunction, below: list[_Node]
) -> None:
    name, q, o = node.server.name, node.queue, node.orbit
    again = node.retries / ((node.retries + 1) * node.timeout)
    quit_ = 1.0 / ((node.retries + 1) * node.timeout)
    top_q, top_o = frame.axes[q].size - 1, frame.axes[o].size - 1

    def space(x: State) -> Array:
        return room(x[q], top_q)

    def orbit_space(x: State) -> Array:
        return room(x[o], top_o)

    def retry(x: State) -> Array:
        return again * np.asarray(x[o])

    timely, full, orbit_full = rest([late]), rest([space]), rest([orbit_space])
    frame.move(f"{name}: service completion", _service(node, below), {q: -1})
    frame.move(f"{name}: accepted", product(space, arrivals, timely), {q: 1})
    frame.move(f"{name}: late retry", product(space, retry, late), {q: 1})
    frame.move(f"{name}: orbit full", product(space, orbit_full, arrivals), {q: 1})
    frame.move(f"{name}: late arrival", product(space, orbit_space, arrivals, late), {q: 1, o: 1})
    frame.move(f"{name}: refused", product(full, orbit_space, arrivals, certain), {o: 1})
    frame.move(f"{name}: retry in time", product(space, retry, timely), {q: 1, o: -1})
    frame.move(f"{name}: given up", lambda x: quit_ * np.asarray(x[o]), {o: -1})
