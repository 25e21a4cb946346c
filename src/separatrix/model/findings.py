"""Pydantic's complaints about a part, in the words of the model: what, where, remedy."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, cast

from separatrix.model import anatomy

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

Place = tuple[str | int, ...]
"""Keys and list positions that lead to a value."""

UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
"""What a text may not hold, since it could command the terminal that prints it."""
MOST = 100
"""Findings beyond this many are counted, not told: each costs a search for near names."""


@dataclass(frozen=True)
class Finding:
    """One thing wrong at one place of plain data."""

    place: Place
    message: str
    hint: str = ""


_TYPES = {
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "string_type": "must be text",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "tuple_type": "must be a list",
    "mapping_type": "must be a group of `name: ...` entries",
    "dataclass_type": "must be a group of `field: value` entries",
    "model_attributes_type": "must be a group of `field: value` entries",
    "string_too_short": "must not be empty",
    "string_pattern_mismatch": "must be printable text",
    "finite_number": "must be finite",
}
_BOUNDS = {
    "greater_than": (">", "gt"),
    "greater_than_equal": (">=", "ge"),
    "less_than": ("<", "lt"),
    "less_than_equal": ("<=", "le"),
}


def findings(
    error: ValidationError, hint: Any, data: object, positional: Sequence[str] = ()
) -> list[Finding]:
    """What pydantic found wrong with `data`, which was to become a value of type `hint`.

    `positional` names what pydantic knows by its position in a call.
    """
    details = error.errors(include_url=False)
    for detail in details[:MOST]:
        first = detail["loc"][0] if detail["loc"] else ""
        if isinstance(first, int) and first < len(positional):
            detail["loc"] = (positional[first], *detail["loc"][1:])
    found = [_finding(detail, hint, data) for detail in details[:MOST]]
    if len(details) > MOST:
        found.append(Finding((), f"{len(details) - MOST} more problems", "mend these first"))
    return found


def nearest(name: str, known: list[str]) -> str:
    """A remedy that names the nearest known name, or the first few; empty where there is none."""
    near = get_close_matches(name, known, n=1) if len(known) <= 200 else []
    if near:
        return f"did you mean {near[0]!r}?"
    if not known:
        return ""
    more = f" and {len(known) - 12} more" if len(known) > 12 else ""
    return f"known: {', '.join(map(repr, known[:12]))}{more}"


def shown(value: object) -> str:
    """A value as a message prints it, cut where it is long."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _finding(detail: ErrorDetails, hint: Any, data: object) -> Finding:
    place, at, owner = _walk(detail["loc"], hint, data)
    kind, given = detail["type"], detail["input"]
    context = detail.get("ctx", {})
    if kind == "unexpected_keyword_argument":
        known = [k for k in anatomy.fields_of(owner) if k != "kind"] if owner else []
        return Finding(place, "unknown field", nearest(str(place[-1]), known))
    if kind in ("missing", "missing_argument"):
        notation = anatomy.notation_of(at)
        example = f", such as {notation.example}" if notation else ""
        return Finding(place, "is missing", f"give it a value{example}")
    if kind == "value_error":
        message, _, remedy = detail["msg"].removeprefix("Value error, ").partition("; ")
        return Finding(_named_first(place, message, given), message, remedy)
    if kind in _BOUNDS:
        return _out_of_bounds(place, at, given, *_BOUNDS[kind], context)
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        known = [k for k in map(anatomy.kind_of, anatomy.parts_in(at)) if k]
        if kind == "union_tag_not_found":
            return Finding(place, "needs a `kind`", nearest("", known))
        tag = str(context["tag"])
        return Finding((*place, "kind"), f"unknown kind {shown(tag)}", nearest(tag, known))
    if kind == "literal_error":
        return Finding(place, f"must be {context['expected']}, got {shown(given)}")
    message = f"{_TYPES.get(kind, detail['msg'])}, got {shown(given)}"
    return Finding(place, message, _type_remedy(kind, at, given))


def _type_remedy(kind: str, at: Any, given: object) -> str:
    if kind == "string_type" and isinstance(given, int | float):
        return f'write "{given}" in quotes'
    wants_part = kind in ("dataclass_type", "model_attributes_type")
    if wants_part and given in [anatomy.kind_of(p) or () for p in anatomy.parts_in(at)]:
        return f"write {{kind: {given}}}"
    return ""


def _out_of_bounds(
    place: Place, at: Any, given: object, sign: str, name: str, context: dict[str, Any]
) -> Finding:
    bound = context[name]
    notation = anatomy.notation_of(at)
    message = f"must be {sign} {bound:g}{notation.unit if notation else ''}, got {shown(given)}"
    if notation is None:
        return Finding(place, message)
    number = notation.read(given)
    if sign.startswith(">") and bound == 0:
        if number < 0:
            return Finding(place, message, f'did you mean "{notation.text(-number)}"?')
        return Finding(place, message, f'write one such as "{notation.example}"')
    if notation.example.endswith("%") and 1 < number <= 100:
        return Finding(place, message, f'did you mean "{number:g}%"?')
    return Finding(place, message)


def _walk(loc: tuple[str | int, ...], hint: Any, data: object) -> tuple[Place, Any, type | None]:
    """The place that `loc` means in `data`, the hint there, and the part that holds it.

    Pydantic puts the kind of a union's member, and "[key]" after a key, among the keys.
    """
    place: list[str | int] = []
    owner: type | None = None
    for step in loc:
        if step == "[key]":
            continue
        part = anatomy.part_for(hint, data) if hint is not None else None
        if part is not None:
            if step == anatomy.kind_of(part) and len(anatomy.parts_in(hint)) > 1:
                hint = part
                continue
            owner = part
        hint = anatomy.inside(hint, data, step) if hint is not None else None
        data = _child(data, step)
        place.append(step)
    return tuple(place), hint, owner


def _child(data: object, step: str | int) -> object:
    if isinstance(data, Mapping):
        return cast("Mapping[object, object]", data).get(step)
    if isinstance(data, list | tuple):
        items = cast("Sequence[object]", data)
        return items[step] if isinstance(step, int) and step < len(items) else None
    return getattr(data, str(step), None)


def _named_first(place: Place, message: str, given: object) -> Place:
    """Go on to the field that a complaint about a whole part begins with, if it has one such."""
    word = message.split(" ", 1)[0]
    if isinstance(given, Mapping) and word in cast("Mapping[object, object]", given):
        return (*place, word)
    return place
