"""Stretches of danger, from curves whose folds are known in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from separatrix.fluid.branch import Branch, Turning, extremes
from separatrix.fluid.continuation import Hysteresis
from separatrix.fluid.ranges import range_of


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
