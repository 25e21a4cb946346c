"""One number of a program by its path: read it, or get a program in which it differs.

A path is text, long (``servers.db.apis.read.processing_rate``) or short
(``db.read.processing_rate``, ``web.retries``), or a tuple of its steps; tuples may name the steps
as Metafor does, such as ``("server", "52", "api", "insert", "processing_rate")``. A field of a
source is also found by what it asks: ``db.read.retries``, where one source alone asks that.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, NoReturn, cast

from separatrix.errors import ModelError, Problem
from separatrix.model import anatomy
from separatrix.model.faults import Schedule
from separatrix.model.findings import Place
from separatrix.model.limits import Limit
from separatrix.model.parts import Source
from separatrix.model.plaindata import IMPLIED, TOP, Fields, as_plain, as_program, part_as_plain
from separatrix.model.program import Program
from separatrix.model.quantities import Name
from separatrix.model.skeleton import locate

Path = str | tuple[str | int, ...]
_METAFOR = {"server": "servers", "source": "sources", "fault": "faults"}


def parameter(program: Program, path: Path) -> Any:
    """The value at `path`: a number in SI units, a text, or a part.

    Raises ModelError for an unknown path and for one that leads through a group that is not set.
    """
    place = resolve(as_plain(program, units=False), path)
    if place[0] == "servers":
        value: Any = program.get_server(str(place[1]))
    elif place[0] == "sources":
        value = program.get_source(str(place[1]))
        if place[2:] == ("server",):
            return program.server_of(value.name).name
    elif place[0] == "faults":
        return _inside(program.faults.faults, place[1:], place)
    elif place[0] == "limits":
        return _inside(program.limits, place[1:], place)
    else:
        return getattr(program, str(place[0]))
    return _inside(value, place[2:], place)


def with_parameter(program: Program, path: Path, value: object) -> Program:
    """A program that differs from `program` in the value at `path`.

    `value` may be a number in SI units, a text with a unit, a part, or None where that is allowed.
    Raises ModelError for an unknown path (naming the nearest) and for a value that cannot be.
    """
    return with_parameters(program, {path: value})


def with_parameters(program: Program, changes: Mapping[Path, object]) -> Program:
    """A program that differs from `program` in several values; only the result has to be valid."""
    data = as_plain(program.check(), units=False)
    for path, value in changes.items():
        put(data, resolve(data, path), value)
    changed, found = as_program(data)
    if changed is None:
        raise ModelError([Problem(f.message, ".".join(map(str, f.place)), f.hint) for f in found])
    return changed


def known_paths(program: Program) -> list[str]:
    """Every path that `with_parameter` takes for this program, long and short.

    >>> "web.retries" in known_paths(program)  # doctest: +SKIP
    True
    """
    return list(_paths(as_plain(program, units=False)))


def put(data: Any, place: Place, value: object) -> None:
    """Set the value at `place` of plain data; groups on the way that are not there are made."""
    *way, last = place
    for step in way:
        if not _holds(data, step) or data[step] is None:
            data[step] = {}
        data = data[step]
    data[last] = plain_value(value)


def plain_value(value: object, *, units: bool = False) -> Any:
    """A value as plain data: parts become groups, NumPy scalars numbers, tuples lists."""
    if isinstance(value, Schedule):
        value = value.faults
    if isinstance(value, Limit):
        return str(value)
    if dataclasses.is_dataclass(value):
        return part_as_plain(value, units=units)
    if isinstance(value, Mapping):
        return {
            k: plain_value(v, units=units) for k, v in cast("Mapping[str, object]", value).items()
        }
    if isinstance(value, list | tuple):
        return [plain_value(v, units=units) for v in cast("list[object]", value)]
    if not isinstance(value, str) and hasattr(value, "item"):
        return cast(Any, value).item()
    return value


def resolve(data: Fields, path: Path) -> Place:
    """The place in plain data that `path` means.

    Raises ModelError where there is none, naming the nearest known path, or more than one.
    """
    if isinstance(path, tuple):
        fits = [p for p in [_spelled(path)] if _known(data, p)]
        shown = ".".join(map(str, path))
    else:
        shown = path
        fits = list(dict.fromkeys(p for p in _meanings(data, path) if _known(data, p)))
        fits = fits or list(_by_question(data, path))
    if len(fits) > 1:
        them = " or ".join(".".join(map(str, p)) for p in fits)
        raise ModelError(Problem("may mean several things", shown, f"write {them}"))
    if not fits:
        _unknown(data, shown)
    return fits[0]


def _unknown(data: Fields, shown: str) -> NoReturn:
    long = shown.split(".")[0] in (*TOP, *_METAFOR)
    known = [p for p in _paths(data) if not long or p.split(".")[0] in TOP]
    near = get_close_matches(shown, known[:5000], n=1)
    names = ", ".join([*data["servers"], *data["sources"]][:12])
    hint = f"did you mean {near[0]!r}?" if near else f"a path begins with one of: {names}"
    raise ModelError(Problem("unknown path", shown, hint))


def _spelled(path: tuple[str | int, ...]) -> Place:
    """The steps of a tuple, as the file spells them."""
    steps = list(path)
    if steps and steps[0] in _METAFOR:
        steps[0] = _METAFOR[str(steps[0])]
    if len(steps) > 2 and steps[0] == "servers" and steps[2] == "api":
        steps[2] = "apis"
    return tuple(steps)


def _meanings(data: Fields, path: str) -> Iterator[Place]:
    """Places that a dotted path may mean, known or not."""
    yield locate(data, path)
    for kind in ("servers", "sources"):
        for name, entry in cast("dict[str, Fields]", data[kind]).items():
            rest = path.removeprefix(f"{name}.")
            if rest == path:
                continue
            yield (kind, name, *locate(entry, rest))
            if kind == "servers":
                yield (kind, name, "apis", *locate(entry["apis"], rest))


def _by_question(data: Fields, path: str) -> Iterator[Place]:
    """``server.api.field`` as a field of the sources that ask `api` of `server`."""
    for name, source in cast("dict[str, Fields]", data["sources"]).items():
        rest = path.removeprefix(f"{source['server']}.{source['api']}.")
        place = ("sources", name, *locate(source, rest))
        if rest != path and _known(data, place):
            yield place


def _known(data: Fields, place: Place) -> bool:
    """Whether `place` is a value of the program, or a field that has its default."""
    if not place or place[0] not in TOP or place[0] == "separatrix":
        return False
    if place[0] in ("servers", "sources") and len(place) < 3:
        return False
    hint: Any
    value: Any
    hint, value = TOP[str(place[0])], data.get(str(place[0]))
    for step in place[1:]:
        if hint is Source and step == "server":
            hint, value = Name, None
            continue
        if anatomy.parts_in(hint):
            owner = anatomy.part_for(hint, value)
            if owner is not None and step == IMPLIED.get(owner):
                return False
        elif not _holds(value, step):
            return False
        hint = anatomy.inside(hint, value, step)
        value = value[step] if _holds(value, step) else None
        if hint is None:
            return False
    return True


def _holds(value: Any, step: str | int) -> bool:
    if isinstance(value, dict):
        return step in value
    count = len(cast("list[Any]", value)) if isinstance(value, list) else 0
    return isinstance(step, int) and 0 <= step < count


def _inside(value: Any, steps: Place, place: Place) -> Any:
    for i, step in enumerate(steps):
        if isinstance(value, Mapping | tuple):
            value = cast(Any, value)[step]
        elif hasattr(value, str(step)):
            value = getattr(value, str(step))
        else:
            above = ".".join(map(str, place[: len(place) - len(steps) + i]))
            what = "is not set" if value is None else f"is {type(value).__name__}"
            problem = f"has no value, since {above} {what}"
            raise ModelError(Problem(problem, ".".join(map(str, place)), f"set {above} first"))
    return value


def _paths(data: Fields) -> Iterator[str]:
    """Every known path, long and short, of a program that is plain data."""
    yield from ("name", "description")
    for kind in ("servers", "sources"):
        for name, entry in cast("dict[str, Fields]", data[kind]).items():
            hint = anatomy.inside(TOP[kind], data[kind], name)
            for rest in (*_fields(hint, entry), *(["server"] if kind == "sources" else [])):
                yield f"{kind}.{name}.{rest}"
                yield f"{name}.{rest.removeprefix('apis.')}"
    for i, fault in enumerate(data.get("faults", [])):
        for rest in _fields(anatomy.inside(TOP["faults"], data["faults"], i), fault):
            yield f"faults.{i}.{rest}"
    yield from (f"limits.{i}" for i in range(len(data.get("limits", []))))


def _fields(hint: Any, value: Any) -> Iterator[str]:
    """Paths below a value of type `hint`."""
    owner = anatomy.part_for(hint, value)
    if owner is not None:
        keys: list[str | int] = [k for k in anatomy.fields_of(owner) if k != IMPLIED.get(owner)]
    elif isinstance(value, dict):
        keys = list(cast("Fields", value))
    else:
        keys = list(range(len(cast("list[Any]", value)))) if isinstance(value, list) else []
    for key in keys:
        yield str(key)
        inner: Any = cast(Any, value)[key] if _holds(value, key) else None
        child = anatomy.inside(hint, cast(object, value), key)
        if child is not None:
            yield from (f"{key}.{rest}" for rest in _fields(child, inner))
