from __future__ import annotations

import pytest
from hypothesis import given, settings
from model_programs import programs

from separatrix.model import (
    Backoff,
    DependentCall,
    LookAsideCache,
    Program,
    RetryBudget,
    Server,
    Source,
    Work,
)
from separatrix.model.demand import attempts, demands, holding_times, order, patience


def chain() -> Program:
    """web -> front (waits) -> back; front also tells log, without waiting."""
    calls = (
        DependentCall("back", "front", "get", timeout=0.5, retry=1),
        DependentCall("log", "front", "put", call_type="fire_and_forget", retry=2),
    )
    program = Program("chain")
    program.add_server(Server("front", {"page": Work(10, calls)}, 100, thread_pool=4))
    program.add_server(Server("back", {"get": Work(20), "other": Work(1)}, 100, thread_pool=2))
    program.add_server(Server("log", {"put": Work(1000)}, 100))
    program.add_sources([Source("web", "page", 5, retries=3), Source("cron", "get", 2)])
    program.connect("web", "front")
    program.connect("cron", "back")
    return program.check()


def test_a_single_server_by_hand() -> None:
    program = Program("one")
    program.add_server(Server("db", {"read": Work(10)}, 100, thread_pool=3))
    program.add_source(Source("web", "read", 20, retries=4))
    program.connect("web", "db")
    load = demands(program)["db"]
    assert (load.first, load.cold, load.worst) == (20, 20, 100)
    assert load.capacity == load.unanswered == pytest.approx(30)


def test_a_chain_by_hand() -> None:
    program, loads = chain(), demands(chain())
    assert order(program).index("front") < order(program).index("back")
    held = holding_times(program)
    assert held["front", "page"] == pytest.approx(0.1 + 0.05)
    assert held["back", "get"] == pytest.approx(0.05)
    front = loads["front"]
    assert front.capacity == pytest.approx(4 / 0.15)
    assert front.unanswered == pytest.approx(4 / (0.1 + 2 * 0.5))
    assert (front.first, front.worst) == (5, 20)
    back = loads["back"]
    assert back.first == 5 + 2
    assert back.worst == pytest.approx(20 * 2 + 2)
    assert back.capacity == pytest.approx(40)
    assert loads["log"].first == 5
    assert loads["log"].worst == pytest.approx(60)
    assert list(loads) == ["front", "back", "log"]


def test_a_callee_sees_no_more_than_its_caller_can_serve() -> None:
    program = chain()
    program.add_source(Source("flood", "page", 1000))
    program.connect("flood", "front")
    loads = demands(program)
    assert loads["back"].worst == pytest.approx(2 + 2 * loads["front"].capacity)


def test_mix_of_apis() -> None:
    program = Program("mix")
    program.add_server(Server("db", {"fast": Work(100), "slow": Work(1), "idle": Work(5)}, 10))
    program.add_sources([Source("a", "fast", 3), Source("b", "slow", 1)])
    for name in "ab":
        program.connect(name, "db")
    assert demands(program)["db"].capacity == pytest.approx(1 / (0.75 * 0.01 + 0.25 * 1))


@pytest.mark.parametrize(("rate", "ttl"), [(1e-9, 1.0), (0.5, 10.0), (100.0, 300.0), (1e9, 1e9)])
def test_misses_of_a_cache_in_steady_state(rate: float, ttl: float) -> None:
    program = Program("cached")
    program.add_server(Server("db", {"get": Work(1)}, 10, cache=LookAsideCache(100, ttl)))
    program.add_source(Source("web", "get", rate))
    program.connect("web", "db")
    load = demands(program)["db"]
    misses = load.first / load.cold
    # a key lives ttl, is asked for again 100 / rate later in the mean, and misses once in that cycle
    assert misses * rate == pytest.approx(100 / (ttl + 100 / rate), rel=1e-9)
    assert load.cold == rate


def test_attempts_and_patience() -> None:
    assert attempts(Source("s", "a", 1, retries=4)) == 5
    assert attempts(Source("s", "a", 1, retries=4, budget=RetryBudget(0.1))) == 1.1
    assert attempts(Source("s", "a", 1, retries=4, budget=RetryBudget(50))) == 5
    assert patience(3, 0, Backoff(9)) == 3
    assert patience(1, 2, Backoff(1, multiplier=2, jitter=1)) == pytest.approx(3 + 0.5 + 1)


@settings(deadline=None, max_examples=50)
@given(programs())
def test_loads_are_ordered(program: Program) -> None:
    for load in demands(program).values():
        assert 0 <= load.first <= load.cold * (1 + 1e-12)
        assert 0 < load.unanswered <= load.capacity * (1 + 1e-12)
