r"""How calm counts as healthy, how full as stuck: the scores between which engines are asked for passages.

The score is the number of attempts at the servers plus the number of requests known to come back. Every
engine that is asked about one program gets the same two: h, at or below which it is healthy, and s, from which
on it is stuck.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from separatrix.errors import Unsupported
from separatrix.model import Program
from separatrix.population import lower
from separatrix.questions.calm import calm_score, overload_score
from separatrix.questions.fluid_verdict import answered_share, fluid_verdict
from separatrix.questions.regimes import Regimes
from separatrix.questions.verdict import HEALTHY_SHARE

FULL = 0.9
"""Share of all queues that is stuck where no chain says where stuck begins."""


@dataclass(frozen=True)
class Levels:
    """Scores that bound the healthy and the stuck set.

    Attributes
    ----------
    healthy : h; stuck : s.
    basis : what says s: ``"chain"``, its regimes; ``"fluid"``, the mean dynamics; ``"simulation"``, runs after a long
        outage; ``"queues"``, their bounds.
    """

    healthy: float
    stuck: float
    basis: Literal["chain", "fluid", "simulation", "queues"]


def levels(program: Program, found: Regimes | None = None) -> Levels:
    r"""h and s of `program`.

    With the regimes of a chain, h is the largest score for which it settles on the healthy side with 95 % from
    *every* state that a service of that score may be in, and s the near edge of the stuck core. A chain of q attempts
    and o requests that will come back foresees fates, a run of the service does not: its score has of o only those
    whose attempt is over, and up to q of them may still wait at the servers. So a score of h may be any state with
    :math:`\max(q, o) \le h`. Where there is one regime, h is its resting point, the square root of that and one more
    (the number of threads where too few requests are answered in time even there), and s the fullest queue.

    Without regimes h is `calm_score`. Where the mean dynamics come to rest at an overload, with x attempts at
    the servers, s is :math:`x - \sqrt x - 1`; else the same of the attempts that are there long after a long outage,
    simulated, if too few requests are answered in time then; and where that passes, :data:`FULL` of all queues.

    Parameters
    ----------
    found : the regimes of the most detailed chain of the program, where there is one.
    """
    if found is None:
        return _without_chain(program)
    population = found.population
    top = float(population.shape[0] - 1)
    if found.stuck is None:
        well = answered_share(program, population, found.low.state) >= HEALTHY_SHARE
        rest = float(population.score(tuple(map(np.asarray, found.low.state))))
        threads = float(sum(server.thread_pool for server in program.servers))
        return Levels(rest + rest**0.5 + 1.0 if well else threads, top, "chain")
    grid = population.grid()
    least = np.maximum(population.total("queue", grid), population.total("orbit", grid))
    least = np.broadcast_to(least, population.shape)
    outside = least[~found.healthy]
    h = float(outside.min()) - 1.0 if outside.size else float(least.max())
    return Levels(max(h, 0.0), _near_edge(float(found.high.state[0])), "chain")


def _without_chain(program: Program) -> Levels:
    healthy = calm_score(program)
    overload = _resting_overload(program)
    basis: Literal["fluid", "simulation"] = "fluid"
    if overload is None:
        overload, basis = overload_score(program), "simulation"
    if overload is not None and _near_edge(overload) > healthy:
        return Levels(healthy, _near_edge(overload), basis)
    full = FULL * sum(server.qsize for server in program.servers)
    return Levels(healthy, full, "queues")


def _resting_overload(program: Program) -> float | None:
    """Attempts at the servers where the mean dynamics rest from a full service, if that is an overload."""
    try:
        verdict = fluid_verdict(program, timed=False)
        population = lower(program, means_only=True)
    except Unsupported:
        return None
    if verdict.word == "inconclusive" or verdict.high_share >= HEALTHY_SHARE:
        return None
    return float(population.total("queue", tuple(map(np.asarray, verdict.high))))


def _near_edge(centre: float) -> float:
    """A Poisson deviation and one below `centre`, at least 1."""
    return float(np.ceil(max(centre - centre**0.5 - 1.0, 1.0)))
