"""Resting points by following the mean dynamics, where the drift has bends."""

from __future__ import annotations

import numpy as np
import pytest

from separatrix import Program, Server, Source, Work, lower
from separatrix.fluid.rest import rests_from
from separatrix.model import DependentCall
from separatrix.questions.fluid_verdict import fluid_verdict
from separatrix.questions.tipping import fluid_tipping


def tiers() -> Program:
    """Three servers, each waiting for the next and asking again once."""

    def calls(callee: str, caller: str, api: str, timeout: float) -> Work:
        call = DependentCall(
            callee, caller, api, call_type="wait_until_done", timeout=timeout, retry=1
        )
        return Work(50 if caller == "front" else 20, downstream=[call])

    program = Program("tiers")
    program.add_server(
        Server("front", {"page": calls("app", "front", "run", 2)}, 400, thread_pool=64)
    )
    program.add_server(Server("app", {"run": calls("db", "app", "read", 1)}, 300, thread_pool=40))
    program.add_server(Server("db", {"read": Work(20)}, 200, thread_pool=10))
    program.add_source(Source("web", "page", 150, timeout=3, retries=2))
    program.connect("web", "front")
    return program


def test_tiers_that_wait_for_each_other_rest_where_every_attempt_takes_its_mean():
    population = lower(tiers(), means_only=True)
    corners = np.array([[0.0] * len(population.shape), [n - 1.0 for n in population.shape]])
    for rest in rests_from(population, corners):
        assert rest.status == "ok", rest.reason
        # Little's law: 150/s times 20 + 50 + 50 ms, times 50 + 50 ms, times 50 ms
        assert rest.state[:3] == pytest.approx([18.0, 15.0, 7.5], abs=1e-3)


def test_what_cannot_rest_badly_cannot_be_tipped():
    verdict = fluid_verdict(tiers())
    assert verdict.word == "safe"
    # simulated: 18.2 s (18.0 .. 18.4), with a full outage before it
    assert verdict.recovery == pytest.approx(20, rel=0.25)
    assert fluid_tipping(tiers(), 10.0).size == np.inf
