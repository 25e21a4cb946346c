"""Roots of delay equations against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.special import lambertw

from separatrix.fluid.characteristic import characteristic_roots


@given(a=st.floats(-3.0, 3.0).filter(lambda a: abs(a) > 0.01), delay=st.floats(0.05, 20.0))
@example(a=-0.013671875, delay=0.05078125)  # Newton's method runs off to the left
def test_one_delay_is_lamberts_function(a, delay):
    # x' = -a x(t - tau): z = W_k(-a tau) / tau
    roots = characteristic_roots(np.array([-a]), np.array([delay]), count=1)
    expected = lambertw(-a * delay, 0) / delay
    assert roots[0].real == pytest.approx(expected.real, rel=1e-7, abs=1e-8)


def test_a_quarter_turn_is_where_delayed_feedback_begins_to_swing():
    # x' = -a x(t - 1) is neutral at a = pi/2, with z = +- i pi/2
    roots = characteristic_roots(np.array([-np.pi / 2]), np.array([1.0]), count=2)
    np.testing.assert_allclose(roots, [0.5j * np.pi, -0.5j * np.pi], atol=1e-9)


def test_without_delays_there_is_one_root():
    assert characteristic_roots(np.array([-2.0, 0.5]), np.zeros(2)) == pytest.approx([-1.5])


def test_several_delays_satisfy_their_equation():
    weights, delays = np.array([0.5, -1.0, 0.3]), np.array([0.0, 1.0, 2.5])
    for z in characteristic_roots(weights, delays, count=4):
        assert abs(z - np.sum(weights * np.exp(-z * delays))) < 1e-9
