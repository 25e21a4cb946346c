"""The solver against complete enumeration, and its bounds against everything it meets."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from separatrix.placement import Limits, Problem, anneal, solve
from separatrix.placement.anneal import annealed
from separatrix.placement.bound import Prices, bound, highest_rows, lonely
from separatrix.placement.greedy import improved


def best_of_all(problem: Problem) -> float:
    """The lowest worst peak of all assignments within the limits."""
    best = np.inf
    for choice in itertools.product(range(problem.n_targets), repeat=problem.n_users):
        assigned = np.array(choice)
        if problem.keeps(assigned):
            best = min(best, problem.peak(assigned))
    return best


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("worst", [1, 2])
def test_the_optimum_of_small_problems(random_problem, seed, worst):
    problem = random_problem(seed, 7, 3, 4, moves=3, worst=worst)
    found = solve(problem, gap=1e-5, seconds=60)
    best = best_of_all(problem)
    assert found.status == "ok"
    assert found.bound <= best * (1 + 1e-12)
    assert best <= found.peak <= best * (1 + 1e-5)
    assert problem.keeps(found.assigned)


@pytest.mark.parametrize("seed", range(4))
def test_the_optimum_under_every_kind_of_limit(random_problem, seed):
    rng = np.random.default_rng(seed)
    more = {
        "limits": Limits(3, inodes=12.0, size=1e12),
        "inodes": rng.integers(1, 9, 7).astype(float),
        "size": rng.random(7) * 1e12,
        "movable": rng.random(7) < 0.8,
    }
    problem = random_problem(seed, 7, 3, 3, moves=3, **more)
    found = solve(problem, gap=1e-5, seconds=60)
    best = best_of_all(problem)
    assert problem.keeps(found.assigned)
    assert found.bound <= best * (1 + 1e-12)
    assert best <= found.peak <= best * (1 + 1e-5)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_any_prices_give_a_valid_bound(seed):
    rng = np.random.default_rng(seed)
    users, targets, windows = 5, 3, 4
    problem = Problem(
        rng.integers(0, targets, users),
        rng.lognormal(0, 1, (users, windows)),
        rng.random((targets, windows)),
        Limits(2, inodes=6.0),
        int(rng.integers(1, windows + 1)),
        inodes=rng.integers(0, 5, users).astype(float),
    )
    rows = highest_rows(problem, problem.loads(rng.integers(0, targets, users)))
    prices = Prices(rng.random(len(rows)), *(rng.exponential(0.3, 2)), 0.0)
    found = bound(problem, rows, prices)
    best = best_of_all(problem)
    assert found.value <= best
    assert lonely(problem) <= best
    # and what a move adds holds for every assignment that contains it
    for choice in itertools.product(range(targets), repeat=users):
        assigned = np.array(choice)
        if not problem.keeps(assigned):
            continue
        peak = problem.peak(assigned) * (1 + 1e-12)
        for u in range(users):
            if assigned[u] != problem.home[u]:
                assert found.value + found.extra[u, assigned[u]] <= peak


def test_search_never_makes_worse_and_keeps_limits(random_problem, monkeypatch):
    monkeypatch.setattr(anneal, "WORK", 30_000_000)
    problem = random_problem(
        5, 200, 5, 12, moves=10, worst=2, inodes=np.ones(200), limits=Limits(10, inodes=8.0)
    )
    quick = improved(problem, problem.home, np.inf)
    better = annealed(problem, quick, 1, np.inf)
    again = annealed(problem, quick, 1, np.inf)
    assert problem.keeps(quick)
    assert problem.keeps(better)
    assert (quick != problem.home).sum() <= 8
    assert problem.peak(better) <= problem.peak(quick) < problem.peak(problem.home)
    assert np.array_equal(better, again)  # the seed decides


def test_hundreds_of_users_to_one_percent(random_problem):
    problem = random_problem(11, 400, 4, 6, moves=12)
    found = solve(problem, gap=0.01, seconds=120)
    assert found.status == "ok"
    assert 0.0 <= found.gap <= 0.01
    assert found.peak == problem.peak(found.assigned)


def test_no_time_gives_the_greedy_plan_and_its_honest_gap(random_problem):
    problem = random_problem(2, 400, 4, 30, moves=6)
    found = solve(problem, gap=1e-6, seconds=0.0)
    assert found.status == "inconclusive"
    assert "not proven" in found.reason
    assert found.bound < found.peak <= problem.peak(problem.home)


def test_nothing_to_do():
    idle = Problem(np.array([0, 1]), np.zeros((2, 3)), np.zeros((2, 3)), Limits(5))
    assert solve(idle).peak == 0.0
    stuck = Problem(np.array([0, 0]), np.ones((2, 3)), np.zeros((2, 3)), Limits(0))
    found = solve(stuck)
    assert found.assigned.tolist() == [0, 0]
    assert found.status == "ok"
    alone = Problem(np.array([0, 0]), np.ones((2, 3)), np.zeros((1, 3)), Limits(3))
    assert solve(alone).peak == 2.0
    assert solve(alone).status == "ok"
