"""The request's life as the client sees it: timeouts, retries, backoff, budget, breaker."""

from __future__ import annotations

import pytest

from separatrix.model import Backoff, Breaker, Outage, RetryBudget


def test_a_request_is_answered_when_its_service_is_over(one_server, story, ends):
    run = story(one_server([0.0, 5.0], timeout=3.0), until=100)
    assert ends(run) == [(0, 1, 1, "answered"), (5, 6, 1, "answered")]
    assert run.servers["s"].in_time == 2


def test_a_response_exactly_at_the_timeout_is_in_time(one_server, story, ends):
    assert ends(story(one_server([0.0], timeout=1.0), until=100)) == [(0, 1, 1, "answered")]


def test_timeout_is_armed_for_a_queued_attempt_and_the_doomed_one_costs_full_service(
    one_server, story, ends
):
    # 1st: served 0-2. 2nd: served 2-4, but given up at 3.5; its retry is served 4-6.
    run = story(one_server([0.0, 0.5], service=2.0, timeout=3.0, retries=1), until=100)
    assert ends(run) == [(0, 2, 1, "answered"), (0.5, 6, 2, "answered")]
    assert (run.servers["s"].in_time, run.servers["s"].late) == (2, 1)
    client = run.streams["c"]
    assert (client.timeouts, client.retries_after_late, client.attempts) == (1, 1, 3)
    assert (client.answered, client.answered_late) == (2, 0)


def test_accepted_late_response_ends_the_request_but_not_the_work_already_sent(
    one_server, story, ends
):
    program = one_server(
        [0.0, 0.5], service=2.0, timeout=3.0, retries=1, source={"late_responses": "accept"}
    )
    run = story(program, until=100)
    assert ends(run) == [(0, 2, 1, "answered"), (0.5, 4, 2, "late")]
    # the retry, sent at 3.5, is served 4-6 for nobody
    assert (run.servers["s"].in_time, run.servers["s"].late) == (1, 2)
    assert (run.streams["c"].answered, run.streams["c"].answered_late) == (1, 1)


def test_accepted_late_response_during_backoff_cancels_the_retry(one_server, story, ends):
    program = one_server(
        [0.0],
        service=2.0,
        timeout=1.0,
        retries=1,
        source={"late_responses": "accept", "backoff": Backoff(base=5.0)},
    )
    run = story(program, until=100)
    assert ends(run) == [(0, 2, 1, "late")]
    assert run.servers["s"].attempts == 1


def test_accepted_late_response_during_jittered_backoff_cancels_the_retry(one_server, story, ends):
    backoff = Backoff(base=5.0, multiplier=2.0, jitter=0.5)
    program = one_server(
        [0.0, 20.0],
        service=2.0,
        timeout=1.0,
        retries=1,
        source={"late_responses": "accept", "backoff": backoff},
    )
    run = story(program, until=100)
    assert ends(run) == [(0, 2, 1, "late"), (20, 22, 1, "late")]
    assert run.servers["s"].attempts == 2


def test_response_to_the_first_attempt_ends_the_request_while_its_second_retry_waits(
    one_server, story, ends
):
    # service 10: sent at 0, 4, 8, answered at 10 by attempt 0; attempts 1 and 2 go on for nobody
    program = one_server(
        [0.0], service=10.0, timeout=4.0, retries=2, source={"late_responses": "accept"}
    )
    run = story(program, until=100)
    assert ends(run) == [(0, 10, 3, "late")]
    assert run.servers["s"].late == 3


def test_accepting_does_not_revive_a_request_that_has_failed(one_server, story, ends):
    program = one_server(
        [0.0], service=10.0, timeout=4.0, retries=1, source={"late_responses": "accept"}
    )
    run = story(program, until=100)
    assert ends(run) == [(0, 8, 2, "failed")]
    assert run.streams["c"].answered_late == 0


def test_timeout_is_armed_for_a_dropped_attempt(one_server, story, ends):
    program = one_server([0.0, 0.5], service=2.0, timeout=3.0, retries=1, qsize=1)
    run = story(program, until=100)
    assert ends(run) == [(0, 2, 1, "answered"), (0.5, 5.5, 2, "answered")]
    assert run.servers["s"].dropped_full == 1
    assert run.streams["c"].retries_after_drop == 1


def test_a_failing_fast_server_tells_at_once(one_server, story, ends):
    program = one_server([0.0, 0.5], service=2.0, timeout=3.0, retries=2, qsize=1, fail_fast=True)
    run = story(program, until=100)
    assert ends(run) == [(0, 2, 1, "answered"), (0.5, 0.5, 3, "failed")]
    assert run.servers["s"].dropped_full == 3
    assert run.streams["c"].retries_after_refusal == 2


def test_a_refused_attempt_comes_back_after_the_backoff(one_server, story, ends):
    program = one_server(
        [0.0, 0.5],
        service=2.0,
        timeout=3.0,
        retries=2,
        qsize=1,
        fail_fast=True,
        source={"backoff": Backoff(base=1.0)},
    )
    # refused at 0.5 and at 1.5, let in at 2.5
    assert ends(story(program, until=100)) == [(0, 2, 1, "answered"), (0.5, 4.5, 3, "answered")]


def test_attempts_run_out_and_every_doomed_one_is_served(one_server, story, ends):
    run = story(one_server([0.0], service=10.0, timeout=1.0, retries=2), until=100)
    assert ends(run) == [(0, 3, 3, "failed")]
    assert run.servers["s"].late == 3
    # busy 30 s of 100 s, with 3, 2, 1 attempts at the server
    assert run.servers["s"].mean_in_service == pytest.approx(0.3)
    assert run.servers["s"].mean_present == pytest.approx((1 + 2 + 3 * 8 + 2 * 10 + 10) / 100)


def test_expired_attempts_are_discarded_when_a_thread_would_start_on_them(one_server, story):
    run = story(
        one_server([0.0], service=10.0, timeout=1.0, retries=2, drop_expired=True), until=100
    )
    assert (run.servers["s"].late, run.servers["s"].expired) == (1, 2)
    assert run.servers["s"].mean_in_service == pytest.approx(0.1)


def test_exponential_backoff_up_to_its_cap(one_server, story, ends):
    program = one_server(
        [0.0],
        service=100.0,
        timeout=1.0,
        retries=3,
        source={"backoff": Backoff(base=2.0, multiplier=2.0, cap=5.0)},
    )
    # sent 0, 1+2, 4+4, 9+5; given up at 15
    assert ends(story(program, until=50)) == [(0, 15, 4, "failed")]


@pytest.mark.parametrize("seed", range(5))
def test_jitter_draws_the_wait_between_its_bounds(one_server, story, seed):
    program = one_server(
        [0.0],
        service=100.0,
        timeout=1.0,
        retries=1,
        source={"backoff": Backoff(base=4.0, jitter=0.5)},
    )
    (request,) = story(program, until=50, seed=seed).requests
    assert 4.0 <= request.end <= 6.0
    assert request.end not in (4.0, 6.0)


def test_retry_budget_allows_a_share_of_first_attempts(one_server, story, ends):
    program = one_server(
        [0.0, 10.0, 20.0],
        service=1000.0,
        timeout=1.0,
        retries=5,
        source={"budget": RetryBudget(ratio=0.5, burst=1.0)},
    )
    # tokens: 1 at 0, spent at 1; 0.5 at 10, none to spend; 1 at 20, spent at 21
    run = story(program, until=100)
    assert ends(run) == [(0, 2, 2, "failed"), (10, 11, 1, "failed"), (20, 22, 2, "failed")]
    assert run.streams["c"].denied_by_budget == 3


def test_breaker_opens_blocks_probes_and_opens_again(one_server, story, ends):
    breaker = Breaker(window=2, threshold=1.0, open_for=5.0, probes=1)
    program = one_server(
        [0.0, 0.1, 3.0, 7.0, 7.5, 9.0, 14.0],
        service=1000.0,
        timeout=1.0,
        source={"breaker": breaker},
    )
    run = story(program, until=100)
    # open 1.1-6.1; the probe of 7 fails at 8: open 8-13; the next probe is sent at 14
    assert ends(run) == [
        (0, 1, 1, "failed"),
        (0.1, 1.1, 1, "failed"),
        (3, 3, 0, "failed"),
        (7, 8, 1, "failed"),
        (7.5, 7.5, 0, "failed"),
        (9, 9, 0, "failed"),
        (14, 15, 1, "failed"),
    ]
    assert run.streams["c"].denied_by_breaker == 3


def test_breaker_closes_after_a_good_probe(one_server, story, ends):
    breaker = Breaker(window=2, threshold=1.0, open_for=6.0, probes=1)
    program = one_server(
        [0.0, 0.1, 8.0, 8.2, 8.6, 8.7],
        service=0.5,
        timeout=1.0,
        faults=(Outage("s", 0.0, 5.0),),
        source={"breaker": breaker},
    )
    # both time out (1, 1.1), open until 7.1; 8.2 waits for no probe and is blocked
    assert ends(story(program, until=100)) == [
        (0, 1, 1, "failed"),
        (0.1, 1.1, 1, "failed"),
        (8, 8.5, 1, "answered"),
        (8.2, 8.2, 0, "failed"),
        (8.6, 9.1, 1, "answered"),
        (8.7, 9.6, 1, "answered"),
    ]


def test_an_attempt_from_before_the_breaker_opened_is_no_probe(one_server, story, ends):
    breaker = Breaker(window=1, threshold=1.0, open_for=1.0, probes=1)
    # Open 4-5. The attempt of 3 fails at 7 and must not end the probe sent at 6.
    program = one_server(
        [0.0, 3.0, 6.0, 9.0],
        service=3.5,
        timeout=4.0,
        faults=(Outage("s", 0.0, 4.0),),
        drop_expired=True,
        source={"breaker": breaker},
    )
    # served: 0 from 4 (begun at 0, suspended) to 7.5; 3 expired at 7.5; 6 from 7.5 to 11, too late
    run = story(program, until=8.0)
    assert ends(run) == [(0, 4, 1, "failed"), (3, 7, 1, "failed")]
    # 9 finds the probe of 6 unfinished: blocked
    run = story(program, until=9.5)
    assert ends(run)[-1] == (9, 9, 0, "failed")


def test_breaker_stops_retries_too(one_server, story, ends):
    program = one_server(
        [0.0],
        service=1000.0,
        timeout=1.0,
        retries=3,
        source={"breaker": Breaker(window=1, threshold=1.0, open_for=5.0)},
    )
    assert ends(story(program, until=100)) == [(0, 1, 1, "failed")]


def test_a_success_among_failures_keeps_the_breaker_closed(one_server, story, ends):
    # two threads; failures are refusals of a full server, told at once
    program = one_server(
        [0.0, 0.1, 1.5, 1.6, 2.6],
        timeout=5.0,
        qsize=1,
        fail_fast=True,
        source={"breaker": Breaker(window=2, threshold=1.0, open_for=50.0)},
    )
    # outcomes: refused, ok, refused, ok (never two failures in a row), so 2.6 is sent
    assert ends(story(program, until=40)) == [
        (0, 1, 1, "answered"),
        (0.1, 0.1, 1, "failed"),
        (1.5, 2.5, 1, "answered"),
        (1.6, 1.6, 1, "failed"),
        (2.6, 3.6, 1, "answered"),
    ]
