"""Plain queues beside Ciw: the time at the server of the 200th customer admitted, in many runs.

Two-sample Kolmogorov-Smirnov tests on fixed seeds. Right: no p-value below 1e-4. Ciw is no
dependency: give the Python of an environment that has it, else nothing is compared.

    python verification/simulate_ciw.py PEERS/bin/python

Writes results/simulate_ciw.md; exits 1 when wrong. About a minute.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

from scipy import stats

from separatrix.model import Deterministic, Exponential, Lognormal, Program, Server, Source, Work
from separatrix.simulate import run_once
from tables.readings import Readings

RUNS = 500
# the lognormal law of mean 0.1 and sigma 1.17741: cv = sqrt(e^(sigma^2) - 1)
LAWS = {
    "exponential": Exponential(),
    "deterministic": Deterministic(),
    "lognormal": Lognormal(math.sqrt(math.expm1(1.177_41**2))),
}
QUEUES = (
    ("exponential", 1, 1000, 7), ("exponential", 3, 1000, 25), ("exponential", 1, 10, 12),
    ("deterministic", 1, 1000, 8), ("deterministic", 2, 20, 19), ("lognormal", 1, 1000, 7),
    ("lognormal", 4, 15, 38),
)  # fmt: skip


def ours(law: str, threads: int, size: int, rate: float) -> list[float]:
    """The same customer's times by our simulator, other seeds."""
    program = Program("queue")
    work = {"get": Work(10.0, law=LAWS[law])}
    program.add_server(Server("s", work, qsize=size, thread_pool=threads))
    program.add_source(Source("c", "get", rate, timeout=1e6, retries=0))
    program.connect("c", "s")
    times: list[float] = []
    for seed in range(RUNS):
        run = run_once(program, horizon=400 / rate, seed=seed, requests=True)
        served = [r for r in run.requests if r.outcome == "answered"]
        request = sorted(served, key=lambda r: r.start)[199]
        times.append(request.end - request.start)
    return times


if __name__ == "__main__":
    if len(sys.argv) < 2:
        print("skipped: give the Python of an environment that has Ciw")
        sys.exit(0)
    readings = Readings("simulate_ciw", "# The simulator beside Ciw\n\nTwo-sample tests.")
    script = Path(__file__).resolve().parent / "peers" / "ciw_times.py"
    for queue in QUEUES:
        done = subprocess.run(
            [sys.argv[1], str(script), *map(str, queue), str(RUNS)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        p = float(stats.ks_2samp(ours(*queue), json.loads(done.stdout)).pvalue)
        law, threads, size, rate = queue
        readings.law(f"{law} service, {threads} threads, room for {size}, {rate}/s", p, 2 * RUNS)
    readings.finish()
