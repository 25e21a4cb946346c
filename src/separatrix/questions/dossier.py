"""Everything there is to say about one program: the parts of a full report, each with its reason where
it could not be answered.

Parts are independent: one that fails, or that this machine cannot afford, leaves the others whole and
is named among what could not be concluded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from separatrix.errors import SeparatrixError
from separatrix.fluid.field import Trajectory, follow
from separatrix.model import Program
from separatrix.model.parameters import Path
from separatrix.questions.agreement import Agreement, agreement
from separatrix.questions.glance import Glance, glance
from separatrix.questions.limits import Kept, kept_limits
from separatrix.questions.recovery import RecoveryOverLoad, recovery_over_load
from separatrix.questions.remedy import Remedies, remedies
from separatrix.questions.sweep import SweepResult, sweep
from separatrix.questions.tornado import Tornado, tornado
from separatrix.questions.verdict import Verdict, check
from separatrix.simulate import SimulationResult, simulate

T = TypeVar("T")

LOADS = (0.5, 0.7, 0.85, 1.0, 1.1)
"""Arrival rates of the recovery curve, as shares of the present one."""
EXACT_STATES = 30_000
"""Chains up to this size are solved again for every load."""
RUNS = 100
MAP = 9
"""Values of each knob on the risk map."""


@dataclass(frozen=True)
class Dossier:
    """The parts of a report; None where there is no answer, with the reason in `open`.

    Attributes
    ----------
    program : what was asked about.
    verdict : of the exact chain.
    limits : the model's promises.
    quick : the mean dynamics.
    curve : recovery over load.
    path : the mean dynamics through the program's own faults.
    course : simulated runs through the program's own faults.
    knobs : how far each knob moves the load at which danger begins.
    map : verdict over arrival rate and retries of the first source.
    fixes : remedies, cheapest first.
    engines : the same question to every engine.
    open : part -> why it was not concluded.
    """

    program: Program
    verdict: Verdict | None
    limits: tuple[Kept, ...]
    quick: Glance | None
    curve: RecoveryOverLoad | None
    path: Trajectory | None
    course: SimulationResult | None = field(repr=False)
    knobs: Tornado | None
    map: SweepResult | None
    fixes: Remedies | None
    engines: Agreement | None
    open: dict[str, str]

    @property
    def word(self) -> str:
        """The verdict in a word: the chain's, else that of the mean dynamics."""
        if self.verdict is not None:
            return self.verdict.word
        return "inconclusive" if self.quick is None else self.quick.verdict.word

    @property
    def sentence(self) -> str:
        """The verdict in a sentence."""
        if self.verdict is not None:
            return self.verdict.sentence
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
            "limits": [kept.to_dict() for kept in self.limits],
            "mean_dynamics": plain(self.quick),
            "recovery_over_load": plain(self.curve),
            "path": plain(self.path),
            "simulation": plain(self.course),
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
    limits: tuple[Kept, ...] = ()
    if verdict is not None:
        limits = part("limits", lambda: kept_limits(verdict)) or ()
    quick = part("mean dynamics", lambda: glance(program))
    curve = None
    source = program.sources[0]
    if verdict is not None and verdict.population.n_states > EXACT_STATES:
        open_parts["recovery over load"] = (
            f"a chain of {verdict.population.n_states:,} states is not solved for every load; "
            "ask with `separatrix sweep`"
        )
    elif verdict is not None:
        rates = [share * source.mean_rate for share in LOADS]
        curve = part("recovery over load", lambda: recovery_over_load(program, source.name, rates))
    course = path = None
    if program.faults.faults:
        horizon = 2 * program.faults.end + 60.0
        path = part(
            "mean path through the faults", lambda: follow(program, horizon, closure="geometric")
        )
        course = part(
            "through the faults",
            lambda: simulate(
                program, horizon=horizon, runs=RUNS, seed=seed, step=horizon / 400, keep=True,
                progress=False,
            ),
        )  # fmt: skip
    return Dossier(
        program=program,
        verdict=verdict,
        limits=limits,
        quick=quick,
        curve=curve,
        path=path,
        course=course,
        knobs=part("tornado", lambda: tornado(program)),
        map=part("risk map", lambda: _risk_map(program)),
        fixes=part("remedies", lambda: remedies(program, pairs=False, seed=seed)),
        engines=part("agreement", lambda: agreement(program, runs=RUNS, seed=seed)),
        open=open_parts,
    )


def _risk_map(program: Program) -> SweepResult:
    source = program.sources[0]
    top = 1.5 * source.mean_rate
    grid: dict[Path, Any] = {
        f"sources.{source.name}.arrival_rate": [top * (i + 1) / MAP for i in range(MAP)],
        f"sources.{source.name}.retries": list(range(max(5, source.retries) + 1)),
    }
    return sweep(program, grid, engine="fluid", workers=1, progress=False)
