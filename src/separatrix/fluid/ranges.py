r"""Between which values of a parameter the mean dynamics have a healthy and a stuck rest.

The *metastable range* of a parameter lies between the folds of its hysteresis curve. On its safe side nothing
can trap the service, inside it can get stuck, and beyond it, it always is. A parameter that is a whole number has
no curve: its values are tried.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Any, Literal

import numpy as np

from separatrix.errors import ModelError, Problem
from separatrix.fluid.continuation import Hysteresis, family_of, hysteresis, number_at
from separatrix.fluid.equilibria import equilibria
from separatrix.fluid.field import FluidClosure
from separatrix.model import Program
from separatrix.notebook import Shown

Standing = Literal["safe", "can get stuck", "always stuck", "unknown"]

MOST_WHOLE = 64
"""Most values tried of a parameter that is a whole number."""


@dataclass(frozen=True)
class MetastableRange(Shown):
    """The values of a parameter at which the mean dynamics have a healthy and a stuck rest.

    Attributes
    ----------
    parameter : its path.
    value : where the program is now.
    low, high : the range; both NaN where there is none within `span`.
    worse : the side on which the service is always stuck.
    span : values looked at.
    status, reason : ``"ok"``; ``"inconclusive"`` where a branch was lost, or an end lies outside the span.
    """

    parameter: str
    value: float
    low: float
    high: float
    worse: Literal["above", "below"]
    span: tuple[float, float]
    status: Literal["ok", "inconclusive"] = "ok"
    reason: str = ""

    @property
    def exists(self) -> bool:
        """Whether there is such a range."""
        return not np.isnan(self.low)

    @property
    def margin(self) -> float:
        """How far the value is from the range on its safe side, in the parameter's unit.

        Negative inside and beyond it; infinite where there is no range.
        """
        if not self.exists:
            return inf
        return self.low - self.value if self.worse == "above" else self.value - self.high

    def standing(self, value: float | None = None) -> Standing:
        """What the range says of a value of the parameter (by default the present one)."""
        at = self.value if value is None else value
        if not self.exists:
            return "unknown"
        if self.low <= at <= self.high:
            return "can get stuck"
        return "safe" if (at < self.low) == (self.worse == "above") else "always stuck"

    def finding(self) -> str:
        """The range in one sentence."""
        if not self.exists:
            return (
                f"{self.parameter}: one resting point at every value from {self.span[0]:.4g} to "
                f"{self.span[1]:.4g}; nothing to get stuck in."
            )
        here = {
            "safe": f"at {self.value:.4g} it is safe, with a margin of {self.margin:.4g}",
            "can get stuck": f"at {self.value:.4g} it can get stuck",
            "always stuck": f"at {self.value:.4g} it is always stuck",
            "unknown": "",
        }[self.standing()]
        return f"{self.parameter}: can get stuck from {self.low:.4g} to {self.high:.4g}; {here}."

    def to_dict(self) -> dict[str, Any]:
        """For JSON; None where there is no range."""
        there = self.exists
        return {
            "schema": "separatrix.metastable_range/1",
            "parameter": self.parameter,
            "value": self.value,
            "low": self.low if there else None,
            "high": self.high if there else None,
            "worse": self.worse,
            "margin": self.margin if there else None,
            "standing": self.standing(),
            "span": list(self.span),
            "status": self.status,
            "reason": self.reason,
        }


def metastable_range(
    program: Program,
    parameter: str,
    *,
    span: tuple[float, float] | None = None,
    closure: FluidClosure = "staged",
) -> MetastableRange:
    """Between which values of a parameter the mean dynamics can get stuck.

    Parameters and errors as in `hysteresis`; the parameter may be a whole number here.
    """
    value = number_at(program, parameter)
    if isinstance(value, int):
        return _whole_range(program, parameter, value, span, closure)
    return range_of(hysteresis(program, parameter, span=span, points=120, closure=closure))


def range_of(found: Hysteresis) -> MetastableRange:
    """The range that curves already found have between their folds."""
    parameter, value = found.parameter, found.value
    lost = "; ".join(b.reason for b in found.branches if b.status != "ok")
    folds = sorted(fold.value for fold in found.folds)
    worse = _worse(found)
    if not folds:
        status = "inconclusive" if lost else "ok"
        return MetastableRange(parameter, value, np.nan, np.nan, worse, found.span, status, lost)
    if len(folds) == 1:
        # the other fold lies beyond the span
        edge = found.span[1] if _rises_after(found, folds[0]) else found.span[0]
        low, high = sorted((folds[0], edge))
        reason = f"it goes on beyond {edge:.4g}"
        return MetastableRange(
            parameter, value, low, high, worse, found.span, "inconclusive", reason
        )
    status = "inconclusive" if lost else "ok"
    return MetastableRange(parameter, value, folds[0], folds[-1], worse, found.span, status, lost)


def _worse(found: Hysteresis) -> Literal["above", "below"]:
    """On which side the queue at rest is long."""
    ends = [
        (float(b.values[i]), float(b.states[i][list(found.queues)].sum()))
        for b in found.branches
        for i in (0, -1)
    ]
    longest, shortest = max(ends, key=lambda e: e[1]), min(ends, key=lambda e: e[1])
    return "above" if longest[0] >= shortest[0] else "below"


def _rises_after(found: Hysteresis, fold: float) -> bool:
    """Whether the curve lies above a lone fold's value of the parameter."""
    values = np.concatenate([b.values for b in found.branches if b.folds])
    return bool(np.mean(values) >= fold)


def _whole_range(
    program: Program,
    parameter: str,
    value: int,
    span: tuple[float, float] | None,
    closure: FluidClosure,
) -> MetastableRange:
    low, high = span if span is not None else (max(value // 4, 0), 4 * value + 4)
    tried = np.unique(np.linspace(low, high, MOST_WHOLE).round().astype(int))
    family = family_of(program, parameter, closure)
    stuck: list[int] = []
    queue: dict[int, float] = {}
    for at in tried.tolist():
        try:
            population = family(at)
        except ModelError:
            continue  # a value that cannot be, such as fewer places than threads
        points = [p for p in equilibria(population).points if p.stable]
        queue[at] = sum(p.state[0] for p in points) / max(len(points), 1) / population.shape[0]
        if len(points) > 1:
            stuck.append(at)
    if not queue:
        raise ModelError(
            Problem(f"no value from {low:g} to {high:g} can be", parameter, "widen it")
        )
    worse: Literal["above", "below"] = (
        "above" if queue[max(queue)] >= queue[min(queue)] else "below"
    )
    looked = (float(min(queue)), float(max(queue)))
    if not stuck:
        return MetastableRange(parameter, value, np.nan, np.nan, worse, looked)
    coarse = len(tried) < high - low + 1
    cut = [edge for edge in looked if edge in (min(stuck), max(stuck))]
    reason = "not every whole number was tried" if coarse else ""
    reason = f"it may go on beyond {cut[0]:g}" if cut and cut[0] > 0 else reason
    return MetastableRange(
        parameter, value, float(min(stuck)), float(max(stuck)), worse, looked,
        "inconclusive" if reason else "ok", reason,
    )  # fmt: skip
