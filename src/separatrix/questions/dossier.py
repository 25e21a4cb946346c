"""Everything there is to say about one program: the parts of a full report, each with its reason where
it could not be answered.

Parts are independent: one that fails, or that this machine cannot afford, leaves the others whole and
is named among what could not be concluded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from separatrix.errors import SeparatrixError
from separatrix.model import Program
from separatrix.model.parameters import Path
from separatrix.notebook import Shown
from separatrix.questions.agreement import Agreement, agreement
from separatrix.questions.glance import Glance, glance
from separatrix.questions.limits import Kept, kept_limits
from separatrix.questions.recovery import (
    RecoveryOverLoad,
    recovery_over_load,
    seen_recovery_over_load,
)
from separatrix.questions.remedies_found import Remedies
from separatrix.questions.remedy import remedies
from separatrix.questions.supposed_spike import supposed_spike
from separatrix.questions.sweep import sweep
from separatrix.questions.sweep_result import SweepResult
from separatrix.questions.timeline import Timeline, timeline
from separatrix.questions.tornado import Tornado, tornado
from separatrix.questions.verdict import Verdict, Word, check
from separatrix.questions.witnessed import Witnessed, witnessed
from separatrix.questions.witnessed_limits import witnessed_limits

T = TypeVar("T")

LOADS = (0.25, 0.5, 0.75, 1.0, 1.15)
"""Arrival rates of the recovery curve, as shares of the present one."""
BEFORE = (0.5, 0.8, 0.95)
"""... and of the rate at which danger begins, where recovery grows fastest."""
EXACT_STATES = 20_000
"""Chains up to this size are solved again for every load; larger ones are simulated there."""
RUNS = 100
MAP = 12
"""Arrival rates on the risk map."""


@dataclass(frozen=True)
class Dossier(Shown):
    """The parts of a report; None where there is no answer, with the reason in `open`.

    Attributes
    ----------
    program : what was asked about.
    verdict : of the exact chain.
    witness : of simulation, where there is no exact one.
    limits : the model's promises.
    quick : the mean dynamics.
    curve : recovery over load.
    course : the program's own faults, or the one supposed, simulated and by the mean dynamics.
    supposed : which spike was supposed and why, where the program names no fault; else empty.
    knobs : how far each knob moves the load at which danger begins.
    map : verdict over arrival rate and retries of the first source.
    fixes : remedies, cheapest first.
    engines : the same question to every engine.
    open : part -> why it was not concluded.
    """

    program: Program
    verdict: Verdict | None
    witness: Witnessed | None
    limits: tuple[Kept, ...]
    quick: Glance | None
    curve: RecoveryOverLoad | None
    course: Timeline | None
    supposed: str
    knobs: Tornado | None
    map: SweepResult | None
    fixes: Remedies | None
    engines: Agreement | None
    open: dict[str, str]

    @property
    def word(self) -> Word:
        """The verdict in a word: the chain's, else that of simulation, else that of the mean dynamics."""
        if self.verdict is not None:
            return self.verdict.word
        if self.witness is not None and self.witness.word != "inconclusive":
            return self.witness.word
        return "inconclusive" if self.quick is None else self.quick.verdict.word

    @property
    def sentence(self) -> str:
        """The verdict in a sentence."""
        if self.verdict is not None:
            return self.verdict.sentence
        if self.witness is not None and self.witness.word != "inconclusive":
            return f"{self.witness.sentence} (Simulated.)"
        if self.quick is not None:
            return f"{self.quick.sentence} (By the mean dynamics alone.)"
        return "No engine could carry this model to a verdict; see what could not be concluded."

    def to_dict(self) -> dict[str, Any]:
        """For JSON: every part under its own schema; absent parts are null."""

        def plain(part: Any) -> Any:
            return None if part is None else part.to_dict()

        return {
            "schema": "separatrix.report/1",
            "program": self.program.name,
            "verdict": self.word,
            "sentence": self.sentence,
            "exact": plain(self.verdict),
            "witnessed": plain(self.witness),
            "limits": [kept.to_dict() for kept in self.limits],
            "mean_dynamics": plain(self.quick),
            "recovery_over_load": plain(self.curve),
            "timeline": plain(self.course),
            "supposed": self.supposed,
            "tornado": plain(self.knobs),
            "risk_map": plain(self.map),
            "remedies": plain(self.fixes),
            "agreement": plain(self.engines),
            "open": self.open,
        }


def dossier(
    program: Program, *, seed: int = 0, progress: Callable[[str], None] = lambda doing: None
) -> Dossier:
    """Answer everything about `program`.

    The exact verdict is worked out once and handed to the parts that build on it; what needs many
    verdicts (risk map, tornado) asks the mean dynamics.

    Parameters
    ----------
    seed : of all random streams.
    progress : told what is being worked on.

    Raises ModelError where the program itself is wrong.
    """
    program.check()
    open_parts: dict[str, str] = {}

    def part(name: str, work: Callable[[], T]) -> T | None:
        progress(name)
        try:
            return work()
        except SeparatrixError as error:
            open_parts[name] = str(error)
            return None

    verdict = part("verdict", lambda: check(program))
    engines = part("agreement", lambda: agreement(program, runs=RUNS, seed=seed, known=verdict))
    witness = None
    if verdict is None:
        no_chain = open_parts["verdict"]
        witness = part(
            "simulation", lambda: witnessed(program, no_chain, engines=engines, seed=seed)
        )
    limits: tuple[Kept, ...] = ()
    if verdict is not None:
        limits = part("limits", lambda: kept_limits(verdict)) or ()
    elif witness is not None:
        limits = part("limits", lambda: witnessed_limits(witness, seed=seed)) or ()
    quick = part("mean dynamics", lambda: glance(program))
    supposed = None if program.faults.faults else part("spike", lambda: supposed_spike(program))
    hit = program if supposed is None else supposed.program
    return Dossier(
        program=program,
        verdict=verdict,
        witness=witness,
        limits=limits,
        quick=quick,
        curve=part("recovery over load", lambda: _recovery(program, verdict, quick, seed)),
        course=part("time line", lambda: timeline(hit, runs=RUNS, seed=seed)),
        supposed="" if supposed is None else supposed.reason,
        knobs=part("tornado", lambda: tornado(program)),
        map=part("risk map", lambda: _risk_map(program)),
        fixes=part("remedies", lambda: remedies(program, pairs=False, seed=seed)),
        engines=engines,
        open=open_parts,
    )


def _recovery(
    program: Program, verdict: Verdict | None, quick: Glance | None, seed: int
) -> RecoveryOverLoad:
    """Exact where a chain of this size is affordable at every load, else simulated."""
    source = program.sources[0]
    rates = {share * source.mean_rate for share in LOADS}
    if quick is not None and quick.range is not None and quick.range.exists:
        rates |= {share * quick.range.low for share in BEFORE}
    known = {} if verdict is None else {source.mean_rate: verdict}
    if verdict is not None and verdict.population.n_states <= EXACT_STATES:
        return recovery_over_load(program, source.name, sorted(rates), known=known)
    return seen_recovery_over_load(
        program, source.name, sorted(rates), runs=RUNS, seed=seed, known=known
    )


def _risk_map(program: Program) -> SweepResult:
    source = program.sources[0]
    top = 1.5 * source.mean_rate
    grid: dict[Path, Any] = {
        f"sources.{source.name}.arrival_rate": [top * (i + 1) / MAP for i in range(MAP)],
        f"sources.{source.name}.retries": list(range(max(5, source.retries) + 1)),
    }
    options = {"closure": "geometric", "timed": False}
    return sweep(program, grid, engine="fluid", options=options, workers=1, progress=False)
