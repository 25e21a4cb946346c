from __future__ import annotations

import os
from pathlib import Path

import pytest

from separatrix.errors import DataError
from separatrix.model import Program, Server, Source, Work
from separatrix.simulate import simulate
from separatrix.simulate.replication import Replicator
from separatrix.simulate.simulation import plan
from separatrix.simulate.store import Store


def program(rate: float = 5.0) -> Program:
    program = Program("p")
    program.add_server(Server("s", {"a": Work(10.0)}, qsize=50))
    program.add_source(Source("c", "a", rate))
    program.connect("c", "s")
    return program


def run(store: Path, **changes):
    settings = {"rate": 5.0, "horizon": 20.0, "seed": 1, "runs": 3, **changes}
    return simulate(program(settings.pop("rate")), store=store, workers=1, **settings)


@pytest.mark.parametrize("change", [{"rate": 6.0}, {"horizon": 21.0}, {"seed": 2}, {"step": 1.0}])
def test_runs_of_another_experiment_are_not_mixed_in(tmp_path, change):
    run(tmp_path)
    with pytest.raises(DataError, match="holds runs of another program, other settings"):
        run(tmp_path, **change)


def test_a_spoilt_file_is_named(tmp_path):
    run(tmp_path)
    spoilt = next(tmp_path.glob("runs-*.npz"))
    spoilt.write_bytes(spoilt.read_bytes()[:100])
    with pytest.raises(DataError, match=r"runs-.*not a file of ours.*remove it"):
        run(tmp_path)


def test_pickles_are_not_read(tmp_path):
    import numpy as np

    run(tmp_path)
    file = next(tmp_path.glob("runs-*.npz"))
    np.savez(file, header=np.array([{"first": 0}], dtype=object))
    with pytest.raises(DataError, match="not a file of ours"):
        run(tmp_path)


def test_a_file_that_holds_other_runs_than_it_says(tmp_path):
    job = plan(program(), horizon=20.0)
    store = Store(tmp_path, job)
    store.put(Replicator(job).run(0, 2))
    (tmp_path / "runs-000000-000001.npz").rename(tmp_path / "runs-000004-000005.npz")
    with pytest.raises(DataError, match="holds other runs than it says"):
        list(store)


def test_strangers_in_the_directory_are_let_be(tmp_path):
    (tmp_path / "runs-a-b.npz").write_text("hello")
    (tmp_path / "notes.txt").write_text("hello")
    assert run(tmp_path).runs == 3


def test_the_note_must_be_ours(tmp_path):
    (tmp_path / "experiment.json").write_text("[]")
    with pytest.raises(DataError, match="is not the note of an experiment"):
        run(tmp_path)


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="give a directory that can be written"):
        run(tmp_path / "file" / "store")


def test_a_full_disk_keeps_what_was_finished(tmp_path, monkeypatch):
    run(tmp_path, runs=2)
    before = sorted(tmp_path.iterdir())

    def full(_: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        DataError, match="No space left on device; give another place, or make room"
    ):
        run(tmp_path, runs=6)
    assert sorted(tmp_path.iterdir()) == before
    monkeypatch.undo()
    assert run(tmp_path, runs=6).runs == 6
