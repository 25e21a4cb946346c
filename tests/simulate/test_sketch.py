from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from separatrix.simulate.journal import sketch_add
from separatrix.simulate.layout import BUCKETS, HEADER
from separatrix.simulate.sketch import bucket_edges, quantiles


def sketch_of(values) -> np.ndarray:
    X = np.zeros(HEADER, np.int64)
    sketch = np.zeros((1, 1, BUCKETS), np.int32)
    for value in values:
        sketch_add(X, X.view(np.float64), sketch, 0, value)
    return sketch[0, 0]


@given(st.floats(1e-6, 1e6))
def test_a_duration_lies_in_its_bucket(value):
    (bucket,) = np.nonzero(sketch_of([value]))[0]
    edges = bucket_edges()
    assert edges[bucket] <= value <= edges[bucket + 1]
    assert edges[bucket + 1] <= edges[bucket] * (1 + 1 / 32)


@pytest.mark.parametrize("value", [0.0, 1e-12, 1e12])
def test_durations_beyond_the_range_are_counted_at_its_ends(value):
    assert sketch_of([value]).sum() == 1


def test_quantiles_of_a_sample():
    values = np.random.default_rng(0).lognormal(sigma=2.0, size=20_000)
    shares = (0.01, 0.5, 0.9, 0.999)
    found = quantiles(sketch_of(values), shares)
    assert found == pytest.approx(np.quantile(values, shares), rel=1 / 64)


def test_sketches_merge_by_addition():
    a, b = sketch_of([0.1, 0.2]), sketch_of([5.0])
    assert np.array_equal(a + b, sketch_of([0.1, 0.2, 5.0]))


def test_nothing_has_no_quantile():
    assert np.isnan(quantiles(np.zeros((2, 3, BUCKETS), np.int64), (0.5,))).all()
