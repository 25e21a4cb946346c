"""A program as plain dicts, lists, texts and numbers (what a file holds), both ways.

    {"separatrix": 1, "name": ..., "description": ...,
     "servers": {name: {fields of Server}},
     "sources": {name: {"server": ..., fields of Source}},
     "faults": [{fields of a fault}],
     "limits": ["recovery_p99 < 5min", ...]}

Keys are the field names of the parts; `name` of servers and sources is their key, `caller` of a
call is the server it stands in.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Mapping
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError

from separatrix.model import anatomy
from separatrix.model.faults import Fault, Schedule
from separatrix.model.findings import Finding, Place, findings, nearest, shown
from separatrix.model.limits import Limit, LimitText, as_limit
from separatrix.model.parts import DependentCall, Server, Source
from separatrix.model.program import Program
from separatrix.model.quantities import Name, number_text
from separatrix.model.skeleton import locate, skeleton
from separatrix.model.wholeness import UNREACHED, problems_of

VERSION = 1
"""Version of the file format that is written, and the newest that is read."""

Fields = dict[str, Any]
TOP: dict[str, Any] = {
    "separatrix": int,
    "name": Name,
    "description": str,
    "servers": Mapping[Name, Server],
    "sources": Mapping[Name, Source],
    "faults": tuple[Fault, ...],
    "limits": tuple[LimitText, ...],
}
"""Key -> type hint at the top of a file."""
IMPLIED = {Server: "name", Source: "name", DependentCall: "caller"}
"""Part -> the field that a file does not repeat."""

SAID = ("timeout",)
"""Fields that are written even at their defaults: nobody should have to guess them."""


# --- from plain data -----------------------------------------------------------------------------


def as_program(fields: Fields) -> tuple[Program | None, list[Finding]]:
    """The program that `fields` describe and all that is wrong with it; None if anything is."""
    found = _version(fields)
    if found:
        return None, found
    reader = _Reader(fields)
    found = reader.found
    if found:
        program, doubtful = skeleton(fields)
    else:
        program, doubtful = reader.program, False
    told = {f.place for f in found}
    for problem in problems_of(program):
        place = locate(fields, problem.field)
        if place not in told and not (doubtful and problem.message == UNREACHED):
            found.append(Finding(place, problem.message, problem.hint))
    return (None if found else program), found


def _version(fields: Fields) -> list[Finding]:
    version = fields.get("separatrix")
    if version is None:
        hint = f'begin it with "separatrix: {VERSION}", the version of the format'
        return [Finding((), "is no model: the key `separatrix` is missing", hint)]
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        hint = f'write "separatrix: {VERSION}"'
        return [Finding(("separatrix",), f"version must be 1 or more, got {shown(version)}", hint)]
    if version > VERSION:
        message = f"format version {version} is newer than this separatrix understands ({VERSION})"
        return [Finding(("separatrix",), message, "upgrade separatrix")]
    return []


class _Reader:
    """Builds the parts of a program one by one and keeps what is wrong with each."""

    def __init__(self, fields: Fields) -> None:
        self.found: list[Finding] = []
        for key in fields:
            if key not in TOP:
                self.found.append(Finding((key,), "unknown field", nearest(key, list(TOP))))
        if "name" not in fields:
            self.found.append(Finding(("name",), "is missing", "give the model a name"))
        name = self._value(Name, fields.get("name", ""), ("name",))
        description = self._value(str, fields.get("description", ""), ("description",))
        self.program = Program(name or "", description=description or "")
        for key, entry in self._groups(fields, "servers"):
            self._without(entry, "name", ("servers", key))
            self._fill_callers(entry, key)
            server = self._value(Server, {"name": key, **entry}, ("servers", key))
            if server is not None:
                self.program.add_server(server)
        for key, entry in self._groups(fields, "sources"):
            self._without(entry, "name", ("sources", key))
            target = entry.pop("server", None)
            if target is None:
                hint = "name the server that it asks"
                self.found.append(Finding(("sources", key, "server"), "is missing", hint))
            elif self._value(Name, target, ("sources", key, "server")) is not None:
                self.program.connect(key, target)
            source = self._value(Source, {"name": key, **entry}, ("sources", key))
            if source is not None:
                self.program.add_source(source)
        self.program.faults = Schedule(tuple(self._faults(fields)))
        self.program.limits = tuple(self._limits(fields))

    def _groups(self, fields: Fields, kind: str) -> Iterator[tuple[str, Fields]]:
        """Name and fields of each server or source; complains of what is no group."""
        groups = fields.get(kind)
        if not isinstance(groups, dict):
            if groups is not None:
                message = f"must be a group of `name: ...` entries, got {shown(groups)}"
                self.found.append(Finding((kind,), message))
            return
        for key, entry in cast("Fields", groups).items():
            if isinstance(entry, dict):
                yield key, dict(cast("Fields", entry))
            else:
                message = f"must be a group of `field: value` entries, got {shown(entry)}"
                self.found.append(Finding((kind, key), message))

    def _faults(self, fields: Fields) -> Iterator[Any]:
        faults = fields.get("faults")
        if faults is None:
            return
        if not isinstance(faults, list):
            message = f"must be a list of faults, got {shown(faults)}"
            self.found.append(Finding(("faults",), message, "begin each with `- kind:`"))
            return
        for i, entry in enumerate(cast("list[object]", faults)):
            fault = self._value(Fault, entry, ("faults", i))
            if fault is not None:
                yield fault

    def _limits(self, fields: Fields) -> Iterator[Limit]:
        limits = fields.get("limits")
        if limits is None:
            return
        if not isinstance(limits, list):
            message = f"must be a list of limits, got {shown(limits)}"
            hint = 'write for example "- recovery_p99 < 5min"'
            self.found.append(Finding(("limits",), message, hint))
            return
        for i, entry in enumerate(cast("list[object]", limits)):
            try:
                yield as_limit(entry)
            except ValueError as error:
                message, _, hint = str(error).partition("; ")
                self.found.append(Finding(("limits", i), message, hint))

    def _fill_callers(self, entry: Fields, name: str) -> None:
        """Make the server called `name` the caller of every call in `entry`."""
        apis = entry.get("apis")
        if not isinstance(apis, dict):
            return
        entry["apis"] = filled = dict(cast("Fields", apis))
        for api, work in filled.items():
            if isinstance(work, dict) and isinstance(cast("Fields", work).get("downstream"), list):
                place = ("servers", name, "apis", api, "downstream")
                calls = cast("list[object]", work["downstream"])
                filled[api] = {**work, "downstream": self._called(calls, name, place)}

    def _called(self, calls: list[object], caller: str, place: Place) -> list[object]:
        called: list[object] = []
        for i, call in enumerate(calls):
            if isinstance(call, dict):
                call = dict(cast("Fields", call))
                self._without(call, "caller", (*place, i))
                call["caller"] = caller
            called.append(call)
        return called

    def _without(self, entry: Fields, key: str, place: Place) -> None:
        """Take `key`, which a file does not repeat, out of `entry`; complain if it was there."""
        if key in entry:
            del entry[key]
            remedy = "remove it; it is what the group above is called"
            self.found.append(Finding((*place, key), "unknown field", remedy))

    def _value(self, hint: Any, data: Any, place: Place) -> Any:
        """`data` as a value of type `hint`; None, with findings, where it is none."""
        try:
            return _adapter(hint).validate_python(data)
        except ValidationError as error:
            for f in findings(error, hint, data):
                inner = () if f.place == (IMPLIED.get(hint),) else f.place
                self.found.append(Finding((*place, *inner), f.message, f.hint))
            return None


@functools.cache
def _adapter(hint: Any) -> TypeAdapter[Any]:
    return TypeAdapter(hint)


# --- to plain data -------------------------------------------------------------------------------


def as_plain(program: Program, *, units: bool) -> Fields:
    """The program as plain data, fields at their defaults left out.

    With `units` quantities become texts such as ``"200ms"``; without, they stay SI numbers.
    """
    targets = dict(program.connections)
    data: Fields = {"separatrix": VERSION, "name": program.name}
    if program.description:
        data["description"] = program.description
    data["servers"] = {s.name: part_as_plain(s, units=units) for s in program.servers}
    data["sources"] = {
        s.name: {"server": targets[s.name], **part_as_plain(s, units=units)}
        for s in program.sources
    }
    if program.faults.faults:
        data["faults"] = [part_as_plain(f, units=units) for f in program.faults.faults]
    if program.limits:
        data["limits"] = [str(limit) for limit in program.limits]
    return data


def part_as_plain(part: Any, *, units: bool) -> Fields:
    """The fields of one part that differ from their defaults: kind, plain fields, groups."""
    cls = cast("type[Any]", type(part))
    kind = anatomy.kind_of(cls)
    data: Fields = {"kind": kind} if kind is not None else {}
    hints = anatomy.fields_of(cls)
    for field in dataclasses.fields(cls):
        value = getattr(part, field.name)
        if field.name == IMPLIED.get(cls) or field.name == "kind":
            continue
        if value != field.default or field.name in SAID:
            data[field.name] = _value_as_plain(value, hints[field.name], units=units)
    return dict(sorted(data.items(), key=lambda entry: isinstance(entry[1], dict | list)))


def _value_as_plain(value: Any, hint: Any, *, units: bool) -> Any:
    if dataclasses.is_dataclass(value):
        return part_as_plain(value, units=units)
    if isinstance(value, Mapping):
        entries = cast("Mapping[str, Any]", value)
        return {k: _value_as_plain(v, None, units=units) for k, v in entries.items()}
    if isinstance(value, tuple):
        items = cast("tuple[Any, ...]", value)
        return [_value_as_plain(v, None, units=units) for v in items]
    notation = anatomy.notation_of(hint) if units and isinstance(value, float) else None
    # a share is written as the number that it is: as a text it would stand in quotes
    return value if notation is None or notation.text is number_text else notation.text(value)
