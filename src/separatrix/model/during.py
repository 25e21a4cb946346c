"""The program as it is while some of its faults are on."""

from __future__ import annotations

from separatrix.model.faults import Schedule
from separatrix.model.parameters import Path, with_parameters
from separatrix.model.program import Program

STOPPED = 1e-9
"""Speed of a server during an outage, relative to normal: a rate has to be positive."""


def during(program: Program, schedule: Schedule, time: float) -> Program:
    """`program` with the rates that hold while the faults of `schedule` on at `time` [s] last."""
    changes: dict[Path, object] = {}
    for source in program.sources:
        factor = schedule.arrival_factor(source.name, time)
        if factor != 1.0:
            changes["sources", source.name, "arrival_rate"] = source.mean_rate * factor
    for server in program.servers:
        speed = max(schedule.service_factor(server.name, time), STOPPED)
        if speed != 1.0:
            for api, work in server.apis.items():
                path = ("servers", server.name, "apis", api, "processing_rate")
                changes[path] = work.processing_rate * speed
    return with_parameters(program, changes) if changes else program
