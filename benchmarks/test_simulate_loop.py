"""Seconds for a stretch of simulated time; `extra_info` gives nanoseconds an event.

Run: pytest benchmarks/test_simulate_loop.py --benchmark-only
"""

from __future__ import annotations

import dataclasses
import math
import time
from pathlib import Path

import numpy as np
import pytest

from separatrix.model.files import load
from separatrix.simulate import layout as at
from separatrix.simulate.compile import compile_program
from separatrix.simulate.event_loop import event_loop
from separatrix.simulate.run import Buffers, drive
from separatrix.simulate.state import new_run

MODELS = Path(__file__).resolve().parent / "models"
HORIZON = {"retry": 20_000.0, "plain": 50_000.0, "five_services": 1_000.0}


@pytest.mark.parametrize(
    ("model", "extra"),
    [
        ("retry", ()), ("retry", ("record",)), ("retry", ("log",)), ("retry", ("faults",)),
        ("retry", ("threads",)), ("retry", ("service",)), ("retry", ("backoff",)),
        ("plain", ()), ("five_services", ()), ("five_services", ("record",)),
    ],
)  # fmt: skip
def test_event_loop(benchmark, model, extra):
    """`extra` are features that the loop honours although the model does not use them."""
    horizon = HORIZON[model]
    program = load(MODELS / f"{model}.yaml")
    compiled = compile_program(program, step=horizon / 1000 if "record" in extra else math.inf)
    features = dataclasses.replace(compiled.features, **dict.fromkeys(extra, True))
    loop = event_loop(features)
    buffers = Buffers.fit(compiled, features, horizon)
    spent: list[float] = []

    def fresh():
        return (new_run(compiled, features, np.random.SeedSequence(1)),), {}

    def run(state):
        begin = time.process_time()
        drive(loop, compiled, state, buffers, horizon, on_rows=len, on_log=len)
        spent.append((time.process_time() - begin) / int(state.X[at.EVENTS]))
        return state

    drive(loop, compiled, *fresh()[0], buffers, 0.0)
    state = benchmark.pedantic(run, setup=fresh, rounds=9, iterations=1, warmup_rounds=1)
    benchmark.extra_info["events"] = int(state.X[at.EVENTS])
    benchmark.extra_info["ns_per_event"] = round(1e9 * float(np.median(spent)), 1)
    benchmark.extra_info["state_bytes"] = state.nbytes
