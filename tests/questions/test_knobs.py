"""Knobs: every rung makes a whole program, is stronger than the last, and costs what was said."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from model_programs import programs

from separatrix import ModelError, Program, Server, Source, Work
from separatrix.model import Lifo
from separatrix.model.parameters import with_parameters
from separatrix.questions.knobs import WEIGHTS, knobs_of


def service(**server) -> Program:
    program = Program("p")
    program.add_server(Server("s", {"get": Work(10.0)}, qsize=60, **server))
    program.add_source(Source("c", "get", 8.0, timeout=3.0, retries=2))
    program.connect("c", "s")
    return program


def test_every_knob_has_rungs_that_cost_more_and_more():
    found = {k.kind: k for k in knobs_of(service())}
    assert set(found) == set(WEIGHTS) >= {
        "retries", "timeout", "backoff", "retry_budget", "qsize", "threads", "admission",
        "token_bucket", "lifo", "drop_expired", "load_shed", "capacity",
    }  # fmt: skip
    for knob in found.values():
        costs = [rung.cost for rung in knob.rungs]
        assert costs == sorted(costs)
        assert costs[0] > 0
        for rung in knob.rungs:
            assert with_parameters(service(), rung.changes) != service()


def test_costs_are_set_by_the_user():
    found = {k.kind: k for k in knobs_of(service(), {"capacity": 12.0, "lifo": float("inf")})}
    assert "lifo" not in found
    double = next(r for r in found["capacity"].rungs if "100 % faster" in r.text)
    assert double.cost == pytest.approx(12.0)
    with pytest.raises(ModelError, match="did you mean 'capacity'"):
        knobs_of(service(), {"capacty": 1.0})
    with pytest.raises(ModelError, match="must be >= 0, got nan"):
        knobs_of(service(), {"capacity": float("nan")})


def test_what_is_there_is_not_offered():
    found = {k.kind for k in knobs_of(service(discipline=Lifo(), drop_expired=True))}
    assert found.isdisjoint({"lifo", "adaptive_lifo", "drop_expired"})


@settings(max_examples=10)
@given(programs())
def test_rungs_of_any_program_are_programs(program):
    for knob in knobs_of(program):
        assert knob.rungs
        for rung in knob.rungs:
            with_parameters(program, rung.changes)
