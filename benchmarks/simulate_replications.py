"""A thousand replications of one simulated hour: one process, two, a Dask cluster of two; memory.

Run: python benchmarks/simulate_replications.py   (writes results/simulate_replications.md)

Wall times mean little while others use the machine: the load is printed beside each, and the ratios
are of runs that follow one another. The cluster (a scheduler and two workers of one thread on
loopback) is up before the clock starts, as a cluster is; so is nothing of the local processes.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
MODEL = HERE / "models" / "retry.yaml"
ROUNDS = 1

REPLICATE = """
import json, resource, sys, time
from separatrix.model.files import load
from separatrix.simulate import simulate
model, horizon, runs, workers, scheduler = sys.argv[1:]
program = load(model)
begin = time.perf_counter()
result = simulate(
    program, horizon=float(horizon), runs=int(runs), workers=int(workers) or None, progress=False,
    scheduler=scheduler or None,
)
wall = time.perf_counter() - begin
own, children = (resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
print(json.dumps({
    "wall": wall, "cpu": own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime,
    "mb": own.ru_maxrss / 1024, "worker_mb": children.ru_maxrss / 1024, "events": result.events,
    "goodput": result.streams["client"]["goodput"].mean,
}))
"""


def replicate(horizon: float, runs: int, workers: int, scheduler: str = "") -> dict[str, float]:
    """One experiment in a fresh process."""
    arguments = [str(MODEL), repr(horizon), str(runs), str(workers), scheduler]
    done = subprocess.run(
        [sys.executable, "-c", REPLICATE, *arguments], capture_output=True, text=True, check=True
    )
    return {**json.loads(done.stdout), "load": os.getloadavg()[0]}


def first_result(cache: str) -> tuple[float, float, str]:
    """Wall and CPU seconds [s] of one hour, once, from the command line; and what it says."""
    words = "from separatrix.cli import main; main()"
    arguments = ["simulate", str(MODEL), "--for", "1h", "--runs", "1", "--json"]
    begin, before = time.perf_counter(), os.times()
    done = subprocess.run(
        [sys.executable, "-c", words, *arguments],
        capture_output=True, text=True, check=False, env={**os.environ, "NUMBA_CACHE_DIR": cache},
    )  # fmt: skip
    after = os.times()
    cpu = sum(after[2:4]) - sum(before[2:4])
    return time.perf_counter() - begin, cpu, done.stderr.strip()


def main() -> None:
    """Measure all, and write the table."""
    from distributed import Client, LocalCluster

    lines = [
        "# Replications",
        "",
        f"{time.strftime('%Y-%m-%d', time.gmtime())}, {platform.machine()}, {os.cpu_count()} "
        "processors. `benchmarks/models/retry.yaml`: 1,000 runs of one hour, a sample every 3.6 s, "
        f"latency sketches. Median of {ROUNDS} round(s) (least .. greatest).",
        "",
        "| where | wall [s] | CPU [s] | memory of the parent [MB] | of a worker [MB] | load |",
        "|---|---|---|---|---|---|",
    ]
    cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
    client = Client(cluster)
    address = str(cluster.scheduler_address)
    where = {"one process": (1, ""), "two processes": (2, ""), "Dask, two workers": (0, address)}
    found: dict[str, list[dict[str, float]]] = {name: [] for name in where}
    replicate(60.0, 8, 2)
    replicate(60.0, 8, 0, address)
    for _ in range(ROUNDS):
        for name, (workers, scheduler) in where.items():
            found[name].append(replicate(3600.0, 1000, workers, scheduler))
            print(name, found[name][-1], file=sys.stderr, flush=True)
    client.close()
    cluster.close()

    def row(name: str, some: list[dict[str, float]], workers: str) -> str:
        cells = [
            f"{statistics.median(r[key] for r in some):.1f} "
            f"({min(r[key] for r in some):.1f} .. {max(r[key] for r in some):.1f})"
            for key in ("wall", "cpu")
        ]
        memory = f"{max(r['mb'] for r in some):.0f} | {workers}"
        return f"| {name} | {' | '.join(cells)} | {memory} | {some[-1]['load']:.1f} |"

    for name, some in found.items():
        processes = name == "two processes"
        lines.append(row(name, some, f"{some[0]['worker_mb']:.0f}" if processes else "-"))
    long = [replicate(1e7, 1, 1)]
    lines.append(row(f"one run of 1e7 s ({long[0]['events']:,.0f} events)", long, "-"))
    one, two, dask = (statistics.median(r["wall"] for r in some) for some in found.values())
    same = len({(r["events"], r["goodput"]) for some in found.values() for r in some}) == 1
    lines += [
        "",
        f"Two processes against one: {one / two:.2f} times as fast. Dask against two processes: "
        f"{dask / two:.2f} times as long. Results of all: {'the same' if same else 'DIFFERENT'}.",
        "",
        "First result from the command line (one run of one hour):",
        "",
        "| cache | wall [s] | CPU [s] | says |",
        "|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as cache:
        for name in ("cold", "warm", "warm"):
            wall, cpu, says = first_result(cache)
            lines.append(f"| {name} | {wall:.1f} | {cpu:.1f} | {says} |")
    lines.append("")
    text = "\n".join(lines)
    (HERE / "results" / "simulate_replications.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
