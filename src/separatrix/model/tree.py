"""A YAML text as a tree that knows where everything stands: values with lines and offsets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from separatrix.model.findings import Place

Scalar = str | int | float | bool | None

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_INFINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
MOST_DIGITS = 40
"""A number written with more is not a quantity of any model."""


@dataclass(eq=False)
class Node:
    """One value of the text, and where it stands.

    Attributes
    ----------
    value : a scalar, a list of nodes, or a dict of entries.
    line : from 1.
    start, end : offsets in the text, without the blanks and comments after the value.
    flow : written in brackets.
    alias : name of the anchor that the value is borrowed from; empty where it stands here itself.
    size : number of values, those inside counted, borrowed ones too.
    """

    value: Scalar | list[Node] | dict[str, Entry]
    line: int
    start: int
    end: int
    flow: bool = False
    alias: str = ""
    size: int = 1


@dataclass(eq=False)
class Entry:
    """A key, where it stands, and its value."""

    line: int
    start: int
    end: int
    node: Node = field(repr=False)


def resolved(text: str) -> Scalar:
    """What a plain scalar means in the core schema of YAML 1.2 (section 10.3.2).

    Raises ValueError for a number of more than `MOST_DIGITS` digits.
    """
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if _INFINITE.fullmatch(text):
        return float(text.replace(".", "", 1))
    number = int if _INT.fullmatch(text) else float if _FLOAT.fullmatch(text) else None
    if number is None and _BASED.fullmatch(text) is None:
        return text
    if len(text) > MOST_DIGITS:
        raise ValueError(f"a number of {len(text)} characters")
    return number(text) if number else int(text, 0)


def plain(node: Node) -> object:
    """The value without places: dicts, lists and scalars; borrowed values are shared."""
    made: dict[int, object] = {}

    def make(node: Node) -> object:
        key = id(node.value)
        if isinstance(node.value, dict):
            if key not in made:
                made[key] = {name: make(entry.node) for name, entry in node.value.items()}
            return made[key]
        if isinstance(node.value, list):
            if key not in made:
                made[key] = [make(item) for item in node.value]
            return made[key]
        return node.value

    return make(node)


def along(root: Node, place: Place) -> Iterator[tuple[Node, int]]:
    """The nodes on the way to `place`, as far as they exist, each with the line that names it."""
    node, line = root, root.line
    yield node, line
    for step in place:
        if isinstance(node.value, dict) and step in node.value:
            entry = node.value[str(step)]
            node, line = entry.node, entry.line
        elif isinstance(node.value, list) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.line
        else:
            return
        yield node, line


def line_of(root: Node, place: Place) -> int:
    """Line of the key or list item at `place`, or of the nearest thing above that exists."""
    return [line for _, line in along(root, place)][-1]
