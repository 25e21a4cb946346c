"""The verdict on programs whose chain cannot be worked out: by simulation, beside the mean dynamics.

Services that call each other have a queue, an orbit and busy threads each, and the product of them all
is soon larger than any machine. The request-level simulator does not mind, and knows chance; the mean
dynamics do not mind either, and see at once where the service can rest. **Simulation decides**; where
the mean dynamics say otherwise, that is said. A recovery or collapse too rare to be seen is a bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any

from separatrix.model import Program
from separatrix.model.quantities import duration_text, percent_text
from separatrix.notebook import Shown
from separatrix.questions.agreement import agreement
from separatrix.questions.answers import Agreement, Answer, Time, plain_time
from separatrix.questions.calm import calm_share
from separatrix.questions.forever import untriggered
from separatrix.questions.verdict import HEALTHY_SHARE, Word


@dataclass(frozen=True)
class Witnessed(Shown):
    """The answer of simulation, with that of the mean dynamics beside it.

    Attributes
    ----------
    program : what was asked about.
    no_chain : why it was not worked out exactly.
    engines : what each engine said, and how they differ.
    share : of the requests answered in time at normal load from an empty service, simulated.
    """

    program: Program
    no_chain: str
    engines: Agreement
    share: float

    @property
    def seen(self) -> Answer:
        """What simulation says."""
        return next(a for a in self.engines.answers if a.engine == "simulation")

    @property
    def on_average(self) -> Answer | None:
        """What the mean dynamics say, where they were asked."""
        return self.engines.of("fluid")

    @property
    def word(self) -> Word:
        """The verdict in a word."""
        return self.seen.word

    @property
    def sentence(self) -> str:
        """The verdict in one sentence."""
        share, seen = percent_text(self.share), self.seen
        if seen.word == "safe" and seen.recovery is not None:
            back = duration_text(seen.recovery.mean)
            if self.share < HEALTHY_SHARE:
                return (
                    f"Safe: after a long outage it is back in {back}; but even undisturbed, only {share} of "
                    "requests are answered in time."
                )
            return f"Safe: {share} of requests are answered in time, and after a long outage it is back in {back}."
        if seen.word == "can get stuck" and seen.recovery is not None:
            often = ""
            if seen.collapse is not None and isfinite(seen.collapse.mean):
                often = f"; {untriggered(seen.collapse.mean)}"
            return (
                f"Can get stuck: {share} of requests are answered in time, but after a long outage it "
                f"stays overloaded for {_lasting(seen.recovery)}{often}."
            )
        if seen.word == "always stuck":
            return f"Always stuck: at this load only {share} of requests are answered in time."
        return f"No verdict: {seen.reason}."

    @property
    def basis(self) -> tuple[str, ...]:
        """What the verdict rests on, one line each."""
        lines = [f"simulation of every request: {self.seen.reason}"]
        mean = self.on_average
        if mean is not None and mean.word == "inconclusive":
            lines.append(f"the mean dynamics have no answer: {mean.reason}")
        elif mean is not None and mean.word == self.word:
            lines.append(f"the mean dynamics agree: {mean.word}")
        elif mean is not None:
            lines.append(f"the mean dynamics differ: {mean.word}; they leave chance out")
        return (*lines, f"no exact answer: {self.no_chain}")

    def to_dict(self) -> dict[str, Any]:
        """For JSON, with a versioned schema; keys that `Verdict` has, too, mean the same."""
        seen = self.seen
        return {
            "schema": "separatrix.witnessed/1",
            "verdict": self.word,
            "sentence": self.sentence,
            "status": "inconclusive" if self.word == "inconclusive" else "ok",
            "reason": seen.reason if self.word == "inconclusive" else "",
            "program": self.program.name,
            "no_chain": self.no_chain,
            "goodput_share": self.share,
            "recovery_s": plain_time(seen.recovery),
            "collapse_s": plain_time(seen.collapse),
            "basis": list(self.basis),
            "agreement": self.engines.to_dict(),
        }


def witnessed(
    program: Program, no_chain: str, *, engines: Agreement | None = None, seed: int = 0
) -> Witnessed:
    """Ask simulation and the mean dynamics.

    Parameters
    ----------
    no_chain : why the exact chain is not asked.
    engines : their answers, with that of simulation, where they were asked already.
    seed : of all random streams.

    Raises ModelError where the program cannot be simulated.
    """
    if engines is None or engines.of("simulation") is None:
        engines = agreement(program, engines=("fluid", "simulation"), seed=seed)
    return Witnessed(program, no_chain, engines, calm_share(program, seed=seed))


def _lasting(time: Time) -> str:
    if isfinite(time.mean):
        return duration_text(time.mean)
    return f"more than {duration_text(time.low)}"
