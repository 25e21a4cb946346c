"""Whether a program keeps its limits: each promise with the value found, and yes, no or unknown."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from typing import Any, Literal

from separatrix.errors import Unsupported
from separatrix.model import Program
from separatrix.model.faults import Fault
from separatrix.model.limits import QUANTITIES, Limit
from separatrix.model.quantities import NOTATIONS, duration_text, factor_text
from separatrix.notebook import Shown
from separatrix.questions.odds import Odds
from separatrix.questions.tipping import Kind, fault_of, fluid_tipping
from separatrix.questions.trapped import exact_trapped, seen_trapped
from separatrix.questions.verdict import Verdict

EXACT_STATES = 20_000
"""Chains up to this size carry their law through a fault; for larger ones runs are simulated."""

Outcome = Literal["holds", "fails", "unknown"]


@dataclass(frozen=True)
class Kept(Shown):
    """One limit and what became of it.

    Attributes
    ----------
    limit : the promise.
    value : what was found, in the quantity's SI unit; None where no number was looked for or found.
        A tipping limit is decided at its bound, by the chain or by simulation; the value beside it is
        that of the fluid (`fluid_tipping`).
    outcome : ``"holds"``, ``"fails"`` or ``"unknown"``.
    reason : what the value is, or why there is none.
    """

    limit: Limit
    value: float | None
    outcome: Outcome
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """For JSON; an infinite value is the text ``"inf"``."""
        value = self.value
        return {
            "limit": str(self.limit),
            "value": value if value is None or isfinite(value) else str(value),
            "unit": QUANTITIES[self.limit.quantity].unit,
            "outcome": self.outcome,
            "reason": self.reason,
        }

    def __str__(self) -> str:
        if self.value is None:
            return f"{self.limit}: {self.reason}"
        unit = QUANTITIES[self.limit.quantity].unit
        if unit == "share":
            return f"{self.limit}: {100 * self.value:.5g} % {self.reason}"
        if unit == "s":
            found = duration_text(self.value)
        elif isfinite(self.value):
            found = NOTATIONS[unit].text(float(f"{self.value:.4g}"))
        else:
            found = "none does"
        return f"{self.limit}: {found} ({self.reason})"


def kept_limits(verdict: Verdict) -> tuple[Kept, ...]:
    """Every limit of the verdict's program, checked against the verdict.

    A quantity that the verdict cannot carry leaves its limit ``"unknown"``, with the reason.
    """
    return tuple(_kept(limit, verdict) for limit in verdict.program.limits)


def gate(kept: tuple[Kept, ...]) -> Outcome:
    """One outcome for all: a failure fails, else what is unknown is unknown."""
    outcomes = {k.outcome for k in kept}
    if "fails" in outcomes:
        return "fails"
    return "unknown" if "unknown" in outcomes else "holds"


def _kept(limit: Limit, verdict: Verdict) -> Kept:
    if limit.duration is not None:
        carried = verdict.population.n_states <= EXACT_STATES
        ask = exact_trapped if carried else seen_trapped
        return tipping_kept(limit, limit.duration, verdict.program, ask)
    if verdict.status != "ok":
        return Kept(limit, None, "unknown", verdict.reason)
    value, reason = _value(limit, verdict)
    return Kept(limit, value, "holds" if limit.holds(value) else "fails", reason)


def _value(limit: Limit, verdict: Verdict) -> tuple[float, str]:
    name = limit.quantity
    if name.startswith("recovery_"):
        if verdict.recovery is None:
            return inf, "there is nothing healthy to come back to"
        start = "from stuck" if verdict.collapse is not None else "from a full queue"
        return float(getattr(verdict.recovery, name.removeprefix("recovery_"))), start
    if name == "collapse_mean":
        if verdict.collapse is None:
            healthy = verdict.regimes[0].name == "healthy"
            return (inf, "it has no stuck state") if healthy else (0.0, "it is always stuck")
        return verdict.collapse.mean, "mean, without a trigger"
    first = verdict.regimes[0]
    share = first.goodput_share if first.name == "healthy" else 0.0
    return share, f"of the requests are answered in time when {first.name}"


def tipping_kept(
    limit: Limit,
    duration: float,
    program: Program,
    ask: Callable[[Program, Sequence[Fault]], Odds],
) -> Kept:
    """Whether the trigger that the limit names traps `program` with probability below 1/2, which `ask` says."""
    kind: Kind = "spike" if limit.quantity == "tipping_spike" else "slowdown"
    faults = fault_of(program, kind, None, limit.value, duration)
    found = ask(program, faults)
    odds = f"{found.probability:.2g} ({found.low:.2g} .. {found.high:.2g})"
    factor, lasting = factor_text(limit.value), duration_text(duration)
    reason = f"a {kind} of {factor} for {lasting} traps it with probability {odds}; {found.basis}"
    value: float | None = None
    with contextlib.suppress(Unsupported):
        value = fluid_tipping(program, duration, kind=kind).size
        reason += "; the value is where the fluid tips"
    outcome: Outcome = "unknown"
    if found.high < 0.5 or found.low >= 0.5:
        outcome = "holds" if found.high < 0.5 else "fails"
    return Kept(limit, value, outcome, reason)
