from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from separatrix.weights.link import LINE, MOST_BEND, Link, best_link

LINKS = st.builds(Link, st.floats(0.0, MOST_BEND), st.floats(1e-2, 1e3))
S = np.linspace(0.0, 50.0, 101)


@pytest.mark.parametrize(
    ("link", "form"),
    [
        (LINE, lambda s: s),
        (Link(1.0, 4.0), lambda s: 4.0 * np.log1p(s / 4.0)),
        (Link(2.0, 4.0), lambda s: s / (1.0 + s / 4.0)),
        (Link(0.5, 4.0), lambda s: 8.0 * (np.sqrt(1.0 + s / 4.0) - 1.0)),
    ],
)
def test_closed_forms(link, form):
    assert np.allclose(link(S), form(S), rtol=1e-13)


def test_the_largest_bend_is_nearly_exponential_saturation():
    c = 10.0
    link = Link(MOST_BEND, (MOST_BEND - 1.0) * c)
    assert np.abs(link(S) - c * -np.expm1(-S / c)).max() < 0.04 * c


@given(LINKS)
@settings(deadline=None)
def test_derivatives_are_differences(link):
    s = np.array([0.3, 2.0, 30.0])
    value, slope, by_bend, by_knee = link.derivatives(s)
    assert np.allclose(value, link(s))
    h = 1e-5
    assert np.allclose(slope, (link(s + h) - link(s - h)) / (2 * h), rtol=1e-5, atol=1e-9)
    by = [Link(link.bend + e, link.knee)(s) for e in (h, -h)]
    assert np.allclose(
        by_bend, (by[0] - by[1]) / (2 * h), rtol=1e-3, atol=1e-4 * link.knee * h * 1e4
    )
    by = [Link(link.bend, link.knee * math.exp(e))(s) for e in (h, -h)]
    assert np.allclose(by_knee, (by[0] - by[1]) / (2 * h), rtol=1e-3, atol=1e-6)


@given(LINKS)
@settings(deadline=None)
def test_concave_from_the_origin_with_slope_one(link):
    g = link(S)
    assert g[0] == 0.0
    assert np.all(np.diff(g) >= -1e-12)
    assert np.all(np.diff(g, 2) <= 1e-9 * (1 + g.max()))
    assert float(link.derivatives(np.zeros(1))[1][0]) == 1.0


@given(LINKS, st.floats(0.0, 30.0))
@settings(deadline=None)
def test_inverse(link, s):
    load = float(link(np.array([s]))[0])
    back = link.inverse(load)
    assert float(link(np.array([back]))[0]) == pytest.approx(load, rel=1e-9)
    if link.bend <= 1.0:  # no saturation, which would amplify rounding
        assert back == pytest.approx(s, rel=1e-6)


def test_no_score_reaches_beyond_saturation():
    assert Link(2.0, 4.0).inverse(4.1) == math.inf
    assert LINE.inverse(4.1) == pytest.approx(4.1)


@given(LINKS, st.floats(0.1, 10.0))
@settings(deadline=None)
def test_scaled_is_the_same_curve_in_another_unit(link, factor):
    assert np.allclose(link.scaled(factor)(factor * S), factor * link(S))


def test_best_link_finds_the_curve():
    s = np.random.default_rng(0).lognormal(0, 1, 5000)
    true = Link(2.0, 3.0)
    base, scale, link = best_link(s, 2.0 + 5.0 * true(s), np.ones(5000), straight=False)
    at = np.array([0.2, 1.0, 5.0])
    assert np.allclose(base + scale * link(at), 2.0 + 5.0 * true(at), rtol=0.05)
    base, scale, link = best_link(s, 2.0 + 5.0 * s, np.ones(5000), straight=True)
    assert (base, scale) == (pytest.approx(2.0), pytest.approx(5.0))
    assert link.bend == 0.0
    assert best_link(s, 9.0 - s, np.ones(5000), straight=True)[1] == 0.0  # never falling
