"""Changes to the kernels that change no answer, and why (see `markov_mutants`).

Each is named by its function, its line, and what stands there before and after: the excuse of one
change does not cover another on the same line.
"""

from __future__ import annotations

from markov_equivalents.bands import BANDS
from markov_equivalents.boxes import BOXES
from markov_equivalents.fronts import FRONTS
from markov_equivalents.sweeps import SWEEPS
from markov_equivalents.vectors import VECTORS

_EXCUSES = {
    (function, line, *change): why
    for function, line, why, changes in (*BANDS, *BOXES, *FRONTS, *SWEEPS, *VECTORS)
    for change in changes
}


def excuse(function: str, line: str, before: str, after: str) -> str | None:
    """Why this mutant changes no answer; None where it must be killed."""
    return _EXCUSES.get((function, line, before, after))
