"""Separatrix's event loop on the same models, in one process and one thread, nothing recorded.

It is too quick to time one run: `REPEATS` runs of the same length follow one another, each with a
random stream of its own. ``stuck`` begins with a queue that a spike has filled.
"""

import json
import math
import sys
import time
from pathlib import Path

import numpy as np

from separatrix.model.files import load
from separatrix.simulate import layout as at
from separatrix.simulate.compile import compile_program
from separatrix.simulate.event_loop import event_loop
from separatrix.simulate.run import Buffers, drive
from separatrix.simulate.state import new_run
from separatrix.simulate.totals import server_totals, stream_totals

MODEL, HORIZON, SEED = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
REPEATS = 50
name = "retry" if MODEL == "stuck" else MODEL
program = load(Path(__file__).resolve().parent.parent / "models" / f"{name}.yaml")
compiled = compile_program(program, step=math.inf)
features = compiled.features
loop = event_loop(features)
buffers = Buffers.fit(compiled, features, HORIZON)
first = new_run(compiled, features, np.random.SeedSequence(0))
server = int(compiled.words[at.X_SERVERS])
if MODEL == "stuck":
    while first.X[server + at.PRESENT] < 95:
        drive(loop, compiled, first, buffers, first.now + 1.0)
else:
    drive(loop, compiled, first, buffers, 0.0)
    first = None
seconds = attempts = completions = events = 0
for repeat in range(REPEATS):
    seed = np.random.SeedSequence((SEED, repeat))
    if first is None:
        state = new_run(compiled, features, seed)
    else:
        state = first.copy()
        state.reseed(seed)
    before = state.copy()
    begin = time.process_time()
    drive(loop, compiled, state, buffers, state.now + HORIZON)
    seconds += time.process_time() - begin
    for sign, at_time in ((-1, before), (1, state)):
        servers = server_totals(compiled, at_time, HORIZON).values()
        attempts += sign * sum(s.attempts for s in stream_totals(compiled, at_time).values())
        completions += sign * sum(s.in_time + s.late for s in servers)
        events += sign * int(at_time.X[at.EVENTS])
print(
    json.dumps(
        {
            "attempts": attempts / REPEATS,
            "completions": completions / REPEATS,
            "seconds": seconds / REPEATS,
            "events": events / REPEATS,
        }
    )
)
