"""Normal forms with known folds and Hopf points, and a corner."""

from __future__ import annotations

import numpy as np
import pytest

from separatrix import Program, Server, Source, Work
from separatrix.fluid.arclength import continued
from separatrix.fluid.branch import extremes
from separatrix.fluid.continuation import hysteresis
from separatrix.fluid.ranges import range_of
from separatrix.model import Backoff, Erlang, RetryBudget


def test_cubic_fold_pair_is_passed_and_located():
    # x' = p + x - x^3 folds at x = +-1/sqrt(3), p = -+2/(3 sqrt(3))
    branch = continued(
        lambda x, p: p + x - x**3,
        np.array([-1.5]),
        -1.875,
        span=(-1.9, 1.9),
        scale=np.array([1.0]),
    )
    assert branch.status == "ok"
    assert branch.values[-1] == pytest.approx(1.9)
    edge = 2 / (3 * 3**0.5)
    assert [f.value for f in branch.folds] == pytest.approx([edge, -edge], abs=1e-8)
    assert [f.state[0] for f in branch.folds] == pytest.approx([-(3**-0.5), 3**-0.5], abs=1e-4)
    # unstable exactly between the folds
    np.testing.assert_array_equal(branch.stable, np.abs(branch.states[:, 0]) > 3**-0.5)
    np.testing.assert_allclose(
        branch.values, branch.states[:, 0] ** 3 - branch.states[:, 0], atol=1e-7
    )


def test_hopf_point_of_the_normal_form():
    # (x + iy)' = (p + 3i)(x + iy) - |.|^2 (.): the rest at 0 begins to swing at p = 0, 3 rad/s
    def field(z, p):
        x, y = z[:, 0], z[:, 1]
        r = x**2 + y**2
        return np.stack([p * x - 3 * y - x * r, 3 * x + p * y - y * r], axis=1)

    branch = continued(field, np.zeros(2), -1.0, span=(-1.0, 1.0), scale=np.ones(2), points=40)
    (hopf,) = branch.turnings
    assert hopf.kind == "hopf"
    assert hopf.value == pytest.approx(0.0, abs=1e-8)
    assert hopf.frequency == pytest.approx(3.0)


def test_two_real_eigenvalues_that_pair_up_are_no_hopf_point():
    # eigenvalues 1 +- sqrt(p): real and growing for p > 0, a growing pair for p < 0
    def field(z, p):
        return np.stack([z[:, 0] + p * z[:, 1], z[:, 0] + z[:, 1]], axis=1)

    branch = continued(field, np.zeros(2), -0.5, span=(-0.5, 0.5), scale=np.ones(2), points=31)
    assert branch.turnings == ()


def test_a_right_angle_is_turned():
    # at rest where min(q, 1) = p for q < 3, then back along the ramp: corners at q = 1 and q = 3
    def field(q, p):
        return p - np.minimum(q, 1.0) + 0.2 * np.maximum(q - 3.0, 0.0)

    branch = continued(
        field, np.array([0.2]), 0.2, span=(0.1, 1.5), scale=np.array([5.0]), points=60
    )
    assert branch.values[-1] == pytest.approx(0.1)
    assert branch.values.max() == pytest.approx(1.0, abs=2e-3)
    assert branch.states[-1, 0] == pytest.approx(7.5, abs=1e-5)


def test_a_start_far_from_rest_says_so():
    branch = continued(
        lambda x, _: 1.0 + x**2, np.zeros(1), 0.0, span=(-1.0, 1.0), scale=np.ones(1)
    )
    assert branch.status == "inconclusive"
    assert "no resting point" in branch.reason


def test_rounding_makes_no_extremes():
    flat = 25.0 + 1e-13 * np.sin(np.arange(100))
    assert extremes(flat) == []
    assert extremes(np.array([0.0, 1.0, 2.0, 1.0, 0.5, 3.0])) == [2, 4]


def test_a_corner_where_two_links_fill_is_rounded_at_few_points_as_at_many():
    # beyond the corner the branch leaves along no coordinate: Newton's method arrives from its own tangent alone
    program = Program("links")
    for name, rate in (("a", 62.0), ("b", 31.0)):
        program.add_server(Server(name, {"send": Work(100.0)}, 200))
        program.add_source(Source("to " + name, "send", rate, timeout=1.0, retries=1))
        program.connect("to " + name, name)
    for points in (60, 200):
        curve = hysteresis(program, "sources.to a.arrival_rate", points=points, closure="geometric")
        assert [branch.status for branch in curve.branches] == ["ok"]
        assert range_of(curve).low == pytest.approx(50.0, rel=1e-3)


def test_a_queue_that_nobody_outlasts_goes_on_beyond_its_bound():
    # with a retry budget and late answers accepted, all are late from some length on: a load of 1.1 rests at every
    # longer queue, so that nothing pulls towards the corner where the full queue begins to refuse
    program = Program("budget")
    program.add_server(
        Server("web", {"get": Work(20.0, law=Erlang(2))}, qsize=5000, thread_pool=16)
    )
    program.add_source(
        Source(
            "users", "get", 96.0, timeout=7.812, retries=2, backoff=Backoff(1.0, jitter=1.0),
            budget=RetryBudget(0.1, 10), late_responses="accept",
        )
    )  # fmt: skip
    program.connect("users", "web")
    curve = hysteresis(program, "sources.users.arrival_rate", points=60)
    (branch,) = curve.branches
    assert branch.status == "ok"
    # danger from where first attempts and a tenth of them again fill the server, 320/s
    spread = range_of(curve)
    assert (spread.low, spread.high) == pytest.approx((320 / 1.1, 320), rel=1e-4)
    assert spread.standing(330.0) == "always stuck"
