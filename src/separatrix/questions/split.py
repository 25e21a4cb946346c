r"""Recovery and collapse that plain simulation sees too seldom, by splitting them into likely steps.

Where fewer than :data:`FEW` runs got there, the times are asked again of `rare_passage`, whose mean is
that from the metastable set. An escape from such a set is memoryless in the mean, hence the quantiles of
the exponential law.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from math import log
from typing import Literal

from separatrix.errors import ModelError, NotConverged, Unsupported
from separatrix.model import Program
from separatrix.questions.committor_score import committor_table
from separatrix.questions.seen import SeenPassage
from separatrix.simulate.rare import Goal, rare_passage

Score = Literal["auto", "committor", "linear"]

FEW = 30
"""Events from which counting gives the mean within about a third (95 %)."""
TRIALS = 300
"""Trials of each step in each of ten runs: the mean within about a quarter over ten steps."""


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
    table = None
    if score == "committor":
        table = committor_table(program, goal)
    elif score == "auto" and goal == "collapse":
        with suppress(Unsupported, NotConverged):
            table = committor_table(program, goal)
    found = rare_passage(
        program, goal, healthy=healthy, stuck=stuck, table=table, trials=trials, seed=seed
    )
    along = "" if table is None else " along the chain's committor"
    steps = f"by splitting into {len(found.levels) - 1} steps{along}"
    return SeenPassage(
        found.mean, found.low, found.high, log(2) * found.mean, log(100) * found.mean, float("nan"),
        0, found.rate.runs, 0.0, found.status,
        f"{steps}; {found.reason}" if found.reason else steps,
    )  # fmt: skip


def enough(seen: SeenPassage) -> bool:
    """Whether plain simulation saw the passage often enough to believe its mean."""
    return seen.seen == seen.runs or seen.seen >= FEW


def refined(
    program: Program, seen: SeenPassage, goal: Goal, healthy: float, stuck: float, *, seed: int = 0
) -> SeenPassage:
    """`seen`, or where it rests on fewer than `FEW` events the same time by splitting.

    Where splitting has no answer either, `seen` with the reason.
    """
    if enough(seen):
        return seen
    try:
        found = split(program, goal, healthy, stuck, seed=seed)
    except (ModelError, NotConverged, Unsupported) as error:
        return replace(seen, reason=f"{seen.reason}; splitting has no answer: {error}")
    return found if found.status == "ok" else replace(seen, reason=f"{seen.reason}; {found.reason}")
