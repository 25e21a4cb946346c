r"""What a service is like when nothing happens to it, simulated: whom it answers, how busy it is, how full.

Asked where no chain says it. Runs last :data:`LASTS` times `relaxation`, the first tenth left out (after an outage
the first half). NotConverged where that is too dear to be simulated.
"""

from __future__ import annotations

from separatrix.model import Program, Schedule
from separatrix.model.plaindata import as_plain
from separatrix.questions.dear import worth_simulating
from separatrix.questions.long_outage import long_outage
from separatrix.questions.verdict import HEALTHY_SHARE, relaxation
from separatrix.simulate import SimulationResult, simulate

LASTS = 20.0
"""Length of a run, in times of `relaxation`."""
SATURATED = 0.95
"""Mean share of a server's threads at work from which it is full for good: mean dynamics that rest below its
capacity leave more of them idle."""
_KEPT, _RUNS = 4, 16
_known: dict[tuple[str, int], SimulationResult] = {}


def calm_score(program: Program, *, seed: int = 0) -> float:
    r"""A score from which `program` counts as healthy where no chain says one.

    The mean m of the attempts at its servers in calm runs, and :math:`\sqrt m + 1` more; where those
    are not healthy either (too few answers in time), the number of threads.
    """
    calm = _calm(program, seed)
    if _answered(program, calm) < HEALTHY_SHARE:
        return float(sum(server.thread_pool for server in program.servers))
    mean = _present(calm)
    return mean + mean**0.5 + 1.0


def calm_share(program: Program, *, seed: int = 0) -> float:
    """Share of the requests answered in time at normal load, without faults, simulated."""
    return min(_answered(program, _calm(program, seed)), 1.0)


def overloaded(program: Program, *, seed: int = 0) -> str:
    """The server that has too much to do without any fault, while too few requests are answered; "" for none.

    Its threads hardly ever idle, or it refuses more than a healthy service may fail.
    """
    calm = _calm(program, seed)
    if _answered(program, calm) >= HEALTHY_SHARE:
        return ""
    for server in program.servers:
        seen = calm.servers[server.name]
        busy = seen["in_service"].mean >= SATURATED * server.thread_pool
        if busy or seen["drops"].mean > (1.0 - HEALTHY_SHARE) * seen["arrivals"].mean:
            return server.name
    return ""


def overload_score(program: Program, *, seed: int = 0) -> float | None:
    """Mean attempts at the servers long after a long outage; None where most requests are answered by then."""
    hit, end = long_outage(program)
    later = _runs(hit, seed, begin=end, settled=0.5)
    return None if _answered(program, later) >= HEALTHY_SHARE else _present(later)


def _present(result: SimulationResult) -> float:
    return sum(s["queue"].mean + s["in_service"].mean for s in result.servers.values())


def _calm(program: Program, seed: int) -> SimulationResult:
    """Runs without faults, from an empty service; the last few are kept, since all here is asked of the same."""
    calm = program.under(Schedule())
    key = repr(as_plain(calm, units=False)), seed
    found = _known.get(key)
    if found is None:
        found = _runs(calm, seed, begin=0.0, settled=0.1)
        for old in list(_known)[: len(_known) + 1 - _KEPT]:
            _known.pop(old, None)
        _known[key] = found
    return found


def _runs(program: Program, seed: int, *, begin: float, settled: float) -> SimulationResult:
    """Runs that last `LASTS` from `begin` [s] on; a share `settled` of that is left out."""
    lasting = LASTS * relaxation(program)
    worth_simulating(program, begin + lasting, _RUNS)
    return simulate(
        program, horizon=begin + lasting, runs=_RUNS, seed=seed, warmup=begin + settled * lasting,
        workers=1, progress=False,
    )  # fmt: skip


def _answered(program: Program, calm: SimulationResult) -> float:
    """Share answered in time of the requests that ended; of all that were sent where none has ended."""
    streams = [calm.streams[source.name] for source in program.sources]
    answered = sum(stream["goodput"].mean for stream in streams)
    ended = answered + sum(s["accepted_late"].mean + s["failed"].mean for s in streams)
    asked = ended or sum(stream["offered"].mean for stream in streams)
    return answered / asked if asked else 1.0
