"""The metastable range of a parameter: where a service can get stuck, what lies beside it, how far off it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf, isfinite
from typing import Any, Literal

import numpy as np

from separatrix.notebook import Shown

Standing = Literal["safe", "can get stuck", "always stuck", "unknown"]


@dataclass(frozen=True)
class MetastableStretch:
    """A run of values at which the service can get stuck.

    Attributes
    ----------
    low, high : its ends.
    below, above : what holds just outside; ``"unknown"`` where the stretch goes on beyond the values looked at.
    """

    low: float
    high: float
    below: Standing
    above: Standing


@dataclass(frozen=True)
class MetastableRange(Shown):
    """The values of a parameter at which the mean dynamics have a healthy and a stuck rest.

    Attributes
    ----------
    parameter : its path.
    value : where the program is now.
    low, high : the range, from the first stretch's begin to the last one's end; both NaN where there is
        none within `span`.
    worse : the side on which the service is always stuck, or else the queue longer.
    span : values looked at.
    status, reason : ``"ok"``; ``"inconclusive"`` where a branch was lost, or an end lies outside the span.
    stretches : the range, piece by piece, by rising values.
    """

    parameter: str
    value: float
    low: float
    high: float
    worse: Literal["above", "below"]
    span: tuple[float, float]
    status: Literal["ok", "inconclusive"] = "ok"
    reason: str = ""
    stretches: tuple[MetastableStretch, ...] = field(default=())

    @property
    def exists(self) -> bool:
        """Whether there is such a range."""
        return not np.isnan(self.low)

    @property
    def margin(self) -> float:
        """How far the value is from danger, in the parameter's unit.

        Negative where it is not safe: how far safety is; minus infinity where no end that was found is
        safe beyond. Infinite where there is no range.
        """
        if not self.exists:
            return inf
        edge = self.edge
        if edge is None:
            return -inf
        away = abs(self.value - edge)
        return away if self.standing() == "safe" else -away

    @property
    def edge(self) -> float | None:
        """The end of a stretch that is nearest to the value, of those with safety beyond; None without one."""
        ends = [s.low for s in self.stretches if s.below == "safe"]
        ends += [s.high for s in self.stretches if s.above == "safe"]
        return min(ends, key=lambda end: abs(end - self.value), default=None)

    def standing(self, value: float | None = None) -> Standing:
        """What the range says of a value of the parameter (by default the present one)."""
        at = self.value if value is None else value
        beside: Standing = "unknown"
        for stretch in self.stretches:
            if at < stretch.low:
                return stretch.below
            if at <= stretch.high:
                return "can get stuck"
            beside = stretch.above
        return beside

    def finding(self) -> str:
        """The range in one sentence."""
        if not self.exists:
            return (
                f"{self.parameter}: one resting point at every value from {self.span[0]:.4g} to "
                f"{self.span[1]:.4g}; nothing to get stuck in."
            )
        if self.low <= self.span[0] and self.high >= self.span[1] and len(self.stretches) == 1:
            return (
                f"{self.parameter}: can get stuck at every value looked at, from {self.low:.4g} to "
                f"{self.high:.4g}."
            )
        runs = " and ".join(f"from {s.low:.4g} to {s.high:.4g}" for s in self.stretches)
        margin = f", with a margin of {self.margin:.4g}" if isfinite(self.margin) else ""
        here = {
            "safe": f"it is safe{margin}",
            "can get stuck": "it can get stuck",
            "always stuck": "it is always stuck",
            "unknown": "nothing is known",
        }[self.standing()]
        return f"{self.parameter}: can get stuck {runs}; at {self.value:.4g} {here}."

    def to_dict(self) -> dict[str, Any]:
        """For JSON; None where there is no range, and for a margin without an end."""
        there = self.exists
        return {
            "schema": "separatrix.metastable_range/1",
            "parameter": self.parameter,
            "value": self.value,
            "low": self.low if there else None,
            "high": self.high if there else None,
            "worse": self.worse,
            "edge": self.edge,
            "margin": self.margin if isfinite(self.margin) else None,
            "standing": self.standing(),
            "stretches": [dict(vars(stretch)) for stretch in self.stretches],
            "span": list(self.span),
            "status": self.status,
            "reason": self.reason,
        }
