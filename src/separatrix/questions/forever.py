"""Where a time becomes a word."""

from __future__ import annotations

from separatrix.model.quantities import duration_text

FOREVER = 3.2e10
"""Seconds (a thousand years) from which on a number says no more to anybody than "for ever"."""


def untriggered(collapse: float) -> str:
    """How often it happens by itself, for a mean time to collapse [s], as the end of a sentence."""
    if collapse > FOREVER:
        return "without a trigger this practically never happens"
    return f"even without a trigger this happens once in {duration_text(collapse)}"
