"""What mean dynamics and chain foretell of a fault, beside simulated runs of the same."""

from __future__ import annotations

import json
import math

import pytest

from separatrix.model import (
    Deterministic,
    Lifo,
    Outage,
    Program,
    RetryBudget,
    Schedule,
    Server,
    Source,
    Spike,
    Work,
)
from separatrix.questions import foretold
from separatrix.questions.foretold import by_chain, by_mean_dynamics, foretell, standing
from separatrix.questions.outcome import phases_of
from separatrix.questions.prove import outcomes_of
from separatrix.simulate import simulate
from separatrix.views.proof_tables import forecast_text

STEP = 0.25


def service(rate=8.0, retries=2, qsize=40, source=None, **server) -> Program:
    program = Program("p")
    program.add_server(Server("s", {"get": Work(10.0)}, qsize=qsize, **server))
    program.add_source(
        Source("c", "get", rate, timeout=1.5, retries=retries, **(source or {})),
    )
    program.connect("c", "s")
    return program


def hit(program, fault=None, length=4.0):
    phases = phases_of(program, length, 20.0, STEP)
    fault = Spike("c", 4.0, phases.fault, length) if fault is None else fault(phases.fault, length)
    return program.under(Schedule((fault,))), phases


@pytest.mark.parametrize(("retries", "word"), [(2, "stuck"), (0, "recovers")])
def test_both_foretell_what_simulated_runs_do(retries, word):
    program, phases = hit(service(rate=6.0, retries=retries))
    result = simulate(
        program, horizon=phases.end + STEP / 4, step=STEP, runs=60, keep=True, progress=False,
        workers=1,
    )  # fmt: skip
    seen = outcomes_of(result, phases, 1)
    share = sum(o.stuck for o in seen) / len(seen)
    before = sum(o.goodput_before for o in seen) / len(seen)
    forecasts = foretell(program, phases, STEP)
    assert [f.engine for f in forecasts] == ["fluid", "markov"]
    for forecast in forecasts:
        assert forecast.word == word
        assert forecast.goodput_before == pytest.approx(before, rel=0.1)
        assert json.loads(json.dumps(forecast.to_dict()))["engine"] == forecast.engine
    fluid, chain = forecasts
    assert math.isnan(fluid.chance)
    assert chain.chance == pytest.approx(share, abs=0.2)
    assert (chain.recovery == math.inf) == (word == "stuck")
    said = forecast_text(chain)
    assert ("gets stuck with a chance of" in said) == (word == "stuck")
    assert ("back after" in said) == (word == "recovers")


def test_what_an_engine_cannot_carry_it_says(monkeypatch):
    lifo, phases = hit(service(discipline=Lifo()))
    for forecast in foretell(lifo, phases, STEP):
        assert forecast.word == "no answer"
        assert "lifo" in forecast.reason
        assert "no answer (" in forecast_text(forecast)
    assert standing(lifo)[0] == "not asked"
    program, phases = hit(service())
    monkeypatch.setattr(foretold, "MOST_CARRYING", 1e3)
    assert "are too dear here" in by_chain(program, phases).reason
    monkeypatch.setattr(foretold, "FORETOLD", 1e3)
    assert "an elimination, is too dear here" in by_chain(program, phases).reason


def test_a_chain_of_three_long_axes_is_not_asked_for_its_verdict():
    # a retry budget is a third axis: a million states, an hour and 13 GB
    program = Program("10 workers")
    program.add_server(Server("db", {"read": Work(10.0)}, qsize=200, thread_pool=10))
    program.add_source(
        Source("web", "read", 80.0, timeout=1.0, retries=3, budget=RetryBudget(ratio=0.1))
    )
    program.connect("web", "db")
    word, why = standing(program)
    assert word == "not asked"
    assert "is too dear here; `separatrix check` solves it" in why


def test_an_outage_and_a_law_of_fixed_times_are_followed_on_average_or_refused():
    program, phases = hit(service(rate=6.0), lambda at, length: Outage("s", at, length))
    assert by_mean_dynamics(program, phases, STEP).word == "stuck"
    program, phases = hit(service(rate=6.0))
    fixed = Program("p")
    fixed.add_server(Server("s", {"get": Work(10.0, law=Deterministic())}, qsize=40))
    fixed.add_source(Source("c", "get", 6.0, timeout=1.5, retries=2))
    fixed.connect("c", "s")
    assert by_chain(fixed.under(program.faults), phases).word == "no answer"
