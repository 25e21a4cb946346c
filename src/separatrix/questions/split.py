r"""Recovery and collapse that plain simulation sees too seldom, by splitting them into likely steps.

Where counted runs leave a mean uncertain by more than :data:`NARROW`, it is asked again of `rare_passage`, whose
mean is that from the metastable set, with ever more trials until its interval is narrow or the budget is spent. An
escape from such a set is memoryless in the mean, hence the quantiles of the exponential law.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from math import inf, isfinite, log
from typing import Literal

from separatrix.errors import ModelError, NotConverged, Unsupported, reason_of
from separatrix.model import Program
from separatrix.questions.committor_score import committor_table
from separatrix.questions.seen import SeenPassage
from separatrix.simulate.rare import Goal, RarePassage, rare_passage
from separatrix.simulate.score import TableOf

Score = Literal["auto", "committor", "linear"]

NARROW = 2.0
"""Ratio of the ends of an interval (95 %) up to which a mean says something; counting needs 33 events."""
TRIALS = 300
"""Trials of each step in each of ten runs: the mean within about a quarter over ten steps."""
MORE = 4
"""So many times more trials at the next try: half the width."""


def split(
    program: Program,
    goal: Goal,
    healthy: float,
    stuck: float,
    *,
    score: Score = "auto",
    trials: int = TRIALS,
    seed: int = 0,
) -> SeenPassage:
    """The time from stuck to healthy (``"recovery"``) or back (``"collapse"``), by splitting.

    Parameters
    ----------
    healthy, stuck : scores (attempts at the servers plus requests known to come back) that bound the
        two sets.
    score : what orders the states between the two sets: ``"committor"`` of the exact chain, ``"linear"``
        (the score that bounds the sets), or ``"auto"``: the committor for a collapse where there is one.
        For recoveries the chain's committor was measured to be no better a guide than the linear score,
        and a worse one where clients are impatient.
    trials, seed : as in `rare_passage`.

    Raises as `rare_passage` and `committor_table` do.
    """
    table = _table(program, goal, score)
    found = rare_passage(
        program, goal, healthy=healthy, stuck=stuck, table=table, trials=trials, seed=seed
    )
    return _seen(found, table)


def _table(program: Program, goal: Goal, score: Score) -> TableOf | None:
    if score == "committor":
        return committor_table(program, goal)
    if score == "auto" and goal == "collapse":
        with suppress(Unsupported, NotConverged):
            return committor_table(program, goal)
    return None


def _seen(found: RarePassage, table: TableOf | None) -> SeenPassage:
    along = "" if table is None else " along the chain's committor"
    steps = f"by splitting into {len(found.levels) - 1} steps{along}"
    return SeenPassage(
        found.mean, found.low, found.high, log(2) * found.mean, log(100) * found.mean, float("nan"),
        0, found.rate.runs, 0.0, found.status,
        f"{steps}; {found.reason}" if found.reason else steps,
    )  # fmt: skip


def enough(seen: SeenPassage) -> bool:
    """Whether the mean was seen often enough: its interval is narrow."""
    return isfinite(seen.mean) and seen.high <= NARROW * seen.low


def refined(
    program: Program, seen: SeenPassage, goal: Goal, healthy: float, stuck: float, *,
    events: float = 2e7, seed: int = 0,
) -> SeenPassage:  # fmt: skip
    """`seen`, or where its interval is wide the same time by splitting, whichever is the narrower.

    Splitting is asked with more and more trials, until its interval is narrow or another try would exceed the
    budget of `events`. Where it has no answer, `seen` with the reason.
    """
    if enough(seen):
        return seen
    best, trials, spent = seen, TRIALS, 0.0
    try:
        table = _table(program, goal, "auto")
        while True:
            found = rare_passage(
                program, goal, healthy=healthy, stuck=stuck, table=table, trials=trials, seed=seed
            )
            told = _seen(found, table)
            if told.high < seen.low:
                # it starts from the metastable set: plain runs that take longer came from elsewhere
                contrary = (
                    f"splitting says {told}, from the metastable set, which these runs exclude"
                )
                return replace(seen, reason=f"{seen.reason}; {contrary}".removeprefix("; "))
            if found.status == "ok" and _width(told) < _width(best):
                best = told
            spent += found.events
            if enough(best) or spent + MORE * found.events > events:
                break
            trials *= MORE
    except (ModelError, NotConverged, Unsupported) as error:
        return replace(best, reason=f"{best.reason}; splitting has no answer: {reason_of(error)}")
    return best if best is not seen else replace(seen, reason=f"{seen.reason}; {told.reason}")


def _width(seen: SeenPassage) -> float:
    return seen.high / seen.low if isfinite(seen.mean) and seen.low > 0 else inf
