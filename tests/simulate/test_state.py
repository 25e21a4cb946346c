from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from separatrix.errors import NotConverged
from separatrix.model import Program, Server, Source, Work
from separatrix.simulate import layout as at
from separatrix.simulate import state as state_module
from separatrix.simulate.compile import compile_program
from separatrix.simulate.event_loop import event_loop
from separatrix.simulate.run import Buffers, drive
from separatrix.simulate.state import new_run


def service(**settings) -> Program:
    program = Program("service")
    program.add_server(Server("s", {"a": Work(10.0)}, qsize=100))
    program.add_source(
        Source("c", "a", **{"arrival_rate": 9.5, "timeout": 9.0, "retries": 3, **settings})
    )
    program.connect("c", "s")
    return program


def begun(until: float, seed: int = 0, **settings):
    compiled = compile_program(service(**settings))
    loop = event_loop(compiled.features)
    buffers = Buffers.fit(compiled, compiled.features, until)
    state = new_run(compiled, compiled.features, np.random.SeedSequence(seed))
    drive(loop, compiled, state, buffers, until)
    return compiled, loop, buffers, state


def test_a_single_service_takes_less_than_200_kb_even_when_stuck():
    *_, state = begun(3000.0, arrival_rate=12.0)
    assert state.X[state_words(state)] == 100  # the queue is full
    assert state.nbytes <= 200_000


def state_words(state) -> int:
    compiled = compile_program(service())
    return int(compiled.words[at.X_SERVERS]) + at.PRESENT


def test_a_copy_goes_on_exactly_as_the_original():
    compiled, loop, buffers, state = begun(500.0)
    clone = state.copy()
    drive(loop, compiled, state, buffers, 2000.0)
    drive(loop, compiled, clone, buffers, 900.0)
    drive(loop, compiled, clone, buffers, 2000.0)
    assert np.array_equal(state.X, clone.X)


def test_a_copy_with_another_stream_goes_its_own_way_and_leaves_the_original_alone():
    compiled, loop, buffers, state = begun(500.0)
    before = state.X.copy()
    clone = state.copy()
    clone.reseed(np.random.SeedSequence(99))
    drive(loop, compiled, clone, buffers, 600.0)
    assert np.array_equal(state.X, before)
    drive(loop, compiled, state, buffers, 600.0)
    assert not np.array_equal(state.X, clone.X)


def test_growing_changes_nothing_but_the_size():
    compiled = compile_program(service(arrival_rate=50.0))
    loop = event_loop(compiled.features)
    buffers = Buffers.fit(compiled, compiled.features, 200.0)
    ends = []
    for slots in (40, 5000):
        state = new_run(compiled, compiled.features, np.random.SeedSequence(1), slots=slots)
        drive(loop, compiled, state, buffers, 200.0)
        ends.append(state.X[: compiled.run_words].copy())
    for words in ends:
        # where slots lie differs; what was counted does not
        words[[at.FREE, at.FREE_LEFT]] = 0
    v = int(compiled.words[at.X_SERVERS])
    assert np.array_equal(ends[0][v : v + at.SERVER_OBSERVED], ends[1][v : v + at.SERVER_OBSERVED])
    assert ends[0][at.EVENTS] == ends[1][at.EVENTS]


def test_a_run_that_never_stops_growing_is_ended(monkeypatch):
    monkeypatch.setattr(state_module, "MOST_SLOTS", 5000)
    with pytest.raises(NotConverged, match="attempts are outstanding at"):
        begun(1e4, arrival_rate=1000.0, timeout=1e5)


def test_runs_differ_by_their_seed_only():
    *_, a = begun(300.0, seed=3)
    *_, b = begun(300.0, seed=3)
    *_, c = begun(300.0, seed=4)
    assert np.array_equal(a.X, b.X)
    assert not np.array_equal(a.X, c.X)


def test_features_say_how_wide_a_slot_is():
    compiled = compile_program(service())
    assert not compiled.features.wide
    assert dataclasses.replace(compiled.features, log=True).wide
