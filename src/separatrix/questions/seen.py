"""A passage time as simulation saw it."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal

from separatrix.model.quantities import duration_text
from separatrix.notebook import Shown


@dataclass(frozen=True)
class SeenPassage(Shown):
    """A passage time as simulation saw it [s].

    Attributes
    ----------
    mean, low, high : estimate with its 95 % interval; `mean` and `high` are infinite where no run
        got there.
    p50, p99 : quantiles; from the exponential law where not every run got there.
    cv : coefficient of variation of the times; NaN where not every run got there.
    seen, runs : runs that got there, of how many; by splitting, 0 of its independent runs.
    observed : time watched in all runs together [s]; by splitting, 0.
    status, reason : ``"ok"``, or ``"inconclusive"`` and why.
    """

    mean: float
    low: float
    high: float
    p50: float
    p99: float
    cv: float
    seen: int
    runs: int
    observed: float
    status: Literal["ok", "inconclusive"]
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """For JSON; None for what is infinite or unknown."""
        return {
            name: (value if not isinstance(value, float) or isfinite(value) else None)
            for name, value in vars(self).items()
        }

    def __str__(self) -> str:
        if not isfinite(self.mean):
            return f"> {duration_text(self.low)}"
        return (
            f"{duration_text(self.mean)} ({duration_text(self.low)} .. {duration_text(self.high)})"
        )
