"""What simulation sees, against closed forms; and the mean dynamics' verdict."""

from __future__ import annotations

from math import inf, isfinite

import numpy as np
import pytest

from separatrix import ModelError, Program, Server, Source, Work
from separatrix.model import AdaptiveLifo, Backoff, Deterministic
from separatrix.questions.fluid_verdict import fluid_verdict
from separatrix.questions.simulated import seen_collapse, seen_recovery, seen_verdict
from separatrix.questions.verdict import relaxation


def service(rate=6.5, retries=1, timeout=3.0, qsize=60, law=None) -> Program:
    program = Program("p")
    work = Work(10.0) if law is None else Work(10.0, law=law)
    program.add_server(Server("s", {"get": work}, qsize=qsize))
    program.add_source(Source("c", "get", rate, timeout=timeout, retries=retries))
    program.connect("c", "s")
    return program


def test_a_queue_without_retries_empties_in_the_time_of_a_busy_period():
    # M/M/1/K: the step down from K - i + 1 takes (1 - rho^i) / (mu - lambda), since a full queue refuses
    expected = sum(1 - 0.65**i for i in range(1, 51)) / (10 - 6.5)
    seen = seen_recovery(service(retries=0), 10.0, runs=400)
    assert seen.seen == seen.runs
    assert seen.low <= expected <= seen.high


def test_rare_exits_are_counted_and_their_interval_holds_the_truth():
    # M/M/1 from empty to K: the mean is a sum of r^i (Keilson 1979); here about 7 h
    rate, mu, level = 6.0, 10.0, 20
    ratio = mu / rate
    mean = sum(
        sum(ratio**i for i in range(k + 1)) / rate for k in range(level)
    )  # each step up from k costs (1 + r + ... + r^k) / lambda
    seen = seen_collapse(service(rate=rate, retries=0, qsize=60), level, runs=100, events=3e6)
    assert 0 < seen.seen < seen.runs
    assert seen.low <= mean <= seen.high
    assert seen.p99 == pytest.approx(np.log(100) * seen.mean)


def test_what_never_happens_has_a_lower_bound_only():
    seen = seen_recovery(service(rate=15.0), 3.0, runs=20, events=2e5)
    assert (seen.seen, seen.mean, seen.high) == (0, inf, inf)
    assert seen.low == pytest.approx(seen.observed / np.log(20))
    assert seen.status == "inconclusive"
    assert seen.to_dict()["mean"] is None
    assert str(seen).startswith("> ")


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"retries": 0}, "safe"),
        ({"rate": 15.0, "retries": 0}, "always stuck"),
        ({"rate": 8.0}, "can get stuck"),
        ({"rate": 8.0, "law": Deterministic()}, "can get stuck"),
        # attempts fit twice over: nothing holds
        ({"rate": 3.0}, "safe"),
    ],
)
def test_verdicts_of_simulation_and_of_the_mean_dynamics(changes, word):
    program = service(**changes)
    assert seen_verdict(program, 12.0, 50.0, runs=40, events=2e6).word == word
    if "law" not in changes:
        assert fluid_verdict(program).word == word


@pytest.mark.parametrize(
    ("server", "source"),
    [
        # the backlog without retries expires at once; with them it is worked off
        (
            Server("s", {"get": Work(10.0)}, 200, discipline=AdaptiveLifo(50), drop_expired=True),
            Source("c", "get", 7.0, timeout=30.0, retries=3, late_responses="accept"),
        ),
        # hundreds of clients wait to try again behind a queue of 20
        (
            Server("s", {"get": Work(5.0)}, 20, thread_pool=4),
            Source(
                "c", "get", 15.0, timeout=0.5, retries=10, backoff=Backoff(5.0, jitter=1.0),
                late_responses="accept",
            ),
        ),
    ],
)  # fmt: skip
def test_a_backlog_that_drifts_away_is_no_trap_however_long_it_takes(server, source):
    program = Program("p")
    program.add_server(server)
    program.add_source(source)
    program.connect("c", "s")
    verdict = seen_verdict(program, 6.0, 15.0, runs=60, events=4e6, rare=True)
    assert verdict.word == "safe"
    assert verdict.recovery.cv < 0.5
    assert verdict.recovery.mean > 3 * max(relaxation(program), verdict.unfed.mean)


def test_the_mean_dynamics_fall_as_a_ramp():
    # without retries a full queue falls at mu - lambda
    verdict = fluid_verdict(service(retries=0), healthy=10.0)
    assert verdict.recovery == pytest.approx(50 / 3.5, rel=1e-2)
    stuck = fluid_verdict(service(rate=8.0))
    assert not isfinite(stuck.recovery)
    assert stuck.to_dict()["recovery"] is None
    assert stuck.high[0] > 50 > stuck.low[0]


def test_nobody_sends_anything():
    with pytest.raises(ModelError, match="nobody sends anything"):
        seen_recovery(service(rate=0.0), 1.0)
