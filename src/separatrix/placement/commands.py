"""The commands that would carry a plan out: printed for a person to read, never run from here.

For every directory of a user that moves, ``lfs setdirstripe -D -i`` first makes new subdirectories
appear on the new target, then ``lfs migrate -m`` moves what is there (Lustre Operations Manual,
"Migrating Metadata Between MDTs"). Names come from job ids and files that anybody may have written:
every word is quoted for the shell, and a name that could point elsewhere gets no command but a reason.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from separatrix.errors import DataError

_INDEX = re.compile(r"MDT([0-9a-fA-F]{4})(?:_UUID)?$")
_ESCAPES = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


@dataclass(frozen=True)
class Command:
    """One command line, or why there is none.

    Attributes
    ----------
    text : the line, quoted for bash, ksh and zsh; "" where there is none.
    reason : why not.
    """

    text: str
    reason: str = ""


def target_index(target: str) -> int | None:
    """Return the index of a metadata target: ``"scratch-MDT000a"`` is 10; None where not named."""
    found = _INDEX.search(target)
    return int(found[1], 16) if found else None


def checked_template(template: str) -> str:
    """Return a path template as it is.

    Raises
    ------
    DataError : not absolute, or without ``{user}``.
    """
    if not template.startswith("/") or "{user}" not in template:
        raise DataError(
            f"path template {template!r} must be absolute and name {{user}}",
            hint="for example --path '/scratch/users/{user}'",
        )
    return template


def commands(
    user: str, target: str, paths: Sequence[str] = (), template: str | None = None
) -> tuple[Command, ...]:
    """Return what would move a user's directories to a target.

    Parameters
    ----------
    paths : the user's directories, from the users' file.
    template : path with ``{user}``, used where `paths` is empty.
    """
    index = target_index(target)
    if index is None:
        return (Command("", f"{visible(target)} does not name its index (as in fs-MDT0000)"),)
    places = list(paths)
    if not places:
        if template is None:
            return (Command("", f"the directory of {visible(user)} is not known"),)
        if "/" in user or user in ("", ".", ".."):
            return (Command("", f"{visible(user)} is no name of a directory"),)
        places = [template.replace("{user}", user)]
    lines: list[Command] = []
    for place in places:
        wrong = _wrong(place)
        if wrong:
            lines.append(Command("", f"{visible(place)} {wrong}"))
            continue
        word = quoted(place)
        lines.append(Command(f"lfs setdirstripe -D -i {index} {word}"))
        lines.append(Command(f"lfs migrate -m {index} {word}"))
    return tuple(lines)


def _wrong(place: str) -> str:
    if not place.startswith("/"):
        return "is no absolute path"
    if "\0" in place:
        return "holds a null character"
    try:
        place.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return "holds half of a surrogate pair"
    if any(part == ".." for part in place.split("/")):
        return "goes up through '..'"
    if not place.strip("/"):
        return "is the root"
    return ""


def quoted(word: str) -> str:
    """Return `word` as one word of a shell on one line, whatever is in it.

    Printable text is quoted as by `shlex`. Control and other invisible characters, which could
    end the line or rewrite a terminal's, are written as ``$'...'`` does: letters or octal bytes.
    """
    if word.isprintable():
        return shlex.quote(word)
    pieces: list[str] = []
    for character in word:
        if character in _ESCAPES:
            pieces.append(_ESCAPES[character])
        elif character.isprintable():
            pieces.append(character)
        else:
            # octal has exactly three digits: what follows cannot be read as more of them
            raw = character.encode("utf-8", "surrogateescape")
            pieces.extend(f"\\{byte:03o}" for byte in raw)
    return "$'" + "".join(pieces) + "'"


def visible(name: str) -> str:
    """Return a name for messages: on one line, without control characters."""
    return repr(name) if not name.isprintable() or not name else name
