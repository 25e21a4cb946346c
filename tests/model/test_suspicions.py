from __future__ import annotations

import pytest

from separatrix.model import (
    AdaptiveLifo,
    Backoff,
    CoDel,
    ConcurrencyLimit,
    DependentCall,
    Lifo,
    LoadSlowdown,
    LookAsideCache,
    Outage,
    Program,
    RetryBudget,
    Schedule,
    Server,
    Slowdown,
    Source,
    Spike,
    ThresholdAdmission,
    TokenBucket,
    Work,
)
from separatrix.model.explain import explain
from separatrix.model.suspicion import IN_FULL, Warning_, told

CALM = {"name": "db", "apis": {"read": Work(10)}, "qsize": 15, "thread_pool": 10}
POLITE = {"name": "web", "api": "read", "arrival_rate": 20, "timeout": 2}


def warned(
    server: dict[str, object] = CALM, source: dict[str, object] = POLITE, *faults: object
) -> dict[str, Warning_]:
    """Code -> warning of a program with one server and one source."""
    program = Program("One", faults=Schedule(faults))  # type: ignore[arg-type]
    program.add_server(Server(**server))
    program.add_source(Source(**source))
    program.connect("web", "db")
    return {w.code: w for w in explain(program).warnings}


def test_a_calm_program_earns_no_warning() -> None:
    assert warned() == {}
    backoff = Backoff(1, multiplier=2, jitter=1)
    assert (
        warned(source=POLITE | {"retries": 3, "backoff": backoff, "budget": RetryBudget(0.1)}) == {}
    )
    assert (
        warned(CALM, POLITE, Spike("web", 3, 0, 1), Slowdown("db", 2, 0, 1), Outage("db", 0, 1))
        == {}
    )


def test_a_queue_that_lasts_exactly_as_long_as_the_client_waits_earns_no_warning() -> None:
    # 80 / (4 x 1/0.15) is 3 s and a rounding error
    server = CALM | {"qsize": 80, "thread_pool": 4, "apis": {"read": Work(1 / 0.15)}}
    assert "queue-outlasts-timeout" not in warned(server, POLITE | {"timeout": 3})


@pytest.mark.parametrize(
    ("server", "source", "code", "field", "words"),
    [
        (
            {},
            {"arrival_rate": 100},
            "overload",
            "servers.db",
            "100/s of first attempts are not less than the 100/s",
        ),
        (
            {},
            {"retries": 9, "backoff": Backoff(1)},
            "overload-with-retries",
            "servers.db",
            "with every retry made, 200/s of attempts exceed the 100/s",
        ),
        (
            {},
            {"arrival_rate": 90, "retries": 9, "backoff": Backoff(1), "budget": RetryBudget(0.2)},
            "budget-above-spare-capacity",
            "sources.web.budget.ratio",
            "spare capacity of db is 0.111 of them",
        ),
        (
            {"qsize": 1000},
            {},
            "queue-outlasts-timeout",
            "servers.db.qsize",
            "10 s to serve, longer than the timeout of web (2 s)",
        ),
        (
            {"orbit_size": 20},
            {"retries": 4, "backoff": Backoff(1), "arrival_rate": 2},
            "orbit-truncated",
            "servers.db.orbit_size",
            "at most 19 waiting clients, but about 24 of web wait when it is stuck, 6",
        ),
        (
            {"admission": TokenBucket(10)},
            {},
            "admission-refuses-normal-load",
            "servers.db.admission.rate",
            "admits 10/s of 20/s",
        ),
        (
            {"admission": ConcurrencyLimit(15)},
            {},
            "without-effect",
            "servers.db.admission.limit",
            "is 15, but the queue is full at 15",
        ),
        (
            {"admission": ThresholdAdmission(20)},
            {},
            "without-effect",
            "servers.db.admission.threshold",
            "is 20",
        ),
        (
            {"admission": ConcurrencyLimit(5)},
            {},
            "idle-threads",
            "servers.db.admission.limit",
            "is 5, less than the 10 threads",
        ),
        (
            {"discipline": AdaptiveLifo(6)},
            {},
            "without-effect",
            "servers.db.discipline.threshold",
            "is 6, but at most 5 can wait",
        ),
        (
            {"cache": LookAsideCache(100, 60)},
            {"arrival_rate": 300},
            "cold-cache-overload",
            "servers.db.cache",
            "while it is cold, 300/s reach a server that can complete 100/s",
        ),
        (
            {"slowdown": LoadSlowdown(5, 15)},
            {},
            "slowdown-overload",
            "servers.db.slowdown",
            "with 15 attempts at it it completes 16.7/s",
        ),
        (
            {"apis": {"read": Work(10), "raed": Work(1)}},
            {},
            "api-never-asked",
            "servers.db.apis.raed",
            "no source and no call",
        ),
        (
            {},
            {"timeout": 0.1},
            "timeout-below-service",
            "sources.web.timeout",
            "100 ms is not more than the 100 ms that read takes",
        ),
        (
            {},
            {"timeout": 0.15},
            "timeout-near-service",
            "sources.web.timeout",
            "150 ms is less than twice the 100 ms",
        ),
        (
            {},
            {"timeout": 3000},
            "timeout-in-wrong-unit",
            "sources.web.timeout",
            "clients wait 50 min for read, which takes 100 ms",
        ),
        (
            {},
            {"retries": 1},
            "retries-without-backoff",
            "sources.web.backoff",
            "asks again without waiting, once",
        ),
        (
            {},
            {"retries": 1, "backoff": Backoff(5, cap=2)},
            "backoff-above-cap",
            "sources.web.backoff.cap",
            "the cap (2 s) is below the base (5 s)",
        ),
        (
            {},
            {"backoff": Backoff(5)},
            "without-effect",
            "sources.web.backoff",
            "is given, but retries is 0",
        ),
        (
            {},
            {"budget": RetryBudget(0.1)},
            "without-effect",
            "sources.web.budget",
            "is given, but retries is 0",
        ),
        ({}, {"arrival_rate": 0}, "without-effect", "sources.web.arrival_rate", "is 0"),
    ],
)
def test_what_is_odd_is_told(
    server: dict[str, object], source: dict[str, object], code: str, field: str, words: str
) -> None:
    found = warned(CALM | server, POLITE | source)
    assert code in found
    assert found[code].field == field
    assert words in found[code].message
    assert found[code].reason
    assert found[code].hint


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        (Spike("web", 1, 0, 1), "without-effect", "is 1"),
        (Slowdown("db", 1, 0, 1), "without-effect", "is 1"),
        (
            Spike("web", 0.5, 0, 1),
            "fault-that-helps",
            "with a factor of 0.5 it sends less during this spike",
        ),
        (Slowdown("db", 0.5, 0, 1), "fault-that-helps", "it works faster during this slowdown"),
    ],
)
def test_faults_that_do_no_harm(fault: object, code: str, words: str) -> None:
    found = warned(CALM, POLITE, fault)
    assert set(found) == {code}
    assert found[code].field == "faults.0.factor"
    assert words in found[code].message


def test_a_spike_of_nothing() -> None:
    found = warned(CALM, POLITE | {"arrival_rate": 0}, Spike("web", 3, 0, 1))
    assert str(found["without-effect"]) == (
        "faults.0.source: the rate of web is 0, and 3 times 0 is 0. The spike does nothing. "
        "Change it or remove it."
    )


@pytest.mark.parametrize(
    "mended",
    [
        {"drop_expired": True},
        {"admission": CoDel()},
        {"discipline": Lifo()},
        {"admission": ConcurrencyLimit(200)},
    ],
)
def test_what_keeps_a_long_queue_from_wasting_work(mended: dict[str, object]) -> None:
    assert "queue-outlasts-timeout" in warned(CALM | {"qsize": 300})
    assert "queue-outlasts-timeout" not in warned(CALM | {"qsize": 300} | mended)


def test_the_suggested_queue_is_short_enough() -> None:
    hint = warned(CALM | {"qsize": 1000})["queue-outlasts-timeout"].hint
    size = int(hint.split("qsize to ")[1].split(" ")[0])
    assert size == 200
    assert "queue-outlasts-timeout" not in warned(CALM | {"qsize": size})


def call(**changes: object) -> dict[str, Warning_]:
    """Warnings of web -> app -> db, where the call or its server is changed."""
    given = {"callee": "db", "caller": "app", "api_name": "get", "timeout": 0.2} | {
        k: v for k, v in changes.items() if k not in ("threads", "patience", "rate")
    }
    program = Program("Two")
    work = Work(100, (DependentCall(**given),))
    program.add_server(
        Server("app", {"page": work}, 100, thread_pool=int(str(changes.get("threads", 20))))
    )
    program.add_server(Server("db", {"get": Work(100)}, 10, thread_pool=4))
    program.add_source(
        Source("web", "page", changes.get("rate", 10), timeout=changes.get("patience", 5))
    )
    program.connect("web", "app")
    return {w.code: w for w in explain(program).warnings}


def test_a_calm_call_earns_no_warning() -> None:
    assert call() == {}
    assert call(call_type="fire_and_forget", timeout=100, threads=1, rate=9) == {}


def test_inverted_timeouts() -> None:
    found = call(timeout=1, retry=4, backoff=Backoff(0.5), threads=100)["nested-timeouts-inverted"]
    assert found.field == "servers.app.apis.page.downstream.0.timeout"
    assert (
        found.message
        == "page may take 7.01 s with all attempts of this call, but source web gives up after 5 s"
    )
    assert "nested-timeouts-inverted" not in call(timeout=1, retry=3, threads=100)


def test_a_call_that_times_out_on_an_idle_server() -> None:
    assert (
        call(timeout=0.01)["timeout-below-service"].field
        == "servers.app.apis.page.downstream.0.timeout"
    )


def test_one_thread_that_waits() -> None:
    found = call(threads=1)["single-thread-waits"]
    assert found.field == "servers.app.thread_pool"
    assert found.message == "the only thread may wait 200 ms for db"


def test_a_callee_that_drains_the_threads() -> None:
    found = call(threads=2)["callee-outage-drains-threads"]
    assert found.field == "servers.app.apis.page.downstream.0"
    assert (
        found.message
        == "if db stops answering, it holds each thread for 210 ms: app gets through 9.52/s of 10/s"
    )
    assert "callee-outage-drains-threads" not in call(threads=3)


def test_many_alike_are_told_by_their_places() -> None:
    many = [Warning_("a", f"servers.s{i}", "odd", "It matters", "Mend it") for i in range(9)]
    one = Warning_("b", "sources.c", "odder", "It matters", "Mend it")
    lines = told([*many[:2], one, *many[2:]])
    assert lines[:IN_FULL] == [str(w) for w in many[:IN_FULL]]
    assert lines[IN_FULL:] == [
        "the same of 6 more: servers.s3, servers.s4, servers.s5, ... (`separatrix explain` tells all)",
        str(one),
    ]
    assert told(many[: IN_FULL + 1])[-1].startswith("the same of 1 more: servers.s3 (")
    assert told([]) == []
