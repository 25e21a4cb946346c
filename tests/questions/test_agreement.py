"""One question, every engine: they agree where theory says so, and say why where they do not."""

from __future__ import annotations

import json

import numpy as np
import pytest

from separatrix import Program, Server, Source, Work
from separatrix.model import Breaker, Erlang, Hyperexponential, Lifo, LoadSlowdown
from separatrix.population import lower
from separatrix.questions.agreement import agreement, differences
from separatrix.questions.answers import Answer, Time
from separatrix.questions.regimes import regimes
from separatrix.questions.verdict import saturated


def service(rate=6.5, retries=1, timeout=3.0, qsize=60, **server) -> Program:
    program = Program("p")
    program.add_server(Server("s", {"get": Work(10.0)}, qsize=qsize, **server))
    program.add_source(Source("c", "get", rate, timeout=timeout, retries=retries))
    program.connect("c", "s")
    return program


def test_without_retries_all_engines_say_the_same():
    found = agreement(service(retries=0), events=2e6)
    assert found.agreed
    assert found.differences == ()
    times = [a.recovery.mean for a in found.answers]
    assert times == pytest.approx([times[0]] * 4, rel=0.1)


def test_a_trap_is_one_for_all_and_the_differences_have_reasons():
    found = agreement(service(rate=8.0), runs=40, events=2e6)
    assert found.agreed
    assert {a.word for a in found.answers} == {"can get stuck"}
    said = " ".join(found.differences)
    assert "escapes are chance" in said
    seen = found.of("simulation").recovery
    assert 2 * 86400 < seen.low < seen.high < 6 * 86400
    assert "by splitting" in found.of("simulation").reason
    staged, geometric = found.of("staged"), found.of("geometric")
    assert geometric.recovery.mean < staged.recovery.mean
    data = json.loads(json.dumps(found.to_dict()))
    assert data["schema"] == "separatrix.agreement/1"
    assert data["agreed"]


def test_a_closure_that_sees_a_delay_where_another_sees_a_trap_says_why():
    # a time-out as long as a full queue takes: half the attempts of a full queue are late
    found = agreement(
        service(rate=8.0, timeout=5.0, qsize=50), engines=("staged", "geometric"), events=1.0
    )
    assert found.of("staged").word == "can get stuck"
    assert found.of("geometric").word == "safe"
    assert "a trap holds at least 15 s" in found.of("geometric").reason
    said = " ".join(found.differences)
    assert "geometric says safe" in said
    assert "a geometric number of retries sends fewer of them" in said


def test_a_slow_recovery_without_a_resting_overload_is_told_from_a_trap():
    slow = Time(40.0, 38.0, 44.0, 30.0, 100.0)
    answers = [
        Answer("staged", "safe", slow, None, "one rest", 0.0),
        Answer("simulation", "can get stuck", slow, slow, "", 0.0),
    ]
    said = " ".join(differences(answers, service()))
    assert "verdicts differ (staged: safe, simulation: can get stuck)" in said
    assert "an overload is left slowly though nothing holds it" in said


def test_a_trap_to_the_chain_that_simulation_takes_for_a_long_backlog_says_why():
    slow = Time(31.0, 31.0, 31.0, 25.0, 100.0)
    answers = [
        Answer("staged", "can get stuck", slow, slow, "", 0.0),
        Answer("simulation", "safe", slow, None, "back within 31 s", 0.0),
    ]
    said = " ".join(differences(answers, service()))
    assert "simulation says safe: back within 31 s" in said
    assert "within 3 times what the backlog takes without retries" in said


def test_what_an_engine_cannot_carry_it_says():
    found = agreement(
        service(rate=3.0, discipline=Lifo()), engines=("staged", "simulation"), events=2e5
    )
    staged, seen = found.answers
    assert staged.word == "inconclusive"
    assert "lifo" in staged.reason
    assert seen.word == "safe"
    assert any("staged has no answer" in d for d in found.differences)


def test_a_chain_that_is_too_large_is_not_made():
    found = agreement(service(), engines=("staged", "simulation"), most_states=100, events=2e5)
    assert "more than 100, is too dear to be asked" in found.answers[0].reason


def test_only_queues_and_orbits_count_as_attempts():
    program = Program("p")
    law = Hyperexponential((0.9, 0.1), (2.0, 0.2))
    program.add_server(Server("s", {"get": Work(10.0, law=law)}, qsize=20, thread_pool=4))
    program.add_source(Source("c", "get", 24.0, timeout=3.0))
    program.connect("c", "s")
    found = regimes(lower(program, "staged"))
    queue, busy = found.low.state
    assert busy > 0.5  # threads in the second phase are attempts already counted in the queue
    assert agreement(program, engines=("staged",)).healthy == pytest.approx(queue + queue**0.5 + 1)


def test_after_an_outage_queues_and_orbits_are_full_and_nothing_else():
    program = Program("p")
    program.add_server(Server("s", {"get": Work(10.0, law=Erlang(3))}, qsize=5, orbit_size=4))
    breaker = Breaker(4, 0.5, 2.0)
    program.add_source(Source("c", "get", 4.0, timeout=0.5, retries=1, breaker=breaker))
    program.connect("c", "s")
    found = regimes(lower(program, "geometric"))
    (place,) = np.argwhere(saturated(found) == 1.0)
    for axis, value in zip(found.population.axes, place, strict=True):
        assert value == (axis.size - 1 if axis.kind in ("queue", "orbit") else 0)


def test_the_reason_why_the_chain_is_off_is_one_that_the_program_has():
    def apart(**server: object) -> str:
        retries = int(bool(server.pop("retries", 0)))
        made = Program("p")
        made.add_server(Server("s", {"get": Work(10.0)}, qsize=20, **server))
        made.add_source(Source("c", "get", 4.0, timeout=1.0, retries=retries))
        made.connect("c", "s")
        answers = [
            Answer(engine, "safe", Time(mean, mean, mean, mean, mean), None, "", 0.0)
            for engine, mean in (("staged", 1.0), ("simulation", 9.0))
        ]
        (said,) = differences(answers, made)
        assert said.startswith("recovery: staged 1 s, simulation 9 s: ")
        return said

    slows = LoadSlowdown(coefficient=1.0, scale=10.0)
    assert "slows down" in apart(slowdown=slows)
    assert "time-outs" not in apart(slowdown=slows)
    assert "time-outs" in apart(retries=1)
    assert "each request" in apart()
