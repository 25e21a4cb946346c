r"""The same question put to every engine that can answer, side by side, with reasons.

**The question.** A program is healthy while the attempts at its server and the requests waiting to
come back are together at most h; it is stuck when its queue reaches s. *Recovery* is the time from the
end of a long outage (full queue, every client waiting) to h; *collapse* that from empty to s. h and s are
those of `levels`, from the most detailed chain that is affordable; every engine gets the same two numbers.

The simulator shares nothing with the other engines: it follows each request with its true time-out.
What it sees too seldom, it splits into likely steps (see `split`).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from math import isfinite
from typing import Any, Literal

import numpy as np

from separatrix.errors import ModelError, NotConverged, Unsupported, reason_of
from separatrix.markov.generator import as_chain
from separatrix.model import Program
from separatrix.model.quantities import duration_text
from separatrix.population import Population, lower
from separatrix.questions.answers import ENGINES, Agreement, Answer, Engine, Time
from separatrix.questions.dear import SIDE_BY_SIDE, affordable
from separatrix.questions.fluid_verdict import fluid_verdict, worst_start
from separatrix.questions.levels import Levels, levels
from separatrix.questions.passage import passage
from separatrix.questions.regimes import Mask, Regimes, regimes
from separatrix.questions.seen import SeenPassage
from separatrix.questions.simulated import SeenVerdict, seen_verdict
from separatrix.questions.tipping import Tipping, exact_tipping, fluid_tipping, seen_tipping
from separatrix.questions.verdict import HOLDS, Verdict, judge, relaxation

MOST_STATES = 300_000
"""Chains larger than this are not asked unless told to."""
MARGIN_STATES = 40_000
"""... nor asked for its margin, which needs a larger box and many laws."""


def agreement(
    program: Program,
    *,
    engines: Sequence[Engine] = ENGINES,
    runs: int = 200,
    events: float = 2e7,
    most_states: int = MOST_STATES,
    margins: bool = False,
    seed: int = 0,
    known: Verdict | None = None,
) -> Agreement:
    """Ask every engine whether `program` can get stuck, for how long, and how often.

    Parameters
    ----------
    engines : whom to ask.
    runs, events : replications and budget of events of the simulation.
    most_states : larger chains are not made.
    margins : ask for the spike of even odds, too (slow; of chains up to `MARGIN_STATES`).
    seed : of the simulation.
    known : the exact verdict on `program`, where it was worked out already.

    Raises ModelError where the program is wrong.
    """
    program.check()
    answers: list[Answer] = []
    chains: list[tuple[Engine, Regimes]] = []
    for closure in ("staged", "geometric"):
        if closure not in engines and chains:
            continue
        try:
            if known is not None and known.population.closure == closure:
                found = known.found
            else:
                chain = lower(program, closure)
                found = regimes(affordable(chain, SIDE_BY_SIDE, "to be asked", states=most_states))
        except (Unsupported, NotConverged) as error:
            if closure in engines:
                answers.append(Answer(closure, "inconclusive", None, None, reason_of(error), 0.0))
        else:
            chains.append((closure, found))
    bounds = levels(program, chains[0][1] if chains else None)
    for closure, found in chains:
        if closure in engines:
            answers.append(exactly(program, closure, found, bounds, known))
    if "fluid" in engines:
        answers.append(_on_average(program, bounds.healthy))
    if "simulation" in engines:
        answers.append(_one_by_one(program, bounds, runs, events, seed))
    if margins:
        answers = [_with_margin(program, answer, seed) for answer in answers]
    answers.sort(key=lambda a: ENGINES.index(a.engine))
    return Agreement(
        program.name,
        bounds.healthy,
        bounds.stuck,
        tuple(answers),
        tuple(differences(answers, program)),
    )


def _with_margin(program: Program, answer: Answer, seed: int) -> Answer:
    """The answer with its margin, where it can get stuck and the engine can say."""
    if answer.word != "can get stuck":
        return answer
    begin = time.process_time()
    margin = margin_of(program, answer.engine, seed=seed)
    spent = answer.seconds + time.process_time() - begin
    return replace(answer, margin=margin, seconds=spent)


def margin_of(program: Program, engine: Engine, *, seed: int = 0) -> Tipping | None:
    """The spike of even odds, lasting what a full queue takes; None where the engine cannot say."""
    duration = max(
        server.qsize / (server.thread_pool * min(w.processing_rate for w in server.apis.values()))
        for server in program.servers
    )
    try:
        if engine == "simulation":
            return seen_tipping(program, duration, seed=seed)
        if engine == "fluid":
            return fluid_tipping(program, duration, closure=_cheapest(program))
        if lower(program, engine).n_states <= MARGIN_STATES:
            return exact_tipping(program, duration, closure=engine)
    except (Unsupported, NotConverged):
        pass
    return None


def exactly(
    program: Program, engine: Engine, found: Regimes, bounds: Levels, known: Verdict | None = None
) -> Answer:
    """The answer of one chain to the question between `bounds`, from its regimes.

    known : the verdict on these regimes, where it was worked out already.
    """
    begin = time.process_time()
    population = found.population
    try:
        told = known is not None and known.found is found
        verdict = known if known is not None and told else judge(program, population, found)
        grid = population.grid()
        chain = as_chain(population)
        total = population.score(grid)
        recovery = collapse = None
        if verdict.recovery is not None:
            back = _whole(population, total <= bounds.healthy)
            recovery = _time(passage(chain, back, _start(population)))
        if found.stuck is not None:
            empty = np.zeros(population.shape)
            empty.flat[0] = 1.0
            collapse = _time(passage(chain, _whole(population, grid[0] >= bounds.stuck), empty))
    except NotConverged as error:
        spent = time.process_time() - begin
        return Answer(engine, "inconclusive", None, None, reason_of(error), spent)
    reason = f"{population.n_states:,} states{_soon_left(program, verdict)}"
    return Answer(engine, verdict.word, recovery, collapse, reason, time.process_time() - begin)


def _soon_left(program: Program, verdict: Verdict) -> str:
    """That there is a stuck regime, but no trap."""
    if verdict.word != "safe" or verdict.found.stuck is None or verdict.recovery is None:
        return ""
    stay, long = verdict.recovery.mean, HOLDS * relaxation(program)
    if stay >= long:
        return ""
    return (
        f"; an overload lasts {duration_text(stay)} on average, a delay: a trap holds at least "
        f"{duration_text(long)}"
    )


def _whole(population: Population, mask: Mask) -> Mask:
    return np.array(np.broadcast_to(mask, population.shape))


def _start(population: Population) -> Any:
    start = np.zeros(population.shape)
    start[tuple(np.rint(worst_start(population)).astype(int))] = 1.0
    return start


def _time(found: Any) -> Time:
    return Time(found.mean, found.mean, found.mean, found.p50, found.p99)


def _on_average(program: Program, healthy: float) -> Answer:
    begin = time.process_time()
    try:
        verdict = fluid_verdict(program, closure=_cheapest(program), healthy=healthy)
    except Unsupported as error:
        return Answer("fluid", "inconclusive", None, None, reason_of(error), 0.0)
    r = verdict.recovery
    reason = verdict.reason or f"mean dynamics, {verdict.closure} closure; chance is left out"
    return Answer(
        "fluid", verdict.word, Time(r, r, r, r, r), None, reason, time.process_time() - begin
    )


def _cheapest(program: Program) -> Literal["staged", "auto"]:
    """Staged where it carries the program: the fluid reading pays per axis, not per state."""
    try:
        lower(program, "staged")
    except Unsupported:
        return "auto"
    return "staged"


def _one_by_one(program: Program, bounds: Levels, runs: int, events: float, seed: int) -> Answer:
    begin = time.process_time()
    try:
        verdict = seen_verdict(
            program, bounds.healthy, bounds.stuck, runs=runs, events=events, rare=True, seed=seed
        )
    except ModelError as error:
        return Answer("simulation", "inconclusive", None, None, reason_of(error), 0.0)
    return Answer(
        "simulation", verdict.word, _seen(verdict.recovery),
        None if verdict.collapse is None else _seen(verdict.collapse),
        _reasons(verdict),
        time.process_time() - begin,
    )  # fmt: skip


def _reasons(verdict: SeenVerdict) -> str:
    """Why the verdict is what it is, and what its times rest on."""
    said = [verdict.reason]
    for name, seen in (("recovery", verdict.recovery), ("collapse", verdict.collapse)):
        if seen is not None and seen.reason:
            said.append(f"{name}: {seen.reason}")
    return "; ".join(said)


def _seen(passage: SeenPassage) -> Time:
    return Time(passage.mean, passage.low, passage.high, passage.p50, passage.p99)


def differences(answers: Sequence[Answer], program: Program) -> list[str]:
    """What differs between the answers about `program`, each with its reason."""
    found: list[str] = []
    by = {a.engine: a for a in answers}
    for a in answers:
        if a.word == "inconclusive":
            found.append(f"{a.engine} has no answer: {a.reason}")
    words = {a.engine: a.word for a in answers if a.word != "inconclusive"}
    if len(set(words.values())) > 1:
        said = ", ".join(f"{engine}: {word}" for engine, word in words.items())
        found.append(f"verdicts differ ({said})")
        found += [f"{a.engine} says safe: {a.reason}" for a in answers if a.word == "safe"]
    fluid, staged = by.get("fluid"), by.get("staged")
    geometric, witness = by.get("geometric"), by.get("simulation")
    if words.get("geometric", "") == "safe" and words.get("staged", "") == "can get stuck":
        found.append(
            "verdict: where some attempts are late and others not, a geometric number of retries sends fewer "
            "of them, and an overload is left sooner than in the staged chain"
        )
    if words.get("staged", "") == "safe" and words.get("simulation", "") == "can get stuck":
        found.append(
            "verdict: the chain takes for a trap what its mean dynamics rest in, simulation what lasts long: "
            "just before such a rest appears, an overload is left slowly though nothing holds it"
        )
    if words.get("staged", "") == "can get stuck" and words.get("simulation", "") == "safe":
        found.append(
            f"verdict: simulation takes for a delay what is over within {HOLDS:g} times what the backlog takes "
            f"without retries, the chain what is over within {HOLDS:g} times the service's relaxation: this lasts "
            "longer than one and not than the other"
        )
    if fluid and fluid.word == "can get stuck":
        found.append("fluid never leaves a stuck state: escapes are chance, which it leaves out")
    closures = [a.recovery for a in (staged, geometric) if a and a.recovery]
    if len(closures) == 2 and not closures[0].meets(closures[1]):
        found.append(
            f"recovery: geometric {closures[1]}, staged {closures[0]}: a geometric number of "
            "retries lets some clients give up at once, and the service escapes sooner"
        )
    reference = staged if staged and staged.recovery else geometric
    if witness and reference:
        for name, ours, seen in (
            ("recovery", reference.recovery, witness.recovery),
            ("collapse", reference.collapse, witness.collapse),
        ):
            if ours is None or seen is None:
                continue
            if not isfinite(seen.mean):
                found.append(
                    f"{name}: simulation cannot see it ({seen}); {reference.engine} {ours}"
                )
            elif not ours.meets(seen):
                found.append(
                    f"{name}: {reference.engine} {ours}, simulation {seen}: {_apart(program)}"
                )
    return found


def _apart(program: Program) -> str:
    """What the chain leaves out of `program` that moves its times."""
    said: list[str] = []
    works = [work for server in program.servers for work in server.apis.values()]
    if any(server.slowdown is not None for server in program.servers):
        said.append(
            "in the chain a service under way slows down with the load, in the simulation it keeps "
            "the speed at which it began"
        )
    if any(s.retries for s in program.sources) or any(c.retry for w in works for c in w.downstream):
        said.append(
            "the chain's time-outs are exponential, and of attempts that wait it knows how many will "
            "be late, not which (see verification/clocks and verification/fate_on_arrival)"
        )
    return "; ".join(said) or "the chain keeps numbers, the simulation each request"
