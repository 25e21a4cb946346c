r"""The probability that a fault traps the service: exactly from the chain, or by simulation.

**Exactly.** The law of the chain is carried through the faults (`scheduled`), and what the chain settles
on afterwards is its committor c:

.. math:: P(\text{trapped}) = 1 - \sum_x p_{\text{end}}(x)\, c(x).

**By simulation.** Runs meet the faults request by request; one that is not back at a healthy score within
three times what the backlog alone takes (as in `seen_verdict`) counts as trapped. The interval is
Wilson's (J. Amer. Statist. Assoc. 22, 1927), which holds for few events, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from separatrix.errors import ModelError, Problem
from separatrix.markov.generator import as_chain
from separatrix.markov.transient import scheduled
from separatrix.model import Program, Schedule
from separatrix.model.during import during
from separatrix.model.faults import Fault
from separatrix.model.parameters import with_parameter, with_parameters
from separatrix.population import Closure, Population, lower
from separatrix.questions.regimes import regimes
from separatrix.questions.simulated import seen_recovery, without_retries
from separatrix.questions.verdict import HOLDS, relaxation
from separatrix.simulate.passage import recovery_times


@dataclass(frozen=True)
class Trapped:
    """Probability that the faults leave the service stuck.

    Attributes
    ----------
    probability, low, high : estimate and its 95 % interval (the error bound, where exact).
    engine : ``"markov"`` or ``"simulation"``.
    basis : what it rests on, in words.
    """

    probability: float
    low: float
    high: float
    engine: Literal["markov", "simulation"]
    basis: str

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"schema": "separatrix.trapped/1", **vars(self)}


def exact_trapped(
    program: Program, faults: Sequence[Fault], *, closure: Closure = "auto"
) -> Trapped:
    """The probability from the Markov chain, started empty when the first fault begins.

    Parameters
    ----------
    faults : what happens; overlapping ones multiply.
    closure : see `lower`.

    Raises ModelError without faults, `Unsupported` where no chain carries the program, NotConverged
    where the chain would not fit.
    """
    schedule = _schedule(program, faults)
    times = schedule.breakpoints
    base = boxed(program, schedule, closure)
    found = regimes(lower(base, closure))
    pieces: list[tuple[Population, float]] = []
    for begin, end in pairwise(times):
        pieces.append((lower(during(base, schedule, begin), closure), end - begin))
    start = np.zeros(found.population.shape)
    start.flat[0] = 1.0
    course = scheduled([(as_chain(p), d) for p, d in pieces], start)
    if found.committor is None:
        return Trapped(0.0, 0.0, 0.0, "markov", "the chain has one regime: nothing can trap it")
    share = float((course.laws[-1] * found.committor.complement).sum())
    error = float(course.errors[-1])
    basis = f"{found.population.n_states:,} states, {found.population.closure} closure"
    return Trapped(share, max(share - error, 0.0), min(share + error, 1.0), "markov", basis)


def seen_trapped(
    program: Program,
    faults: Sequence[Fault],
    healthy: float,
    *,
    runs: int = 200,
    seed: int = 0,
) -> Trapped:
    """The share of simulated runs that the faults trap.

    Parameters
    ----------
    healthy : score from which the service counts as recovered; see `seen_recovery`.
    runs : replications.

    Raises ModelError without faults, or for a program that cannot be simulated.
    """
    schedule = _schedule(program, faults)
    wait = HOLDS * max(relaxation(program), _backlog(program, healthy, seed))
    hit = with_parameter(program, ("faults",), schedule)
    times = recovery_times(hit, healthy=healthy, runs=runs, longest=wait, seed=seed)
    stuck = int(np.isinf(times.times).sum())
    low, high = wilson(stuck, runs)
    basis = f"{stuck} of {runs} runs not back within {wait:.3g} s"
    return Trapped(stuck / runs, low, high, "simulation", basis)


def wilson(hits: int, runs: int) -> tuple[float, float]:
    """Wilson's 95 % interval for a probability after `hits` in `runs` trials."""
    z = 1.959963984540054
    share, scale = hits / runs, 1 + z * z / runs
    middle = (share + z * z / (2 * runs)) / scale
    half = z / scale * (share * (1 - share) / runs + z * z / (4 * runs * runs)) ** 0.5
    return max(middle - half, 0.0), min(middle + half, 1.0)


def _schedule(program: Program, faults: Sequence[Fault]) -> Schedule:
    if not faults:
        raise ModelError(Problem("no fault is given", "faults", "give a spike or an outage"))
    schedule = Schedule(tuple(faults))
    with_parameter(program, ("faults",), schedule)  # refuses faults that hit nothing
    return schedule


def _backlog(program: Program, healthy: float, seed: int) -> float:
    """What a full queue takes without retries [s]."""
    unfed = seen_recovery(without_retries(program), healthy, runs=40, events=2e6, seed=seed)
    return unfed.mean if unfed.seen == unfed.runs else unfed.low


def boxed(program: Program, schedule: Schedule, closure: Closure) -> Program:
    """The program with orbits bounded for its worst time, so that all pieces share one box."""
    if any(server.orbit_size is not None for server in program.servers):
        return program
    largest = 2
    for time in schedule.breakpoints[:-1]:
        worst = lower(during(program, schedule, time), closure)
        largest = max(largest, *(a.size for a in worst.axes if a.kind == "orbit"), 2)
    return with_parameters(
        program, {("servers", s.name, "orbit_size"): largest for s in program.servers}
    )
