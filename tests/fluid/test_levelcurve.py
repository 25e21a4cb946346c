"""Level curves against what is known of them: a cubic, a closed loop, a corner."""

from __future__ import annotations

import numpy as np
import pytest

from separatrix.fluid.continuation import hysteresis
from separatrix.fluid.levelcurve import level_curves
from separatrix.population import Axis, Population, Transition


def one_queue(size, inflow, outflow):
    """q' = inflow(q) - outflow(q) on 0 .. size."""
    return Population(
        "one", "staged", (Axis("queue[s]", size + 1, "queue"),),
        (
            Transition("in", (1,), lambda x: inflow(x[0])),
            Transition("out", (-1,), lambda x: outflow(x[0])),
        ),
    )  # fmt: skip


def test_the_folds_of_a_cubic():
    # p = u^3 - u + 2 with q = 20 + 10 u: folds at u = -+1/sqrt(3)
    def family(p):
        def speed(q):
            u = (q - 20) / 10
            return p - 2 - u**3 + u

        return one_queue(40, lambda q: np.maximum(speed(q), 0), lambda q: np.maximum(-speed(q), 0))

    (branch,) = level_curves(family, 2.0, (1.0, 4.0), points=120)
    edge = 2 / (3 * 3**0.5)
    assert [t.value for t in branch.folds] == pytest.approx([2 + edge, 2 - edge], rel=1e-7)
    assert [t.state[0] for t in branch.folds] == pytest.approx(
        [20 - 10 / 3**0.5, 20 + 10 / 3**0.5], abs=1e-3
    )
    u = (branch.states[:, 0] - 20) / 10
    np.testing.assert_allclose(branch.values, u**3 - u + 2, atol=1e-6)
    np.testing.assert_array_equal(branch.stable, np.abs(u) > 3**-0.5)
    assert len(u) >= 120
    # along the curve the queue only grows
    assert np.all(np.diff(u) > 0)


def test_a_curve_that_closes_on_itself_is_found():
    # rests at q = 5, and on the circle (q - 25)^2 / 100 + (log p)^2 = 1/4
    def family(p):
        def speed(q):
            return (5 - q) * ((q - 25) ** 2 / 100 + np.log(p) ** 2 - 0.25)

        return one_queue(40, lambda q: np.maximum(speed(q), 0), lambda q: np.maximum(-speed(q), 0))

    line, loop = level_curves(family, 1.0, (0.25, 4.0), points=150)
    np.testing.assert_allclose(line.states[:, 0], 5.0, atol=1e-6)
    folds = sorted(np.log(t.value) for t in loop.folds)
    assert folds == pytest.approx([-0.5, 0.5], abs=1e-6)


def test_two_hundred_points_over_a_time_out(service):
    found = hysteresis(service(retries=2, qsize=100), "sources.c.timeout")
    (branch,) = found.branches
    assert len(branch.values) >= 200
    steps = np.abs(np.diff(branch.states[:, 0])) / 100
    assert steps.max() < 0.12
    low, high = sorted(fold.value for fold in branch.folds)
    unstable = ~branch.stable
    assert np.all((branch.values[unstable] >= low) & (branch.values[unstable] <= high))


def test_a_parameter_that_moves_nothing_has_a_flat_curve(service):
    found = hysteresis(service(rate=5.0, retries=0), "sources.c.timeout", points=50)
    (branch,) = found.branches
    np.testing.assert_allclose(branch.states[:, 0], 0.5, rtol=1e-6)
    assert branch.stable.all()
    assert not branch.folds


@pytest.mark.parametrize("path", ["sources.c.timeout", "servers.s.apis.get.processing_rate"])
def test_the_curve_is_drawn_up_to_its_folds(service, path):
    program = service(rate=80.0, retries=3, qsize=200, timeout=1.0, threads=10)
    found = hysteresis(program, path, points=60, closure="geometric")
    assert len(found.folds) == 2
    for fold in found.folds:
        near = [np.abs(np.log(b.values / fold.value)).min() for b in found.branches]
        assert min(near) < 0.01
