from __future__ import annotations

import numpy as np
import pytest

from separatrix.errors import DataError
from separatrix.placement import Limits, Problem
from separatrix.placement.problem import peaks


def test_a_peak_is_the_mean_of_the_highest_windows():
    loads = np.array([[3.0, 1.0, 2.0, 9.0], [4.0, 4.0, 4.0, 4.0]])
    assert peaks(loads, 1).tolist() == [9.0, 4.0]
    assert peaks(loads, 2).tolist() == [6.0, 4.0]
    assert peaks(loads, 4).tolist() == [3.75, 4.0]


def test_loads_add_up_where_users_are(random_problem):
    problem = random_problem(1, 30, 3, 5, 4)
    everywhere = problem.loads(problem.home).sum(axis=0)
    elsewhere = problem.loads((problem.home + 1) % 3).sum(axis=0)
    assert np.allclose(everywhere, elsewhere, rtol=1e-13)
    assert np.allclose(everywhere, problem.load.sum(axis=0) + problem.fixed.sum(axis=0))


def test_limits_count_only_users_that_move():
    problem = Problem(
        np.array([0, 0]),
        np.ones((2, 1)),
        np.zeros((2, 1)),
        Limits(1, inodes=10.0, size=5.0),
        inodes=np.array([10.0, 11.0]),
        size=np.array([5.0, 0.0]),
        movable=np.array([True, True]),
    )
    assert problem.keeps(np.array([1, 0]))
    assert not problem.keeps(np.array([0, 1]))
    assert not problem.keeps(np.array([1, 1]))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"home": np.array([2])}, "outside of the 2 targets"),
        ({"load": np.array([[-1.0]])}, "load must be finite"),
        ({"load": np.array([[np.nan]])}, "load must be finite"),
        ({"worst": 2}, "mean of 1 to 1 windows, got 2"),
        ({"inodes": np.ones(3)}, "inodes has shape"),
        ({"fixed": np.zeros((2, 3))}, "expected"),
    ],
)
def test_what_cannot_be_right_is_refused(change, complaint):
    sound = {
        "home": np.array([0]),
        "load": np.ones((1, 1)),
        "fixed": np.zeros((2, 1)),
        "limits": Limits(1),
    }
    with pytest.raises(DataError, match=complaint):
        Problem(**{**sound, **change})


@pytest.mark.parametrize("wrong", [{"moves": -1}, {"moves": 1, "inodes": -1.0}])
def test_limits_must_not_be_negative(wrong):
    with pytest.raises(DataError, match=">= 0"):
        Limits(**wrong)
