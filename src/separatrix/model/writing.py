"""Plain data as YAML text, laid out as a person would: small groups on one line, others below."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, cast

from separatrix.model.quantities import number_text
from separatrix.model.tree import resolved

_WIDTH = 96
_PLAIN = re.compile(r"[A-Za-z0-9_.µ][A-Za-z0-9_./+%µ-]*(?: [A-Za-z0-9_./+%µ()<>-]+)*")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}


def document_text(data: dict[str, Any]) -> str:
    """A whole file: the servers and sources below one another, their small groups on one line."""
    lines: list[str] = []
    for key, value in data.items():
        groups = key in ("servers", "sources", "faults", "limits") and bool(value)
        lines += _lines(key, value, "", block=groups)
    return "\n".join(lines) + "\n"


def flow(value: object) -> str:
    """A value on one line, in brackets where it has parts."""
    if isinstance(value, dict):
        entries = cast("dict[str, object]", value).items()
        return "{" + ", ".join(f"{scalar(k)}: {flow(v)}" for k, v in entries) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, cast("list[object]", value))) + "]"
    return scalar(value)


def scalar(value: object) -> str:
    """A number, truth value or text; a text is quoted where YAML would read something else."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return number_text(value)
    text = cast(str, value)
    if _PLAIN.fullmatch(text) and len(text) < _WIDTH and _is_text(text):
        return text
    return '"' + "".join(map(_escaped, text)) + '"'


def _is_text(text: str) -> bool:
    try:
        return isinstance(resolved(text), str)
    except ValueError:
        return False


def _escaped(letter: str) -> str:
    if letter in _ESCAPES:
        return _ESCAPES[letter]
    if letter.isprintable():
        return letter
    code = ord(letter)
    return (
        f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
    )


def _lines(key: str, value: Any, indent: str, *, block: bool = False) -> Iterator[str]:
    """Lines of `key: value`; a group goes below its key if it must, or does not fit beside it."""
    head = f"{indent}{scalar(key)}:"
    short = f"{head} {flow(value)}"
    if (
        value in ({}, [])
        or not isinstance(value, dict | list)
        or not (block or len(short) > _WIDTH or key == "apis")
    ):
        yield short
        return
    yield head
    if isinstance(value, dict):
        for name, inner in cast("dict[str, Any]", value).items():
            servers = block and key == "servers"
            yield from _lines(name, inner, indent + "  ", block=servers)
        return
    items = cast("list[Any]", value)
    if block or any(isinstance(item, dict) for item in items):
        for item in items:
            yield from _item(item, indent + "  ")
    else:
        yield from _wrapped(items, indent + "  ")


def _item(item: Any, indent: str) -> Iterator[str]:
    """A list item: on one line if it fits, else its fields below one another."""
    short = f"{indent}- {flow(item)}"
    if len(short) <= _WIDTH or not isinstance(item, dict):
        yield short
        return
    fields = (
        line
        for name, value in cast("dict[str, Any]", item).items()
        for line in _lines(name, value, indent + "  ")
    )
    for i, line in enumerate(fields):
        yield f"{indent}- {line[len(indent) + 2 :]}" if i == 0 else line


def _wrapped(items: list[Any], indent: str) -> Iterator[str]:
    """A list of numbers over several lines, in brackets."""
    line = indent + "["
    for i, item in enumerate(items):
        piece = flow(item) + ("," if i < len(items) - 1 else "]")
        if len(line) + len(piece) + 1 > _WIDTH and line.strip() != "[":
            yield line
            line = indent + " "
        line += piece if line.endswith("[") else " " + piece
    yield line
