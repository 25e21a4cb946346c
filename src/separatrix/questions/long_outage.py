r"""The worst start that a program allows: after a long outage, with full queues and every client waiting to retry."""

from __future__ import annotations

from math import inf

from separatrix.errors import ModelError, Problem
from separatrix.model import Outage, Program, Schedule
from separatrix.model.demand import demands


def long_outage(program: Program) -> tuple[Program, float]:
    """The program with its servers out from the start, and until when [s]; see `longest_outage`."""
    end = longest_outage(program)
    return program.under(Schedule(tuple(Outage(s.name, 0.0, end) for s in program.servers))), end


def longest_outage(program: Program) -> float:
    """An outage after which nothing more changes: queues full, orbits at rest [s].

    Filling the queues at the rate of new requests (with four standard deviations more of them than they hold),
    and then a client's whole patience: by then all who came before they were full have given up.
    Raises ModelError where nobody sends anything.
    """
    rate = sum(source.mean_rate for source in program.sources)
    if rate <= 0:
        raise ModelError(Problem("nobody sends anything", "sources", "give an arrival rate"))
    fill = sum(server.qsize + 4 * server.qsize**0.5 for server in program.servers) / rate
    return fill + _patience(program)


def backlog_time(program: Program) -> float:
    r"""Time in which the slowest server works off what a long outage leaves, each client once [s].

    .. math:: \frac{K + \lambda P}{c\mu - \lambda}

    with K the queue and P the longest patience, :math:`\lambda P` those who wait to try again; infinite where new
    requests alone overload a server.
    """
    wait = _patience(program)
    found = demands(program)
    spare = {name: demand.capacity - demand.first for name, demand in found.items()}
    if min(spare.values()) <= 0:
        return inf
    return max(
        (program.get_server(name).qsize + found[name].first * wait) / spare[name] for name in spare
    )


def _patience(program: Program) -> float:
    """Longest time from a request to the end of its last attempt [s]."""
    return max(
        (s.retries + 1) * s.timeout + sum(s.backoff.longest(k) for k in range(1, s.retries + 1))
        for s in program.sources
    )
