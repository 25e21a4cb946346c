"""The spike of even odds: engines agree, and odds there are even."""

from __future__ import annotations

from math import inf

import pytest

from separatrix import Program, Server, Source, Spike, Work
from separatrix.questions.margin import exact_margin, fluid_margin, seen_margin
from separatrix.questions.trapped import exact_trapped


def service(retries=1) -> Program:
    program = Program("p")
    program.add_server(Server("s", {"get": Work(10.0)}, qsize=40))
    program.add_source(Source("c", "get", 7.0, timeout=2.0, retries=retries))
    program.connect("c", "s")
    return program


def test_three_engines_name_about_the_same_spike():
    exact, mean = exact_margin(service(), 4.0), fluid_margin(service(), 4.0)
    seen = seen_margin(service(), 4.0, healthy=8.0, runs=100)
    odds = exact_trapped(service(), [Spike("c", exact.factor, 0.0, 4.0)]).probability
    assert odds == pytest.approx(0.5, abs=0.03)
    assert mean.factor == pytest.approx(exact.factor, rel=0.15)
    assert seen.low * 0.9 < exact.factor < seen.high * 1.1
    assert seen.low < seen.factor < seen.high < inf


def test_where_nothing_traps_there_is_no_margin():
    margin = fluid_margin(service(retries=0), 4.0)
    assert margin.factor == inf
    assert margin.to_dict()["factor"] is None
    assert str(margin) == "> 30x for 4 s"
