"""Answers to one question, engine by engine: times, verdicts, margins, and whether they agree."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite
from typing import Any, Literal

from separatrix.model.quantities import duration_text
from separatrix.notebook import Shown
from separatrix.questions.tipping import Tipping
from separatrix.questions.verdict import Word

Engine = Literal["fluid", "staged", "geometric", "simulation"]
ENGINES: tuple[Engine, ...] = ("fluid", "staged", "geometric", "simulation")
CLOSE = 0.25
"""Times within this share of each other agree."""


@dataclass(frozen=True)
class Time:
    """A time as one engine knows it [s]: estimate, ends of its interval, quantiles."""

    mean: float
    low: float
    high: float
    p50: float
    p99: float

    def meets(self, other: Time) -> bool:
        """Whether the two may be within `CLOSE` of each other, for all that their intervals say."""
        return self.low <= other.high * (1 + CLOSE) and other.low <= self.high * (1 + CLOSE)

    def __str__(self) -> str:
        if not isfinite(self.mean):
            return "forever" if self.low == inf else f"> {duration_text(self.low)}"
        if self.low == self.high:
            return duration_text(self.mean)
        return (
            f"{duration_text(self.mean)} ({duration_text(self.low)} .. {duration_text(self.high)})"
        )


@dataclass(frozen=True)
class Answer(Shown):
    """What one engine says.

    Attributes
    ----------
    engine : which.
    word : its verdict; ``"inconclusive"`` where it has none.
    recovery, collapse : None where it cannot say, or there is none.
    margin : spike of even odds, lasting what a full queue takes; None where it was not asked for.
    reason : why it has no answer, or what its answer rests on.
    seconds : processor time that the answer took.
    """

    engine: Engine
    word: Word
    recovery: Time | None
    collapse: Time | None
    reason: str
    seconds: float
    margin: Tipping | None = None

    def to_dict(self) -> dict[str, Any]:
        """For JSON; None for infinity."""
        return {
            "engine": self.engine,
            "verdict": self.word,
            "recovery_s": plain_time(self.recovery),
            "collapse_s": plain_time(self.collapse),
            "margin": None if self.margin is None else self.margin.to_dict(),
            "reason": self.reason,
            "cpu_s": self.seconds,
        }


@dataclass(frozen=True)
class Agreement(Shown):
    """All answers to one question.

    Attributes
    ----------
    program : its name.
    healthy, stuck : h and s of the module's description.
    answers : one per engine that was asked.
    differences : where answers differ, with the reason, in words; empty where all agree.
    """

    program: str
    healthy: float
    stuck: float
    answers: tuple[Answer, ...]
    differences: tuple[str, ...]

    @property
    def agreed(self) -> bool:
        """Whether every engine that has a verdict has the same one."""
        return len({a.word for a in self.answers if a.word != "inconclusive"}) == 1

    def of(self, engine: Engine) -> Answer | None:
        """The answer of one engine; None where it was not asked."""
        return next((a for a in self.answers if a.engine == engine), None)

    def to_dict(self) -> dict[str, Any]:
        """For JSON, with a versioned schema."""
        return {
            "schema": "separatrix.agreement/1",
            "program": self.program,
            "healthy": self.healthy,
            "stuck": self.stuck,
            "agreed": self.agreed,
            "answers": [a.to_dict() for a in self.answers],
            "differences": list(self.differences),
        }


def plain_time(time: Time | None) -> dict[str, float | None] | None:
    """For JSON; None for infinity."""
    if time is None:
        return None
    return {k: (v if isfinite(v) else None) for k, v in vars(time).items()}
