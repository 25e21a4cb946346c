"""Ranges against closed forms, the closed curve against pseudo-arclength, and against fixed points."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from separatrix import Source
from separatrix.errors import ModelError
from separatrix.fluid import continuation
from separatrix.fluid.continuation import hysteresis
from separatrix.fluid.equilibria import fixed_points
from separatrix.fluid.field import mean_field
from separatrix.fluid.ranges import metastable_range
from separatrix.model.files import load
from separatrix.model.parameters import with_parameter

FAMILIES = Path(__file__).resolve().parents[2] / "examples" / "families"
RATE = "sources.c.arrival_rate"


@pytest.mark.parametrize("retries", [1, 2, 4])
def test_lower_end_is_where_all_attempts_just_saturate(service, retries):
    # while every attempt is late, (r + 1) lambda come in: the stuck rest ends at c mu / (r + 1)
    found = metastable_range(service(retries=retries, qsize=200, threads=2), RATE)
    assert found.low == pytest.approx(20 / (retries + 1), rel=1e-6)
    assert found.low < found.high <= 20.0
    assert found.worse == "above"
    assert found.standing(0.9 * found.low) == "safe"
    assert found.standing(1.1 * found.low) == "can get stuck"
    assert found.standing(21.0) == "always stuck"


def test_without_retries_there_is_nothing_to_get_stuck_in(service):
    found = metastable_range(service(retries=0), RATE)
    assert not found.exists
    assert found.status == "ok"
    assert found.to_dict()["low"] is None
    assert "one resting point" in found.finding()


def test_a_queue_shorter_than_the_patience_of_clients_is_safe(service):
    assert not metastable_range(service(qsize=20, timeout=8.0), RATE).exists


def test_closed_curve_level_curve_and_arclength_find_the_same_folds(service, monkeypatch):
    program = service(retries=1, qsize=60)
    closed = hysteresis(program, RATE)
    monkeypatch.setattr(continuation, "affine_branches", lambda *_, **__: None)
    level = hysteresis(program, RATE, points=60)
    monkeypatch.setattr(continuation, "reducible", lambda _: False)
    walked = hysteresis(program, RATE, points=60)
    assert len(closed.branches) == len(level.branches) == len(walked.branches) == 1
    folds = sorted(f.value for f in closed.folds)
    assert sorted(f.value for f in level.folds) == pytest.approx(folds, rel=2e-4)
    assert sorted(f.value for f in walked.folds) == pytest.approx(folds, rel=2e-3)
    # every point on the way is a resting point of its program
    for branch in (level.branches[0], walked.branches[0]):
        for i in range(0, len(branch.values), 9):
            at = with_parameter(program, RATE, float(branch.values[i]))
            drift = mean_field(at).drift(tuple(branch.states[i]))
            assert np.abs(drift).max() < 1e-4


@settings(max_examples=12, deadline=None)
@given(
    retries=st.integers(1, 3),
    timeout=st.floats(0.5, 3.0),
    qsize=st.integers(50, 150),
    share=st.floats(0.1, 1.4),
)
def test_inside_the_range_there_are_two_attractors_outside_one(
    service, retries, timeout, qsize, share
):
    program = service(rate=5.0, retries=retries, timeout=timeout, qsize=qsize)
    found = metastable_range(program, RATE)
    rate = 10.0 * share
    if found.exists and min(abs(rate - found.low), abs(rate - found.high)) < 0.02 * rate:
        return  # too close to a fold to tell
    points = fixed_points(mean_field(with_parameter(program, RATE, rate)))
    assert (sum(p.stable for p in points) > 1) == (found.standing(rate) == "can get stuck")


def test_service_rate_and_timeout_have_ranges_whose_ends_are_folds(service):
    program = service(rate=8.0, retries=2, qsize=100)
    for path, worse in (
        ("servers.s.apis.get.processing_rate", "below"),
        ("sources.c.timeout", "below"),
    ):
        found = metastable_range(program, path)
        assert found.worse == worse
        assert found.standing() == "can get stuck"
        for edge, sign in ((found.low, 1), (found.high, -1)):
            inside = fixed_points(
                mean_field(with_parameter(program, path, edge * (1 + 0.02 * sign)))
            )
            outside = fixed_points(
                mean_field(with_parameter(program, path, edge * (1 - 0.02 * sign)))
            )
            assert len(inside) > len(outside)


def test_whole_numbers_are_tried_one_by_one(service):
    found = metastable_range(service(rate=4.0, retries=3, qsize=100), "sources.c.retries")
    # stuck needs (r + 1) * 4 > 10: from two retries on
    assert found.low == 2
    assert found.standing(1) == "safe"


@pytest.mark.parametrize(
    ("path", "word"), [("sources.c.api", "no number"), ("sources.c.nothing", "unknown path")]
)
def test_what_is_no_number_is_refused(service, path, word):
    with pytest.raises(ModelError, match=word):
        metastable_range(service(), path)


def test_a_span_upside_down_is_refused(service):
    with pytest.raises(ModelError, match="no span"):
        hysteresis(service(), RATE, span=(5.0, 1.0))


@pytest.mark.parametrize("points", [60, 200])
def test_a_cold_cache_has_one_curve_through_both_folds_to_the_ends_of_the_span(points):
    # every key is dead where it is stuck: beyond that number there is nothing to go on to
    program = load(str(FAMILIES / "cold_cache.yaml"))
    curve = hysteresis(program, "sources.users.arrival_rate", points=points)
    (branch,) = curve.branches
    assert branch.status == "ok"
    assert sorted(branch.values[[0, -1]]) == pytest.approx(curve.span)
    assert branch.states[:, -1].max() <= 32.0 + 1e-6
    assert [turning.kind for turning in branch.turnings].count("fold") == 2
    # stuck as soon as the database cannot serve what comes while every key is dead
    assert min(fold.value for fold in curve.folds) == pytest.approx(100.0, rel=1e-3)


def test_a_knob_that_cures_nothing_leaves_the_service_able_to_get_stuck(service):
    # (r + 1) lambda exceed the capacity however long clients wait between: no fold, and not safe
    program = with_parameter(service(rate=6.0, retries=2, qsize=100), "sources.c.backoff.base", 0.5)
    for path in ("sources.c.backoff.base", "sources.c.backoff.cap"):
        found = metastable_range(program, path)
        assert found.standing() == "can get stuck"
        assert (found.low, found.high) == pytest.approx(found.span)
        assert found.status == "inconclusive"
        assert "every value" in found.finding()
        assert found.to_dict()["margin"] is None


def test_a_range_without_a_lower_end_says_so(service):
    # the first source alone, 6 * 3 > 10, keeps the server stuck: the second may go to nought
    program = service(rate=6.0, retries=2, qsize=100)
    program.add_source(Source("batch", "get", 1.0, timeout=4.0, retries=0))
    program.connect("batch", "s")
    found = metastable_range(program, "sources.batch.arrival_rate")
    assert found.low == pytest.approx(found.span[0])
    assert "goes on below" in found.reason
    assert [s.below for s in found.stretches] == ["unknown"]
    assert found.stretches[-1].above == "always stuck"
    curve = hysteresis(program, "sources.batch.arrival_rate")
    for branch in curve.branches:
        # the curve is cut where it leaves the span, exactly
        assert min(abs(branch.values[0] - end) for end in curve.span) < 1e-9
        for i in range(0, len(branch.values), 20):
            at = with_parameter(program, "sources.batch.arrival_rate", float(branch.values[i]))
            drift = mean_field(at).drift(tuple(branch.states[i]))
            assert np.abs(drift).max() < 1e-6


def test_values_that_cannot_be_end_the_span(service):
    program = with_parameter(service(rate=6.0, retries=2, qsize=100), "sources.c.backoff.base", 0.5)
    program = with_parameter(program, "sources.c.backoff.multiplier", 2.0)
    found = hysteresis(program, "sources.c.backoff.multiplier", points=40)
    assert found.span == pytest.approx((1.0, 40.0))


def test_a_value_of_nought_needs_a_span_and_takes_it(service):
    program = service(rate=6.0, retries=2, qsize=100)
    with pytest.raises(ModelError, match="give a span"):
        metastable_range(program, "sources.c.backoff.base")
    found = metastable_range(program, "sources.c.backoff.base", span=(0.1, 10.0))
    assert (found.low, found.high) == pytest.approx((0.1, 10.0))
