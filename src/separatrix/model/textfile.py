"""Reading a text of bounded size."""

from __future__ import annotations

import os
import sys
from typing import IO, Any

from separatrix.errors import ModelError, Problem

MOST_BYTES = 256 * 1024
"""No model is longer; the slowest text of this length is scanned within a second."""

Readable = str | os.PathLike[str] | IO[str] | IO[bytes]
"""A path, ``"-"`` for standard input, or an open stream."""


def read_text(source: Readable) -> tuple[str, str]:
    """The text of `source` and the name that messages give it.

    At most `MOST_BYTES` are read, from a pipe too. Raises ModelError where there is no such file,
    it is longer, or it is not UTF-8 text.
    """
    if isinstance(source, str) and source == "-":
        return _decoded(_bounded(sys.stdin.buffer, "<stdin>"), "<stdin>"), "<stdin>"
    if isinstance(source, str | os.PathLike):
        path = os.fspath(source)
        try:
            with open(path, "rb") as stream:
                return _decoded(_bounded(stream, path), path), path
        except (OSError, ValueError) as error:
            if isinstance(error, ModelError):
                raise
            reason = getattr(error, "strerror", None) or str(error)
            problem = Problem(f"cannot be read: {reason}", hint=_beside(path), file=path)
            raise ModelError(problem) from None
    name = str(getattr(source, "name", "<stream>"))
    return _decoded(_bounded(source, name), name), name


def _bounded(stream: IO[Any], name: str) -> bytes | str:
    pieces: list[Any] = []
    left = MOST_BYTES + 1
    while left > 0:
        try:
            piece = stream.read(left)
        except UnicodeDecodeError as error:
            raise ModelError(Problem(f"is not UTF-8 text: {error.reason}", file=name)) from None
        if not piece:
            break
        pieces.append(piece)
        left -= len(piece)
    if left <= 0:
        raise ModelError(
            Problem(
                f"is longer than {MOST_BYTES // 1024} KiB",
                hint="a model is short; is this the right file?",
                file=name,
            )
        )
    return pieces[0][:0].join(pieces) if pieces else ""


def _decoded(content: bytes | str, name: str) -> str:
    if isinstance(content, str):
        return content.removeprefix("\ufeff")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ModelError(
            Problem(
                f"is not UTF-8 text: byte 0x{content[error.start]:02x}",
                hint="save it as UTF-8",
                file=name,
                line=content.count(b"\n", 0, error.start) + 1,
            )
        ) from None


def _beside(path: str) -> str:
    """A remedy that names the YAML file beside `path` with the nearest name."""
    from difflib import get_close_matches

    try:
        with os.scandir(os.path.dirname(path) or ".") as entries:
            names = [e.name for _, e in zip(range(1000), entries, strict=False)]
    except (OSError, ValueError):
        return "check the path"
    models = [n for n in names if n.endswith((".yaml", ".yml"))]
    near = get_close_matches(os.path.basename(path), models, n=1)
    if not near:
        return "check the path"
    return f"did you mean {os.path.join(os.path.dirname(path), near[0])!r}?"
