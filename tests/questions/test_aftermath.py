"""Aftermath: what comes back, what does not, and shares that are known."""

from __future__ import annotations

import json
from math import inf

import pytest

from separatrix import ModelError, Program, Server, Source, Spike, Work
from separatrix.model import Backoff, Lifo
from separatrix.model.parameters import with_parameter
from separatrix.questions.aftermath import aftermath, backlog_time
from separatrix.questions.predicted import seen_series
from separatrix.questions.trapped import exact_trapped
from separatrix.simulate import simulate


def service(rate=8.0, retries=1, **server) -> Program:
    program = Program("p")
    program.add_server(Server("s", {"get": Work(10.0)}, qsize=60, **server))
    program.add_source(Source("c", "get", rate, timeout=3.0, retries=retries))
    program.connect("c", "s")
    return program


def test_a_storm_stays_and_a_service_without_retries_comes_back():
    stuck, well = aftermath(service(), runs=40), aftermath(service(retries=0), runs=40)
    assert (stuck.trapped, stuck.quantile(0.5)) == (1.0, inf)
    assert stuck.after.mean < 0.1
    assert well.trapped == 0
    # 60 attempts at 10 - 8 per second: 30 s until the queue is empty, sooner until answers are in time
    assert 10 < well.quantile(0.5) < 30
    assert well.after.mean == pytest.approx(1.0, abs=0.06)
    data = json.loads(json.dumps(stuck.to_dict()))
    assert data["back_s"] == {"p50": None, "p99": None}


def test_a_lifo_queue_answers_at_once_though_the_old_still_wait():
    seen = aftermath(service(discipline=Lifo()), runs=40)
    assert seen.trapped == 0
    assert seen.quantile(0.99) < 5


def test_its_own_faults_trap_as_often_as_the_chain_says():
    spike = Spike("c", 2.0, 30.0, 10.0)
    exact = exact_trapped(service(rate=6.5), [spike])
    seen = aftermath(service(rate=6.5), [spike], runs=300)
    # fates drawn on arrival, exponential waits: a tenth beside the interval
    assert seen.low - 0.1 <= exact.probability <= seen.high + 0.1
    assert seen.before.mean == pytest.approx(1.0, abs=0.05)


def test_the_backlog_alone():
    assert backlog_time(service()) == pytest.approx(60 / 2)
    # at 9.999/s it would take hours: a hundred relaxation times (6 s) are given
    assert backlog_time(service(rate=9.999)) == pytest.approx(600)


def test_nobody_sends_anything():
    with pytest.raises(ModelError, match="nobody sends anything"):
        aftermath(service(rate=0.0))


def test_a_good_moment_of_a_stuck_service_is_no_recovery():
    # clients that wait before they retry leave together: then a stuck service answers a second's requests in time
    program = Program("waves")
    program.add_server(Server("s", {"get": Work(25.0)}, qsize=120, thread_pool=6))
    program.add_source(
        Source("pos", "get", 90.0, timeout=0.7, retries=2, backoff=Backoff(0.2, 2.0, 2.0))
    )
    program.add_source(Source("batch", "get", 10.0, timeout=2.0, retries=1))
    program.connect("pos", "s")
    program.connect("batch", "s")
    spikes = [Spike("pos", 3.5, 4.2, 2.0), Spike("batch", 3.5, 4.2, 2.0)]
    seen = aftermath(program, spikes, runs=60, seed=3)
    # who still has a full queue much later was never back: by queue, nine of ten
    hit = with_parameter(program, "faults", spikes)
    later = simulate(
        hit, horizon=24.0, step=1.0, runs=60, seed=3, warmup=0.0, keep=True, workers=1,
        progress=False,
    )  # fmt: skip
    (queue,) = (o.values for o in seen_series(later) if o.quantity == "queue")
    full = float((queue[:, -3:].mean(axis=1) > 60).mean())
    assert full > 0.8
    assert seen.trapped == pytest.approx(full, abs=0.1)
