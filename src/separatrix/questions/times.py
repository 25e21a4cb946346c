r"""Recovery and collapse times by a method of one's choice, or by the first that can answer.

The question is that of `separatrix.questions.agreement`: *recovery* runs from the end of a long outage
(full queue, every client waiting) until queue and orbit together are at most h; *collapse* from an
empty service until the queue reaches s. Methods:

* ``"markov"``: the exact chain's hitting time;
* ``"simulation"``: request by request, plainly counted;
* ``"rare"``: request by request, by splitting, from the metastable set rather than from one state;
* ``"auto"``: the chain where it carries the program, else simulation, else splitting.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal

import numpy as np

from separatrix.errors import ModelError, NotConverged, Problem, Unsupported, reason_of
from separatrix.markov.generator import as_chain
from separatrix.model import Program
from separatrix.notebook import Shown
from separatrix.population import Closure, lower
from separatrix.questions.agreement import MOST_STATES
from separatrix.questions.dear import SIDE_BY_SIDE, affordable
from separatrix.questions.fluid_verdict import worst_start
from separatrix.questions.levels import levels
from separatrix.questions.passage import passage
from separatrix.questions.seen import SeenPassage
from separatrix.questions.simulated import seen_collapse, seen_recovery
from separatrix.questions.split import Score, enough, split
from separatrix.simulate.rare import Goal

Method = Literal["markov", "simulation", "rare"]
METHODS: tuple[Method, ...] = ("markov", "simulation", "rare")


@dataclass(frozen=True)
class PassageTime(Shown):
    """A recovery or collapse time.

    Attributes
    ----------
    program, goal : what was asked.
    method, why : which method answered, and why that one.
    mean, low, high : with the 95 % interval, where the method has one [s]; infinite where nothing
        was seen, and then only `low` says something.
    p50, p99 : quantiles [s].
    healthy, stuck : h and s.
    status, reason : ``"ok"``, or ``"inconclusive"`` and why.
    """

    program: str
    goal: Goal
    method: Method
    why: str
    mean: float
    low: float
    high: float
    p50: float
    p99: float
    healthy: float
    stuck: float
    status: Literal["ok", "inconclusive"]
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """For JSON, with a versioned schema; times in seconds, None for infinity."""
        numbers = {
            name: (value if not isinstance(value, float) or isfinite(value) else None)
            for name, value in vars(self).items()
        }
        return {"schema": "separatrix.passage/1", **numbers}


def recovery(
    program: Program,
    *,
    method: Method | Literal["auto"] = "auto",
    healthy: float | None = None,
    stuck: float | None = None,
    closure: Closure = "auto",
    runs: int = 200,
    events: float = 2e7,
    score: Score = "auto",
    trials: int = 1000,
    seed: int = 0,
) -> PassageTime:
    """How long `program` takes to be healthy again once it is stuck.

    Parameters
    ----------
    method : see the module's description.
    healthy, stuck : h and s; None for those of `levels`, without a chain.
    closure : of the chain; see `lower`.
    runs, events : replications and budget of events of plain simulation.
    score : of splitting; see `split`.
    trials : of each step of each of the ten independent runs of splitting.
    seed : of all random streams.

    Raises
    ------
    ModelError : the program or a setting is wrong, or `Unsupported` where the method cannot carry it.
    NotConverged : the method has no answer.
    """
    return _time(
        _Question(program, "recovery", healthy, stuck, closure, runs, events, score, trials, seed),
        method,
    )


def collapse(
    program: Program,
    *,
    method: Method | Literal["auto"] = "auto",
    healthy: float | None = None,
    stuck: float | None = None,
    closure: Closure = "auto",
    runs: int = 200,
    events: float = 2e7,
    score: Score = "auto",
    trials: int = 1000,
    seed: int = 0,
) -> PassageTime:
    """How long `program` stays healthy before it gets stuck by itself; as `recovery`."""
    return _time(
        _Question(program, "collapse", healthy, stuck, closure, runs, events, score, trials, seed),
        method,
    )


class _Question:
    """One passage of one program, and how each method answers."""

    def __init__(
        self, program: Program, goal: Goal, healthy: float | None, stuck: float | None,
        closure: Closure, runs: int, events: float, score: Score, trials: int, seed: int,
    ) -> None:  # fmt: skip
        self.program = program.check()
        self.goal: Goal = goal
        if healthy is None or stuck is None:
            usual = levels(program)
            healthy = usual.healthy if healthy is None else healthy
            stuck = usual.stuck if stuck is None else stuck
        self.healthy, self.stuck = healthy, stuck
        self.closure: Closure = closure
        self.runs, self.events, self.trials, self.seed = runs, events, trials, seed
        self.score: Score = score
        if not 0 <= self.healthy < self.stuck < float("inf"):
            raise ModelError(
                Problem(
                    f"must be 0 <= healthy < stuck, got {self.healthy:g} and {self.stuck:g}",
                    "healthy and stuck",
                    "give scores, such as 10 and 150",
                )
            )

    def exact(self) -> SeenPassage:
        """By the chain's hitting times."""
        population = affordable(
            lower(self.program, self.closure), SIDE_BY_SIDE, "to be asked", states=MOST_STATES
        )
        grid = population.grid()
        queue = population.total("queue", grid)
        start = np.zeros(population.shape)
        if self.goal == "recovery":
            target = queue + population.total("orbit", grid) <= self.healthy
            start[tuple(np.rint(worst_start(population)).astype(int))] = 1.0
        else:
            target = queue >= self.stuck
            start.flat[0] = 1.0
        if not target.any():
            raise ModelError(
                Problem(f"no state of the chain is {self.goal}'s goal", "healthy and stuck")
            )
        mask = np.array(np.broadcast_to(target, population.shape))
        found = passage(as_chain(population), mask, start)
        error = found.relative_error * found.mean
        return SeenPassage(
            found.mean, found.mean - error, found.mean + error, found.p50, found.p99,
            found.std / found.mean, 0, 0, 0.0, "ok", "",
        )  # fmt: skip

    def counted(self) -> SeenPassage:
        """By plain simulation."""
        if self.goal == "recovery":
            return seen_recovery(
                self.program, self.healthy, runs=self.runs, events=self.events, seed=self.seed
            )
        return seen_collapse(
            self.program, self.stuck, runs=self.runs, events=self.events, seed=self.seed
        )

    def split(self) -> SeenPassage:
        """By splitting."""
        return split(
            self.program,
            self.goal,
            self.healthy,
            self.stuck,
            score=self.score,
            trials=self.trials,
            seed=self.seed,
        )

    def answer(self, method: Method, why: str, found: SeenPassage) -> PassageTime:
        """The answer of one method."""
        return PassageTime(
            self.program.name, self.goal, method, why, found.mean, found.low, found.high, found.p50,
            found.p99, self.healthy, self.stuck, found.status, found.reason,
        )  # fmt: skip


def _time(question: _Question, method: Method | Literal["auto"]) -> PassageTime:
    ask = {"markov": question.exact, "simulation": question.counted, "rare": question.split}
    if method != "auto":
        if method not in ask:
            known = ", ".join((*METHODS, "auto"))
            raise ModelError(Problem(f"unknown method {method!r}", "method", f"one of {known}"))
        return question.answer(method, "asked for", ask[method]())
    try:
        return question.answer("markov", "an exact chain carries the program", question.exact())
    except (Unsupported, NotConverged) as error:
        no_chain = f"no exact chain ({reason_of(error)})"
    seen = question.counted()
    if enough(seen):
        return question.answer("simulation", no_chain, seen)
    why = f"{no_chain}; plain simulation saw it {seen.seen} times in {seen.runs} runs"
    try:
        return question.answer("rare", why, question.split())
    except (Unsupported, NotConverged) as error:
        return question.answer(
            "simulation", f"{why}; splitting has no answer: {reason_of(error)}", seen
        )
