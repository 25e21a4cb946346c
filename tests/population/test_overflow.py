"""What a queue refused lately: against the chain itself, and where the walk has closed forms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import expm

from separatrix.population.overflow import refused_lately


def by_the_chain(size, sent, served, duration):
    """A x the time at the bound within the last T, by the queue that is there now: the chain is reversible."""
    n = size + 1
    generator = np.diag(np.full(size, sent), 1) + np.diag(np.full(size, served), -1)
    generator -= np.diag(generator.sum(axis=1))
    whole = np.zeros((2 * n, 2 * n))
    whole[:n, :n], whole[:n, n:] = generator, np.eye(n)
    return sent * expm(whole * duration)[:n, 2 * n - 1]


@pytest.mark.parametrize(("sent", "duration"), [(14.0, 2.4), (10.0, 4.0), (8.0, 3.0), (30.0, 10.0)])
def test_is_what_a_queue_that_is_always_busy_refuses(sent, duration):
    exact = by_the_chain(60, sent, 10.0, duration)[::-1]
    found = refused_lately(np.arange(61), sent, 10.0, duration)
    seen = exact > 0.2
    assert seen.sum() > 3
    np.testing.assert_allclose(found[seen], exact[seen], rtol=0.2, atol=0.5)


def test_closed_forms():
    # no drift, at the bound: the mean of the maximum is s sqrt(2 / pi)
    assert refused_lately(0.0, 8.0, 8.0, 2.0) == pytest.approx(np.sqrt(32.0 * 2.0 / np.pi))
    # far beyond all noise: the drift and half the variance over it, less the places
    far = 9999.0 + 10001.0 / (2 * 9999.0) - 50.0
    assert refused_lately(50.0, 1e4, 1.0, 1.0) == pytest.approx(far, rel=1e-12)
    assert refused_lately(1e6, 5.0, 10.0, 1.0) == 0.0


def test_the_limit_of_no_drift_is_that_of_little_drift():
    places = np.array([0.0, 1.0, 4.0])
    for drift in (1e-6, 1e-4, -1e-4):
        np.testing.assert_allclose(
            refused_lately(places, 8.0 + drift, 8.0, 2.0), refused_lately(places, 8.0, 8.0, 2.0),
            rtol=1e-3,
        )  # fmt: skip


@given(
    places=st.floats(0.0, 1e5), sent=st.floats(0.0, 1e5), served=st.floats(1e-3, 1e5),
    duration=st.floats(1e-6, 1e4),
)  # fmt: skip
def test_is_a_number_that_grows_with_what_is_sent_and_falls_with_the_places(
    places, sent, served, duration
):
    found = refused_lately(places, sent, served, duration)
    assert np.isfinite(found)
    assert found >= 0.0
    assert refused_lately(places, 1.1 * sent, served, duration) >= found * (1 - 1e-9)
    assert refused_lately(places + 1.0, sent, served, duration) <= found * (1 + 1e-9)
