"""YAML files of programs: read with every problem at its line, written short, never trusted.

A text passes three gates before anything is built from it: its length (`textfile`), then, on the
stream of YAML events, depth, number of values, aliases, tags and keys (here), then the fields of
the parts (`plaindata`). Numbers and words mean what the core schema of YAML 1.2 says.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from typing import Any, NoReturn, cast

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    MappingEndEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from separatrix.atomic import write_atomically
from separatrix.errors import ModelError, Problem
from separatrix.model.findings import MOST, UNPRINTABLE, Finding
from separatrix.model.plaindata import VERSION, Fields, as_plain, as_program
from separatrix.model.program import Program
from separatrix.model.quantities import NAME_LETTERS
from separatrix.model.schema import schema
from separatrix.model.textfile import Readable, read_text
from separatrix.model.tree import Entry, Node, line_of, plain, resolved
from separatrix.model.writing import document_text

__all__ = ["compose", "dumps", "load", "loads", "save", "schema"]

MOST_VALUES = 15_000
"""Values in a file, borrowed ones counted each time; more are an alias bomb or a mistake."""
MOST_DEPTH = 32
"""The deepest value of the format is ten levels down."""
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def load(source: Readable) -> Program:
    """Read a program from a path, from standard input (``"-"``) or from an open stream.

    Raises ModelError with every problem, each with its line.
    """
    text, name = read_text(source)
    return loads(text, name)


def loads(text: str, name: str = "<text>") -> Program:
    """Read a program from YAML text; `name` stands for the file in messages.

    Raises ModelError with every problem, each with its line.
    """
    return with_tree(text, name)[0]


def with_tree(text: str, name: str = "<text>") -> tuple[Program, Node]:
    """The program of a YAML text, and the tree that it was read from. Raises as `loads`."""
    root, problems = compose(text, name)

    def placed(finding: Finding) -> Problem:
        field = ".".join(map(str, finding.place))
        line = line_of(root, finding.place)
        return Problem(finding.message, field, finding.hint, file=name, line=line)

    program, found = as_program(cast("Fields", plain(root)))
    problems += map(placed, found)
    if problems:
        problems.sort(key=lambda p: p.line or 0)
        if len(problems) > MOST:
            rest = Problem(f"{len(problems) - MOST} more problems", file=name)
            problems = [*problems[:MOST], rest]
        raise ModelError(problems)
    assert program is not None  # noqa: S101 - without a problem there is a program
    return program, root


def dumps(program: Program) -> str:
    """The program as YAML text, fields at their defaults left out; `loads` undoes it exactly.

    Raises ModelError where the program is not whole.
    """
    return document_text(as_plain(program.check(), units=True))


def save(program: Program, path: str | os.PathLike[str]) -> None:
    """Write the program to `path` in one step.

    Raises ModelError where the program is not whole, DataError where the file cannot be written.
    """
    write_atomically(path, dumps(program))


def compose(text: str, name: str = "<text>") -> tuple[Node, list[Problem]]:
    """The tree of a YAML text that is safe to go through, and what is wrong with it as YAML.

    Raises ModelError where no tree can be made, or only one that is too deep or too large.
    """
    composer = _Composer(text, name)
    return composer.document(), composer.problems


class _Composer:
    """Events to nodes; stops at the first sign of a bomb."""

    def __init__(self, text: str, name: str) -> None:
        self.text = text
        self.name = name
        self.problems: list[Problem] = []
        self._line: int = 1
        self._values = 0
        self._anchors: dict[str, Node | None] = {}
        self._events = self._parsed()

    def document(self) -> Node:
        bad = _FORBIDDEN.search(self.text)
        if bad is not None:
            self._line = self.text.count("\n", 0, bad.start()) + 1
            message = f"holds the character U+{ord(bad[0]):04X}, which YAML forbids"
            self._stop(message, "is it a text file?")
        if _is(next(self._events), StreamEndEvent):
            self._stop("is empty", f'begin it with "separatrix: {VERSION}"')
        root = self._node(next(self._events), 0)
        if not isinstance(root.value, dict):
            self._stop(
                "the top must be a group of `field: value` entries",
                f'begin it with "separatrix: {VERSION}"',
            )
        next(self._events)  # the end of the document
        if not _is(next(self._events), StreamEndEvent):
            self._stop("holds a second document", "write one model per file, remove the `---`")
        return root

    def _parsed(self) -> Iterator[Any]:
        """Events after the start of the stream; every way the parser can fail, as a ModelError."""
        stream = io.StringIO(self.text, newline="")
        yaml: Any = YAML(typ="safe", pure=True)
        events: Iterator[Any] = yaml.parse(stream)
        next(events)
        try:
            for event in events:
                self._line = event.start_mark.line + 1
                yield event
        except (YAMLError, ValueError, OverflowError) as error:
            self._line, message, hint = _explained(error, self._line)
            self._stop(message, hint)

    def _node(self, event: Any, depth: int) -> Node:
        self._count(1)
        if depth > MOST_DEPTH:
            self._stop(f"is nested deeper than {MOST_DEPTH} levels", "close the brackets")
        if _is(event, AliasEvent):
            return self._borrowed(event)
        if event.tag is not None:
            hint = "remove it; a model is plain text and numbers"
            self._note(f"tag {str(event.tag)[:60]!r} is not allowed", hint)
        if event.anchor:
            self._anchors[event.anchor] = None
        start, end = event.start_mark.index, event.end_mark.index
        node = Node(None, self._line, start, end)
        if _is(event, ScalarEvent):
            self._scalar(node, event)
        elif _is(event, SequenceStartEvent):
            self._list(node, event, depth)
        else:
            self._mapping(node, event, depth)
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _scalar(self, node: Node, event: Any) -> None:
        node.end = node.start + len(self.text[node.start : node.end].rstrip())
        node.value = event.value
        control = UNPRINTABLE.search(event.value)
        if control is not None:
            node.value = ""
            self._note(f"holds the control character {control[0]!r}", "remove it")
            return
        if event.implicit[0]:
            try:
                node.value = resolved(event.value)
            except ValueError as error:
                self._note(f"{error}", "write it shorter")

    def _list(self, node: Node, event: Any, depth: int) -> None:
        items: list[Node] = []
        node.value, node.flow = items, bool(event.flow_style)
        while not _is(event := next(self._events), SequenceEndEvent):
            items.append(self._node(event, depth + 1))
            node.size += items[-1].size
        self._close(node, event, items[-1] if items else None)

    def _mapping(self, node: Node, event: Any, depth: int) -> None:
        entries: dict[str, Entry] = {}
        last: Node | None = None
        node.value, node.flow = entries, bool(event.flow_style)
        while not _is(event := next(self._events), MappingEndEvent):
            line, start, end = self._line, event.start_mark.index, event.end_mark.index
            key = self._node(event, depth + 1)
            last = self._node(next(self._events), depth + 1)
            if last.start == last.end:  # nothing: it stands right behind its key
                last.start = last.end = end
            node.size += key.size + last.size
            self._enter(entries, key, Entry(line, start, end, last))
        self._close(node, event, last)

    def _enter(self, entries: dict[str, Entry], key: Node, entry: Entry) -> None:
        self._line = entry.line
        if not isinstance(key.value, str):
            scalar = not isinstance(key.value, dict | list)
            shown = self.text[entry.start : entry.end][:60]
            what = f"key {shown} is not text" if scalar else "a group or list cannot be a key"
            self._note(what, f'write "{shown}" in quotes' if scalar else "")
        elif len(key.value) > NAME_LETTERS:
            self._note(f"a key of {len(key.value)} letters", f"at most {NAME_LETTERS} are allowed")
        elif key.value == "<<" and self.text.startswith("<<", entry.start):
            self._note("merge keys (<<) are not part of YAML 1.2", "write the fields out")
        elif key.value in entries:
            first = entries[key.value].line
            hint = "remove one of the two"
            self._note(f"{key.value[:60]!r} is given twice, first on line {first}", hint)
        else:
            entries[key.value] = entry

    def _close(self, node: Node, end: Any, last: Node | None) -> None:
        """End a collection at its bracket, or at the last value inside: comments after it stay."""
        if node.flow:
            node.end = end.end_mark.index
        elif last is not None:
            node.end = last.end

    def _borrowed(self, event: Any) -> Node:
        name = cast(str, event.anchor)
        target = self._anchors.get(name)
        if target is None:
            inside = name in self._anchors
            self._stop(f"alias *{name[:60]} {'holds itself' if inside else 'has no anchor'}")
        self._count(target.size - 1)
        start, end = event.start_mark.index, event.end_mark.index
        return Node(target.value, self._line, start, end, target.flow, name, target.size)

    def _count(self, values: int) -> None:
        self._values += values
        if self._values > MOST_VALUES:
            hint = "aliases count each time they are used; shorten lists of measured times"
            self._stop(f"holds more than {MOST_VALUES:,} values", hint)

    def _note(self, message: str, hint: str = "") -> None:
        self.problems.append(Problem(message, hint=hint, file=self.name, line=self._line))

    def _stop(self, message: str, hint: str = "") -> NoReturn:
        self._note(message, hint)
        raise ModelError([*self.problems[:-1][: MOST - 1], self.problems[-1]]) from None


def _is(event: Any, kind: type) -> bool:
    return isinstance(event, kind)


def _explained(error: Any, line: int) -> tuple[int, str, str]:
    """Line, message and remedy of what ruamel raised after `line`."""
    if not isinstance(error, YAMLError):  # from the decoding of "\\UFFFFFFFF"
        return line, "holds an escape that is no character", "write the letter itself"
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line = mark.line + 1 if mark is not None else line
    problem = str(getattr(error, "problem", None) or error)
    context = str(getattr(error, "context", None))
    if "'\\t'" in problem:
        return line, "a tab where YAML wants blanks", "indent with spaces"
    if "mapping values are not allowed" in problem:
        return line, "a second `:` on the line", "check the indentation, or quote the text"
    if "flow" in context or "quoted" in context:
        return line, f"{problem} {context}", "close the bracket or quote that is open"
    return line, f"{problem}", "check the indentation and the brackets"
