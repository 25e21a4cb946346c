from __future__ import annotations

import numpy as np

from separatrix.simulate import simulate
from separatrix.simulate.trajectories import trajectories


def test_a_story_step_by_step(one_server):
    program = one_server([0.0, 0.5, 0.6, 2.0], service=2.0, qsize=2, timeout=3.0, retries=1)
    times, seen = trajectories(program, horizon=8.0, step=1.0, runs=1)
    # served 0-2 (in time), 0.5: 2-4 (late, back at 3.5), 2.0: 4-6 (in time? 5 is its limit: late,
    # back at 5.0); 0.6 dropped, back at 3.6: full again
    server = seen["s"]
    assert times.tolist() == list(range(9))
    assert server.queue[0, :4].tolist() == [0, 1, 1, 1]
    assert server.dropped[0, :5].tolist() == [0, 1, 0, 0, 2]
    assert server.orbit[0, :4].tolist() == [0, 2, 3, 3]
    assert server.in_time[0, :5].tolist() == [0, 0, 1, 0, 0]
    assert server.time_at_server[0, 2] == 2.0
    assert server.time_at_server[0, 4] == 3.5
    assert np.isnan(server.time_at_server[0, 1])


def test_they_are_the_runs_that_simulate_makes(one_server):
    program = one_server([0.1 * i for i in range(300)], timeout=2.0, retries=2, qsize=20)
    _, seen = trajectories(program, horizon=50.0, step=0.5, runs=2, seed=3)
    runs = simulate(program, horizon=50.0, step=0.5, runs=2, seed=3, keep=True).to_xarray(runs=True)
    assert np.array_equal(seen["s"].queue, runs.queue.sel(server="s"))
    assert np.array_equal(seen["s"].orbit, runs.orbit.sel(stream="c").sum("attempt"))


def test_it_ends_when_told(one_server):
    done = []

    def go_on(n):
        done.append(n)
        return n < 2

    _, seen = trajectories(one_server([0.0]), horizon=5.0, step=1.0, runs=9, go_on=go_on)
    assert (done, len(seen["s"].queue)) == ([1, 2], 2)
