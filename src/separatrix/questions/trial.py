"""A fault to try, written in one word: ``3x:4s`` or ``web:3x:4s``."""

from __future__ import annotations

import re

from separatrix.errors import ModelError, Problem
from separatrix.model import Program, Slowdown, Spike

_FORM = re.compile(r"(?:(?P<name>.+):)?(?P<factor>[^:]+x):(?P<duration>[^:]+)")


def parse_trial(
    program: Program, *, spike: str | None = None, slowdown: str | None = None
) -> Spike | Slowdown:
    """The fault to try on `program`, beginning at time 0.

    Parameters
    ----------
    spike : ``"[SOURCE:]FACTORx:DURATION"``.
    slowdown : ``"[SERVER:]FACTORx:DURATION"``.

    Raises ModelError where not exactly one is given, it is not of that form, or a name is left out
    though there are several.
    """
    if (spike is None) == (slowdown is None):
        raise ModelError(
            Problem("needs one fault to try", "--spike", "write --spike 3x:4s or --slowdown 4x:10s")
        )
    option, text = ("--spike", spike) if spike is not None else ("--slowdown", slowdown)
    match = _FORM.fullmatch((text or "").strip())
    if match is None:
        raise ModelError(Problem(f"{text!r} is not a fault to try", option, "write 3x:4s"))
    names = [part.name for part in (program.sources if spike is not None else program.servers)]
    name = match["name"] or names[0]
    if match["name"] is None and len(names) > 1:
        known = ", ".join(names)
        raise ModelError(Problem("must say which", option, f"one of {known}, as in NAME:3x:4s"))
    kind, get = (Spike, program.get_source) if spike is not None else (Slowdown, program.get_server)
    get(name)  # ModelError where there is none
    return kind(name, match["factor"], 0.0, match["duration"])  # pyright: ignore[reportArgumentType]
