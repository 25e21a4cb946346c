from __future__ import annotations

import numpy as np
import pytest

from separatrix.model.files import loads
from separatrix.questions.timeline import timeline
from separatrix.views.figures_simulation import queue_and_latency, through_faults

TIME = np.linspace(0.0, 10.0, 21)
RUNS = np.vstack([TIME, 2 * TIME, np.zeros(21)])


def test_a_picture_with_units_and_what_it_averages():
    figure = queue_and_latency(TIME, {"a": (RUNS, RUNS), "b": (RUNS, RUNS)}, [(2.0, 3.0)])
    assert len(figure.axes) == 4
    labels = {axes.get_ylabel() for axes in figure.axes}
    assert labels == {"waiting [attempts]", "time at the server [s]"}
    assert "mean of 3 runs" in figure.axes[0].get_title()
    line = figure.axes[0].lines[0].get_ydata()
    assert np.allclose(line, RUNS.mean(axis=0))


@pytest.fixture(scope="module")
def course():
    model = loads(
        "{separatrix: 1, name: T, servers: {s: {qsize: 20, apis: {get: {processing_rate: 10/s}}}}, "
        "sources: {c: {server: s, api: get, arrival_rate: 4/s, timeout: 4s, retries: 1}}, "
        "faults: [{kind: spike, source: c, factor: 2x, start: 10s, duration: 4s}]}"
    )
    return timeline(model, horizon=40.0, runs=20, seed=1, workers=1)


def test_the_band_of_the_runs_lies_over_the_line_of_the_mean_dynamics(course):
    figure = through_faults(course)
    assert [axes.get_ylabel() for axes in figure.axes] == ["requests/s", "retries/s", "attempts"]
    for axes, names in zip(
        figure.axes, (("load", "goodput"), ("retries",), ("queue",)), strict=True
    ):
        assert len(axes.collections) == len(names)
        drawn = [
            line for line in axes.lines if line.get_linestyle() == "--" and len(line.get_xdata())
        ]
        for line, name in zip(drawn, names, strict=True):
            assert np.array_equal(line.get_ydata(), course.mean[name])
            assert line.get_zorder() > min(c.get_zorder() for c in axes.collections)
    legend = {text.get_text() for text in figure.legends[0].get_texts()}
    assert {"new requests", "answered in time", "retries", "mean dynamics"} <= legend
