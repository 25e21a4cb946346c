"""What the fluid reading costs: each line a median of CPU seconds, warm.

python benchmarks/fluid.py > benchmarks/results/fluid.md
"""

from __future__ import annotations

import statistics
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


def walk(program: Program) -> object:
    """200 points of pseudo-arclength where a closed curve is known, too."""
    family = family_of(program, RATE, "staged")
    here = family(80.0)
    start = rest_from(here, np.zeros(len(here.axes))).state
    return continued(
        lambda x, p: velocity(family(p), x), start, 80.0, span=(4.0, 160.0), scale=rest_scale(here)
    )


def main() -> None:
    program = load(str(HERE.parent / "examples" / "retry_storm.yaml"))
    large = with_parameters(program, {"servers.database.qsize": 200_000})
    population = mean_field(program)
    flat = mean_field(program, "geometric")
    model, many = delay_model(program), delay_model(tree(50))

    def glance(of: Program) -> None:
        plane(mean_field(of))
        metastable_range(of, RATE)

    rows: list[tuple[str, Callable[[], object], int]] = [
        ("fixed points of retry_storm (staged)", lambda: fixed_points(population), 7),
        ("the same, geometric", lambda: fixed_points(flat), 7),
        ("portrait, equilibria and metastable range", lambda: glance(program), 7),
        ("the same with a queue of 200,000", lambda: glance(large), 7),
        ("hysteresis over the arrival rate, closed curve", lambda: hysteresis(program, RATE), 7),
        ("hysteresis by pseudo-arclength (arrival rate)", lambda: walk(program), 3),
        ("hysteresis over the time-out", lambda: hysteresis(program, "sources.web.timeout"), 3),
        ("delay form: 120 s of retry_storm", lambda: delay_course(model, 120.0), 7),
        ("delay form: resting points", lambda: delay_rests(model), 7),
        ("delay form: resting points of 50 servers", lambda: delay_rests(many), 3),
        ("fluid verdict of retry_storm", lambda: fluid_verdict(program), 5),
        ("tipping curve of 20 points", lambda: tipping_curve(program), 5),
        (
            "the same, confirmed by simulation",
            lambda: confirmed(program, tipping_curve(program)),
            1,
        ),
    ]
    print("| what | CPU s, median | least | greatest |\n|---|---|---|---|")
    for name, what, times in rows:
        middle, low, high = timed(what, times)
        print(f"| {name} | {middle:.4f} | {low:.4f} | {high:.4f} |", flush=True)


if __name__ == "__main__":
    main()
