"""Recovery time against load: where trouble begins, and how fast it grows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal

from separatrix.markov.generator import as_chain
from separatrix.model import Program
from separatrix.model.parameters import with_parameter
from separatrix.model.quantities import duration_text
from separatrix.notebook import Shown
from separatrix.population import Closure
from separatrix.questions.agreement import agreement
from separatrix.questions.answers import ENGINES, Agreement, Engine, Time
from separatrix.questions.fluid_verdict import fluid_verdict
from separatrix.questions.passage import Passage, passage
from separatrix.questions.seen import SeenPassage
from separatrix.questions.simulated import seen_recovery
from separatrix.questions.verdict import Verdict, Word, check, saturated


@dataclass(frozen=True)
class RecoveryOverLoad(Shown):
    """Verdict and recovery time at each arrival rate of one source.

    Times are those after a long outage, at every rate: from full queues with every client waiting to retry.

    Attributes
    ----------
    source : whose rate was varied.
    rates : arrival rates [1/s].
    words : verdicts.
    means, p50s, p99s : recovery times [s]; ``inf`` where there is nothing healthy to return to, or where
        no simulated run did.
    engine : who worked the times out: the exact chain, or simulation (verdicts: the mean dynamics).
    """

    source: str
    rates: tuple[float, ...]
    words: tuple[Word, ...]
    means: tuple[float, ...]
    p50s: tuple[float, ...]
    p99s: tuple[float, ...]
    engine: Literal["markov", "simulation"] = "markov"

    def finding(self) -> str:
        """The curve in one sentence."""
        risky = [rate for rate, word in zip(self.rates, self.words, strict=True) if word != "safe"]
        if not risky:
            worst = duration_text(max(self.p99s))
            if self.engine == "simulation" and not isfinite(max(self.p99s)):
                return "Safe at every load shown, though some runs were not back when they ended."
            return f"Safe at every load shown; 99 % of recoveries end within {worst}."
        return f"From {min(risky):g} requests/s of {self.source} on, the service can get stuck."

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "schema": "separatrix.recovery/1",
            "source": self.source,
            "engine": self.engine,
            "points": [
                {"rate_per_s": r, "verdict": w, "mean_s": m, "p50_s": h, "p99_s": t}
                for r, w, m, h, t in zip(
                    self.rates, self.words, self.means, self.p50s, self.p99s, strict=True
                )
            ],
        }


def recovery_over_load(
    program: Program,
    source: str,
    rates: Sequence[float],
    *,
    closure: Closure = "auto",
    known: Mapping[float, Verdict] | None = None,
) -> RecoveryOverLoad:
    """Verdict and recovery time of `program` at several arrival rates of one source.

    Parameters
    ----------
    source : name of the source to vary.
    rates : arrival rates [1/s].
    closure : see `lower`.
    known : rate -> verdict, where it was worked out already.

    Raises ModelError where there is no such source or a rate is not one.
    """
    known = known or {}
    verdicts = [
        known[rate]
        if rate in known
        else check(with_parameter(program, f"sources.{source}.arrival_rate", rate), closure=closure)
        for rate in rates
    ]
    never = float("inf")
    passages = [_after_outage(verdict) for verdict in verdicts]
    return RecoveryOverLoad(
        source=source,
        rates=tuple(rates),
        words=tuple(verdict.word for verdict in verdicts),
        means=tuple(never if p is None else p.mean for p in passages),
        p50s=tuple(never if p is None else p.p50 for p in passages),
        p99s=tuple(never if p is None else p.p99 for p in passages),
    )


def _after_outage(verdict: Verdict) -> Passage | None:
    """From a saturated service to its healthy set; None where there is nothing healthy.

    A verdict's own recovery is that where there is one regime; where there are two, it is from the stuck one.
    """
    if verdict.recovery is None or verdict.found.stuck is None:
        return verdict.recovery
    chain = as_chain(verdict.population)
    return passage(chain, verdict.found.healthy, saturated(verdict.found))


def seen_recovery_over_load(
    program: Program,
    source: str,
    rates: Sequence[float],
    *,
    runs: int = 100,
    events: float = 1e6,
    seed: int = 0,
    known: Mapping[float, Verdict] | None = None,
) -> RecoveryOverLoad:
    """As `recovery_over_load`, for chains too large to solve at every load.

    Verdicts are those of the mean dynamics; times those of simulated runs after a long outage.

    Parameters
    ----------
    runs, events, seed : of the simulation at each rate; see `seen_recovery`.
    known : rate -> exact verdict, where it was worked out already: then its times stand there.

    Raises ModelError as `recovery_over_load`; `Unsupported` where no population carries the program.
    """
    path = f"sources.{source}.arrival_rate"
    words: list[Word] = []
    times: list[Passage | SeenPassage] = []
    for rate in rates:
        exact = (known or {}).get(rate)
        if exact is not None and exact.recovery is not None:
            words.append(exact.word)
            times.append(_after_outage(exact) or exact.recovery)
            continue
        there = with_parameter(program, path, rate)
        quick = fluid_verdict(there, closure="geometric", timed=False)
        words.append(quick.word)
        times.append(seen_recovery(there, quick.healthy, runs=runs, events=events, seed=seed))
    return RecoveryOverLoad(
        source=source,
        rates=tuple(rates),
        words=tuple(words),
        means=tuple(t.mean for t in times),
        p50s=tuple(t.p50 for t in times),
        p99s=tuple(t.p99 for t in times),
        engine="simulation",
    )


@dataclass(frozen=True)
class RecoveryByEngine(Shown):
    """The same question over load by every engine, side by side.

    Attributes
    ----------
    source : whose rate was varied.
    rates : arrival rates [1/s].
    agreements : at each rate; the question is that of `separatrix.questions.agreement`.
    """

    source: str
    rates: tuple[float, ...]
    agreements: tuple[Agreement, ...]

    @property
    def engines(self) -> tuple[Engine, ...]:
        """The engines that were asked."""
        return tuple(answer.engine for answer in self.agreements[0].answers)

    def curve(self, engine: Engine) -> tuple[Time | None, ...]:
        """Recovery times of one engine, rate by rate; None where it has none."""
        answers = (agreement.of(engine) for agreement in self.agreements)
        return tuple(None if a is None else a.recovery for a in answers)

    def finding(self) -> str:
        """Where the engines part, in one sentence."""
        parted = [r for r, a in zip(self.rates, self.agreements, strict=True) if not a.agreed]
        if not parted:
            return f"All engines have the same verdict at all {len(self.rates)} loads."
        where = ", ".join(f"{rate:g}/s" for rate in parted)
        return f"Verdicts differ at {where}; else they are the same."

    def to_dict(self) -> dict[str, Any]:
        """For JSON, with a versioned schema."""
        return {
            "schema": "separatrix.recovery_by_engine/1",
            "source": self.source,
            "points": [
                {"rate_per_s": rate, **agreement.to_dict()}
                for rate, agreement in zip(self.rates, self.agreements, strict=True)
            ],
        }


def recovery_by_engine(
    program: Program,
    source: str,
    rates: Sequence[float],
    *,
    engines: Sequence[Engine] = ENGINES,
    runs: int = 200,
    events: float = 5e6,
    seed: int = 0,
) -> RecoveryByEngine:
    """Recovery (mean, p50, p99) against the load of one source, by every engine that can answer.

    Parameters
    ----------
    source, rates : as in `recovery_over_load`.
    engines, runs, events, seed : as in `agreement`.

    Raises ModelError where there is no such source or a rate is not one.
    """
    path = f"sources.{source}.arrival_rate"
    programs = [with_parameter(program, path, rate) for rate in rates]
    found = [agreement(p, engines=engines, runs=runs, events=events, seed=seed) for p in programs]
    return RecoveryByEngine(source, tuple(rates), tuple(found))
