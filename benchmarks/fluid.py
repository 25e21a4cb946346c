"""What the fluid reading costs: each line a median of CPU seconds, warm, beside its goal.

The last lines are wall times: the command line from its start to the mean dynamics' verdict on a terminal.

python benchmarks/fluid.py > benchmarks/results/fluid.md
"""

from __future__ import annotations

import os
import pty
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from separatrix.fluid.arclength import continued
from separatrix.fluid.continuation import family_of, hysteresis, rest_scale
from separatrix.fluid.delay import delay_course
from separatrix.fluid.delay_model import delay_model
from separatrix.fluid.delay_rest import delay_rests
from separatrix.fluid.equilibria import fixed_points
from separatrix.fluid.field import mean_field, velocity
from separatrix.fluid.ranges import metastable_range
from separatrix.fluid.rest import rest_from
from separatrix.model import Constants, DependentCall, Program, Server, Source, Work
from separatrix.model.files import load
from separatrix.model.parameters import with_parameters
from separatrix.questions.fluid_verdict import fluid_verdict
from separatrix.questions.portrait import plane
from separatrix.questions.remedy import remedies
from separatrix.questions.tipping_curve import confirmed, tipping_curve

HERE = Path(__file__).resolve().parent
RATE = "sources.web.arrival_rate"


def timed(what: Callable[[], object], times: int = 7) -> tuple[float, float, float]:
    """(median, least, greatest) CPU seconds; the first call is not counted."""
    what()
    seconds: list[float] = []
    for _ in range(times):
        begin = time.process_time()
        what()
        seconds.append(time.process_time() - begin)
    return statistics.median(seconds), min(seconds), max(seconds)


def tree(n: int) -> Program:
    """A tree of n servers, each called by one before it; the first one can get stuck."""
    rng = np.random.default_rng(0)
    calls: dict[int, list[int]] = {j: [] for j in range(n)}
    for k in range(1, n):
        calls[int(rng.integers(max(0, k - 8), k))].append(k)
    program = Program("tree")
    for j in reversed(range(n)):
        downstream = tuple(
            DependentCall(f"s{k}", f"s{j}", "get", Constants.FIRE_AND_FORGET, timeout=1.0, retry=1)
            for k in calls[j]
        )
        threads = 10 if j == 0 else 40
        program.add_server(
            Server(f"s{j}", {"get": Work(10.0, downstream)}, 200, thread_pool=threads)
        )
    program.add_source(Source("web", "get", 80.0, timeout=1.0, retries=3))
    program.connect("web", "s0")
    return program


def row_of_servers(n: int) -> Program:
    """n servers in a binary tree of calls that nobody waits for; the first one can get stuck."""
    program = Program("row")
    for j in reversed(range(n)):
        below = [k for k in (2 * j + 1, 2 * j + 2) if k < n]
        calls = tuple(
            DependentCall(f"s{k}", f"s{j}", "get", Constants.FIRE_AND_FORGET, timeout=1.0, retry=1)
            for k in below
        )
        threads = 10 if j == 0 else 40
        program.add_server(Server(f"s{j}", {"get": Work(10.0, calls)}, 200, thread_pool=threads))
    program.add_source(Source("web", "get", 80.0, timeout=1.0, retries=3))
    program.connect("web", "s0")
    return program


def pair_that_waits() -> Program:
    """Two servers of which the first waits for the second's answers."""
    call = DependentCall("back", "front", "get", timeout=0.5, retry=1)
    program = Program("pair")
    program.add_server(Server("back", {"get": Work(10.0)}, 300, thread_pool=10))
    program.add_server(Server("front", {"get": Work(100.0, (call,))}, 300, thread_pool=60))
    program.add_source(Source("web", "get", 65.0, timeout=1.0, retries=2))
    program.connect("web", "front")
    return program


def on_screen(model: str) -> float:
    """Wall seconds from the start of `separatrix check` to its first verdict on a terminal."""
    begin = time.perf_counter()
    outside, inside = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "separatrix", "check", model], stdout=inside, stderr=inside
    )
    os.close(inside)
    said = b""
    while b"mean dynamics" not in said:
        said += os.read(outside, 4096)
    taken = time.perf_counter() - begin
    process.terminate()
    process.wait()
    os.close(outside)
    return taken


def walk(program: Program) -> object:
    """200 points of pseudo-arclength where a closed curve is known, too."""
    family = family_of(program, RATE, "staged")
    here = family(80.0)
    start = rest_from(here, np.zeros(len(here.axes))).state
    return continued(
        lambda x, p: velocity(family(p), x),
        start,
        80.0,
        span=(4.0, 160.0),
        scale=rest_scale(*(family(p) for p in (4.0, 80.0, 160.0))),
    )


def main() -> None:
    program = load(str(HERE.parent / "examples" / "retry_storm.yaml"))
    large = with_parameters(program, {"servers.database.qsize": 200_000})
    model, many = delay_model(program), delay_model(tree(50))

    def glance(of: Program) -> None:
        plane(mean_field(of))
        metastable_range(of, RATE)

    wide, pair = mean_field(row_of_servers(50), "geometric"), mean_field(pair_that_waits())
    timeout, speed = "sources.web.timeout", "servers.database.apis.read.processing_rate"
    rows: list[tuple[str, str, Callable[[], object], int]] = [
        ("fixed points of retry_storm (staged)", "", lambda: fixed_points(mean_field(program)), 7),
        ("the same, geometric", "", lambda: fixed_points(mean_field(program, "geometric")), 7),
        ("portrait, equilibria, metastable range", "0.05", lambda: glance(program), 7),
        ("the same with a queue of 200,000", "0.05", lambda: glance(large), 7),
        ("hysteresis over the arrival rate", "1", lambda: hysteresis(program, RATE), 7),
        ("hysteresis over the time-out", "1", lambda: hysteresis(program, timeout), 5),
        ("hysteresis over the service rate", "1", lambda: hysteresis(program, speed), 5),
        ("200 points of pseudo-arclength", "", lambda: walk(program), 3),
        ("delay form: 120 s of retry_storm", "", lambda: delay_course(model, 120.0), 7),
        ("delay form: rests of retry_storm", "", lambda: delay_rests(model), 7),
        ("delay form: rests of a tree of 50 servers", "5", lambda: delay_rests(many), 3),
        ("mean field: fixed points of 50 servers", "5", lambda: fixed_points(wide), 3),
        ("fixed points of two servers, one waits", "5", lambda: fixed_points(pair), 3),
        ("fluid verdict of retry_storm", "", lambda: fluid_verdict(program), 5),
        ("tipping curve of 20 points", "2", lambda: tipping_curve(program), 5),
        ("the same, confirmed by simulation", "240", lambda: confirmed(program, tipping_curve(program)), 1),
        ("remedies of retry_storm", "15", lambda: remedies(program), 1),
    ]  # fmt: skip
    print("| what | goal | CPU s, median | least | greatest |\n|---|---|---|---|---|")
    for name, goal, what, times in rows:
        middle, low, high = timed(what, times)
        print(f"| {name} | {goal} | {middle:.4f} | {low:.4f} | {high:.4f} |", flush=True)
    walls = sorted(on_screen(str(HERE.parent / "examples" / "retry_storm.yaml")) for _ in range(5))
    print(
        f"| `check`: fluid verdict on screen (wall s) | 1 | {walls[2]:.3f} | {walls[0]:.3f} | {walls[4]:.3f} |"
    )


if __name__ == "__main__":
    main()
