"""The delay form against closed forms, and against simulation at growing scale."""

from __future__ import annotations

import numpy as np
import pytest

from separatrix import Program, Server, Source, Work
from separatrix.errors import ModelError, Unsupported
from separatrix.fluid.delay import delay_course
from separatrix.fluid.delay_model import delay_model
from separatrix.fluid.delay_rest import delay_rests
from separatrix.fluid.delay_steps import _advanced
from separatrix.model import (
    Backoff,
    Constants,
    DependentCall,
    Outage,
    Schedule,
    Slowdown,
    Spike,
    ThresholdAdmission,
)
from separatrix.simulate import simulate


def scaled(n=1, *, late="discard", rate=80.0, retries=3, drop=False, faults=(), admission=None):
    program = Program("x", faults=Schedule(faults))
    server = Server(
        "s", {"get": Work(10.0)}, qsize=200 * n, thread_pool=10 * n, drop_expired=drop,
        admission=admission,
    )  # fmt: skip
    program.add_server(server)
    program.add_source(
        Source("c", "get", rate * n, timeout=1.0, retries=retries, late_responses=late)
    )
    program.connect("c", "s")
    return program


def test_an_infinite_server_fills_exponentially():
    # M/M/infinity: q = lambda/mu (1 - e^{-mu t})
    course = delay_course(delay_model(scaled(rate=50.0, retries=0)), 1.0)
    np.testing.assert_allclose(course.queue[0], 5 * -np.expm1(-10 * course.times), rtol=1e-9)


def test_an_overloaded_queue_grows_evenly_and_waits_for_what_stands_ahead():
    course = delay_course(delay_model(scaled(rate=150.0, retries=0)), 3.0)
    at = course.times > 1.0
    np.testing.assert_allclose(np.diff(course.queue[0][at]), 50 * course.times[1], rtol=1e-9)
    ahead = 0.5 * (course.queue[0][:-1] + course.queue[0][1:]) - 10
    known = np.isfinite(course.wait[0]) & (course.times[:-1] > 0.5)
    np.testing.assert_allclose(course.wait[0][known], ahead[known] / 100.0, atol=1e-9)


def test_a_doomed_attempt_comes_back_exactly_a_timeout_later():
    # an outage from 1 s on: what was sent at t fails and is sent again at t + 1 and t + 2, no sooner
    program = scaled(rate=10.0, retries=2, faults=(Outage("s", 1.0, 10.0),))
    course = delay_course(delay_model(program), 4.5)
    sent = {t: course.launched[0][np.searchsorted(course.times, t)] for t in (1.5, 2.2, 3.2, 4.2)}
    assert sent[1.5] == pytest.approx(10.0, rel=1e-2)
    assert sent[2.2] == pytest.approx(20.0, rel=1e-2)
    assert sent[3.2] == pytest.approx(30.0, rel=1e-2)
    assert sent[4.2] == pytest.approx(30.0, rel=1e-2)


@pytest.mark.parametrize("late", ["discard", "accept"])
@pytest.mark.parametrize(
    "faults",
    [(Spike("c", 2.2, 3.0, 1.5),), (Slowdown("s", 2.5, 3.0, 2.0),), (Outage("s", 3.0, 0.7),)],
)
def test_simulated_means_converge_to_it(late, faults):
    course = delay_course(delay_model(scaled(late=late, faults=faults, retries=2)), 12.0)

    def distance(n, runs):
        seen = simulate(
            scaled(n, late=late, faults=faults, retries=2), horizon=12.0, step=0.25, runs=runs,
            workers=1, progress=False, warmup=0.0,
        ).to_xarray()  # fmt: skip
        queue = (seen["queue"] + seen["in_service"]).to_numpy()[:, 0] / n
        there = np.interp(seen["time"].to_numpy(), course.times, course.queue[0])
        return float(np.abs(queue - there).mean())

    near = distance(100, 2)
    assert near < 1.5  # of 200 places
    assert near < distance(1, 8) + 0.5


def test_both_late_rules_differ_where_answers_come_just_too_late():
    course = {
        late: delay_course(
            delay_model(scaled(late=late, retries=2, faults=(Spike("c", 2.2, 3.0, 1.5),))), 20.0
        )
        for late in ("discard", "accept")
    }
    assert course["accept"].launched.sum() < 0.98 * course["discard"].launched.sum()


def test_expired_attempts_leave_the_line_without_service():
    faults = (Outage("s", 2.0, 1.5),)
    course = delay_course(delay_model(scaled(rate=40.0, drop=True, faults=faults, retries=0)), 10.0)
    # at most a time-out's worth of attempts waits
    assert course.queue.max() < 10 + 40 * 1.0 + 2
    assert np.isinf(course.wait[0][int(2.2 / course.times[1])])


def test_attempts_are_conserved():
    # admitted = served + present, with service at rate 10 a thread
    course = delay_course(delay_model(scaled(faults=(Spike("c", 3.0, 2.0, 2.0),))), 10.0)
    h = course.times[1]
    came = float((course.launched[0] * course.admitted[0]).sum() * h)
    busy = np.minimum(course.queue[0], 10.0)
    left = float(10 * 0.5 * (busy[1:] + busy[:-1]).sum() * h)
    assert came == pytest.approx(left + course.queue[0][-1], rel=2e-3)


def test_a_threshold_holds_the_queue():
    program = scaled(rate=150.0, retries=0, admission=ThresholdAdmission(50, 0.2))
    course = delay_course(delay_model(program), 8.0)
    assert course.queue[0][-1] == pytest.approx(50.0)
    assert course.admitted[0][-1] == pytest.approx(100 / 150)


@pytest.mark.parametrize(
    ("queue", "inflow", "expected"),
    [(200.0, 500.0, (200.0, 10.0)), (5.0, 50.0, (5.0, 5.0)), (20.0, 0.0, (10.0, 0.0))],
)
def test_one_step_at_the_bounds(queue, inflow, expected):
    got = _advanced(queue, inflow, 0.1, 10.0, 10.0, 200.0, 200.0, 1.0)
    assert got == pytest.approx(expected)


def test_calls_nobody_waits_for_pass_on_the_callers_throughput():
    program = Program("chain")
    call = DependentCall("back", "front", "get", Constants.FIRE_AND_FORGET, timeout=2.0, retry=1)
    program.add_server(Server("back", {"get": Work(4.0)}, qsize=50, thread_pool=10))
    program.add_server(Server("front", {"ask": Work(10.0, (call,))}, qsize=50, thread_pool=10))
    program.add_source(Source("c", "ask", 20.0))
    program.connect("c", "front")
    model = delay_model(program)
    course = delay_course(model, 10.0)
    np.testing.assert_allclose(course.queue[:, -1], [5.0, 2.0], rtol=1e-2)
    (rest,) = [r for r in delay_rests(model) if r.stable]
    np.testing.assert_allclose(course.queue[:, -1], rest.queue, rtol=2e-3)


@pytest.mark.parametrize("late", ["discard", "accept"])
def test_resting_points_are_where_the_course_rests_and_the_saddle_divides(late):
    model = delay_model(scaled(late=late, rate=80.0, retries=3))
    rests = delay_rests(model)
    assert [r.stable for r in rests] in ([True], [True, False, True])
    if len(rests) == 1:
        return
    low, saddle, high = rests
    assert low.queue[0] == pytest.approx(model.flows[0].rate / 10, abs=0.1)
    assert high.queue[0] == 200.0
    if late == "discard":
        assert high.admitted[0] == pytest.approx(100 / 320)
    # in overload attempts come at the rate of capacity at the saddle
    assert saddle.residual < 1e-8
    assert 10 < saddle.queue[0] < 110


def test_growth_at_the_saddle_is_that_of_the_course():

    model = delay_model(scaled(retries=1, rate=80.0))
    _, saddle, _ = delay_rests(model)
    # one retry: z = (lambda mu e^{-mu (T - W)} / (c mu)) e^{-z T}
    z = saddle.growth[0]
    density = 80 * 10 * np.exp(-10 * (1.0 - saddle.wait[0])) / 100
    assert z == pytest.approx(density * np.exp(-z), rel=1e-9)


@pytest.mark.parametrize(
    ("change", "feature"),
    [
        ({"discipline": "lifo"}, "lifo"),
        ({"fail_fast": True}, "fail_fast"),
        ({"call": True}, "waited"),
    ],
)
def test_what_it_cannot_carry_is_refused_by_name(change, feature):
    from separatrix.model import Lifo

    program = Program("odd")
    downstream = (DependentCall("b", "s", "get"),) if change.get("call") else ()
    extra = {"fail_fast": True} if change.get("fail_fast") else {}
    if change.get("discipline"):
        extra["discipline"] = Lifo()
    program.add_server(Server("b", {"get": Work(1.0)}, qsize=5))
    program.add_server(Server("s", {"get": Work(1.0, downstream)}, qsize=5, **extra))
    program.add_sources([Source("c", "get", 0.5, retries=1), Source("d", "get", 0.1)])
    program.connect("c", "s")
    program.connect("d", "b")
    with pytest.raises(Unsupported, match=feature):
        delay_model(program)


def test_backoff_delays_the_return():
    program = Program("x", faults=Schedule((Outage("s", 0.5, 20.0),)))
    program.add_server(Server("s", {"get": Work(10.0)}, qsize=100, thread_pool=10))
    source = Source("c", "get", 10.0, timeout=1.0, retries=1, backoff=Backoff(0.5))
    program.add_source(source)
    program.connect("c", "s")
    course = delay_course(delay_model(program), 4.0)
    sent = course.launched[0]
    assert sent[np.searchsorted(course.times, 1.4)] == pytest.approx(10.0, rel=1e-4)
    assert sent[np.searchsorted(course.times, 2.2)] == pytest.approx(20.0, rel=0.02)


@pytest.mark.parametrize("horizon", [0.0, -1.0, np.inf, 1e9])
def test_a_horizon_that_cannot_be_is_refused(horizon):
    with pytest.raises(ModelError, match="horizon"):
        delay_course(delay_model(scaled()), horizon)
