"""The request's life as the server sees it: order of service, admission, threads, load, cache."""

from __future__ import annotations

import pytest

from separatrix.model import (
    AdaptiveLifo,
    CoDel,
    ConcurrencyLimit,
    Deterministic,
    Lifo,
    LoadSlowdown,
    LookAsideCache,
    Program,
    Server,
    Source,
    ThresholdAdmission,
    TokenBucket,
    Trace,
    Work,
)


def test_first_in_first_out(one_server, story, ends):
    run = story(one_server([0.0, 0.1, 0.2, 0.3]), until=100)
    assert [end for _, end, _, _ in ends(run)] == [1, 2, 3, 4]


def test_last_in_first_out_does_not_interrupt(one_server, story, ends):
    run = story(one_server([0.0, 0.1, 0.2, 0.3], discipline=Lifo()), until=100)
    assert [end for _, end, _, _ in ends(run)] == [1, 4, 3, 2]


def test_adaptive_lifo_turns_round_at_its_threshold(one_server, story, ends):
    run = story(one_server([0.0, 0.1, 0.2, 0.3], discipline=AdaptiveLifo(threshold=3)), until=100)
    # at 1 three wait: the last goes first; then two wait: the first
    assert [end for _, end, _, _ in ends(run)] == [1, 3, 4, 2]


def test_lifo_with_expired_attempts_dropped(one_server, story, ends):
    run = story(
        one_server([0.0, 0.1, 0.2, 0.3, 2.5], timeout=2.0, discipline=Lifo(), drop_expired=True),
        until=100,
    )
    # 0.3 is served 1-2; 0.2 starts at 2, is given up at 2.2 in service, and costs its second;
    # 2.5 is served 3-4; 0.1, given up at 2.1, is discarded at 4
    assert ends(run) == [
        (0, 1, 1, "answered"),
        (0.1, 2.1, 1, "failed"),
        (0.2, 2.2, 1, "failed"),
        (0.3, 2, 1, "answered"),
        (2.5, 4, 1, "answered"),
    ]
    assert (run.servers["s"].expired, run.servers["s"].late) == (1, 1)


def test_qsize_counts_the_attempts_in_service_too(one_server, story):
    run = story(one_server([0.0, 0.1, 0.2, 0.3, 0.4], qsize=3, thread_pool=2), until=100)
    assert run.servers["s"].dropped_full == 2


def test_threads_serve_side_by_side(one_server, story, ends):
    run = story(one_server([0.0, 0.25, 0.5, 0.75], thread_pool=2), until=100)
    assert [end for _, end, _, _ in ends(run)] == [1, 1.25, 2, 2.25]
    assert run.servers["s"].mean_in_service == pytest.approx(0.04)


def test_many_threads_finish_in_order_of_their_due_times(story):
    program = Program("mixed")
    works = {
        "slow": Work(1 / 5, law=Deterministic()),
        "fast": Work(1.0, law=Deterministic()),
        "mid": Work(1 / 3, law=Deterministic()),
    }
    program.add_server(Server("s", works, qsize=10, thread_pool=3))
    for i, api in enumerate(works):
        program.add_source(
            Source(api, api, arrivals=Trace(times=(0.1 * i, 10 + 0.1 * i, 1e6)), timeout=50.0)
        )
        program.connect(api, "s")
    run = story(program, until=100)
    assert [(r.stream, round(r.end, 9)) for r in run.requests] == [
        ("fast", 1.1), ("mid", 3.2), ("slow", 5.0),
        ("fast", 11.1), ("mid", 13.2), ("slow", 15.0),
    ]  # fmt: skip


@pytest.mark.parametrize(("admit", "dropped"), [(0.0, 2), (1.0, 0)])
def test_threshold_admission(one_server, story, admit, dropped):
    policy = ThresholdAdmission(threshold=2, admit=admit)
    run = story(one_server([0.0, 1.0, 2.0, 3.0], service=10.0, admission=policy), until=100)
    assert run.servers["s"].dropped_threshold == dropped


def test_threshold_admission_by_lot(one_server, story):
    policy = ThresholdAdmission(threshold=0, admit=0.25)
    run = story(one_server([0.01 * i for i in range(4000)], qsize=5000, admission=policy), until=50)
    assert run.servers["s"].dropped_threshold == pytest.approx(3000, abs=4 * (4000 * 0.1875) ** 0.5)


def test_token_bucket(one_server, story):
    policy = TokenBucket(rate=0.5, burst=1)
    run = story(one_server([0.0, 1.0, 2.0, 3.5, 100.0, 100.5], admission=policy), until=200)
    # tokens: 1, 0.5, 1, 0.75, 1, 0.25
    assert run.servers["s"].dropped_token == 3


def test_a_full_server_takes_no_token(one_server, story):
    policy = TokenBucket(rate=0.001, burst=2)
    run = story(one_server([0.0, 0.5, 1.5], admission=policy, qsize=1), until=200)
    assert (run.servers["s"].dropped_full, run.servers["s"].dropped_token) == (1, 0)


def test_concurrency_limit(one_server, story):
    run = story(
        one_server([0.0, 1.0, 2.5], service=2.0, admission=ConcurrencyLimit(limit=1)), until=100
    )
    assert run.servers["s"].dropped_concurrency == 1


def test_codel_drops_from_the_head_when_waiting_stays_long(one_server, story, ends):
    program = one_server(
        [0.0, 0.1, 0.2, 0.3, 0.4, 0.5],
        admission=CoDel(target=0.5, interval=1.0),
        fail_fast=True,
    )
    run = story(program, until=100)
    # 1: 0.1 has waited 0.9 > target: the clock runs. 2: still above after an interval: 0.2 is
    # dropped, 0.3 served. 3: due again (2 + 1/sqrt 1): 0.4 is dropped, 0.5 served.
    assert ends(run) == [
        (0, 1, 1, "answered"),
        (0.1, 2, 1, "answered"),
        (0.2, 2, 1, "failed"),
        (0.3, 3, 1, "answered"),
        (0.4, 3, 1, "failed"),
        (0.5, 4, 1, "answered"),
    ]
    assert run.servers["s"].dropped_codel == 2


def test_codel_leaves_the_only_waiting_attempt_alone(one_server, story):
    run = story(
        one_server([0.0, 0.1, 1.1, 2.1, 3.1], admission=CoDel(target=0.5, interval=0.5)), until=100
    )
    # each waits 0.9 s, always alone
    assert run.servers["s"].dropped_codel == 0


def test_codel_silent_drop_leaves_the_client_to_its_timeout(one_server, story, ends):
    program = one_server(
        [0.0, 0.1, 0.2, 0.3], timeout=10.0, admission=CoDel(target=0.5, interval=1.0)
    )
    assert ends(story(program, until=100))[2] == (0.2, 10.2, 1, "failed")


def test_service_slower_with_the_number_at_the_server(one_server, story, ends):
    program = one_server([0.0, 0.5, 0.6], slowdown=LoadSlowdown(coefficient=1.0, scale=1.0))
    # n when service begins: 1, 2, 1 -> 2 s, 3 s, 2 s
    assert [end for _, end, _, _ in ends(story(program, until=100))] == [2, 5, 7]


def test_service_slower_with_the_number_in_service(one_server, story, ends):
    program = one_server(
        [0.0, 0.5, 0.6],
        thread_pool=2,
        slowdown=LoadSlowdown(coefficient=3.0, scale=2.0, exponent=2.0, by="in_service"),
    )
    # busy 1: 1 + 3/4 s; busy 2: 4 s. The third starts at 1.75 with two busy.
    assert [end for _, end, _, _ in ends(story(program, until=100))] == [1.75, 4.5, 5.75]


def test_cache_answers_at_once_until_its_entry_expires(one_server, story, ends):
    cache = LookAsideCache(keys=1, ttl=5.0, warm=0.0)
    run = story(one_server([0.0, 0.5, 2.0, 5.5, 7.5, 8.0], cache=cache), until=100)
    # filled at 1 and again at 2 (0.5 missed): lives until 7
    assert ends(run) == [
        (0, 1, 1, "answered"),
        (0.5, 2, 1, "answered"),
        (2, 2, 1, "answered"),
        (5.5, 5.5, 1, "answered"),
        (7.5, 8.5, 1, "answered"),
        (8, 9.5, 1, "answered"),
    ]
    assert (run.servers["s"].cache_hits, run.servers["s"].in_time) == (2, 4)


def test_cache_is_warm_at_the_start_and_answers_past_a_full_queue(one_server, story):
    warm = LookAsideCache(keys=50, ttl=1e9, warm=1.0)
    assert story(one_server([0.0, 0.1], cache=warm), until=100).servers["s"].cache_hits == 2
    half = LookAsideCache(keys=2, ttl=1e9, warm=0.5)
    run = story(one_server([0.01 * i for i in range(400)], service=50.0, qsize=1, cache=half), 40)
    assert run.servers["s"].cache_hits == pytest.approx(200, abs=40)
    assert run.servers["s"].dropped_full > 100


def test_sources_share_a_server(story):
    program = Program("two")
    program.add_server(
        Server(
            "s",
            {"a": Work(1.0, law=Deterministic()), "b": Work(0.5, law=Deterministic())},
            qsize=10,
        )
    )
    program.add_sources(
        [
            Source("x", "a", arrivals=Trace(times=(0.0, 4.0, 1e6)), timeout=100.0),
            Source("y", "b", arrivals=Trace(times=(0.5, 4.5, 1e6)), timeout=2.0, retries=1),
        ]
    )
    program.connect("x", "s")
    program.connect("y", "s")
    run = story(program, until=100)
    # y of 0.5: served 1-3, given up at 2.5, its retry is served 3-5 and given up at 4.5;
    # x of 4: served 5-6; y of 4.5: served 6-8, given up at 6.5; its retry 8-10, given up at 8.5
    assert [(r.stream, r.start, r.end, r.outcome) for r in run.requests] == [
        ("x", 0.0, 1.0, "answered"),
        ("y", 0.5, 4.5, "failed"),
        ("x", 4.0, 6.0, "answered"),
        ("y", 4.5, 8.5, "failed"),
    ]
    assert (run.servers["s"].in_time, run.servers["s"].late) == (2, 4)


def test_a_trace_runs_at_the_stated_rate(story):
    program = Program("scaled")
    program.add_server(Server("s", {"a": Work(10.0, law=Deterministic())}, qsize=10))
    program.add_source(
        Source("c", "a", 1.0, arrivals=Trace(times=(2.0, 4.0, 6.0, 8.0)), timeout=5.0)
    )
    program.connect("c", "s")
    assert [r.start for r in story(program, until=100).requests] == [1, 2, 3, 4]
