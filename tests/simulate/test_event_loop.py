from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import separatrix
from separatrix.errors import ModelError
from separatrix.model import Program, Server, Source, Work
from separatrix.simulate import layout as at
from separatrix.simulate import run_once
from separatrix.simulate.compile import compile_program
from separatrix.simulate.event_loop import event_loop
from separatrix.simulate.features import Features
from separatrix.simulate.run import Buffers, drive
from separatrix.simulate.state import new_run

SCRIPT = """
import sys
from separatrix.model import Program, Server, Source, Work
from separatrix.simulate import run_once
from separatrix.simulate.compile import compile_program
from separatrix.simulate.event_loop import event_loop
import dataclasses, math
program = Program("p")
program.add_server(Server("s", {"a": Work(10.0)}, qsize=20, thread_pool=int(sys.argv[1])))
program.add_source(Source("c", "a", 5.0))
program.connect("c", "s")
run_once(program, horizon=10.0)
loop = event_loop(compile_program(program, step=10.0).features)
print(sum(loop.stats.cache_hits.values()), sum(loop.stats.cache_misses.values()))
"""


def in_a_new_process(cache: Path, threads: int) -> list[int]:
    source = str(Path(separatrix.__file__).parent.parent)
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache), "PYTHONPATH": source}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(threads)],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [int(word) for word in done.stdout.split()]


def test_machine_code_of_each_feature_set_is_kept_on_disk(tmp_path):
    assert in_a_new_process(tmp_path, 1) == [0, 1]
    assert in_a_new_process(tmp_path, 2) == [0, 1]  # other features: compiled anew
    assert in_a_new_process(tmp_path, 1) == [1, 0]
    assert in_a_new_process(tmp_path, 2) == [1, 0]


def test_random_streams_give_the_same_run_compiled_or_not():
    program = Program("p")
    program.add_server(Server("s", {"a": Work(10.0)}, qsize=20))
    program.add_source(Source("c", "a", 12.0, timeout=1.5, retries=2))
    program.connect("c", "s")
    with np.errstate(over="ignore"):
        plain = run_once(program, horizon=50.0, seed=8, plain=True)
    assert plain == run_once(program, horizon=50.0, seed=8)
    everything = dataclasses.replace(Features(), log=False, watch=False)
    assert plain == run_once(program, horizon=50.0, seed=8, features=everything)


def test_coming_back_in_between_changes_nothing():
    program = Program("p")
    program.add_server(Server("s", {"a": Work(10.0)}, qsize=20))
    program.add_source(Source("c", "a", 12.0, timeout=1.5, retries=2))
    program.connect("c", "s")
    compiled = compile_program(program)
    loop = event_loop(compiled.features)
    buffers = Buffers.fit(compiled, compiled.features, 100.0)
    states = [new_run(compiled, compiled.features, np.random.SeedSequence(0)) for _ in range(2)]
    drive(loop, compiled, states[0], buffers, 100.0)
    for until in (0.0, 13.7, 13.7, 50.0, 100.0):
        drive(loop, compiled, states[1], buffers, until)
    assert np.array_equal(states[0].X, states[1].X)


def test_a_score_that_leaves_its_interval_ends_the_run_at_that_event():
    program = Program("p")
    program.add_server(Server("s", {"a": Work(10.0)}, qsize=200))
    program.add_source(Source("c", "a", 30.0, timeout=100.0))
    program.connect("c", "s")
    compiled = compile_program(program)
    compiled.words.view(np.float64)[compiled.words[at.P_WATCH]] = 1.0
    features = dataclasses.replace(compiled.features, watch=True)
    state = new_run(compiled, features, np.random.SeedSequence(0))
    state.F[at.HIGH] = 50.0
    loop = event_loop(features)
    buffers = Buffers.fit(compiled, features, 1e3)
    assert drive(loop, compiled, state, buffers, 1e3) == at.STOPPED
    v = int(compiled.words[at.X_SERVERS])
    assert state.X[v + at.PRESENT] == 50
    assert 1.0 < state.now < 5.0


@pytest.mark.parametrize("horizon", [0.0, -1.0, float("inf"), float("nan")])
def test_a_horizon_must_be_a_time(horizon, one_server):
    with pytest.raises(ModelError, match="horizon: must be a finite time > 0 s"):
        run_once(one_server([0.0]), horizon=horizon)


def test_a_program_that_never_sends_is_refused():
    program = Program("p")
    program.add_server(Server("s", {"a": Work(10.0)}, qsize=20))
    program.add_source(Source("c", "a", 0.0))
    program.connect("c", "s")
    with pytest.raises(ModelError, match="no source ever sends a request; give one"):
        run_once(program, horizon=1.0)


def test_a_program_must_be_whole():
    program = Program("p")
    program.add_server(Server("s", {"a": Work(10.0)}, qsize=20))
    program.add_source(Source("c", "b", 1.0))
    program.connect("c", "s")
    with pytest.raises(ModelError, match="does not serve api"):
        run_once(program, horizon=1.0)
