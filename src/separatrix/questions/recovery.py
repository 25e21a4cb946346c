"""Recovery time against load: where trouble begins, and how fast it grows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from separatrix.model import Program
from separatrix.model.parameters import with_parameter
from separatrix.model.quantities import duration_text
from separatrix.population import Closure
from separatrix.questions.verdict import Word, check


@dataclass(frozen=True)
class RecoveryOverLoad:
    """Verdict and recovery time at each arrival rate of one source.

    Attributes
    ----------
    source : whose rate was varied.
    rates : arrival rates [1/s].
    words : verdicts.
    means, p50s, p99s : recovery times [s]; ``inf`` where there is nothing healthy to return to.
    """

    source: str
    rates: tuple[float, ...]
    words: tuple[Word, ...]
    means: tuple[float, ...]
    p50s: tuple[float, ...]
    p99s: tuple[float, ...]

    def finding(self) -> str:
        """The curve in one sentence."""
        risky = [rate for rate, word in zip(self.rates, self.words, strict=True) if word != "safe"]
        if not risky:
            worst = duration_text(max(self.p99s))
            return f"Safe at every load shown; 99 % of recoveries end within {worst}."
        return f"From {min(risky):g} requests/s of {self.source} on, the service can get stuck."

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "schema": "separatrix.recovery/1",
            "source": self.source,
            "points": [
                {"rate_per_s": r, "verdict": w, "mean_s": m, "p50_s": h, "p99_s": t}
                for r, w, m, h, t in zip(
                    self.rates, self.words, self.means, self.p50s, self.p99s, strict=True
                )
            ],
        }


def recovery_over_load(
    program: Program, source: str, rates: Sequence[float], *, closure: Closure = "auto"
) -> RecoveryOverLoad:
    """Verdict and recovery time of `program` at several arrival rates of one source.

    Parameters
    ----------
    source : name of the source to vary.
    rates : arrival rates [1/s].
    closure : see `lower`.

    Raises ModelError where there is no such source or a rate is not one.
    """
    verdicts = [
        check(with_parameter(program, f"sources.{source}.arrival_rate", rate), closure=closure)
        for rate in rates
    ]
    never = float("inf")
    passages = [verdict.recovery for verdict in verdicts]
    return RecoveryOverLoad(
        source=source,
        rates=tuple(rates),
        words=tuple(verdict.word for verdict in verdicts),
        means=tuple(never if p is None else p.mean for p in passages),
        p50s=tuple(never if p is None else p.p50 for p in passages),
        p99s=tuple(never if p is None else p.p99 for p in passages),
    )
