r"""The smallest changes that make a service safe, ranked by cost, each confirmed by a second engine.

1. Every knob (`knobs_of`) is a ladder from gentle to strong. The mean dynamics *propose* the gentlest rung at
   which they have no stuck state (bisection, as a stronger rung helps no less); where no population
   carries a knob, a few simulated runs through the worst start propose instead.
2. Pairs of knobs are searched along the staircase between the two single remedies.
3. A second engine *confirms*: simulation, request by request, with the program's own faults and with a long
   outage injected; and the exact chain, where it is small. What is refuted climbs a rung and is asked again.

A knob that no population carries has simulation alone; it is then confirmed by fresh runs, and says so.
The side effect is the share of requests answered in time before the fault, simulated with and without.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from math import inf

from separatrix.errors import ModelError, NotConverged, Problem, Unsupported
from separatrix.model import Program
from separatrix.model.parameters import with_parameters
from separatrix.model.quantities import duration_text
from separatrix.population import lower
from separatrix.questions.aftermath import Aftermath, aftermath
from separatrix.questions.calm import calm_share
from separatrix.questions.fluid_verdict import fluid_safe
from separatrix.questions.knobs import Knob, Rung, knobs_of
from separatrix.questions.remedies_found import Proposer, Remedies, Remedy
from separatrix.questions.verdict import check

EXACT_STATES = 20_000
"""Chains up to this size are asked, too."""
FEW, ENOUGH, MANY = 40, 80, 200
"""Runs that propose; that confirm if none of them is trapped; that confirm else, and give a quantile."""
TRAPPED = 0.05
"""A remedy is refuted unless fewer runs than this share are trapped, for all the interval says."""
PAIRS = 5
"""Pairs that are confirmed, cheapest first."""


def remedies(
    program: Program,
    *,
    recovery_p99: float | None = None,
    costs: Mapping[str, float] | None = None,
    pairs: bool = True,
    seed: int = 0,
    progress: Callable[[str], None] = lambda doing: None,
) -> Remedies:
    """Search the knobs of `program` for the cheapest changes that make it safe.

    Parameters
    ----------
    recovery_p99 : a limit [s] that 99 % of the recoveries after a long outage must keep, too.
    costs : weights of the knobs; see `knobs_of`.
    pairs : look at pairs of knobs, too.
    seed : of the simulations.
    progress : called with what is being done, in words.

    Raises ModelError where the program is wrong, a cost names no knob, or the limit is not > 0.
    """
    if recovery_p99 is not None and not recovery_p99 > 0:
        hint = 'write for example "5min"'
        raise ModelError(Problem(f"must be > 0 s, got {recovery_p99:g}", "recovery_p99", hint))
    search = _Search(program, recovery_p99, seed, progress)
    ladders = knobs_of(program.check(), costs)
    goal = "no stuck state"
    if recovery_p99 is not None:
        goal += f", and 99 % of the recoveries within {duration_text(recovery_p99)}"
    as_it_is = Rung({}, "as it is", 0.0)
    if search.good(as_it_is)[0] and not search.judged(as_it_is, "fluid").refuted:
        return Remedies(program.name, goal, False, (), (), ())
    found: list[Remedy] = []
    refuted: list[Remedy] = []
    helpless: list[str] = []
    least: dict[str, int] = {}
    for knob in ladders:
        progress(knob.name)
        remedy, rung = search.single(knob)
        least[knob.name] = rung
        if remedy is None:
            helpless.append(knob.name)
        else:
            (refuted if remedy.refuted else found).append(remedy)
    if pairs:
        proposals = sorted(search.pairs(ladders, least), key=lambda rung: rung.cost)
        for rung in proposals[:PAIRS]:
            progress(rung.text)
            remedy = search.judged(rung, "fluid")
            (refuted if remedy.refuted else found).append(remedy)
    found.sort(key=lambda r: r.cost)
    return Remedies(program.name, goal, True, tuple(found), tuple(refuted), tuple(helpless))


class _Search:
    """Proposing and confirming on one program; answers are remembered."""

    def __init__(
        self, program: Program, limit: float | None, seed: int, progress: Callable[[str], None]
    ) -> None:
        self.program = program
        self.limit = limit
        self.seed = seed
        self.progress = progress
        self.asked: dict[str, tuple[bool, Proposer]] = {}
        self.calm = calm_share(program, seed=seed)

    def good(self, rung: Rung, *, runs: bool = True) -> tuple[bool, Proposer]:
        """Whether an engine proposes the rung, and which.

        runs : let simulation propose what no population carries.
        """
        if rung.text not in self.asked:
            answer = self._asked(rung, runs)
            if answer is None:
                return False, "simulation"
            self.asked[rung.text] = answer
        return self.asked[rung.text]

    def _asked(self, rung: Rung, runs: bool) -> tuple[bool, Proposer] | None:
        changed = self._changed(rung)
        if changed is None:
            return False, "fluid"
        try:
            within = inf if self.limit is None else self.limit
            return fluid_safe(changed, within=within), "fluid"
        except Unsupported:
            if not runs:
                return None
            seen = aftermath(changed, (), runs=FEW, seed=self.seed)
            return seen.trapped == 0 and self._fast(seen), "simulation"

    def single(self, knob: Knob) -> tuple[Remedy | None, int]:
        """The gentlest rung of one knob that holds, and its number; None and the end without one."""
        end = len(knob.rungs)
        low, high = 0, end  # the gentlest good rung is in [low, high]
        while low < high:
            middle = (low + high) // 2
            if self.good(knob.rungs[middle])[0]:
                high = middle
            else:
                low = middle + 1
        remedy: Remedy | None = None
        for i in range(low, end):
            proposed, engine = self.good(knob.rungs[i])
            if not proposed:
                continue
            remedy = self.judged(knob.rungs[i], engine)
            if not remedy.refuted:
                return remedy, i
        return remedy, end

    def pairs(self, knobs: Sequence[Knob], least: Mapping[str, int]) -> Iterator[Rung]:
        """The cheapest proposed pair of every two knobs, where it is cheaper than either alone."""
        for one, other in combinations(knobs, 2):
            if any(path in other.rungs[0].changes for path in one.rungs[0].changes):
                continue
            best: Rung | None = None
            j = least[other.name] - 1  # the strongest rung of the other that does not do alone
            for i in range(least[one.name]):
                while j >= 0:
                    both = _both(one.rungs[i], other.rungs[j])
                    good, engine = self.good(both, runs=False)
                    if not good or engine != "fluid":
                        break
                    if best is None or both.cost < best.cost:
                        best = both
                    j -= 1
            alone = [
                k.rungs[least[k.name]].cost for k in (one, other) if least[k.name] < len(k.rungs)
            ]
            if best is not None and all(best.cost < cost for cost in alone):
                yield best

    def judged(self, rung: Rung, proposer: Proposer) -> Remedy:
        """Put a proposal to the other engines."""
        changed = self._changed(rung)
        assert changed is not None  # noqa: S101 - it was proposed
        # other random numbers than those that proposed
        seen = aftermath(changed, (), runs=MANY, seed=self.seed + 1)
        refuted = self._doubt(seen, "a long outage")
        confirmed: list[str] = []
        if not refuted:
            fresh = ", fresh runs; no other engine carries it" if proposer == "simulation" else ""
            confirmed.append(f"simulation ({MANY} runs, long outage{fresh})")
        if not refuted and self.program.faults.faults:
            own = aftermath(
                changed, runs=ENOUGH if self.limit is None else MANY, seed=self.seed + 2
            )
            if own.trapped > 0 and len(own.back) < MANY:
                own = aftermath(changed, runs=MANY, seed=self.seed + 2)
            refuted = self._doubt(own, "its own faults")
            confirmed.append(f"simulation ({len(own.back)} runs, its own faults)")
        if not refuted and proposer == "fluid":
            said, refuted = self._exactly(changed)
            confirmed += [said] if said else []
        return Remedy(
            rung.changes, rung.text, rung.cost, proposer, () if refuted else tuple(confirmed), refuted,
            seen.quantile(0.99), seen.trapped, seen.high, self.calm,
            calm_share(changed, seed=self.seed),
        )  # fmt: skip

    def _doubt(self, seen: Aftermath, after: str) -> str:
        if seen.high >= TRAPPED:
            return (
                f"simulation: {100 * seen.trapped:.3g} % of the runs (at most {100 * seen.high:.3g} %) "
                f"are not back {duration_text(seen.wait)} after {after}"
            )
        if not self._fast(seen):
            return f"simulation: 99 % are back only within {duration_text(seen.quantile(0.99))}"
        return ""

    def _fast(self, seen: Aftermath) -> bool:
        return self.limit is None or seen.quantile(0.99) < self.limit

    def _exactly(self, changed: Program) -> tuple[str, str]:
        """What the exact chain confirms and what it refutes; nothing where it is too large."""
        try:
            if lower(changed).n_states > EXACT_STATES:
                return "", ""
            verdict = check(changed)
        except (Unsupported, NotConverged):
            return "", ""
        if verdict.word != "safe":
            return "", f"markov: {verdict.sentence}"
        p99 = verdict.recovery.p99 if verdict.recovery is not None else float("inf")
        if self.limit is not None and not p99 < self.limit:
            return "", f"markov: 99 % are back only within {duration_text(p99)}"
        return f"markov ({verdict.population.n_states:,} states)", ""

    def _changed(self, rung: Rung) -> Program | None:
        """The program on that rung; None where two changes do not go together."""
        try:
            return with_parameters(self.program, rung.changes)
        except ModelError:
            return None


def _both(one: Rung, other: Rung) -> Rung:
    changes = {**one.changes, **other.changes}
    return Rung(changes, f"{one.text}; {other.text}", one.cost + other.cost)
