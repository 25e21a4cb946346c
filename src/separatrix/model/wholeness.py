"""Checks of a program as a whole: names, connections, call graph. All problems, not the first."""

from __future__ import annotations

from collections import Counter
from difflib import get_close_matches
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from separatrix.errors import Problem
from separatrix.model.faults import Spike

if TYPE_CHECKING:
    from separatrix.model.program import Program


def problems_of(program: Program) -> list[Problem]:
    """Everything wrong with `program` that a single part cannot see."""
    return [
        *_names(program),
        *_connections(program),
        *_calls(program),
        *_reachability(program),
        *_faults(program),
    ]


def closest(name: str, known: list[str]) -> str:
    """A hint that names the nearest known name, or all of them."""
    near = get_close_matches(name, known, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"known: {', '.join(map(repr, known))}" if known else "there is none yet; add one"


def _names(program: Program) -> list[Problem]:
    found: list[Problem] = []
    for kind, names in (
        ("servers", [s.name for s in program.servers]),
        ("sources", [s.name for s in program.sources]),
    ):
        if not names:
            found.append(Problem(f"the program has no {kind}", kind, "add at least one"))
        for name, times in Counter(names).items():
            if times > 1:
                found.append(
                    Problem(
                        f"{times} {kind} are called {name!r}",
                        f"{kind}.{name}",
                        "rename all but one",
                    )
                )
    return found


def _connections(program: Program) -> list[Problem]:
    found: list[Problem] = []
    servers = {s.name: s for s in program.servers}
    sources = {s.name: s for s in program.sources}
    targets = Counter(left for left, _ in program.connections)
    for left, right in program.connections:
        place = f"sources.{left}.server"
        if left not in sources:
            found.append(
                Problem(f"connects an unknown source {left!r}", place, closest(left, list(sources)))
            )
        if right not in servers:
            found.append(Problem(f"unknown server {right!r}", place, closest(right, list(servers))))
        elif left in sources and sources[left].api not in servers[right].apis:
            api = sources[left].api
            found.append(
                Problem(
                    f"server {right!r} does not serve api {api!r}",
                    f"sources.{left}.api",
                    closest(api, list(servers[right].apis)),
                )
            )
    for name in sources:
        if targets[name] == 0:
            found.append(
                Problem("is connected to no server", f"sources.{name}", "connect it to one")
            )
        elif targets[name] > 1:
            found.append(
                Problem(
                    f"is connected {targets[name]} times",
                    f"sources.{name}",
                    "connect it once; use one source per server",
                )
            )
    return found


def _calls(program: Program) -> list[Problem]:
    found: list[Problem] = []
    servers = {s.name: s for s in program.servers}
    edges: dict[str, set[str]] = {name: set() for name in servers}
    for server in program.servers:
        for api, work in server.apis.items():
            for i, call in enumerate(work.downstream):
                place = f"servers.{server.name}.apis.{api}.downstream.{i}"
                if call.caller != server.name:
                    found.append(
                        Problem(
                            f"caller is {call.caller!r}, but the call is in {server.name!r}",
                            f"{place}.caller",
                            f"write {server.name!r}",
                        )
                    )
                if call.callee not in servers:
                    hint = closest(call.callee, list(servers))
                    found.append(
                        Problem(f"unknown server {call.callee!r}", f"{place}.callee", hint)
                    )
                    continue
                edges[server.name].add(call.callee)
                if call.api_name not in servers[call.callee].apis:
                    found.append(
                        Problem(
                            f"server {call.callee!r} does not serve api {call.api_name!r}",
                            f"{place}.api_name",
                            closest(call.api_name, list(servers[call.callee].apis)),
                        )
                    )
    cycle = _cycle(edges)
    if cycle:
        found.append(
            Problem(
                f"the call graph has a cycle: {' -> '.join(cycle)}",
                f"servers.{cycle[0]}",
                "break it; a call must never lead back to its caller",
            )
        )
    return found


def _cycle(edges: dict[str, set[str]]) -> list[str]:
    """One cycle of the call graph, first server repeated at the end; empty if there is none."""
    try:
        tuple(TopologicalSorter(edges).static_order())
    except CycleError as error:
        # graphlib walks against the arrows of `edges`; turn its path round to read as calls
        return list(reversed(error.args[1]))
    return []


def _reachability(program: Program) -> list[Problem]:
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
    return [
        Problem("no source reaches this server", f"servers.{name}", "connect a source or remove it")
        for name in servers
        if name not in seen
    ]


def _faults(program: Program) -> list[Problem]:
    found: list[Problem] = []
    servers = [s.name for s in program.servers]
    sources = [s.name for s in program.sources]
    for i, fault in enumerate(program.faults.faults):
        if isinstance(fault, Spike):
            if fault.source not in sources:
                hint = closest(fault.source, sources)
                found.append(
                    Problem(f"unknown source {fault.source!r}", f"faults.{i}.source", hint)
                )
        elif fault.server not in servers:
            hint = closest(fault.server, servers)
            found.append(Problem(f"unknown server {fault.server!r}", f"faults.{i}.server", hint))
    return found
