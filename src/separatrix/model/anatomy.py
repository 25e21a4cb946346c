"""What the parts are made of: their fields, units and alternatives, read from the type hints.

Reader, writer, JSON Schema and paths all ask here, so the file format has no second description
that could differ from the classes.
"""

from __future__ import annotations

import dataclasses
import functools
import types
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin, get_type_hints

from pydantic.fields import FieldInfo

from separatrix.model.quantities import NOTATIONS, Notation


@functools.cache
def fields_of(part: type) -> dict[str, Any]:
    """Field name -> type hint of a model part, in the order of the class."""
    hints = get_type_hints(part, include_extras=True)
    return {f.name: hints[f.name] for f in dataclasses.fields(part)}


def without_default(part: type) -> list[str]:
    """Names of the fields that have to be given."""
    return [
        f.name
        for f in dataclasses.fields(part)
        if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    ]


def parts_in(hint: Any) -> tuple[type, ...]:
    """The part classes that a value of this hint may be; empty where it is no part."""
    hint = _bare(hint)
    if get_origin(hint) in (Union, types.UnionType):
        return tuple(p for choice in get_args(hint) for p in parts_in(choice))
    return (hint,) if isinstance(hint, type) and dataclasses.is_dataclass(hint) else ()


def kind_of(part: type) -> str | None:
    """The name by which a union knows `part`; None where it needs none."""
    hint = fields_of(part).get("kind")
    return cast(str, get_args(hint)[0]) if get_origin(hint) is Literal else None


def part_for(hint: Any, data: object) -> type | None:
    """The part class that `data` (a mapping or an instance) is meant to be."""
    choices = parts_in(hint)
    if len(choices) == 1:
        return choices[0]
    if isinstance(data, Mapping):
        kind = cast("Mapping[object, object]", data).get("kind")
        return next((c for c in choices if kind_of(c) == kind), None)
    return type(data) if type(data) in choices else None


def notation_of(hint: Any) -> Notation | None:
    """How the quantity with this hint is written; None where it is no quantity."""
    if get_origin(hint) is Annotated:
        for extra in get_args(hint)[1:]:
            if isinstance(extra, FieldInfo) and extra.json_schema_extra is not None:
                unit = cast("dict[str, str]", extra.json_schema_extra).get("x-unit", "")
                if unit in NOTATIONS:
                    return NOTATIONS[unit]
        return notation_of(get_args(hint)[0])
    if get_origin(hint) in (Union, types.UnionType):
        return next((n for n in map(notation_of, get_args(hint)) if n), None)
    return None


def inside(hint: Any, data: object, key: str | int) -> Any | None:
    """Hint of the value at `key` of `data`, which has `hint`; None where there can be none."""
    part = part_for(hint, data)
    if part is not None:
        return fields_of(part).get(str(key))
    bare = _bare(hint)
    if get_origin(bare) in (Union, types.UnionType):
        found = (inside(choice, data, key) for choice in get_args(bare))
        return next((h for h in found if h is not None), None)
    if get_origin(bare) is tuple and isinstance(key, int):
        return get_args(bare)[0]
    if get_origin(bare) is Mapping and isinstance(key, str):
        return get_args(bare)[1]
    return None


def arguments(hint: Any) -> list[Any]:
    """Hints inside a hint: values of a mapping, items of a tuple, members of a union."""
    return [h for h in get_args(_bare(hint)) if h is not Ellipsis]


def _bare(hint: Any) -> Any:
    while get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    return hint
