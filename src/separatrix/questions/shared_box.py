"""One box of states for a program and all that its faults make of it."""

from __future__ import annotations

from separatrix.model import Program, Schedule
from separatrix.model.during import during
from separatrix.model.parameters import with_parameters
from separatrix.population import Closure, lower


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
