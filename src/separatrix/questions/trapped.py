r"""Do given faults trap the service? The same question to the chain, to simulation, and to the fluid.

The service starts empty and runs until the faults begin as it usually does. It is **trapped** where, once the
faults are over and the backlog had three times the time that it alone takes (see `aftermath`), fewer than 90 %
of the requests are answered in time.

**The chain** knows it by heart: its law is carried through the faults (`scheduled`), and what it settles on
afterwards is its committor c: :math:`P(\text{trapped}) = 1 - \sum_x p_{\text{end}}(x)\, c(x)`.
**Simulation** counts the runs that are not back. **The fluid** knows no chance: trapped or not. It is the delay
form where that carries the program, else the mean dynamics of its population, followed to where they rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from separatrix.errors import ModelError, Problem, Unsupported
from separatrix.fluid.delay import delay_course
from separatrix.fluid.delay_model import DelayModel, delay_model
from separatrix.markov.generator import as_chain
from separatrix.markov.transient import scheduled
from separatrix.model import Program, Schedule
from separatrix.model.during import during
from separatrix.model.faults import Fault
from separatrix.model.parameters import with_parameter
from separatrix.population import Closure, Population, lower
from separatrix.questions.aftermath import aftermath, backlog_time
from separatrix.questions.fluid_verdict import answered_share
from separatrix.questions.odds import Odds
from separatrix.questions.predicted import rest_after
from separatrix.questions.regimes import regimes
from separatrix.questions.shared_box import boxed
from separatrix.questions.verdict import HEALTHY_SHARE, HOLDS, relaxation


def exact_trapped(program: Program, faults: Sequence[Fault], *, closure: Closure = "auto") -> Odds:
    """The probability from the Markov chain.

    Parameters
    ----------
    faults : what happens; overlapping ones multiply.
    closure : see `lower`.

    Raises ModelError without faults, `Unsupported` where no chain carries the program, NotConverged
    where the chain would not fit.
    """
    schedule = _schedule(program, faults)
    times = sorted({0.0, *schedule.breakpoints})
    base = boxed(program, schedule, closure)
    found = regimes(lower(base, closure))
    if found.committor is None:
        return Odds(0.0, 0.0, 0.0, "markov", "the chain has one regime: nothing can trap it")
    pieces: list[tuple[Population, float]] = []
    for begin, end in pairwise(times):
        pieces.append((lower(during(base, schedule, begin), closure), end - begin))
    start = np.zeros(found.population.shape)
    start.flat[0] = 1.0
    course = scheduled([(as_chain(p), d) for p, d in pieces], start)
    share = float((course.laws[-1] * found.committor.complement).sum())
    error = float(course.errors[-1])
    basis = f"{found.population.n_states:,} states, {found.population.closure} closure"
    return Odds(share, max(share - error, 0.0), min(share + error, 1.0), "markov", basis)


def seen_trapped(
    program: Program, faults: Sequence[Fault], *, runs: int = 200, seed: int = 0
) -> Odds:
    """The share of simulated runs that the faults trap, with Wilson's interval.

    Raises ModelError without faults, or for a program that cannot be simulated.
    """
    seen = aftermath(program, _schedule(program, faults).faults, runs=runs, seed=seed)
    stuck = round(seen.trapped * runs)
    basis = f"{stuck} of {runs} runs not back within {seen.wait:.3g} s"
    return Odds(seen.trapped, seen.low, seen.high, "simulation", basis)


def fluid_trapped(
    program: Program, faults: Sequence[Fault], *, closure: Closure | None = None
) -> bool:
    """Whether the faults trap the fluid.

    closure : ask the mean dynamics of this population; by default the delay form where it carries the
        program, else the mean dynamics.

    Raises ModelError without faults, `Unsupported` where neither form carries the program.
    """
    schedule = _schedule(program, faults)
    if closure is None:
        try:
            return delay_trapped(delay_model(program), schedule)
        except Unsupported:
            closure = "auto"
    return mean_trapped(program, schedule, closure)


def delay_trapped(model: DelayModel, schedule: Schedule) -> bool:
    """Whether too few first attempts are in time, in the delay form, once the backlog had its time."""
    program = model.program
    timeout = max(flow.timeout for flow in model.flows)
    patience = HOLDS * max(relaxation(program), backlog_time(program)) + 2 * timeout
    horizon = max(schedule.end, lead_time(program)) + patience
    course = delay_course(model, horizon, faults=schedule)
    return course.share(horizon - 2 * timeout, horizon - timeout) < HEALTHY_SHARE


def mean_trapped(program: Program, schedule: Schedule, closure: Closure) -> bool:
    """Whether the mean dynamics come to rest where too few requests are answered in time."""
    hit = with_parameter(program, ("faults",), schedule)
    calm = with_parameter(program, ("faults",), [])
    state = rest_after(hit, max(schedule.end, lead_time(program)), closure)
    return answered_share(calm, lower(calm, closure, means_only=True), state) < HEALTHY_SHARE


def lead_time(program: Program) -> float:
    """Time from empty until the service runs as usual [s]: retries of retries and a few services."""
    patience = [s.timeout * (1 + s.retries) for s in program.sources]
    services = [1 / w.processing_rate for v in program.servers for w in v.apis.values()]
    return min(max(patience), 3 * max(s.timeout for s in program.sources)) + 5 * max(services)


def _schedule(program: Program, faults: Sequence[Fault]) -> Schedule:
    if not faults:
        raise ModelError(Problem("no fault is given", "faults", "give a spike or an outage"))
    schedule = Schedule(tuple(faults))
    with_parameter(program, ("faults",), schedule)  # refuses faults that hit nothing
    return schedule
