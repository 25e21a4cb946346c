from __future__ import annotations

import json

import pytest

from separatrix.errors import ModelError
from separatrix.model import (
    AdaptiveLifo,
    Backoff,
    Breaker,
    CoDel,
    ConcurrencyLimit,
    DependentCall,
    Deterministic,
    Lifo,
    LoadSlowdown,
    LookAsideCache,
    Mixture,
    Outage,
    PhaseType,
    Program,
    RetryBudget,
    Schedule,
    Server,
    Slowdown,
    Source,
    Spike,
    StateMachine,
    ThresholdAdmission,
    TokenBucket,
    Trace,
    Work,
)
from separatrix.model.explain import explain


def one(server: Server | None = None, source: Source | None = None, *faults: object) -> Program:
    program = Program("One", faults=Schedule(faults))  # type: ignore[arg-type]
    program.add_server(server or Server("db", {"read": Work(10)}, 50, thread_pool=10))
    program.add_source(source or Source("web", "read", 20, timeout=2))
    program.connect("web", "db")
    return program


def text(program: Program) -> str:
    return " ".join(explain(program).paragraphs)


def test_a_whole_explanation() -> None:
    program = Program("Retry storm", description="Why the shop was down.")
    program.faults = Schedule((Spike("web", 3, 600, 60),))
    program.add_server(Server("db", {"read": Work(10)}, 200, thread_pool=10))
    program.add_source(Source("web", "read", 80, timeout=1, retries=3))
    program.connect("web", "db")
    said = explain(program)
    assert said.paragraphs == (
        "Retry storm: 1 server, 1 source of requests. Why the shop was down.",
        "Server db holds at most 200 attempts, waiting and in service together; 10 threads serve them, "
        "first in, first out. An attempt that finds it full is dropped, and its client waits for the "
        "timeout. read takes 100 ms on average: 100/s if nothing else runs. In all it can complete "
        "100/s; without retries it is asked for 80/s (80% of that).",
        "Source web sends 80/s (at random), each for read on db. A client gives an attempt up after 1 s "
        "and retries up to 3 times, at once; it has given up for good after 4 s. A response that comes "
        "after its timeout is discarded, and the server does the work either way. At worst each request "
        "becomes 4 attempts: 320/s, where db can complete 100/s.",
        "From 10 min on, for 1 min, web sends 3 times its rate (240/s).",
    )
    assert [w.code for w in said.warnings] == [
        "overload-with-retries", "queue-outlasts-timeout", "retries-without-backoff",
    ]  # fmt: skip
    assert str(said).startswith("Retry storm: 1 server")
    assert str(said).endswith("Add backoff: {base: 1s, multiplier: 2, jitter: 1}.")


def test_it_is_plain_data_too() -> None:
    said = explain(one(Server("db", {"read": Work(1)}, 50)))
    data = json.loads(json.dumps(said.to_dict()))
    assert data["paragraphs"] == list(said.paragraphs)
    assert set(data["warnings"][0]) == {"code", "field", "message", "reason", "hint"}


def test_a_program_that_is_not_whole_is_not_explained() -> None:
    with pytest.raises(ModelError, match="the program has no servers"):
        explain(Program("empty"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"discipline": Lifo()}, "serve them, last in, first out."),
        (
            {"discipline": AdaptiveLifo(5)},
            "first in, first out while fewer than 5 wait, last in, first out above",
        ),
        ({"fail_fast": True}, "An attempt that is refused fails at once."),
        ({"drop_expired": True}, "It throws away, unserved, attempts whose client has given up."),
        ({"drop_expired": True}, "A response that comes after its timeout is discarded."),
        (
            {"admission": ThresholdAdmission(20, 0.1)},
            "At 20 attempts or more it admits 10% of the new ones.",
        ),
        (
            {"admission": ConcurrencyLimit(20)},
            "It admits an attempt only while fewer than 20 are there.",
        ),
        ({"admission": CoDel()}, "once waits stay above 5 ms for 100 ms."),
        ({"admission": TokenBucket(30)}, "It admits 30/s (token bucket, bursts of 1 attempt)."),
        (
            {"slowdown": LoadSlowdown(0.5, 10)},
            "with n attempts at it, by a factor of 1 + 0.5 (n / 10)^1.",
        ),
        ({"slowdown": LoadSlowdown(0.5, 10, by="in_service")}, "with n attempts in service, by"),
        (
            {"cache": LookAsideCache(1000, 60, 0.9)},
            "1,000 keys, each kept 1 min, 90% of them warm at the start.",
        ),
        (
            {"apis": {"read": Work(10, law=Deterministic())}},
            "read takes 100 ms on average (deterministic)",
        ),
    ],
)
def test_servers(changes: dict[str, object], words: str) -> None:
    server = Server(
        **({"name": "db", "apis": {"read": Work(10)}, "qsize": 50, "thread_pool": 10} | changes)
    )
    assert words in text(one(server))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"retries": 0}, "gives an attempt up after 2 s and does not retry."),
        ({"retries": 1}, "retries up to 1 time, at once; it has given up for good after 4 s."),
        (
            {"retries": 2, "backoff": Backoff(1)},
            "2 times, after 1 s; it has given up for good after 8 s.",
        ),
        (
            {"retries": 2, "backoff": Backoff(1, multiplier=2, cap=60, jitter=0.5)},
            "after 1 s, then 2 times longer each time up to 1 min (jitter 50%)",
        ),
        (
            {"retries": 2, "budget": RetryBudget(0.1)},
            "at most 10% of first attempts (bursts of 10)",
        ),
        ({"retries": 2, "budget": RetryBudget(0.1)}, "each request becomes 1.1 attempts: 22/s"),
        (
            {"breaker": Breaker()},
            "When 50% of the last 20 attempts failed, it sends nothing for 5 s, then tries 1 probe.",
        ),
        ({"late_responses": "accept"}, "after its timeout ends the request all the same"),
        (
            {"arrivals": StateMachine(((0, 1), (1, 0)), (1, 9))},
            "in bursts, switching between 2 states",
        ),
        ({"arrivals": Mixture((0.5, 0.5), (1, 9))}, "with gaps of 2 lengths"),
        ({"arrivals": PhaseType((1,), ((-1,),))}, "with gaps of 1 phase"),
        ({"arrivals": Trace((0, 1, 2))}, "from a trace of 3 arrivals"),
    ],
)
def test_sources(changes: dict[str, object], words: str) -> None:
    source = Source(**({"name": "web", "api": "read", "arrival_rate": 20, "timeout": 2} | changes))
    assert words in text(one(source=source))


def test_calls() -> None:
    program = one()
    calls = (
        DependentCall("cache", "app", "get", timeout=0.2, retry=2, backoff=Backoff(0.1)),
        DependentCall("log", "app", "put", call_type="fire_and_forget"),
    )
    program.add_server(Server("app", {"page": Work(10, calls)}, 50, thread_pool=5))
    program.add_server(Server("cache", {"get": Work(100)}, 50))
    program.add_server(Server("log", {"put": Work(100)}, 50))
    program.add_source(Source("user", "page", 1, timeout=9))
    program.connect("user", "app")
    said = text(program)
    assert (
        "page takes 100 ms on average and holds its thread for 110 ms with the calls that it waits for"
        in said
    )
    assert (
        "Then page calls get on cache and waits, at most 200 ms an attempt, with up to 2 retries, after "
        "100 ms, 800 ms in all; if the call fails, so does the attempt."
    ) in said
    assert "Then page calls put on log and does not wait." in said


def test_faults_in_order_of_time() -> None:
    said = explain(
        one(None, None, Outage("db", 100, 1), Slowdown("db", 2, 10, 5), Spike("web", 3, 50, 60))
    )
    assert said.paragraphs[-1] == (
        "From 10 s on, for 5 s, db works 2 times slower. From 50 s on, for 1 min, web sends 3 times its "
        "rate (60/s). From 1.67 min on, for 1 s, db serves nothing."
    )
