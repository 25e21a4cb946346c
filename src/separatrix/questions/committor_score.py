r"""The committor of the exact chain as the score of a splitting.

Of all scores the committor wastes the fewest trials: on one of its levels every state is as likely to
go on as any other. The chain's state is read off a run by the attempts at the server, q, and the requests
under way, m: of these the :math:`\min(q, m)` at the server will be answered in time but for the tail of the
sojourn time there, and the rest is the orbit,

.. math:: o(q, m) = m - \min(q, m)\,P(S_q \le T).

The reading is rough, and need not be more: splitting is without bias whatever its score.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from separatrix.errors import Unsupported
from separatrix.markov.committor import committor
from separatrix.model import Program
from separatrix.population import Array, lower
from separatrix.questions.dear import SCORE, affordable
from separatrix.simulate.rare import Goal
from separatrix.simulate.score import ScoreTable, TableOf

FLOOR = -700.0
"""Logarithms of probabilities below this count as equal."""


def committor_table(program: Program, goal: Goal) -> TableOf:
    """The table of scores for `rare_passage`, from the geometric closure.

    Raises `Unsupported` where that does not carry the program, or is not one queue and one orbit;
    NotConverged where its elimination would cost too much.
    """
    population = lower(program, "geometric")
    kinds = [axis.kind for axis in population.axes]
    if kinds not in (["queue"], ["queue", "orbit"]) or len(program.sources) != 1:
        raise Unsupported(
            "splitting",
            f"a committor over {len(kinds)} axes ({', '.join(kinds)}) as its score",
            "give weights instead",
        )
    affordable(population, SCORE, "for a score; give weights instead")

    def table(low: float, high: float) -> ScoreTable:
        grid = population.grid()
        queue = population.total("queue", grid)
        total = np.broadcast_to(queue + population.total("orbit", grid), population.shape)
        healthy = total <= low
        # of the orbit, a run knows only those whose attempt was dropped: the queue is what both know
        stuck = np.broadcast_to(queue >= min(high, population.shape[0] - 1), population.shape)
        found = committor(population, healthy, stuck)
        logs = found.log_complement if goal == "collapse" else found.log_probability
        inside = ~(healthy | stuck)
        floor = max(float(logs[inside].min(initial=0.0)), FLOOR)
        logs = np.clip(
            np.where(inside, logs, np.where(stuck == (goal == "collapse"), 0, floor)), floor, 0
        )
        scores = logs - floor if goal == "collapse" else -logs
        return ScoreTable(
            _by_requests(program, scores, population.sojourns[0].tail, len(kinds)), -floor
        )

    return table


def _by_requests(program: Program, scores: Array, tail: Callable[..., Array], axes: int) -> Array:
    """Scores by attempts at the server and requests under way, from those by queue and orbit."""
    scores = scores.reshape(scores.shape[0], -1)  # a queue alone is one without an orbit
    rows, columns = scores.shape
    q = np.arange(rows, dtype=np.float64)
    timeout = program.sources[0].timeout
    late = np.broadcast_to(np.asarray(tail((q, np.zeros(rows))[:axes], timeout)), (rows,))
    m = np.arange(columns + rows, dtype=np.float64)
    orbit = m[None, :] - np.minimum(q[:, None], m[None, :]) * (1.0 - late[:, None])
    place = np.clip(orbit, 0.0, columns - 1.0)
    below = np.floor(place).astype(int)
    above = np.minimum(below + 1, columns - 1)
    share = place - below
    lower_values = np.take_along_axis(scores, below, axis=1)
    return (1 - share) * lower_values + share * np.take_along_axis(scores, above, axis=1)
