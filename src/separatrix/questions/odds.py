"""A probability that an engine found, with its interval; Wilson's interval for counted events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from separatrix.notebook import Shown


@dataclass(frozen=True)
class Odds(Shown):
    """The probability that faults leave the service stuck.

    Attributes
    ----------
    probability, low, high : estimate and its 95 % interval (the error bound, where exact).
    engine : ``"markov"`` or ``"simulation"``.
    basis : what it rests on, in words.
    """

    probability: float
    low: float
    high: float
    engine: Literal["markov", "simulation"]
    basis: str

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"schema": "separatrix.odds/1", **vars(self)}


def wilson(hits: int, runs: int) -> tuple[float, float]:
    """Wilson's 95 % interval for a probability after `hits` in `runs` trials."""
    z = 1.959963984540054
    share, scale = hits / runs, 1 + z * z / runs
    middle = (share + z * z / (2 * runs)) / scale
    half = z / scale * (share * (1 - share) / runs + z * z / (4 * runs * runs)) ** 0.5
    return max(middle - half, 0.0), min(middle + half, 1.0)
