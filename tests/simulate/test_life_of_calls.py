"""The request's life across servers: waiting calls, join, fire-and-forget, failure on the way."""

from __future__ import annotations

from typing import Any

import pytest

from separatrix.model import (
    Backoff,
    DependentCall,
    Deterministic,
    LookAsideCache,
    Program,
    Server,
    Source,
    Trace,
    Work,
)

FORGET = "fire_and_forget"


def call(callee: str, *, by: str = "front", **settings: Any) -> DependentCall:
    return DependentCall(callee, by, "get", **{"timeout": 1000.0, **settings})


def chain(
    times: list[float],
    calls: tuple[DependentCall, ...],
    back: dict[str, float],
    *,
    front: float = 1.0,
    source: dict[str, Any] | None = None,
    front_server: dict[str, Any] | None = None,
    back_server: dict[str, Any] | None = None,
) -> Program:
    """A front server that makes `calls` to back servers with the given service times."""
    program = Program("chain")
    program.add_server(
        Server(
            "front",
            {"get": Work(1 / front, calls, law=Deterministic())},
            **{"qsize": 100, **(front_server or {})},
        )
    )
    for name, service in back.items():
        program.add_server(
            Server(
                name,
                {"get": Work(1 / service, law=Deterministic())},
                **{"qsize": 100, **(back_server or {})},
            )
        )
    program.add_source(
        Source(
            "c", "get", arrivals=Trace(times=(*times, 1e6)), **{"timeout": 500.0, **(source or {})}
        )
    )
    program.connect("c", "front")
    return program


def test_the_thread_is_held_until_the_call_is_answered(story, ends):
    run = story(chain([0.0, 0.5], (call("db"),), {"db": 2.0}), until=100)
    # front 0-1, db 1-3; the second starts at 3: front 3-4, db 4-6
    assert ends(run) == [(0, 3, 1, "answered"), (0.5, 6, 1, "answered")]
    assert run.servers["front"].mean_in_service == pytest.approx(0.06)
    assert run.servers["db"].mean_in_service == pytest.approx(0.04)
    assert run.streams["front.get -> db.get"].answered == 2


def test_a_join_waits_for_the_slowest_branch(story, ends):
    program = chain([0.0], (call("a"), call("b"), call("d")), {"a": 1.0, "b": 3.0, "d": 2.0})
    assert ends(story(program, until=100)) == [(0, 4, 1, "answered")]


def test_two_calls_to_the_same_server_queue_there(story, ends):
    run = story(chain([0.0], (call("db"), call("db")), {"db": 2.0}), until=100)
    assert ends(run) == [(0, 5, 1, "answered")]
    assert sum(s.answered for name, s in run.streams.items() if name != "c") == 2


def test_fire_and_forget_neither_waits_nor_cares(story, ends):
    program = chain([0.0], (call("db", call_type=FORGET, timeout=1.0, retry=1),), {"db": 5.0})
    run = story(program, until=100)
    assert ends(run) == [(0, 1, 1, "answered")]
    # its own timeout and retry go on without the caller: sent 1 and 2, given up at 3
    stream = run.streams["front.get -> db.get"]
    assert (stream.attempts, stream.failed) == (2, 1)
    assert run.servers["db"].late == 2


def test_waiting_and_forgotten_calls_together(story, ends):
    program = chain([0.0], (call("a", call_type=FORGET), call("b")), {"a": 9.0, "b": 2.0})
    assert ends(story(program, until=100)) == [(0, 3, 1, "answered")]


def test_calls_have_their_own_timeouts_and_retries(story, ends):
    # db is busy with the call of the first request until 4: front has 2 threads
    program = chain(
        [0.0, 0.5],
        (call("db", timeout=3.5, retry=1),),
        {"db": 3.0},
        front_server={"thread_pool": 2},
    )
    run = story(program, until=100)
    # 2nd call: sent 1.5, would be served 4-7, given up at 5; its retry is served 7-10: not in time
    assert ends(run) == [(0, 4, 1, "answered"), (0.5, 8.5, 1, "failed")]
    assert run.servers["front"].failed == 1
    stream = run.streams["front.get -> db.get"]
    assert (stream.answered, stream.failed, stream.attempts) == (1, 1, 3)


def test_a_failed_call_fails_the_attempt_which_may_be_retried(story, ends):
    program = chain(
        [0.0],
        (call("db", timeout=1.0, retry=1),),
        {"db": 10.0},
        source={"retries": 1},
    )
    run = story(program, until=200)
    # front 0-1; call given up at 2 and 3: the client learns at 3, retries; front 3-4, calls 4, 5: 6
    assert ends(run) == [(0, 6, 2, "failed")]
    assert run.streams["c"].retries_after_failure == 1
    assert (run.servers["front"].failed, run.servers["db"].late) == (2, 4)


def test_a_failed_call_frees_the_thread(story, ends):
    program = chain([0.0, 0.1], (call("db", timeout=1.0),), {"db": 10.0})
    # front 0-1, failed at 2; second: 2-3, failed at 4
    assert ends(story(program, until=200)) == [(0, 2, 1, "failed"), (0.1, 4, 1, "failed")]


def test_siblings_of_a_failed_call_are_given_up_too(story, ends):
    program = chain(
        [0.0],
        (call("a", timeout=2.0, retry=5), call("b", timeout=1.0)),
        {"a": 10.0, "b": 10.0},
    )
    run = story(program, until=200)
    assert ends(run) == [(0, 2, 1, "failed")]
    assert run.servers["a"].attempts == 1
    assert run.servers["a"].late == 1


def test_a_sibling_answered_after_the_failure_is_late(story):
    program = chain([0.0], (call("a"), call("b", timeout=1.0)), {"a": 5.0, "b": 10.0})
    run = story(program, until=200)
    assert (run.servers["a"].in_time, run.servers["a"].late) == (0, 1)


def test_a_sibling_in_backoff_is_not_sent_again(story):
    calls = (call("a", timeout=0.5, retry=3, backoff=Backoff(base=4.0)), call("b", timeout=1.0))
    run = story(chain([0.0], calls, {"a": 10.0, "b": 10.0}), until=200)
    assert run.servers["a"].attempts == 1


def test_a_server_does_not_know_that_its_client_has_gone(story, ends):
    program = chain(
        [0.0], (call("db", timeout=4.0, retry=1),), {"db": 3.0}, source={"timeout": 2.0}
    )
    run = story(program, until=100)
    assert ends(run) == [(0, 2, 1, "failed")]
    assert (run.servers["front"].late, run.servers["db"].in_time) == (1, 1)


def test_refused_call_fails_at_once_where_the_callee_fails_fast(story, ends):
    program = chain(
        [0.0, 0.2],
        (call("db"),),
        {"db": 5.0},
        front_server={"thread_pool": 2},
        back_server={"qsize": 1, "fail_fast": True},
    )
    assert ends(story(program, until=100)) == [(0, 6, 1, "answered"), (0.2, 1.2, 1, "failed")]


def test_three_levels(story, ends):
    program = Program("deep")
    fixed = Deterministic()
    program.add_server(Server("a", {"get": Work(1.0, (call("b", by="a"),), law=fixed)}, qsize=9))
    program.add_server(Server("b", {"get": Work(0.5, (call("d", by="b"),), law=fixed)}, qsize=9))
    program.add_server(Server("d", {"get": Work(0.25, law=fixed)}, qsize=9))
    program.add_source(Source("c", "get", arrivals=Trace(times=(0.0, 1e6)), timeout=100.0))
    program.connect("c", "a")
    run = story(program, until=100)
    assert ends(run) == [(0, 7, 1, "answered")]
    assert run.servers["a"].mean_in_service == pytest.approx(0.07)
    assert run.servers["b"].mean_in_service == pytest.approx(0.06)


def test_failure_climbs_three_levels_at_once(story, ends):
    program = Program("deep")
    fixed = Deterministic()
    program.add_server(Server("a", {"get": Work(1.0, (call("b", by="a"),), law=fixed)}, qsize=9))
    program.add_server(
        Server("b", {"get": Work(0.5, (call("d", by="b", timeout=1.0),), law=fixed)}, qsize=9)
    )
    program.add_server(Server("d", {"get": Work(0.25, law=fixed)}, qsize=9))
    program.add_source(Source("c", "get", arrivals=Trace(times=(0.0, 1e6)), timeout=100.0))
    program.connect("c", "a")
    run = story(program, until=100)
    assert ends(run) == [(0, 4, 1, "failed")]
    assert (run.servers["a"].failed, run.servers["b"].failed, run.servers["d"].late) == (1, 1, 1)


def test_a_call_answered_by_a_cache_takes_no_time(story, ends):
    program = chain(
        [0.0, 10.0],
        (call("db"), call("db")),
        {"db": 2.0},
        back_server={"cache": LookAsideCache(keys=1, ttl=50.0, warm=0.0)},
    )
    assert ends(story(program, until=100)) == [(0, 5, 1, "answered"), (10, 11, 1, "answered")]


def test_held_threads_starve_a_pool_and_retries_keep_it_starved(story, ends):
    # one front thread is held 6 s per request; a request every second, patience 3 s, one retry
    times = [float(i) for i in range(20)]
    program = chain(times, (call("db"),), {"db": 5.0}, source={"timeout": 3.0, "retries": 1})
    run = story(program, until=1000)
    assert run.streams["c"].answered == 0
    assert run.servers["front"].late == 40
    assert run.servers["front"].mean_in_service == pytest.approx(40 * 6 / 1000)


def test_accepted_late_answer_to_a_call_lets_the_caller_go_on(story, ends):
    program = chain(
        [0.0],
        (call("db", timeout=2.0, retry=1, late_responses="accept"),),
        {"db": 3.0},
    )
    run = story(program, until=100)
    # sent 1, given up at 3, retried; the first answer comes at 4 and is taken
    assert ends(run) == [(0, 4, 1, "answered")]
    assert run.streams["front.get -> db.get"].answered_late == 1
