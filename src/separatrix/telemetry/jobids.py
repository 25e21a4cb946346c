r"""Lustre job ids: their text in ``job_stats``, and what the site's template says in them.

A template is the site's ``jobid_name``: ``%e`` executable, ``%g`` group id, ``%h`` and ``%H`` host,
``%j`` job, ``%p`` process, ``%u`` user id, ``%%`` a percent sign. Lustre cuts an id after 31 bytes
(``LUSTRE_JOBID_SIZE``), so that a number at its end may be incomplete: it is then unknown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from separatrix.errors import DataError
from separatrix.telemetry.quality import QualityLog, Repair

LONGEST = 31
"""Bytes of a job id that Lustre keeps."""

FIELDS: Mapping[str, str] = {
    "e": "executable",
    "g": "group",
    "h": "host",
    "H": "host",
    "j": "job",
    "p": "process",
    "u": "user",
}
"""Template letter -> name of the field in `Accounts.fields`."""

GUESSES = ("%e:%u:%h", "%e.%u", "%j")
"""Templates tried, in this order, where none is given; one must fit 9 of 10 ids."""

_NUMERIC = frozenset("gpu")
_ESCAPE = re.compile(rb'\\(x[0-9a-fA-F]{2}|[\\"])')


@dataclass(frozen=True)
class Template:
    """A compiled ``jobid_name``."""

    text: str
    pattern: re.Pattern[str]
    last: str

    def fields(self, labels: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Return field name -> one value per label, "" where the label does not fit."""
        found = [self.pattern.fullmatch(label) for label in labels]
        columns: dict[str, tuple[str, ...]] = {}
        for name in self.pattern.groupindex:
            column = [m[name] if m else "" for m in found]
            if name == FIELDS.get(self.last) and self.last in _NUMERIC:
                column = [
                    "" if len(label.encode()) >= LONGEST else value
                    for label, value in zip(labels, column, strict=True)
                ]
            columns[name] = tuple(column)
        return columns


def template(text: str) -> Template:
    """Compile a ``jobid_name``.

    Raises
    ------
    DataError : an unknown letter, or a field that occurs twice.
    """
    pattern, at, last = "", 0, ""
    used: set[str] = set()
    while at < len(text):
        letter = text[at + 1 : at + 2]
        if text[at] != "%" or letter == "%":
            pattern += re.escape(text[at])
            at += 2 if text[at] == "%" else 1
            last = ""
            continue
        name = FIELDS.get(letter)
        if name is None or name in used:
            raise DataError(
                f"job id template {text!r}: %{letter} "
                + ("occurs twice" if name else "is unknown"),
                hint="known are %e %g %h %H %j %p %u, each once",
            )
        used.add(name)
        pattern += f"(?P<{name}>{r'[0-9]+' if letter in _NUMERIC else r'.*'})"
        at, last = at + 2, letter
    return Template(text, re.compile(pattern, re.DOTALL), last)


def guessed(labels: Sequence[str]) -> Template | None:
    """Return the first of `GUESSES` that fits 9 of 10 labels, or None."""
    for text in GUESSES:
        candidate = template(text if text != "%j" else "%u")  # a bare job number is digits
        fitting = sum(candidate.pattern.fullmatch(label) is not None for label in labels)
        if labels and fitting >= 0.9 * len(labels):
            return template(text)
    return None


def readable(raw: bytes, log: QualityLog, file: str) -> str:
    r"""Return the id that `raw` writes: quotes removed, ``\xHH`` resolved, controls made visible.

    Ids that are empty, lack a quote, or hold control characters or bytes that are not UTF-8 are
    kept under a readable name and counted as broken.
    """
    text = raw.strip()
    quoted = text[:1] == b'"'
    broken = quoted != (len(text) > 1 and text[-1:] == b'"')
    text = text.strip(b'"') if broken else text[1:-1] if quoted else text
    text = _ESCAPE.sub(_resolved, text)
    name = text.decode("utf-8", "backslashreplace")
    if not name.isprintable():
        name = name.encode("unicode_escape").decode("ascii")
        broken = True
    if not name:
        name, broken = "(empty)", True
    if broken or b"\\x" in name.encode():
        log.repair(Repair.BROKEN_ID, file=file, message=repr(raw[:60])[2:-1])
    return name


def _resolved(found: re.Match[bytes]) -> bytes:
    body = found[1]
    return bytes([int(body[1:], 16)]) if body[:1] == b"x" else body
