from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from separatrix.simulate.intervals import student


def test_the_interval_is_student_s():
    values = np.array([1.0, 2.0, 4.0, 8.0])
    e = student(values, "s")
    low, high = stats.t.interval(0.95, 3, loc=values.mean(), scale=stats.sem(values))
    assert (e.low, e.high) == pytest.approx((low, high))
    assert (e.mean, e.runs, e.unit) == (3.75, 4, "s")
    assert e.half_width == pytest.approx((high - low) / 2)


def test_it_covers_as_often_as_it_says():
    rng = np.random.default_rng(0)
    hits = sum(
        e.low <= 5.0 <= e.high
        for e in (student(rng.exponential(5.0, 30), "s") for _ in range(2000))
    )
    assert hits / 2000 == pytest.approx(0.93, abs=0.025)  # a skewed law loses a little


def test_one_value_says_nothing_about_the_spread():
    e = student(np.array([3.0]), "1/s")
    assert (e.low, e.high) == (-math.inf, math.inf)
    assert e.to_dict() == {
        "mean": 3.0, "low": None, "high": None, "sd": None,
        "runs": 1, "confidence": 0.95, "unit": "1/s",
    }  # fmt: skip


def test_runs_with_nothing_to_tell_are_left_out():
    assert student(np.array([1.0, np.nan, 3.0]), "s").runs == 2
    assert math.isnan(student(np.array([np.nan]), "s").mean)
