from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from separatrix.errors import DataError
from separatrix.weights.gauss_newton import penalty
from separatrix.weights.prior import Prior, duplicates, equal, handler, surcharges
from separatrix.weights.prior import given as prior_given

OPS = ("open", "mknod", "close")
COSTS = arrays.arrays(np.float64, 3, elements=st.floats(0.01, 100.0))


@given(COSTS, COSTS, st.floats(0.1, 10.0))
@settings(deadline=None)
def test_precision_is_the_least_distance_to_the_ray(centre, w, tau):
    prior = Prior("given", centre, np.array([1.0, 2.0, 0.5]))
    best = prior.common(w)

    def distance(c: float) -> float:
        return float((((w - c * centre) / prior.scale) ** 2).sum())

    assert w @ prior.precision() @ w == pytest.approx(distance(best), rel=1e-6, abs=1e-8)
    assert distance(best) <= min(distance(0.9 * best), distance(1.1 * best)) + 1e-9
    assert penalty(7.0 * w, prior, tau) == pytest.approx(penalty(w, prior, tau), rel=1e-6, abs=1e-9)
    assert penalty(3.0 * centre, prior, tau) == pytest.approx(0.0, abs=1e-6)


def test_finer_renames_are_duplicates_only_where_rename_is_counted():
    names = ("open", "rename", "samedir_rename", "crossdir_rename")
    assert duplicates(names) == {"samedir_rename": "rename", "crossdir_rename": "rename"}
    assert duplicates(("open", "samedir_rename")) == {}


def test_mknod_is_a_surcharge_where_both_are_timed_and_counts_agree():
    rates = np.array([[10.0, 2.0, 9.0]] * 5)
    timed = {"open": 50.0, "mknod": 80.0}
    assert surcharges(OPS, rates, timed) == {"mknod"}
    assert surcharges(OPS, rates, {"open": 50.0}) == set()
    assert surcharges(OPS, rates[:, [1, 0, 2]], timed) == set()  # more mknods than opens
    assert equal(OPS, {"mknod"}).centre.tolist() == [1.0, 0.0, 1.0]


def test_handler_times_are_relative_to_the_average_operation():
    rates = np.array([[3.0, 0.0, 1.0]] * 4)
    prior = handler(OPS, rates, {"open": 100.0, "close": 20.0}, set())
    assert prior is not None
    mean = (3 * 100 + 1 * 20) / 4
    assert prior.centre == pytest.approx([100 / mean, 1.0, 20 / mean])
    assert handler(OPS, rates, {"open": 100.0}, set()) is None


def test_given_costs():
    prior = prior_given(OPS, {"open": 3.0, "close": 1.0})
    assert prior.centre == pytest.approx([1.5, 1.0, 0.5])
    for bad in ({}, {"open": -1.0}, {"open": 0.0}, {"open": float("nan")}, {"stat": 1.0}):
        with pytest.raises(DataError, match="prior costs"):
            prior_given(OPS, bad)
