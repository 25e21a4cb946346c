"""Stretches of danger, from curves whose folds are known in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from separatrix import Program, Server, Source, Work
from separatrix.fluid.branch import Branch, Turning, extremes
from separatrix.fluid.continuation import Hysteresis, hysteresis
from separatrix.fluid.equilibria import equilibria
from separatrix.fluid.field import mean_field
from separatrix.fluid.ranges import metastable_range, range_of
from separatrix.model import (
    ConcurrencyLimit,
    Constants,
    DependentCall,
    Erlang,
    LoadSlowdown,
    RetryBudget,
)
from separatrix.model.parameters import with_parameter


def curve(values, queue):
    values, queue = np.asarray(values, dtype=float), np.asarray(queue, dtype=float)
    folds = tuple(Turning("fold", float(values[i]), queue[i : i + 1]) for i in extremes(values))
    return Branch(values, queue[:, None], -np.ones((len(values), 1), dtype=complex), folds)


def found(*branches, value=1.0, span=(0.5, 8.0)):
    return range_of(Hysteresis("x", value, span, branches, (0,), ()))


def s_curve(folds, span, bottom, top):
    """An S between two folds: from `bottom` at one end of the span to `top` at the other."""
    low, high = folds
    values = [
        np.linspace(span[0], high, 20), np.linspace(high, low, 20)[1:],
        np.linspace(low, span[1], 20)[1:],
    ]  # fmt: skip
    return curve(np.concatenate(values), np.linspace(bottom, top, 58))


def test_one_s_divides_safe_from_always_stuck():
    spread = found(s_curve((2.0, 4.0), (0.5, 8.0), 1, 90))
    assert (spread.low, spread.high) == pytest.approx((2, 4))
    assert [spread.standing(v) for v in (0.1, 1, 3, 5, 9)] == [
        "safe", "safe", "can get stuck", "always stuck", "always stuck",
    ]  # fmt: skip
    assert spread.worse == "above"
    assert spread.margin == pytest.approx(1.0)
    assert found(s_curve((2.0, 4.0), (0.5, 8.0), 90, 1)).worse == "below"


def test_two_stretches_have_safety_between_them_where_the_queue_is_short():
    # a stuck island, closed, from 2 to 3, and another from 5 to 6, above a calm line
    def island(a, b):
        angle = np.linspace(0, 2 * np.pi, 41)
        values = (a + b) / 2 + (b - a) / 2 * np.cos(angle)
        return curve(values, 60 + 20 * np.sin(angle))

    calm = curve(np.linspace(0.5, 8, 30), np.linspace(1, 3, 30))
    spread = found(calm, island(2, 3), island(5, 6), value=4.0)
    assert [(s.low, s.high) for s in spread.stretches] == [
        pytest.approx((2, 3)),
        pytest.approx((5, 6)),
    ]
    assert spread.standing() == "safe"
    assert spread.margin == pytest.approx(1.0)
    assert {s.below for s in spread.stretches} | {s.above for s in spread.stretches} == {"safe"}
    assert spread.standing(2.4) == "can get stuck"
    assert "from 2 to 3 and from 5 to 6" in spread.finding()


def test_two_curves_over_the_whole_span_have_no_safe_value():
    low = curve([0.5, 8.0], [1.0, 2.0])
    high = curve([0.5, 8.0], [50.0, 60.0])
    spread = found(low, high)
    assert (spread.low, spread.high) == (0.5, 8.0)
    assert spread.standing() == "can get stuck"
    assert spread.margin == -np.inf
    assert spread.status == "inconclusive"
    assert "every value" in spread.finding()


def test_a_range_cut_by_the_span_is_open_on_that_side():
    span = (0.5, 3.0)
    lower = curve(np.linspace(0.5, 3.0, 20), np.linspace(1, 10, 20))
    nose = curve([3.0, 2.0, 3.0], [20.0, 40.0, 80.0])
    spread = found(lower, nose, span=span)
    (only,) = spread.stretches
    assert (only.low, only.high) == (2.0, 3.0)
    assert (only.below, only.above) == ("safe", "unknown")
    assert "goes on beyond 3" in spread.reason
    assert spread.standing(4.0) == "unknown"


def attractors(program, path, value):
    points = equilibria(mean_field(with_parameter(program, path, value))).points
    return sum(point.stable for point in points)


def test_a_fold_at_a_corner_is_passed_onwards():
    # the queue slows the server down, and is held at a limit: at that corner the stuck rest and the divide meet,
    # and the tangents on its two sides point apart
    program = Program("limit")
    program.add_server(
        Server(
            "web", {"get": Work(100.0, law=Erlang(2))}, qsize=1000,
            admission=ConcurrencyLimit(333), slowdown=LoadSlowdown(1.0, 500.0, 1.0),
        )
    )  # fmt: skip
    program.add_source(
        Source("users", "get", 90.0, timeout=12.0, retries=0, late_responses="accept")
    )
    program.add_source(Source("batch", "get", 18.0, timeout=20.0, retries=3))
    program.connect("users", "web")
    program.connect("batch", "web")
    path = "sources.users.arrival_rate"
    spread = metastable_range(program, path)
    assert spread.status == "ok"
    (only,) = spread.stretches
    assert (only.below, only.above) == ("safe", "always stuck")
    for value, count in ((0.98 * only.low, 1), (1.02 * only.low, 2), (0.98 * only.high, 2)):
        assert attractors(program, path, value) == count
    assert attractors(program, path, 1.02 * only.high) == 1


def test_a_caller_that_just_keeps_up_is_no_fold():
    # without retries a server that waits for another rests at every queue, at one load: the curve is upright there
    program = Program("waits")
    program.add_server(Server("db", {"get": Work(2.0, law=Erlang(2))}, qsize=33, thread_pool=32))
    call = DependentCall(
        "db", "web", "get", timeout=1.0, retry=1, call_type=Constants.WAIT_UNTIL_DONE
    )
    program.add_server(
        Server("web", {"get": Work(2.0, downstream=[call])}, qsize=500, thread_pool=8)
    )
    program.add_source(Source("users", "get", 14.4, timeout=18.75, retries=0))
    program.connect("users", "web")
    spread = metastable_range(program, "sources.users.arrival_rate")
    assert spread.status == "ok"
    assert not spread.exists


def test_an_orbit_that_grows_far_beyond_where_it_was_is_followed_to_the_end():
    program = Program("two")
    program.add_server(Server("web", {"get": Work(20.0)}, qsize=5000, thread_pool=16))
    program.add_source(
        Source(
            "users", "get", 160.0, timeout=1.562, retries=1, budget=RetryBudget(0.1, 10),
            late_responses="accept",
        )
    )  # fmt: skip
    program.add_source(Source("batch", "get", 32.0, timeout=7.812, retries=1))
    program.connect("users", "web")
    program.connect("batch", "web")
    spread = metastable_range(program, "servers.web.apis.get.processing_rate")
    # safe from where a full queue loses, (1.1 * 160 + 2 * 32) / 16; stuck below (160 + 32) / 16
    assert spread.status == "ok"
    assert (spread.low, spread.high) == pytest.approx((12, 15), rel=1e-4)


def test_sources_that_are_alike_at_one_value_alone_do_no_harm():
    program = Program("alike")
    program.add_server(Server("web", {"get": Work(500.0)}, qsize=33, thread_pool=32))
    for name, rate in (("users", 11200.0), ("batch", 2240.0)):
        program.add_source(Source(name, "get", rate, timeout=0.01, retries=1))
        program.connect(name, "web")
    curve = hysteresis(program, "sources.users.timeout", points=60)
    assert all(branch.status == "ok" for branch in curve.branches)
    assert len({branch.states.shape[1] for branch in curve.branches}) == 1


def test_what_moves_nothing_has_one_flat_curve():
    program = Program("flat")
    program.add_server(Server("web", {"get": Work(500.0)}, qsize=50, thread_pool=16))
    program.add_source(Source("users", "get", 7200.0, timeout=0.01, retries=0))
    program.connect("users", "web")
    assert not metastable_range(program, "sources.users.timeout").exists


def test_a_load_of_exactly_one_is_said():
    program = Program("one")
    program.add_server(Server("web", {"get": Work(10.0)}, qsize=200, fail_fast=True))
    program.add_source(Source("users", "get", 5.0, timeout=24.0, retries=1))
    program.connect("users", "web")
    spread = metastable_range(program, "sources.users.timeout")
    assert spread.status == "inconclusive"
    assert "a load of one" in spread.reason


def test_a_speed_at_which_nobody_runs_out_of_patience_says_nothing_of_a_lower_one():
    # at 500/s the longest wait is 2 s, within the patience of 2.4 s; below 417/s it is not
    program = Program("patient")
    program.add_server(Server("web", {"get": Work(500.0)}, qsize=1000))
    program.add_source(Source("users", "get", 150.0, timeout=2.4, retries=3))
    program.add_source(Source("batch", "get", 30.0, timeout=0.2, retries=0))
    program.connect("users", "web")
    program.connect("batch", "web")
    path = "servers.web.apis.get.processing_rate"
    spread = metastable_range(program, path)
    assert spread.low == pytest.approx(180.0, rel=1e-3)
    assert 303.0 < spread.high < 500.0
    assert attractors(program, path, 303.0) == 2
    assert spread.standing(303.0) == "can get stuck"


def test_a_curve_followed_twice_is_no_danger():
    calm = curve(np.linspace(0.5, 8, 30), np.linspace(1, 3, 30))
    again = curve(np.linspace(0.5, 8, 17), np.linspace(1, 3, 17))
    assert not found(calm, again).exists


def test_a_curve_that_lies_wholly_beside_the_present_value_is_found():
    # at a budget of a tenth nothing is ever stuck; from one retry an attempt on, a full queue stays
    program = Program("budget")
    program.add_server(Server("web", {"get": Work(20.0)}, qsize=200, thread_pool=4))
    program.add_source(
        Source("users", "get", 40.0, timeout=0.5, retries=3, budget=RetryBudget(0.1, 10))
    )
    program.connect("users", "web")
    path = "sources.users.budget.ratio"
    assert attractors(program, path, 0.1) == 1
    assert attractors(program, path, 1.5) == 2
    spread = metastable_range(program, path)
    assert spread.standing() == "safe"
    assert spread.standing(1.5) == "can get stuck"
    # 40 (1 + ratio) attempts fill 80/s
    assert spread.low == pytest.approx(1.0, rel=1e-3)
