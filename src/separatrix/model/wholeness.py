"""Checks of a program as a whole: names, connections, call graph. All problems, not the first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from itertools import chain, islice
from typing import TYPE_CHECKING

from separatrix.errors import Problem
from separatrix.model.faults import Spike
from separatrix.model.findings import MOST, UNPRINTABLE, nearest, shown
from separatrix.model.quantities import NAME_LETTERS, is_name

if TYPE_CHECKING:
    from separatrix.model.parts import DependentCall, Server
    from separatrix.model.program import Program

UNREACHED = "no source reaches this server"


def problems_of(program: Program) -> list[Problem]:
    """Everything wrong with `program` that a single part cannot see; the first hundred, if more."""
    checks = (_texts, _names, _connections, _calls, _reachability, _faults)
    return list(islice(chain.from_iterable(check(program) for check in checks), MOST))


def closest(name: str, known: list[str]) -> str:
    """A hint that names the nearest known name, or the known ones."""
    return nearest(name, known) or "there is none yet; add one"


def _texts(program: Program) -> Iterator[Problem]:
    if not is_name(program.name):
        message = (
            f"must be printable text of 1 to {NAME_LETTERS} letters, got {shown(program.name)}"
        )
        yield Problem(message, "name", "give the model a name")
    control = UNPRINTABLE.search(program.description)
    if control is not None:
        message = f"holds the control character {control[0]!r}"
        yield Problem(message, "description", "remove it")


def _names(program: Program) -> Iterator[Problem]:
    for kind, names in (
        ("servers", [s.name for s in program.servers]),
        ("sources", [s.name for s in program.sources]),
    ):
        if not names:
            yield Problem(f"the program has no {kind}", kind, "add at least one")
        for name, times in Counter(names).items():
            if times > 1:
                message = f"{times} {kind} are called {name!r}"
                yield Problem(message, f"{kind}.{name}", "rename all but one")


def _connections(program: Program) -> Iterator[Problem]:
    servers = {s.name: s for s in program.servers}
    sources = {s.name: s for s in program.sources}
    targets = Counter(left for left, _ in program.connections)
    for left, right in program.connections:
        place = f"sources.{left}.server"
        if left not in sources:
            message = f"connects an unknown source {left!r}"
            yield Problem(message, place, closest(left, list(sources)))
        if right not in servers:
            yield Problem(f"unknown server {right!r}", place, closest(right, list(servers)))
        elif left in sources and sources[left].api not in servers[right].apis:
            api = sources[left].api
            message = f"server {right!r} does not serve api {api!r}"
            hint = closest(api, list(servers[right].apis))
            yield Problem(message, f"sources.{left}.api", hint)
    for name in sources:
        if targets[name] == 0:
            yield Problem("is connected to no server", f"sources.{name}", "connect it to one")
        elif targets[name] > 1:
            message = f"is connected {targets[name]} times"
            hint = "connect it once; use one source per server"
            yield Problem(message, f"sources.{name}", hint)


def _calls(program: Program) -> Iterator[Problem]:
    servers = {s.name: s for s in program.servers}
    edges: dict[str, list[str]] = {name: [] for name in servers}
    for server, place, call in _all_calls(program):
        if call.caller != server.name:
            message = f"caller is {call.caller!r}, but the call is in {server.name!r}"
            yield Problem(message, f"{place}.caller", f"write {server.name!r}")
        if call.callee not in servers:
            hint = closest(call.callee, list(servers))
            yield Problem(f"unknown server {call.callee!r}", f"{place}.callee", hint)
            continue
        edges[server.name].append(call.callee)
        if call.api_name not in servers[call.callee].apis:
            message = f"server {call.callee!r} does not serve api {call.api_name!r}"
            hint = closest(call.api_name, list(servers[call.callee].apis))
            yield Problem(message, f"{place}.api_name", hint)
    cycle = _cycle(edges)
    if cycle:
        yield Problem(
            f"the call graph has a cycle: {' -> '.join(cycle)}",
            f"servers.{cycle[0]}",
            "break it; a call must never lead back to its caller",
        )


def _all_calls(program: Program) -> Iterator[tuple[Server, str, DependentCall]]:
    """Every dependent call with the server that makes it and its place in the program."""
    for server in program.servers:
        for api, work in server.apis.items():
            for i, call in enumerate(work.downstream):
                yield server, f"servers.{server.name}.apis.{api}.downstream.{i}", call


def _cycle(edges: dict[str, list[str]]) -> list[str]:
    """One cycle of the call graph, from its first server back to it; empty if there is none."""
    try:
        tuple(TopologicalSorter(edges).static_order())
    except CycleError as error:
        # graphlib walks against the arrows of `edges`; turn its path round to read as calls
        cycle = list(reversed(error.args[1]))[:-1]
        start = cycle.index(next(name for name in edges if name in cycle))
        return [*cycle[start:], *cycle[:start], cycle[start]]
    return []


def _reachability(program: Program) -> Iterator[Problem]:
    servers = {s.name: s for s in program.servers}
    todo = [right for _, right in program.connections if right in servers]
    seen: set[str] = set()
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        for work in servers[name].apis.values():
            todo.extend(call.callee for call in work.downstream if call.callee in servers)
    for name in servers:
        if name not in seen:
            hint = "connect a source or remove it"
            yield Problem(UNREACHED, f"servers.{name}", hint)


def _faults(program: Program) -> Iterator[Problem]:
    servers = [s.name for s in program.servers]
    sources = [s.name for s in program.sources]
    for i, fault in enumerate(program.faults.faults):
        if isinstance(fault, Spike):
            if fault.source not in sources:
                hint = closest(fault.source, sources)
                yield Problem(f"unknown source {fault.source!r}", f"faults.{i}.source", hint)
        elif fault.server not in servers:
            hint = closest(fault.server, servers)
            yield Problem(f"unknown server {fault.server!r}", f"faults.{i}.server", hint)
