"""The bones of a model file: names and connections, for checking the whole when parts are wrong.

A part with a wrong field cannot be built; the program can still be checked for unknown names,
cycles and faults that hit nothing, so that a reader sees every problem of a file at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from separatrix.model.faults import Fault, Outage, Schedule, Slowdown, Spike
from separatrix.model.findings import Place
from separatrix.model.parts import DependentCall, Server, Source, Work
from separatrix.model.program import Program
from separatrix.model.quantities import is_name

_ANY = "?"


def skeleton(fields: Mapping[str, Any]) -> tuple[Program, bool]:
    """A program with the names and connections of the plain data `fields`, and default parts.

    Also says whether something that could have led to a server had to be left out.
    """
    program = Program("skeleton")
    asked = {api: Work(1.0) for api in _asked(fields)} or {_ANY: Work(1.0)}
    doubtful = False
    served: dict[str, Mapping[str, Work]] = {}
    for name, entry in _entries(fields.get("servers")):
        apis: dict[str, Work] = {}
        for api, work in _entries(_get(entry, "apis")):
            calls, cut = _calls(name, work)
            apis[api] = Work(1.0, calls)
            doubtful |= cut
        served[name] = apis or asked
        program.add_server(Server(name, served[name], qsize=1))
    for name, entry in _entries(fields.get("sources")):
        api, target = _get(entry, "api"), _get(entry, "server")
        doubtful |= not is_name(target)
        if is_name(target):
            api = api if is_name(api) else next(iter(served.get(target, asked)))
            program.connect(name, target)
            program.add_source(Source(name, api, 1.0))
    faults = fields.get("faults")
    if isinstance(faults, list):
        known = next(iter(served), _ANY)
        program.faults = Schedule(tuple(_fault(f, known) for f in cast("list[object]", faults)))
    return program, doubtful


def locate(data: object, dotted: str) -> Place:
    """The place that a dotted text means in plain data, whose keys may hold dots themselves."""
    place: list[str | int] = []
    while dotted:
        keys = children(data)
        fits = [k for k in keys if dotted == str(k) or dotted.startswith(f"{k}.")]
        if not fits:
            return (*place, *dotted.split("."))
        key = max(fits, key=lambda k: len(str(k)))
        place.append(key)
        data = cast(Any, data)[key]
        dotted = dotted[len(str(key)) + 1 :]
    return tuple(place)


def children(data: object) -> list[str | int]:
    """Keys of a mapping, positions of a list, nothing otherwise."""
    if isinstance(data, Mapping):
        return list(cast("Mapping[str, object]", data))
    return list(range(len(cast("list[object]", data)))) if isinstance(data, list) else []


def _calls(caller: str, work: object) -> tuple[tuple[DependentCall, ...], bool]:
    """Calls up to the first that names nothing: those after it would change position."""
    calls: list[DependentCall] = []
    listed = _get(work, "downstream")
    for call in cast("list[object]", listed) if isinstance(listed, list) else ():
        callee, api = _get(call, "callee"), _get(call, "api_name")
        if not (is_name(callee) and is_name(api)):
            return tuple(calls), True
        calls.append(DependentCall(callee, caller, api))
    return tuple(calls), False


def _asked(fields: Mapping[str, Any]) -> Iterator[str]:
    """Every API name that some source or call asks for: what a server without any may serve."""
    for _, entry in _entries(fields.get("sources")):
        if is_name(_get(entry, "api")):
            yield _get(entry, "api")
    for _, entry in _entries(fields.get("servers")):
        for _, work in _entries(_get(entry, "apis")):
            yield from (call.api_name for call in _calls(_ANY, work)[0])


def _fault(fault: object, known: str) -> Fault:
    kind, source, server = (_get(fault, key) for key in ("kind", "source", "server"))
    if kind == "spike" and is_name(source):
        return Spike(source, 1.0, 0.0, 1.0)
    if kind in ("slowdown", "outage") and is_name(server):
        return Slowdown(server, 1.0, 0.0, 1.0)
    return Outage(known, 0.0, 1.0)


def _entries(value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        yield from ((k, v) for k, v in cast("dict[str, object]", value).items() if is_name(k))


def _get(value: object, key: str) -> Any:
    return cast("dict[str, Any]", value).get(key) if isinstance(value, dict) else None
