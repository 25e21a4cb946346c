"""Changes that help, those that were refuted, and what they cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal

from separatrix.model.parameters import Path
from separatrix.model.quantities import duration_text, percent_text
from separatrix.notebook import Shown

Proposer = Literal["fluid", "simulation"]


@dataclass(frozen=True)
class Remedy(Shown):
    """A change that helps.

    Attributes
    ----------
    changes : path -> value.
    text : in words.
    cost : see `knobs`.
    proposed_by : the engine that found it.
    confirmed_by : engines that confirmed it, and how, in words; empty where it was refuted.
    refuted : why it was refuted; else empty.
    recovery_p99 : after a long outage, simulated [s].
    trapped, trapped_high : simulated probability of being trapped, and the upper end of its interval.
    goodput_before, goodput_after : share of requests answered in time at normal load, without the
        change and with it.
    """

    changes: Mapping[Path, Any]
    text: str
    cost: float
    proposed_by: Proposer
    confirmed_by: tuple[str, ...]
    refuted: str
    recovery_p99: float
    trapped: float
    trapped_high: float
    goodput_before: float
    goodput_after: float

    @property
    def back(self) -> str:
        """Who is back, and within what time, in words."""
        if isfinite(self.recovery_p99):
            return f"99 % are back within {duration_text(self.recovery_p99)}"
        return f"{percent_text(1.0 - self.trapped)} of the runs are back"

    def to_dict(self) -> dict[str, Any]:
        """For JSON; parts as text, None for never."""
        data = {k: v for k, v in vars(self).items() if k != "changes"}
        data["changes"] = {_dotted(path): _plain(value) for path, value in self.changes.items()}
        data["confirmed_by"] = list(self.confirmed_by)
        data["recovery_p99"] = self.recovery_p99 if isfinite(self.recovery_p99) else None
        return data


@dataclass(frozen=True)
class Remedies(Shown):
    """What helps, and what does not.

    Attributes
    ----------
    program : its name.
    goal : what was asked for, in words.
    needed : whether the program misses the goal as it is.
    found : confirmed remedies, cheapest first.
    refuted : proposals that a second engine refuted on every rung.
    helpless : names of the knobs that no rung of theirs makes do alone.
    """

    program: str
    goal: str
    needed: bool
    found: tuple[Remedy, ...]
    refuted: tuple[Remedy, ...]
    helpless: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """For JSON, with a versioned schema."""
        return {
            "schema": "separatrix.remedies/1",
            "program": self.program,
            "goal": self.goal,
            "needed": self.needed,
            "remedies": [r.to_dict() for r in self.found],
            "refuted": [r.to_dict() for r in self.refuted],
            "helpless": list(self.helpless),
        }


def _dotted(path: Path) -> str:
    return path if isinstance(path, str) else ".".join(map(str, path))


def _plain(value: object) -> object:
    from separatrix.model.parameters import plain_value

    return plain_value(value, units=True)
