"""Counts and levels on a grid, with the simulator's names."""

from __future__ import annotations

import numpy as np
import pytest

from separatrix.emulate.series import Grid, dataset_parts, server_grid, stream_grid
from separatrix.model import Program, Server, Source, Work
from separatrix.simulate import simulate


def test_a_count_belongs_to_the_step_that_ends_at_the_sample():
    grid = Grid(0.5, 2.0, ("n",))
    for time in (0.0, 0.1, 0.5, 0.6, 2.0, 2.1):
        grid.add("n", time)
    assert grid.to_plain()["n"] == [1, 2, 1, 0, 1]


def test_a_level_includes_what_happens_at_its_sample():
    grid = Grid(1.0, 4.0, (), ("level",))
    grid.move("level", 2, 0.3)
    grid.move("level", 1, 2.0)
    grid.move("level", -3, 2.5)
    assert grid.level("level") == 0
    assert grid.to_plain()["level"] == [0, 2, 3, 0, 0]


def test_the_datasets_have_the_simulators_names_and_units():
    program = Program("names")
    program.add_server(Server("s", {"get": Work(10.0)}, 10))
    program.add_source(Source("c", "get", 1.0))
    program.connect("c", "s")
    theirs = simulate(program, horizon=4.0, runs=2, step=1.0, progress=False).to_xarray()
    ours = {
        **dataset_parts("server", {"s": server_grid(1.0, 4.0).to_plain()}, 1.0),
        **dataset_parts("stream", {"c": stream_grid(1.0, 4.0).to_plain()}, 1.0),
    }
    for name, (dims, values, attrs) in ours.items():
        assert list(theirs[name].dims) == dims
        assert theirs[name].shape == np.shape(values)
        assert theirs[name].attrs["units"] == attrs["units"]
        assert theirs[name].attrs["long_name"] == attrs["long_name"]
    missing = {n for n in theirs.data_vars if "_" not in str(n)} - set(ours)
    assert missing == {"orbit", "away"}  # hindsight, which a real client has not


@pytest.mark.parametrize("step", [0.1, 0.3])
def test_rates_are_counts_over_the_step(step):
    grid = stream_grid(step, 3.0)
    grid.add("offered", step / 2)
    _, values, _ = dataset_parts("stream", {"c": grid.to_plain()}, step)["offered"]
    assert values[1, 0] == pytest.approx(1 / step)
