"""Who sends attempts to a server: sources, and the calls that works make."""

from __future__ import annotations

from dataclasses import dataclass

from separatrix.model import Program, Server, Source
from separatrix.model.parts import Constants, DependentCall
from separatrix.model.policies import Backoff


@dataclass(frozen=True)
class Stream:
    """A source, or a call that some work makes: whoever sends attempts and waits for responses.

    Attributes
    ----------
    name : unique among the program's streams.
    server, work : where its attempts go, by number.
    timeout : it gives an attempt up after this long [s].
    retries, backoff : further attempts, and the wait before each.
    accepts : whether a late response ends the request.
    waits : whether a thread is held until the call is answered.
    source : the source, or None of a call.
    """

    name: str
    server: int
    work: int
    timeout: float
    retries: int
    backoff: Backoff
    accepts: bool
    waits: bool
    source: Source | None


def works_of(program: Program) -> list[tuple[Server, str]]:
    """Every API of every server."""
    return [(s, api) for s in program.servers for api in s.apis]


def streams_of(program: Program) -> list[Stream]:
    """The sources in their order, then every call of every work, in the order of `works_of`."""
    works = works_of(program)
    server_index = {s.name: i for i, s in enumerate(program.servers)}
    work_index = {(s.name, api): i for i, (s, api) in enumerate(works)}
    found = [
        Stream(
            s.name, server_index[program.server_of(s.name).name],
            work_index[program.server_of(s.name).name, s.api],
            s.timeout, s.retries, s.backoff, s.late_responses == "accept", False, s,
        )
        for s in program.sources
    ]  # fmt: skip
    taken = {s.name for s in found}
    for server, api in works:
        for call in server.apis[api].downstream:
            name = _call_name(server, api, call, taken)
            taken.add(name)
            found.append(
                Stream(
                    name, server_index[call.callee],
                    work_index[call.callee, call.api_name],
                    call.timeout, call.retry, call.backoff, call.late_responses == "accept",
                    call.call_type == Constants.WAIT_UNTIL_DONE, None,
                )
            )  # fmt: skip
    return found


def _call_name(server: Server, api: str, call: DependentCall, taken: set[str]) -> str:
    name = f"{server.name}.{api} -> {call.callee}.{call.api_name}"
    if name not in taken:
        return name
    count = 2
    while f"{name} #{count}" in taken:
        count += 1
    return f"{name} #{count}"
