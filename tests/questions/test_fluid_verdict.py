"""The fluid verdict: the scan's outermost rests are where the corners lead, and the quick answer is the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from separatrix import Program, Server, Source, Work, lower
from separatrix.fluid.rest import rest_from
from separatrix.model.policies import RetryBudget, TokenBucket
from separatrix.questions.fluid_verdict import fluid_safe, fluid_verdict, worst_start


def service(rate=8.0, retries=1, timeout=3.0, late="discard", **more) -> Program:
    program = Program("p")
    program.add_server(Server("s", {"get": Work(10.0)}, qsize=60, **more))
    program.add_source(
        Source("c", "get", rate, timeout=timeout, retries=retries, late_responses=late)
    )
    program.connect("c", "s")
    return program


@settings(max_examples=15, deadline=None)
@given(
    rate=st.floats(2.0, 14.0),
    retries=st.integers(0, 3),
    timeout=st.floats(0.3, 4.0),
    late=st.sampled_from(["discard", "accept"]),
)
def test_empty_and_full_service_rest_where_the_verdict_says(rate, retries, timeout, late):
    program = service(rate, retries, timeout, late)
    verdict = fluid_verdict(program, timed=False)
    assume("marginal" not in verdict.reason)  # there every length rests
    population = lower(program)
    for corner, found in (
        (np.zeros(len(population.axes)), verdict.low),
        (np.array(population.shape) - 1.0, verdict.high),
    ):
        rest = rest_from(population, corner)
        np.testing.assert_allclose(rest.state, found, rtol=1e-3, atol=1e-3)


def with_budget() -> Program:
    program = Program("p")
    program.add_server(Server("s", {"get": Work(10.0)}, qsize=60))
    program.add_source(Source("c", "get", 8.0, timeout=3.0, retries=1, budget=RetryBudget(0.1)))
    program.connect("c", "s")
    return program


@pytest.mark.parametrize(
    "program",
    [
        service(), service(retries=0), service(14.0), with_budget(),
        service(admission=TokenBucket(9.0, 2)), service(admission=TokenBucket(30.0, 2)),
    ],
)  # fmt: skip
def test_the_quick_answer_is_that_of_the_verdict(program):
    verdict = fluid_verdict(program)
    assert fluid_safe(program) == (verdict.word == "safe")
    if verdict.word == "safe":
        assert fluid_safe(program, within=1.1 * verdict.recovery)
        assert not fluid_safe(program, within=0.9 * verdict.recovery)


def test_the_worst_start_has_full_queues_and_orbits_at_rest():
    state = worst_start(lower(service(retries=2), "staged"))
    # everybody is refused: 8/s wait one time-out of 3 s, twice
    np.testing.assert_allclose(state, [60.0, 24.0, 24.0], rtol=1e-6)
    budget = lower(with_budget())
    start = worst_start(budget)
    assert start[0] == 60.0
    assert np.all(start[1:] >= 0)


def test_an_overload_that_just_fills_the_server_is_not_called_safe():
    # 5/s sent twice are what the server does: a full queue drifts down by 1e-11 of that
    program = Program("p")
    program.add_server(Server("s", {"get": Work(10.0)}, qsize=50))
    program.add_source(Source("c", "get", 5.0, timeout=5 / 3, retries=1))
    program.connect("c", "s")
    verdict = fluid_verdict(program)
    assert verdict.recovery == np.inf
    assert verdict.word == "can get stuck"
    assert verdict.high[0] > 45.0


def test_a_load_of_one_is_said_and_not_judged():
    verdict = fluid_verdict(service(10.0, 0))
    assert verdict.word == "inconclusive"
    assert "every queue[s] from 1 to 59" in verdict.sentence
