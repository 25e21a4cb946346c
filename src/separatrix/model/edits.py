"""Changing a value in a YAML file and nothing else: comments, order and layout stay.

A change is spliced into the text at the place where the value stands, so the difference is the
value itself, or one line for a field that was not there. The new text is read again and must mean
exactly what was asked for; where it does not (a value shared through an alias), the edit fails.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, cast

from separatrix.atomic import write_atomically
from separatrix.errors import ModelError, Problem
from separatrix.model.files import compose, with_tree
from separatrix.model.findings import Place
from separatrix.model.parameters import Path, plain_value, resolve, with_parameters
from separatrix.model.plaindata import as_plain
from separatrix.model.program import Program
from separatrix.model.textfile import Readable, read_text
from separatrix.model.tree import Node, Scalar, along
from separatrix.model.writing import flow, scalar


class Document:
    """A model file that is open for edits: its text, and the program that it means.

    >>> document = Document("separatrix: 1 ...")  # doctest: +SKIP
    >>> document.set("web.retries", 1)  # doctest: +SKIP
    >>> document.save("model.yaml")  # doctest: +SKIP
    """

    def __init__(self, text: str, name: str = "<text>") -> None:
        self.text = text
        self.name = name
        self.program: Program
        self.program, self._tree = with_tree(text, name)

    @classmethod
    def open(cls, source: Readable) -> Document:
        """Read a path, standard input (``"-"``) or a stream; ModelError where it is no model."""
        return cls(*read_text(source))

    def set(self, path: Path, value: object) -> None:
        """Change the value at `path` (see `parameters`); text such as ``"12/s"`` keeps its unit.

        Raises ModelError, and changes nothing, for an unknown path, for a value that cannot be,
        and for a value that an alias shares with another place.
        """
        self.set_all({path: value})

    def set_all(self, changes: Mapping[Path, object]) -> None:
        """Change several values; only the result has to be valid. As `set` otherwise."""
        program = with_parameters(self.program, changes)
        text, tree = self.text, self._tree
        kept = False
        try:
            for path, value in changes.items():
                place = resolve(as_plain(self.program, units=False), path)
                if text != self.text:
                    tree, _ = compose(text)
                text = _spliced(text, tree, place, plain_value(value, units=True))
            read, tree = with_tree(text, self.name)
            kept = read == program
        except ModelError:
            pass
        if not kept:
            paths = (p if isinstance(p, str) else ".".join(map(str, p)) for p in changes)
            field = " and ".join(paths)
            hint = "an alias (*) or an unusual layout is in the way; edit the file by hand"
            raise ModelError(Problem("cannot be changed here", field, hint, self.name))
        self.text, self.program, self._tree = text, program, tree

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the text to `path` in one step. Raises DataError where it cannot be written."""
        write_atomically(path, self.text)


def in_units(program: Program, changes: Mapping[Path, object]) -> dict[Path, object]:
    """The same changes with bare numbers as a model file has them: ``"3s"`` for the time-out 3.0.

    Raises ModelError where the changes cannot be made to `program`.
    """
    written = as_plain(with_parameters(program, changes), units=True)
    plain = as_plain(program, units=False)
    found: dict[Path, object] = {}
    for path, value in changes.items():
        spelled: Any = written
        for key in resolve(plain, path):
            spelled = cast(Any, spelled).get(key) if isinstance(spelled, dict) else None
        number = isinstance(value, int | float) and not isinstance(value, bool)
        found[path] = spelled if number and isinstance(spelled, str) else value
    return found


def assignment(text: str) -> tuple[str, Scalar]:
    """Split ``"web.retries=1"`` (as a command line gives it) into path and value.

    The value means what it would mean in a file. Raises ModelError where there is no ``=`` or the
    value is not a single number, word or quantity.
    """
    path, equals, given = text.partition("=")
    if not (equals and path.strip()):
        raise ModelError(Problem(f"{text!r} sets nothing", hint="write PATH=VALUE"))
    root, problems = compose(f"value: {given.strip()}", text)
    entry = root.value.get("value") if isinstance(root.value, dict) else None
    value = entry.node.value if entry is not None else None
    if problems or "\n" in given or isinstance(value, dict | list):
        problem = Problem(f"{given!r} is no single value", path, "write a number or a quantity")
        raise ModelError(problem)
    return path.strip(), value


def _spliced(text: str, root: Node, place: Place, value: object) -> str:
    """`text`, whose tree is `root`, with `value` at `place`."""
    nodes = [node for node, _ in along(root, place)]
    depth = len(nodes) - 1
    last, key, below = nodes[-1], place[depth - 1], _nested(place[depth:], value)
    if last.start == last.end and last.value is None:  # `key:` and no more
        return _filled(text, nodes[-2], str(key), below)
    if depth == len(place) or last.value is None:
        # a list may begin right below its key, where YAML takes no bracket
        indent = "  " if isinstance(last.value, list) and not last.flow else ""
        return text[: last.start] + indent + flow(below) + text[last.end :]
    return _inserted(text, last, str(place[depth]), _nested(place[depth + 1 :], value))


def _nested(way: Place, value: object) -> object:
    """`value` inside new groups, one for each key of `way`."""
    for key in reversed(way):
        value = {str(key): value}
    return value


def _filled(text: str, parent: Node, key: str, value: object) -> str:
    """Put a value behind a key that has none."""
    entries = parent.value
    assert isinstance(entries, dict)  # noqa: S101 - a list item without a value is a scalar
    end = entries[key].end
    colon = len(text[end:]) - len(text[end:].lstrip(" "))
    if text[end + colon : end + colon + 1] == ":":
        end += colon + 1
        return f"{text[:end]} {flow(value)}{text[end:]}"
    return f"{text[:end]}: {flow(value)}{text[end:]}"


def _inserted(text: str, group: Node, key: str, value: object) -> str:
    """Add a field at the end of a group, laid out as its neighbours are."""
    entries = group.value if isinstance(group.value, dict) else {}
    line = f"{scalar(key)}: {flow(value)}"
    if group.flow:
        if not entries:
            return text[: group.start + 1] + line + text[group.start + 1 :]
        last = [*entries.values()][-1]
        end = max(last.end, last.node.end)
        return f"{text[:end]}, {line}{text[end:]}"
    first = next(iter(entries.values())).start
    indent = first - text.rfind("\n", 0, first) - 1
    newline = "\r\n" if "\r\n" in text else "\n"
    end = text.find("\n", _last_end(group))
    if end < 0:
        return f"{text}{newline}{' ' * indent}{line}"
    end -= text[end - 1] == "\r"
    return f"{text[:end]}{newline}{' ' * indent}{line}{text[end:]}"


def _last_end(node: Node) -> int:
    """Offset where the last thing written inside `node` ends."""
    if node.flow or node.alias or not node.value:
        return node.end
    if isinstance(node.value, dict):
        last = [*node.value.values()][-1]
        return max(last.end, _last_end(last.node))
    return _last_end(node.value[-1]) if isinstance(node.value, list) else node.end
