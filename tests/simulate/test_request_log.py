from __future__ import annotations

import resource

import numpy as np
import pyarrow.parquet as pq
import pytest

from separatrix.errors import DataError
from separatrix.model import DependentCall, Program, Server, Source, Work
from separatrix.simulate import run as run_module
from separatrix.simulate import simulate
from separatrix.simulate.request_log import log_path
from separatrix.simulate.series_file import column_names


def program(calls: bool = False) -> Program:
    program = Program("p")
    call = (DependentCall("d", "s", "b", timeout=1.0),) if calls else ()
    program.add_server(Server("s", {"a": Work(10.0, call)}, qsize=50, thread_pool=4))
    if calls:
        program.add_server(Server("d", {"b": Work(20.0)}, qsize=50))
    program.add_source(Source("c", "a", 9.5, timeout=2.0, retries=2))
    program.connect("c", "s")
    return program


def test_one_line_for_every_request_that_ended(tmp_path):
    result = simulate(program(), horizon=200.0, runs=3, requests=tmp_path, warmup=0.0)
    tables = [pq.read_table(log_path(tmp_path, run)).to_pandas() for run in range(3)]
    for i, table in enumerate(tables):
        assert (table.run == i).all()
        assert table.end.is_monotonic_increasing
        assert (table.end >= table.start).all()
        assert table.request.is_unique
        assert set(table.outcome) <= {"answered", "late", "failed"}
        assert (table.attempts[table.outcome == "failed"] == 3).all()
    answered = np.mean([(t.outcome == "answered").sum() / 200.0 for t in tables])
    # the first sample, at time 0, is no step of its own
    assert answered == pytest.approx(result.streams["c"]["goodput"].mean, rel=1e-9)


def test_calls_have_lines_of_their_own(tmp_path):
    simulate(program(calls=True), horizon=100.0, runs=1, requests=tmp_path)
    table = pq.read_table(log_path(tmp_path, 0)).to_pandas()
    assert set(table.stream) == {"c", "s.a -> d.b"}


def test_the_log_does_not_change_the_runs(tmp_path):
    plain = simulate(program(), horizon=100.0, runs=2)
    logged = simulate(program(), horizon=100.0, runs=2, requests=tmp_path)
    assert np.array_equal(plain.sums, logged.sums)


def test_it_is_written_in_chunks(tmp_path, monkeypatch):
    monkeypatch.setattr(run_module, "LINES_PER_CHUNK", 40)
    simulate(program(), horizon=100.0, runs=1, requests=tmp_path)
    file = pq.ParquetFile(log_path(tmp_path, 0))
    assert file.metadata.num_row_groups > 10


def test_a_full_disk_is_told_and_finished_logs_are_kept(tmp_path):
    simulate(program(), horizon=20.0, runs=1, requests=tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, hard))
    try:
        with pytest.raises(DataError, match="the request log cannot be written"):
            simulate(program(), horizon=5000.0, runs=1, requests=tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in tmp_path.iterdir()] == ["requests-000000.parquet"]
    assert pq.read_table(log_path(tmp_path, 0)).num_rows > 0


def test_the_series_of_every_run_in_one_file(tmp_path):
    path = tmp_path / "out.parquet"
    result = simulate(program(), horizon=50.0, runs=4, step=0.5, series=path, keep=True, workers=2)
    table = pq.read_table(path).to_pandas()
    names = column_names(result.columns)
    assert list(table.columns) == ["run", "time", *names]
    assert len(table) == 4 * 101
    cells = table[names].to_numpy().reshape(4, 101, -1)
    assert np.array_equal(cells, result.cells)
    assert table.time[:3].tolist() == [0.0, 0.5, 1.0]
    assert {"queue[s]", "drops[s,full]", "goodput[c]", "orbit[c,1]"} <= set(names)


def test_a_series_file_that_cannot_be_written(tmp_path):
    with pytest.raises(DataError, match="the series cannot be written"):
        simulate(program(), horizon=5.0, runs=2, series=tmp_path / "no" / "out.parquet")
    assert list(tmp_path.iterdir()) == []
