"""The kernels of splitting: compiled and plain tell the same story, and the roulette keeps the mean."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from separatrix.compiled import by_address
from separatrix.errors import NotConverged
from separatrix.model import Program, Server, Source, Work
from separatrix.simulate import layout as at
from separatrix.simulate import trials as kernels
from separatrix.simulate.compile import compile_program
from separatrix.simulate.event_loop import event_loop, plain_event_loop
from separatrix.simulate.features import Features
from separatrix.simulate.levels import Levels
from separatrix.simulate.splitting import Entries, Splitting, Surface
from separatrix.simulate.state import grown, new_run


def queue(rate: float = 7.0, qsize: int = 1000) -> Program:
    program = Program("queue")
    program.add_server(Server("s", {"a": Work(10.0)}, qsize=qsize))
    program.add_source(Source("c", "a", rate, timeout=1e9, retries=0))
    program.connect("c", "s")
    return program


def splitting(near: float, far: float, seed: int = 0, longest: float = 1e9) -> Splitting:
    compiled = compile_program(queue())
    place = int(compiled.words[at.P_WATCH])
    compiled.words.view(np.float64)[place : place + 2] = 1.0
    features = dataclasses.replace(compiled.features, watch=True)
    stream = np.random.SeedSequence(seed)
    return Splitting(event_loop(features), compiled, features, stream, near, far, longest)


def up(begin: int, goal: int) -> float:
    """P(M/M/1 of load 0.7 gets from `begin` to `goal` before it is empty)."""
    ratio = 10.0 / 7.0
    return (ratio**begin - 1) / (ratio**goal - 1)


def at_level(part: Splitting, level: int, n: int = 400) -> Entries:
    """States with so many attempts, reached from empty."""
    entries = part.basin(part.start(1.0), 1.0, n, 1.0, n).entries
    for score in range(2, level + 1):
        _, entries = part.step(entries, score, n)
    return entries.copy()


def test_a_step_has_the_probability_of_the_gambler():
    part = splitting(0, 50)
    share, reached = part.step(at_level(part, 6), 9, 8000)
    exact = up(6, 9)
    assert abs(share - exact) < 4 * math.sqrt(exact * (1 - exact) / 8000)
    assert len(reached) == round(share * 8000)
    assert (reached.weights == 1).all()


@pytest.mark.parametrize("survive", [0.3, 0.7])
def test_the_roulette_keeps_the_mean_and_saves_events(survive):
    part = splitting(0, 50, seed=1)
    entries = at_level(part, 12)
    behind = tuple(Surface(score, survive) for score in (9, 6, 3))
    begin = part.events
    whole, _ = part.step(entries, 14, 8000)
    spent = part.events - begin
    share, reached = part.step(entries, 14, 8000, behind)
    assert part.events - begin - spent < 0.8 * spent
    error = math.sqrt((reached.weights**2).sum()) / 8000
    assert abs(share - up(12, 14)) < 4 * error
    assert abs(whole - up(12, 14)) < 4 * math.sqrt(whole / 8000)
    heavy = np.unique(reached.weights)
    assert heavy[:2] == pytest.approx([1.0, 1 / survive])


def test_trials_start_from_each_state_as_often_as_its_weight_says():
    part = splitting(0, 50)
    counts = np.bincount(part._resampled(np.array([1.0, 3.0, 0.5, 0.0, 5.5]), 1000), minlength=5)
    assert np.abs(counts - [100, 300, 50, 0, 550]).max() <= 1


def test_compiled_and_plain_tell_the_same_story():
    compiled = compile_program(queue())
    place = int(compiled.words[at.P_WATCH])
    compiled.words.view(np.float64)[place : place + 2] = 1.0
    features = dataclasses.replace(compiled.features, watch=True)
    part = splitting(0, 20, seed=5)
    entries = at_level(part, 3, 20)
    rng = np.random.default_rng(5)
    streams = rng.integers(0, 2**64, size=(60, 4), dtype=np.uint64)
    found = []
    loops = (
        (kernels.make_trials(), kernels.watch_start(), part._kernel),
        (kernels._make_trials, kernels._watch_start, plain_event_loop(features)),
    )
    for make_trials, watch_start, loop in loops:
        state = new_run(compiled, features, np.random.SeedSequence(3), slots=64)
        words = len(state.X)
        pool = np.zeros((len(entries), words), np.int64)
        pool[:] = grown(entries.states, (words - entries.states.shape[1]) // at.NARROW, at.NARROW)
        buffers = part._views(state)
        desk = np.zeros(kernels.DESK_WORDS, np.int64)
        kept, refuge = np.zeros((9, words), np.int64), state.X.copy()
        code = watch_start(
            loop, *buffers, 0.0, 1.0, 4.0, 1e9, 40, 3.0, kept, refuge, desk, desk.view(np.float64)
        )
        basin = (code, desk.copy(), kept)
        desk = np.zeros(kernels.DESK_WORDS, np.int64)
        reached, weights = np.zeros((60, words), np.int64), np.zeros(60)
        code = make_trials(
            loop, *buffers, pool, np.arange(60) % len(pool), streams, np.array([2.0, 0.0]),
            np.array([0.6, 0.0]), 5.0, 1e9, reached, weights, desk, desk.view(np.float64),
        )  # fmt: skip
        found.append((basin, (code, desk, reached, weights)))
    for ours, theirs in zip(*found, strict=True):
        assert ours[0] == theirs[0] == at.DONE
        for a, b in zip(ours[1:], theirs[1:], strict=True):
            assert np.array_equal(a, b)
    assert found[0][0][1][kernels.TIPPED] > 0
    assert 0 < found[0][1][1][kernels.HITS] < 60


def test_each_loop_has_an_address_of_its_own_in_whatever_order_they_come():
    # numba looks machine code up by name, and would give every loop from its disk cache the same one
    one = Features(*[False] * 20)
    two = dataclasses.replace(one, watch=True)
    loops = [event_loop(dataclasses.replace(f, single=True)) for f in (one, two)]
    addresses = [by_address(loop, kernels.LOOP).__wrapper_address__() for loop in loops]
    assert addresses[0] != addresses[1]
    assert addresses == [by_address(loop, kernels.LOOP).__wrapper_address__() for loop in loops]
    assert loops[0].py_func.__qualname__ != loops[1].py_func.__qualname__


def test_states_grow_without_a_change_to_what_they_do():
    compiled = compile_program(queue())
    features = compiled.features
    state = new_run(compiled, features, np.random.SeedSequence(0), slots=16)
    rows = grown(np.stack([state.X, state.X]), 8, at.NARROW)
    state.grow(8)
    assert np.array_equal(rows[0], state.X)
    assert np.array_equal(rows[1], state.X)
    assert rows[0, at.FREE_LEFT] == 24


def test_an_excursion_without_end_is_told():
    part = splitting(0, 50, longest=1e-6)
    with pytest.raises(NotConverged, match=r"crossing 1 took more than 1e-06 s"):
        part.basin(new_run(part._compiled, part._features, part._seed), 1.0, 5, 1.0, 5)
    entries = at_level(splitting(0, 50), 3)
    with pytest.raises(NotConverged, match=r"going on to 30 or back took more than"):
        part.step(entries, 30, 5)


def test_levels_behind_are_named_nearest_first():
    levels = Levels((1.0, 3.0, 6.0, 9.0), (0.25, 0.36, 0.2))
    assert levels.behind(0) == ()
    assert levels.behind(2) == (Surface(3.0, pytest.approx(0.6)), Surface(1.0, pytest.approx(0.5)))
