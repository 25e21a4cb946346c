"""Lattices of few states a level: cut in levels, not in halves."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from separatrix.errors import ModelError
from separatrix.markov.generator import Chain
from separatrix.markov.methods import solver_for
from separatrix.markov.nested.boxes import levels
from separatrix.markov.nested.dissection import dissect
from separatrix.markov.nested.strips import narrow_along


def walk(shape: tuple[int, ...], jumps: tuple[tuple[int, ...], ...], seed: int) -> Chain:
    """Random rates of a few jumps on a box, two decades apart."""
    rng = np.random.default_rng(seed)
    places = np.indices(shape)
    tables = []
    for jump in jumps:
        inside = np.ones(shape, dtype=bool)
        for axis, step in enumerate(jump):
            inside &= (places[axis] + step >= 0) & (places[axis] + step < shape[axis])
        tables.append(np.where(inside, 10.0 ** rng.uniform(-1, 1, shape), 0.0))
    return Chain(shape, tuple(f"axis{i}" for i in range(len(shape))), jumps, tuple(tables))


NEXT = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, -1))
FAR = ((2, 1), (-1, 0), (1, 0), (0, -1), (0, 1))
DEEP = ((1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1), (1, 1, -1))


@given(
    low=st.integers(0, 5),
    size=st.integers(1, 30),
    thick=st.integers(1, 4),
    goal=st.integers(0, 40),
)
def test_levels_cover_the_box_from_both_ends_and_every_box_holds_those_before_it(
    low: int, size: int, thick: int, goal: int
) -> None:
    made = levels(np.array([low, 0]), np.array([low + size, 3]), 0, thick, goal)
    box: list[set[int]] = []
    for node, (first, last) in enumerate(
        zip(made.own_low[:, 0].tolist(), made.own_high[:, 0].tolist(), strict=True)
    ):
        own = set(range(first, last))
        children = [int(c) for c in (made.left[node], made.right[node]) if c >= 0]
        assert own
        assert all(child < node and not own & box[child] for child in children)
        # two boxes are joined by a level that no jump crosses
        assert len(children) < 2 or last - first >= thick
        box.append(own.union(*(box[child] for child in children)))
        assert box[-1] == set(range(int(made.low[node, 0]), int(made.high[node, 0])))
    assert box[-1] == set(range(low, low + size))
    nearest = min(max(goal, low), low + size - 1)
    assert made.own_low[-1, 0] <= nearest
    assert nearest < made.own_high[-1, 0] or made.own_high[-1, 0] == low + size


@pytest.mark.parametrize(
    ("shape", "jumps"), [((40, 7), NEXT), ((5, 60), NEXT), ((50, 4), FAR), ((4, 30, 3), DEEP)]
)
@pytest.mark.parametrize("place", [0.0, 0.5, 1.0])
def test_levels_give_what_halves_and_bands_give(
    shape: tuple[int, ...], jumps: tuple[tuple[int, ...], ...], place: float
) -> None:
    chain = walk(shape, jumps, 4)
    assert narrow_along(chain) == int(np.argmax(shape))
    anchor = round(place * (chain.n_states - 1))
    own = solver_for(chain, method="nested", anchor=anchor)
    halved = solver_for(chain, method="nested", anchor=anchor, reverse=True)
    banded = solver_for(chain, method="levels", anchor=anchor)
    for other in (halved, banded):
        np.testing.assert_allclose(own.law().log(), other.law().log(), rtol=0, atol=1e-12)
    removed = np.zeros(shape, dtype=bool)
    removed.reshape(-1)[:: chain.n_states // 5] = True
    anchor = int(np.flatnonzero(~removed.reshape(-1))[round(place * 20)])
    b = np.random.default_rng(1).random(chain.n_states) * ~removed.reshape(-1)
    some = {
        how: solver_for(chain, removed=removed, method=how, anchor=anchor)
        for how in ("nested", "levels")
    }
    for side in ("right", "left"):
        one, other = (getattr(some[how], side)(b).log() for how in ("nested", "levels"))
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-12)


def test_only_narrow_and_short_lattices_are_cut_in_levels() -> None:
    assert narrow_along(walk((30, 10), NEXT, 1)) == 0
    assert narrow_along(walk((30, 25), NEXT, 1)) is None
    assert narrow_along(walk((60, 20), FAR, 1)) is None  # two values of the axis make a level
    assert narrow_along(walk((501, 20), NEXT, 1)) is None


def test_fronts_join_neighbours_only() -> None:
    chain = walk((30, 6), NEXT, 2)
    tree = dissect(np.ones(chain.shape, dtype=bool), np.array(NEXT), 15 * 6 + 2, axis=0)
    level = tree.order // 6
    for node in range(tree.left.size):
        own = level[tree.first[node] : tree.first[node + 1]]
        border = tree.border[tree.ends[node] : tree.ends[node + 1]]
        beyond = level[border[border < tree.order.size]]
        assert np.ptp(own) == 0
        assert np.abs(beyond - own[0]).max(initial=0) <= 1
    assert set(level[-5:].tolist()) == {15}


def test_the_stated_error_grows_with_the_levels() -> None:
    short, long = (solver_for(walk((n, 4), NEXT, 3), method="nested").error for n in (100, 1000))
    assert 2.0**-52 * 100 < short < 1e-12
    assert long > 5.0 * short
    assert math.isfinite(long)


def test_no_solution_where_nothing_leaves() -> None:
    solved = solver_for(walk((40, 7), NEXT, 4), method="nested")
    for ask in (solved.signed_right, solved.signed_left):
        with pytest.raises(ModelError, match="nothing leaves"):
            ask(np.ones(280))
