from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from separatrix.weights.sketch import Largest, LogSketch

RATES = arrays.arrays(
    np.float64, st.integers(1, 60), elements=st.one_of(st.just(0.0), st.floats(1e-3, 1e9))
)
SHARES = st.floats(0.0, 1.0)


def sketched(values: np.ndarray) -> LogSketch:
    sketch = LogSketch(1)
    sketch.add(0, values)
    return sketch


def largest(values: np.ndarray, kept: int) -> Largest:
    found = Largest(1, kept)
    found.add(0, values)
    return found


@given(RATES, SHARES)
@settings(deadline=None)
def test_log_sketch_is_within_its_stated_error(values, q):
    found, exact = sketched(values).quantile(0, q), np.quantile(values, q)
    # 2^-9 of each of the two order statistics between which is interpolated
    assert abs(found - exact) <= 2.0**-9 * 1.000001 * exact


@given(RATES, SHARES)
@settings(deadline=None)
def test_largest_is_exact_to_the_last_bit_or_says_that_it_is_not(values, q):
    for kept in (1, 7, 100):
        found = largest(values, kept).quantile(0, q)
        enough = len(values) - math.floor((len(values) - 1) * q) <= kept
        assert (found is not None) == enough
        if found is not None:
            assert found == np.quantile(values, q)


@given(RATES, RATES, RATES)
@settings(deadline=None)
def test_merging_is_associative_and_equals_one_pass(a, b, c):
    whole = np.concatenate([a, b, c])
    left, right = sketched(a), sketched(b)
    left.merge(0, sketched(b), 0)
    left.merge(0, sketched(c), 0)
    right.merge(0, sketched(c), 0)
    outer = sketched(a)
    outer.merge(0, right, 0)
    for found in (left, outer):
        assert np.array_equal(found.buckets, sketched(whole).buckets)
        assert found.zeros[0] == sketched(whole).zeros[0]
    top = largest(a, 9)
    tail = largest(b, 9)
    tail.merge(0, largest(c, 9), 0)
    top.merge(0, tail, 0)
    assert np.array_equal(top.values, largest(whole, 9).values)
    assert top.count[0] == len(whole)


@pytest.mark.parametrize("value", [1e-300, 5e-324, 2.0**-15, 2.0**40, 1e300])
def test_values_beyond_the_buckets_stay_in_the_outermost(value):
    sketch = sketched(np.array([value]))
    assert sketch.buckets.sum() == 1
    assert 2.0**-14 <= sketch.quantile(0, 0.5) <= 2.0**36


def test_empty():
    assert math.isnan(LogSketch(1).quantile(0, 0.5))
    assert math.isnan(Largest(1, 4).quantile(0, 0.5))


def test_grow_keeps_what_is_there():
    sketch, top = sketched(np.array([3.0])), largest(np.array([3.0]), 4)
    sketch.grow(3)
    top.grow(3)
    assert sketch.quantile(0, 1.0) == pytest.approx(3.0, rel=2**-9)
    assert top.quantile(0, 1.0) == 3.0
    assert math.isnan(sketch.quantile(2, 1.0))
