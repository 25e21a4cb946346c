from __future__ import annotations

import numpy as np
import pytest

from separatrix.errors import DataError
from separatrix.views.figures_simulation import queue_and_latency

TIME = np.linspace(0.0, 10.0, 21)
RUNS = np.vstack([TIME, 2 * TIME, np.zeros(21)])


@pytest.mark.parametrize("ending", ["pdf", "svg", "png"])
def test_a_picture_with_units_and_what_it_averages(tmp_path, ending):
    path = tmp_path / f"out.{ending}"
    figure = queue_and_latency(path, TIME, {"a": (RUNS, RUNS), "b": (RUNS, RUNS)}, [(2.0, 3.0)])
    assert path.stat().st_size > 1000
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    assert len(figure.axes) == 4
    labels = {axes.get_ylabel() for axes in figure.axes}
    assert labels == {"waiting [attempts]", "time at the server [s]"}
    assert "mean of 3 runs" in figure.axes[0].get_title()
    line = figure.axes[0].lines[0].get_ydata()
    assert np.allclose(line, RUNS.mean(axis=0))


def test_a_place_that_cannot_be_written(tmp_path):
    with pytest.raises(DataError, match="give another place"):
        queue_and_latency(tmp_path / "no" / "out.pdf", TIME, {"a": (RUNS, RUNS)})
