"""The request's life under spikes, slowdowns and outages."""

from __future__ import annotations

import pytest

from separatrix.model import Outage, Slowdown, Spike


def test_a_spike_runs_a_trace_faster(one_server, story, ends):
    program = one_server(
        [float(i) for i in range(8)], service=0.01, faults=(Spike("c", 2.0, 1.5, 1.5),)
    )
    starts = [start for start, *_ in ends(story(program, until=6.0))]
    assert starts == pytest.approx([0, 1, 1.75, 2.25, 2.75, 3.5, 4.5, 5.5])


def test_overlapping_spikes_multiply(one_server, story, ends):
    faults = (Spike("c", 2.0, 1.0, 3.0), Spike("c", 3.0, 2.0, 1.0))
    program = one_server([float(i) for i in range(30)], service=0.01, faults=faults)
    run = story(program, until=10.0)
    # 1 in [0,1), then 2, 6, 2 a second in [1,2), [2,3), [3,4), then 1 a second
    starts = [round(start, 6) for start, *_ in ends(run)]
    counts = [sum(a <= s < a + 1 for s in starts) for a in range(10)]
    assert counts == [1, 2, 6, 2, 1, 1, 1, 1, 1, 1]


def test_a_slowdown_stretches_the_work_that_remains(one_server, story, ends):
    program = one_server([0.0], service=2.0, faults=(Slowdown("s", 2.0, 0.5, 1.0),))
    # 0.5 s of work before, 0.5 during, 1 after
    assert ends(story(program, until=100)) == [(0, 2.5, 1, "answered")]


def test_overlapping_slowdowns_multiply(one_server, story, ends):
    faults = (Slowdown("s", 2.0, 0.0, 4.0), Slowdown("s", 4.0, 2.0, 2.0))
    program = one_server([0.0], service=2.0, faults=faults)
    # 1 s of work by 2, 0.25 by 4, 0.75 after
    assert ends(story(program, until=100)) == [(0, 4.75, 1, "answered")]


def test_an_outage_suspends_service_while_the_queue_fills(one_server, story, ends):
    program = one_server([0.0, 1.0, 2.0], faults=(Outage("s", 0.5, 2.0),))
    run = story(program, until=100)
    assert ends(run) == [(0, 3, 1, "answered"), (1, 4, 1, "answered"), (2, 5, 1, "answered")]


def test_an_attempt_that_comes_in_an_outage_waits_for_its_end(one_server, story, ends):
    program = one_server([1.0], faults=(Outage("s", 0.5, 2.0),))
    assert ends(story(program, until=100)) == [(1, 3.5, 1, "answered")]


def test_timeouts_go_on_in_an_outage(one_server, story, ends):
    program = one_server([0.0], timeout=1.5, retries=2, faults=(Outage("s", 0.5, 4.0),))
    # given up at 1.5, 3 and 4.5; the outage ends at 4.5 and all three are served after it
    run = story(program, until=100)
    assert ends(run) == [(0, 4.5, 3, "failed")]
    assert run.servers["s"].late == 3


def test_an_outage_inside_a_slowdown(one_server, story, ends):
    faults = (Slowdown("s", 2.0, 1.0, 10.0), Outage("s", 2.0, 3.0))
    program = one_server([0.0], service=2.0, faults=faults)
    # 1 s of work by 1, 0.5 by 2, none until 5, 0.5 by 6
    assert ends(story(program, until=100)) == [(0, 6, 1, "answered")]


def test_faults_reach_every_thread(one_server, story, ends):
    program = one_server(
        [0.0, 0.5, 0.6], service=2.0, thread_pool=2, faults=(Slowdown("s", 2.0, 1.0, 2.0),)
    )
    # 1st: 1 + 2 (1 s of work) -> 3; 2nd: .5 + 1 by 3, .5 left -> 3.5; 3rd from 3 -> 5
    assert [end for _, end, _, _ in ends(story(program, until=100))] == [3, 3.5, 5]


def test_a_fault_at_time_zero(one_server, story, ends):
    program = one_server([0.0], faults=(Outage("s", 0.0, 1.0),))
    assert ends(story(program, until=100)) == [(0, 2, 1, "answered")]
