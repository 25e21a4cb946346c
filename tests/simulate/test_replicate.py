"""The same bits whatever the workers; nothing is lost when one dies or the work is interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import separatrix
from separatrix.errors import SeparatrixError
from separatrix.model import Program, Server, Source, Work
from separatrix.simulate import SimulationResult, simulate
from separatrix.simulate import replicate as replicate_module
from separatrix.simulate.local_workers import LocalWorkers
from separatrix.simulate.replicate import checkpoints
from separatrix.simulate.replication import Batch, Job, Replicator
from separatrix.simulate.simulation import plan


def program() -> Program:
    program = Program("p")
    program.add_server(Server("s", {"a": Work(10.0)}, qsize=50))
    program.add_source(Source("c", "a", 9.5, timeout=2.0, retries=2))
    program.connect("c", "s")
    return program


def same(a: SimulationResult, b: SimulationResult) -> bool:
    return (
        a.to_dict() == b.to_dict()
        and np.array_equal(a.sums, b.sums)
        and np.array_equal(a.squares, b.squares)
        and np.array_equal(a.sketch, b.sketch)
        and (a.cells is None or np.array_equal(a.cells, b.cells))
    )


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr(replicate_module, "BATCH_SECONDS", 1e-3)


def test_results_do_not_depend_on_the_number_of_workers(small_batches):
    alone = simulate(program(), horizon=200.0, runs=23, workers=1)
    assert same(alone, simulate(program(), horizon=200.0, runs=23, workers=2))
    assert same(alone, simulate(program(), horizon=200.0, runs=23, workers=3))


def test_where_it_stops_does_not_depend_on_workers(small_batches):
    settings = {"horizon": 300.0, "runs": 300, "precision": 0.1}
    alone = simulate(program(), workers=1, **settings)
    assert alone.runs in checkpoints(300)
    assert same(alone, simulate(program(), workers=2, **settings))


def test_run_i_is_the_i_th_child_of_the_seed():
    job = plan(program(), horizon=50.0, seed=7)
    children = np.random.SeedSequence(7).spawn(3)
    for i, child in enumerate(children):
        ours = job.stream_of(i).generate_state(4, np.uint64)
        assert np.array_equal(ours, child.generate_state(4, np.uint64))


def test_fewer_runs_are_the_first_of_more():
    few = simulate(program(), horizon=50.0, runs=3, keep=True)
    more = simulate(program(), horizon=50.0, runs=6, keep=True)
    assert np.array_equal(few.cells, more.cells[:3])


def test_a_job_and_a_batch_survive_being_bytes():
    job = plan(program(), horizon=50.0, seed=7, keep=True)
    again = Job.unpack(job.pack())
    assert again.identity == job.identity
    batch = Replicator(again).run(4, 3)
    copy = Batch.unpack(batch.pack())
    assert (copy.first, copy.count) == (4, 3)
    assert np.array_equal(copy.cells, batch.cells)


def test_a_killed_worker_loses_nothing():
    job = plan(program(), horizon=5e4)
    runs = 8
    expected = Replicator(job).run(0, runs)
    batches: list[Batch] = []
    with LocalWorkers(job.pack(), 2) as pool:
        for first in range(runs):
            pool.submit(first, 1)
        for _, packed in zip(range(runs), pool.results(), strict=False):
            batches.append(Batch.unpack(packed))
            if len(batches) == 1:
                for pid in pool.pids:
                    os.kill(pid, signal.SIGKILL)
    assert sorted(b.first for b in batches) == list(range(runs))
    assert np.array_equal(sum(b.sums for b in batches), expected.sums)


def test_workers_that_always_die_end_the_work():
    job = plan(program(), horizon=10.0)
    data = job.pack().replace(b'"horizon"', b'"horizOn"')
    with LocalWorkers(data, 1) as pool:
        pool.submit(0, 1)
        with pytest.raises(SeparatrixError, match=r"3 workers died over runs 0\.\.0"):
            next(pool.results())


def test_what_a_worker_cannot_do_is_told(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(SeparatrixError, match="the request log cannot be written"):
        simulate(program(), horizon=10.0, runs=4, workers=2, requests=blocked)


SCRIPT = """
import sys
sys.path.insert(0, sys.argv[2])
from separatrix.model import Program, Server, Source, Work
from separatrix.simulate import replicate, simulate
replicate.BATCH_SECONDS = 1e-3
program = Program("p")
program.add_server(Server("s", {"a": Work(10.0)}, qsize=50))
program.add_source(Source("c", "a", 9.5, timeout=2.0, retries=2))
program.connect("c", "s")
simulate(program, horizon=2000.0, runs=40, store=sys.argv[1], workers=1)
"""


def test_an_interrupted_experiment_goes_on_where_it_stopped(tmp_path):
    store = tmp_path / "store"
    source = str(Path(separatrix.__file__).parent.parent)
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(store), source])
    while process.poll() is None and len(list(store.glob("runs-*.npz"))) < 5:
        time.sleep(0.005)
    process.kill()
    process.wait()
    kept = {path.name: path.stat().st_mtime_ns for path in store.glob("runs-*.npz")}
    assert 5 <= len(kept) <= 40
    resumed = simulate(program(), horizon=2000.0, runs=40, store=store, workers=1)
    for name, written in kept.items():
        assert (store / name).stat().st_mtime_ns == written
    assert same(resumed, simulate(program(), horizon=2000.0, runs=40, workers=1))


def test_a_finished_experiment_is_read_from_disk(tmp_path, monkeypatch):
    first = simulate(program(), horizon=100.0, runs=9, store=tmp_path, workers=1)
    monkeypatch.setattr(Replicator, "run", None)
    assert same(first, simulate(program(), horizon=100.0, runs=9, store=tmp_path, workers=1))


def test_more_runs_are_added_to_those_on_disk(tmp_path):
    simulate(program(), horizon=100.0, runs=5, store=tmp_path, workers=1)
    more = simulate(program(), horizon=100.0, runs=12, store=tmp_path, workers=1)
    assert same(more, simulate(program(), horizon=100.0, runs=12, workers=1))


def test_checkpoints_grow_and_end_with_the_last_run():
    assert checkpoints(100) == [16, 24, 36, 54, 81, 100]
    assert checkpoints(10) == [10]
