"""The answer where no chain is worked out: simulation decides, and says what it rests on."""

from __future__ import annotations

import json
from dataclasses import replace
from math import isfinite

import pytest
from tests.strategies.three_tiers import tiers

from separatrix import Program, Server, Source, Work
from separatrix.errors import NotConverged
from separatrix.model.limits import Limit
from separatrix.questions.agreement import agreement
from separatrix.questions.dossier import Dossier
from separatrix.questions.verdict import check
from separatrix.questions.witnessed import Witnessed, witnessed
from separatrix.questions.witnessed_limits import witnessed_limits

LIMITS = (
    Limit("recovery_p50", 3600.0),
    Limit("recovery_p99", 1.0),
    Limit("recovery_mean", 10.0),
    Limit("collapse_mean", 60.0),
    Limit("goodput", 0.9),
)


def service(load: float, retries: int = 1, limits: tuple[Limit, ...] = LIMITS) -> Program:
    """One thread of 10/s before a queue of 50; at a load of 0.55 with a retry its chain can get stuck."""
    program = Program("one", limits=limits)
    program.add_server(Server("s", {"get": Work(10)}, 50, thread_pool=1))
    program.add_source(Source("c", "get", 10 * load, timeout=50 / 30, retries=retries))
    program.connect("c", "s")
    return program


def asked(program: Program, events: float = 1e6) -> Witnessed:
    engines = agreement(program, engines=("fluid", "simulation"), runs=60, events=events)
    return witnessed(program, "not asked", engines=engines)


@pytest.mark.parametrize(
    ("load", "retries", "word"),
    [(0.55, 1, "can get stuck"), (0.4, 0, "safe"), (1.5, 1, "always stuck")],
)
def test_the_word_is_that_of_the_chain(load, retries, word):
    program = service(load, retries)
    found = asked(program)
    assert found.word == check(program).word == word
    assert found.sentence.lower().startswith(word)
    seen = found.seen.collapse
    by_itself = word == "can get stuck" and seen is not None and isfinite(seen.mean)
    assert ("even without a trigger this happens once in" in found.sentence) == by_itself
    assert any("not asked" in line for line in found.basis)
    told = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert told["verdict"] == word


def test_limits_are_decided_at_their_bounds():
    found = asked(service(0.55))
    by = {kept.limit.quantity: kept for kept in witnessed_limits(found)}
    # by the chain: recovery 2.4 min in the mean, collapse hours, goodput above 99 %
    outcomes = {name: kept.outcome for name, kept in by.items()}
    assert outcomes == {
        "recovery_p50": "holds", "recovery_p99": "fails", "recovery_mean": "fails",
        "collapse_mean": "holds", "goodput": "holds",
    }  # fmt: skip
    assert "400 simulated runs" in by["recovery_p99"].reason


def test_limits_are_decided_where_the_verdict_is_open():
    found = asked(service(0.55))
    answers = tuple(
        replace(a, word="inconclusive") if a.engine == "simulation" else a
        for a in found.engines.answers
    )
    open_ = replace(found, engines=replace(found.engines, answers=answers))
    outcomes = {kept.limit.quantity: kept.outcome for kept in witnessed_limits(open_)}
    assert outcomes == {
        "recovery_p50": "holds", "recovery_p99": "fails", "recovery_mean": "fails",
        "collapse_mean": "holds", "goodput": "holds",
    }  # fmt: skip


def test_safe_does_not_hide_that_too_few_are_answered():
    found = replace(asked(service(0.4, 0)), share=0.827)
    assert found.sentence.endswith("only 82.7 % of requests are answered in time.")


def test_a_service_that_is_always_stuck_keeps_no_promise():
    outcomes = {kept.limit.quantity: kept.outcome for kept in witnessed_limits(asked(service(1.5)))}
    assert set(outcomes.values()) == {"fails"}


def test_a_bound_on_the_quantile_itself_stays_open_and_spends_no_more_than_it_may():
    found = asked(service(0.4, 0))
    median = found.seen.recovery.p50
    program = service(0.4, 0, (Limit("recovery_p50", median),))
    (kept,) = witnessed_limits(replace(found, program=program))
    low, high = 0.35, 0.65  # of the runs, were the bound the true median
    late, runs = (int(word) for word in kept.reason.split("; ")[1].split() if word.isdigit())
    assert low < late / runs < high


def test_a_chain_that_is_too_dear_is_refused_before_anything_is_worked_out():
    with pytest.raises(NotConverged, match="too dear to be worked out unasked") as caught:
        check(tiers())
    assert caught.value.certificate == "cost"


def test_an_absurd_rate_is_refused_in_words():
    program = Program("absurd")
    for name in "ab":
        program.add_server(Server(name, {"get": Work(10)}, 50, thread_pool=1))
        program.add_source(Source("to-" + name, "get", 1e300, timeout=1.0, retries=1))
        program.connect("to-" + name, name)
    with pytest.raises(NotConverged, match=r"e\+6\d\d states"):
        check(program)
    with pytest.raises(NotConverged, match="would take"):
        check(program, closure="geometric")


def test_the_dossier_falls_back_on_simulation():
    program = service(0.55)
    witness = asked(program)
    parts = dict.fromkeys(("quick", "curve", "course", "supposed", "knobs", "map", "fixes"))
    whole = Dossier(
        program=program, verdict=None, witness=witness, limits=(), engines=witness.engines, open={},
        **parts,
    )  # fmt: skip
    assert whole.word == "can get stuck"
    assert whole.sentence.endswith("(Simulated.)")
    assert whole.to_dict()["witnessed"]["verdict"] == "can get stuck"
