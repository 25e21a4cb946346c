"""Elimination by nested dissection against the other orders, and against 60-digit values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from separatrix.errors import ModelError
from separatrix.markov.generator import Chain
from separatrix.markov.hitting import hitting_times
from separatrix.markov.methods import solver_for
from separatrix.markov.stationary import stationary


def lattice(shape: tuple[int, ...], seed: int, decades: float) -> Chain:
    """A box with random rates over many decades to all neighbours, diagonal ones too."""
    rng = np.random.default_rng(seed)
    jumps = [jump for jump in np.ndindex((3,) * len(shape)) if any(step != 1 for step in jump)]
    jumps = [tuple(step - 1 for step in jump) for jump in jumps]
    tables = []
    places = np.indices(shape)
    for jump in jumps:
        rate = 10.0 ** rng.uniform(-decades, decades, shape)
        inside = np.ones(shape, dtype=bool)
        for axis, step in enumerate(jump):
            target = places[axis] + step
            inside &= (target >= 0) & (target < shape[axis])
        tables.append(np.where(inside, rate, 0.0))
    names = tuple(f"axis{i}" for i in range(len(shape)))
    return Chain(shape, names, tuple(jumps), tuple(tables))


@settings(max_examples=12)
@given(
    shape=st.sampled_from([(9, 7), (23, 3), (40, 18), (5, 6, 4), (33, 1)]),
    seed=st.integers(0, 10_000),
    decades=st.sampled_from([0.0, 2.0, 6.0]),
)
def test_same_law_and_times_as_by_levels_in_every_entry(shape, seed, decades):
    chain = lattice(shape, seed, decades)
    one = stationary(chain, "nested")
    other = stationary(chain, "levels")
    assert one.method == "nested"
    np.testing.assert_allclose(one.log_pi, other.log_pi, rtol=0, atol=1e-11)
    # narrow lattices are cut in levels above, in halves here
    halved = solver_for(chain, method="nested", reverse=True, sides="left").law()
    np.testing.assert_allclose(halved.log(), other.log_pi.reshape(-1), rtol=0, atol=1e-11)
    target = np.zeros(shape, dtype=bool)
    target[(0,) * len(shape)] = True
    fast = hitting_times(chain, target, method="nested")
    slow = hitting_times(chain, target, method="levels")
    np.testing.assert_allclose(fast.mean, slow.mean, rtol=1e-11)
    np.testing.assert_allclose(fast.std, slow.std, rtol=1e-6)


@pytest.mark.parametrize("order", [False, True])
def test_reverse_order_agrees(order):
    chain = lattice((40, 25), 3, 4.0)
    law = stationary(chain, "nested", certify=order)
    assert law.certificate.residual < 1e-12
    if order:
        assert law.certificate.agreement is not None
        assert law.certificate.agreement < 1e-11


# 60-digit arithmetic; see the project's reference of benchmark chains
TRUTH = [
    ((100, 20, 9.5, 9.0), 464.28353780106454, 2907.6711844080464),
    ((100, 20, 9.0, 4.5), 1494763.5141440313, 973.717741974148),
    ((200, 50, 8.5, 9.0), 5414287993831.893, 8583203.622399677),
]


@pytest.mark.parametrize(("chain", "recovery", "escape"), TRUTH)
def test_recovery_and_escape_to_all_digits(known, chain, recovery, escape):
    population = known.retry_chain(*chain)
    healthy = np.zeros(population.shape, dtype=bool)
    healthy[0, 0] = True
    back = hitting_times(population, healthy, method="nested").mean
    assert back[-1, -1] == pytest.approx(recovery, rel=1e-12)
    stuck = np.indices(population.shape)[1] >= population.shape[1] / 2
    away = hitting_times(population, stuck, method="nested").mean
    assert away[0, 0] == pytest.approx(escape, rel=1e-12)


@pytest.mark.parametrize("shape", [(40, 25), (90, 75), (9, 6, 7)])
def test_one_side_is_enough_for_what_it_is_kept_for(shape):
    chain = lattice(shape, 5, 3.0)
    whole = solver_for(chain, method="nested")
    lower = solver_for(chain, method="nested", sides="left")
    np.testing.assert_array_equal(lower.law().log(), whole.law().log())
    removed = np.zeros(shape, dtype=bool)
    removed[(-1,) * len(shape)] = True
    rng = np.random.default_rng(1)
    ones, other = (~removed).reshape(-1).astype(float), rng.random(removed.size)
    whole = solver_for(chain, removed=removed, method="nested")
    upper = solver_for(chain, removed=removed, method="nested", sides="right", load=ones)
    for b in (ones, other):  # carried along, then by another elimination
        np.testing.assert_array_equal(upper.right(b).log(), whole.right(b).log())
    np.testing.assert_array_equal(upper.signed_right(other - 0.5), whole.signed_right(other - 0.5))
    with pytest.raises(ModelError, match="from the left"):
        upper.left(other)
    lower = solver_for(chain, removed=removed, method="nested", sides="left")
    np.testing.assert_array_equal(lower.left(other).log(), whole.left(other).log())
    with pytest.raises(ModelError, match="from the right"):
        lower.right(other)
    np.testing.assert_array_equal(
        upper.forget().complete().right(other).log(), whole.right(other).log()
    )
    np.testing.assert_array_equal(upper.complete().left(other).log(), whole.left(other).log())
