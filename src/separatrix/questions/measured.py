"""A model of a server that already runs: its rate and its threads measured, the rest as given.

The measurement loads the server to its limit (`measure_capacity`), so that only this machine may be its
address. The queue's length and the clients cannot be seen from there; they come from the model that is
given, or from the caller.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from separatrix.emulate import Target
from separatrix.emulate.capacity import Capacity, measure_capacity
from separatrix.errors import ModelError, Problem
from separatrix.model import Program, Server, Source, Work
from separatrix.model.parameters import Path, with_parameters
from separatrix.notebook import Shown

SIGNIFICANT = 4
"""Digits of the rate that is written."""


@dataclass(frozen=True)
class Measured(Shown):
    """A program with measured parameters.

    Attributes
    ----------
    program : ready to be saved, checked and proved.
    capacity : the measurement, with its errors and status.
    """

    program: Program
    capacity: Capacity

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "schema": "separatrix.measured/1",
            "program": self.program.name,
            "capacity": self.capacity.to_dict(),
        }


def plain_program(
    target: Target, *, arrival_rate: str | float, timeout: str | float, retries: int, qsize: int
) -> Program:
    """One server behind an address and one kind of client, its rate yet to be measured.

    Parameters
    ----------
    arrival_rate, timeout, retries : of the clients.
    qsize : attempts that the server holds, waiting and in service.
    """
    program = Program(f"{target.host}:{target.port}{target.path}")
    program.add_server(Server("server", {"request": Work(1.0)}, qsize, thread_pool=1))
    program.add_source(
        Source("clients", "request", arrival_rate, timeout=timeout, retries=retries)  # pyright: ignore[reportArgumentType]
    )
    program.connect("clients", "server")
    return program


def measured(
    program: Program, target: Target, *, seconds: float = 2.0, most_clients: int = 64
) -> Measured:
    """`program` with the rate and the threads that a running server shows.

    Parameters
    ----------
    program : of one server with one kind of work.
    target, seconds, most_clients : see `measure_capacity`.

    Raises
    ------
    ModelError : more than one server or kind of work, or the measured threads exceed the queue.
    NotConverged : the server did not answer.
    """
    works = [(server, api) for server in program.servers for api in server.apis]
    if len(works) != 1:
        raise ModelError(
            Problem(
                f"{len(works)} kinds of work cannot be told apart at one address",
                "servers",
                "describe one server with one api",
            )
        )
    ((server, api),) = works
    found = measure_capacity(target, seconds=seconds, most_clients=most_clients)
    if found.threads > server.qsize:
        raise ModelError(
            Problem(
                f"holds {server.qsize} attempts, but {found.threads} were in service at once",
                f"servers.{server.name}.qsize",
                "give the queue's true size",
            )
        )
    rate = float(f"{found.service_rate:.{SIGNIFICANT}g}")
    values: dict[Path, Any] = {
        ("servers", server.name, "apis", api, "processing_rate"): rate,
        ("servers", server.name, "thread_pool"): found.threads,
    }
    return Measured(with_parameters(program, values), found)
