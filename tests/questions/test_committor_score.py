"""The chain's committor as a score: the same times as any other score, and what it cannot be made for."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from one_queue import one_queue, rise

from separatrix import NotConverged, Unsupported
from separatrix.model import RetryBudget
from separatrix.questions import committor_score
from separatrix.questions.committor_score import committor_table
from separatrix.questions.split import split
from separatrix.simulate import layout as at
from separatrix.simulate.compile import compile_program
from separatrix.simulate.journal import _watched_score
from separatrix.simulate.rare import rare_passage
from separatrix.simulate.score import ScoreTable, with_table
from separatrix.simulate.state import new_run


def relative_error(found):
    return found.rate.sd / found.rate.mean / math.sqrt(found.rate.runs)


def test_along_the_committor_the_closed_form_comes_out():
    program = one_queue(7.0, qsize=60)
    found = rare_passage(
        program, "collapse", healthy=0, stuck=45, trials=300, seed=1,
        table=committor_table(program, "collapse"),
    )  # fmt: skip
    assert abs(found.rate.mean * rise(7.0, 45) - 1) < 4 * relative_error(found) < 1


@pytest.mark.parametrize(("goal", "settings"), [("collapse", {}), ("recovery", {"rate": 8.0})])
def test_the_score_does_not_change_the_answer(goal, settings):
    program = one_queue(**{"qsize": 60, "rate": 6.0, "retries": 1, "timeout": 3.0, **settings})
    plain, guided = (
        rare_passage(program, goal, healthy=16, stuck=51, trials=500, seed=3, table=table)
        for table in (None, committor_table(program, goal))
    )
    error = math.hypot(relative_error(plain), relative_error(guided))
    assert abs(math.log(plain.mean / guided.mean)) < 4 * error
    assert error < 0.3


def test_a_table_is_read_by_attempts_and_requests_and_ends_at_the_two_sets():
    compiled = compile_program(one_queue(7.0, qsize=60))
    place = int(compiled.words[at.P_WATCH])
    compiled.words.view(np.float64)[place : place + 2] = 1.0
    values = np.arange(12.0).reshape(4, 3)
    tabled = with_table(compiled, ScoreTable(values, 11.0), 0.0, 5.0)
    state = new_run(
        tabled, dataclasses.replace(tabled.features, watch=True), np.random.SeedSequence(0)
    )
    v, ss = tabled.words[at.X_SERVERS], tabled.words[at.X_STREAMS]

    def score(present, requests, answered=0):
        state.X[v + at.PRESENT] = present
        state.X[ss + at.REQUESTS], state.X[ss + at.ANSWERED] = requests, answered
        return _watched_score(state.X, tabled.words, tabled.words.view(np.float64))

    assert score(0, 2) == -1.0
    assert score(5, 2) == 12.0
    assert score(2, 1) == values[2, 1]
    assert score(2, 9, answered=8) == values[2, 1]
    assert score(4, 7) == values[3, 2]  # beyond its ends the last values hold


def test_scores_rise_from_the_healthy_set_to_the_stuck_one():
    program = one_queue(8.0, qsize=60, retries=1, timeout=3.0)
    for goal in ("collapse", "recovery"):
        table = committor_table(program, goal)(3.0, 55.0)
        along = table.values[[5, 20, 35, 50], [5, 20, 35, 50]]
        assert np.all(np.diff(along) > 0)
        assert table.values.min() >= 0
        assert table.values.max() <= table.top


def test_without_a_committor_the_linear_score_stands_in(monkeypatch):
    budget = one_queue(7.0, qsize=60, retries=1, timeout=3.0, budget=RetryBudget(ratio=0.1))
    with pytest.raises(Unsupported, match="a committor over 3 axes"):
        committor_table(budget, "collapse")
    strict = one_queue(7.0, qsize=60, server={"drop_expired": True})
    assert "committor" not in split(strict, "collapse", 0, 20, trials=50).reason
    assert "committor" in split(one_queue(7.0, qsize=60), "collapse", 0, 20, trials=50).reason
    assert (
        "committor"
        not in split(one_queue(7.0, qsize=60), "collapse", 0, 20, score="linear", trials=50).reason
    )
    monkeypatch.setattr(committor_score, "SCORE", 1.0)
    with pytest.raises(NotConverged, match="too dear for a score"):
        split(one_queue(7.0, qsize=60), "collapse", 0, 20, score="committor", trials=50)
