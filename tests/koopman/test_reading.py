from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from separatrix import Program, Server, Source, Work
from separatrix.errors import DataError
from separatrix.koopman import from_dataset, read_trajectories
from separatrix.koopman.reading import combined


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    from separatrix.simulate import simulate

    place = tmp_path_factory.mktemp("series") / "series.parquet"
    program = Program("p")
    program.add_server(Server("web", {"get": Work(10)}, qsize=20))
    program.add_source(Source("client", "get", 8, timeout=2, retries=2))
    program.connect("client", "web")
    result = simulate(
        program,
        horizon=50,
        runs=3,
        step=0.5,
        seed=1,
        keep=True,
        series=place,
        progress=False,
        workers=1,
    )
    return place, result


def test_the_simulators_file_and_its_result_say_the_same(simulated):
    place, result = simulated
    file, memory = read_trajectories(place), from_dataset(result.to_xarray(runs=True))
    assert file.names == memory.names
    assert file.names[0] == "at[web]"
    assert file.step == memory.step == 0.5
    assert file.runs == 3
    for a, b in zip(file.pieces, memory.pieces, strict=True):
        assert np.array_equal(a, b)
    one = read_trajectories(place, series=["queue[web]"], step=1.0)
    assert (one.names, one.step, len(one.pieces[0])) == (("queue[web]",), 1.0, 51)
    with pytest.raises(DataError, match="no runs"):
        from_dataset(result.to_xarray())


def table(tmp_path, frame, name="data.csv"):
    place = tmp_path / name
    frame.to_csv(place, index=False)
    return place


def test_a_table_of_runs(tmp_path):
    frame = pd.DataFrame({"run": [0, 0, 0, 1, 1, 1], "time": [0, 1, 2] * 2, "load": range(6)})
    data = read_trajectories(table(tmp_path, frame))
    assert (data.runs, data.step, data.names) == (2, 1.0, ("load",))
    dates = frame.assign(time=pd.date_range("2024-01-01", periods=6, freq="10s")).drop(
        columns="run"
    )
    assert read_trajectories(table(tmp_path, dates)).step == 10.0


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"time": [0, 1, 2.5], "x": [1, 2, 3]}, "different steps: 1.25 s and 1 s"),
        ({"time": [0, 1, 2], "x": [1, np.nan, 3]}, "x is nan at sample 1 of run 0"),
        ({"time": [0, 1, 2], "x": [2, 2, 2]}, "x never changes"),
        ({"time": [0, 1, 2], "x": ["a", "b", "c"]}, "no series of numbers"),
        ({"time": [0, 0, 0], "x": [1, 2, 3]}, "different steps"),
        ({"time": ["soon", "later", "never"], "x": [1, 2, 3]}, "neither seconds nor dates"),
        ({"time": [0], "x": [1]}, "one sample a run"),
    ],
)
def test_hostile_tables(tmp_path, columns, message):
    with pytest.raises(DataError, match=message):
        read_trajectories(table(tmp_path, pd.DataFrame(columns)))


def test_files_that_are_none(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_trajectories(tmp_path / "none.csv")
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError, match="cannot be read"):
        read_trajectories(broken)
    good = table(tmp_path, pd.DataFrame({"time": [0, 1], "x": [1, 2]}))
    with pytest.raises(DataError, match="no series y; it has x"):
        read_trajectories(good, series=["y"])


def test_telemetry_becomes_a_run_for_each_target(tmp_path):
    n = 30
    frame = pd.DataFrame(
        {
            "time": np.tile(np.arange(n) * 5.0, 2), "target": np.repeat(["a", "b"], n),
            "open": np.random.default_rng(0).poisson(20, 2 * n), "close": 3,
        }
    )  # fmt: skip
    frame.loc[10, ["open", "close"]] = np.nan
    data = read_trajectories(table(tmp_path, frame))
    assert data.step == 5.0
    assert data.runs == 2
    assert [len(p) for p in data.pieces] == [10, 19, 30]
    assert data.names == ("operations [1/s]",)


def test_files_together(tmp_path):
    frame = pd.DataFrame({"time": [0, 1, 2], "x": [1, 2, 3]})
    one = read_trajectories(table(tmp_path, frame))
    assert combined([one, one]).runs == 2
    slow = read_trajectories(table(tmp_path, frame.assign(time=[0, 2, 4]), "slow.csv"))
    with pytest.raises(DataError, match="different steps: 1 s and 2 s"):
        combined([one, slow])
    other = read_trajectories(table(tmp_path, frame.rename(columns={"x": "y"}), "other.csv"))
    with pytest.raises(DataError, match="different series: x and y"):
        combined([one, other])
