"""Pictures of the fluid reading: what they show, with units."""

from __future__ import annotations

import numpy as np

from separatrix import Program, Server, Source, Work
from separatrix.fluid.basins import basins
from separatrix.fluid.continuation import hysteresis
from separatrix.fluid.field import mean_field
from separatrix.fluid.ranges import metastable_range
from separatrix.fluid.stretches import MetastableRange, MetastableStretch
from separatrix.questions.portrait import plane
from separatrix.questions.tipping_curve import SeenTipping, TippingCurve, TippingPoint
from separatrix.views.figures_fluid import basin_portrait, hysteresis_curve, tipping_figure
from separatrix.views.glance_tiles import load_caption

RATE = "sources.c.arrival_rate"


def program(rate=8.0):
    made = Program("p")
    made.add_server(Server("s", {"get": Work(10.0)}, qsize=60))
    made.add_source(Source("c", "get", rate, timeout=3.0, retries=1))
    made.connect("c", "s")
    return made


def labels(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_basins_show_the_separatrix_over_the_portrait():
    population = mean_field(program(), "geometric")
    figure = basin_portrait(plane(population), basins(population), "a caption")
    assert "separatrix" in labels(figure)
    assert "a caption" in figure.get_supxlabel()
    safe = mean_field(program(3.0), "geometric")
    assert "separatrix" not in labels(basin_portrait(plane(safe), basins(safe)))


def test_hysteresis_says_where_the_service_is_and_its_margin():
    made = program(4.0)
    figure = hysteresis_curve(hysteresis(made, RATE), metastable_range(made, RATE), "requests/s")
    axes = figure.axes[0]
    words = " ".join(text.get_text() for text in axes.texts)
    assert "you are here" in words
    assert "margin 1 requests/s" in words
    assert "[requests/s]" in axes.get_xlabel()
    assert "can get stuck" in labels(figure)


def test_tipping_figure_shows_only_what_was_found():
    seen = SeenTipping(1.5, 2.0, 32, 5)
    points = (TippingPoint(1.0, np.inf), TippingPoint(2.0, 3.0), TippingPoint(4.0, 1.7, seen))
    figure = tipping_figure(TippingCurve("spike", "web", points, "ok", "", ()))
    (line,) = [line for line in figure.axes[0].lines if line.get_label() == "fluid"]
    np.testing.assert_allclose(line.get_xdata(), [2.0, 4.0])
    assert "simulated: half of the runs" in labels(figure)
    nothing = tipping_figure(TippingCurve("spike", "web", (points[0],), "ok", "", ()))
    assert not nothing.legends


def test_a_range_without_a_safe_end_draws_no_margin_and_says_why():
    spread = MetastableRange(
        RATE, 4.0, 1.0, 8.0, "above", (1.0, 8.0), "inconclusive", "it goes on",
        (MetastableStretch(1.0, 8.0, "unknown", "unknown"),),
    )  # fmt: skip
    figure = hysteresis_curve(hysteresis(program(), RATE), spread, "requests/s")
    assert not any("too much" in text.get_text() for text in figure.axes[0].texts)
    assert "can get stuck" in labels(figure)
    assert load_caption(spread).endswith(
        "No safe load found: none from 1/s to 8/s is known to be safe."
    )
