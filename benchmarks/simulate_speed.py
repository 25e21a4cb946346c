"""How fast the simulator is: nanoseconds an event, against peers, replications, memory, start-up.

    python benchmarks/simulate_speed.py [--peers PYTHON] [--part loop|peers|replicate|start|dask]

``--peers`` names the Python of an environment that holds simpy, ciw, salabim and happysim. Loop and
peers are measured in CPU seconds of one process, alternating, and reported as medians with their
spread; replications and start-up in wall seconds. Writes results/simulate_speed.md.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parent
RESULT = HERE / "results" / "simulate_speed.md"
ROUNDS = 7


def retry_model(retries: int = 3, **server: object):
    from separatrix.model import Program, Server, Source, Work

    program = Program("M/M/1/K with retries")
    program.add_server(Server("s", {"get": Work(10.0)}, qsize=100, **server))  # pyright: ignore[reportArgumentType]
    program.add_source(Source("c", "get", 9.5, timeout=9.0 if retries else 1e9, retries=retries))
    program.connect("c", "s")
    return program


def graph_model():
    """Five services: two waited calls in parallel, one that calls on, and one that is forgotten."""
    from separatrix.model import DependentCall, Program, Server, Source, Work

    def call(caller: str, callee: str, kind: str = "wait_until_done") -> DependentCall:
        return DependentCall(callee, caller, "get", kind, timeout=3.0, retry=2)  # pyright: ignore[reportArgumentType]

    program = Program("graph")
    for name, rate, threads, calls in (
        ("log", 80.0, 2, ()),
        ("store", 60.0, 4, ()),
        ("index", 60.0, 4, ()),
        ("search", 50.0, 8, (call("search", "store"), call("search", "index"))),
        ("front", 50.0, 8, (call("front", "search"), call("front", "store"),
                            call("front", "log", "fire_and_forget"))),
    ):  # fmt: skip
        program.add_server(Server(name, {"get": Work(rate, calls)}, 200, thread_pool=threads))
    program.add_source(Source("web", "get", 60.0, timeout=3.0, retries=2))
    program.connect("web", "front")
    return program


def timed(work: Callable[[], float]) -> float:
    """CPU nanoseconds per unit of what `work` says it did."""
    begin = time.process_time()
    done = work()
    return (time.process_time() - begin) / done * 1e9


def loop() -> list[str]:
    """Nanoseconds an event, recorder off and on, and what a feature costs when it is on."""
    from separatrix.model import AdaptiveLifo, Backoff
    from separatrix.simulate import run_once

    plain = retry_model()
    backoff = retry_model()
    source = backoff.sources[0]
    import dataclasses

    waits = type(plain)("backoff")
    waits.add_servers(plain.servers)
    waits.add_source(dataclasses.replace(source, backoff=Backoff(0.5, 2.0, jitter=0.5)))
    waits.connect("c", "s")
    cases = {
        "M/M/1/K, timeout 9 s, 3 retries": (plain, 2e5),
        "  with adaptive LIFO": (retry_model(discipline=AdaptiveLifo(50)), 2e5),
        "  with exponential backoff and jitter": (waits, 2e5),
        "  with 10 threads of a tenth": (ten_threads(), 2e5),
        "graph of 5 services: waits, fan-out, join, forget": (graph_model(), 1e4),
    }
    for program, _ in cases.values():
        run_once(program, horizon=10.0, seed=0)
    found: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(ROUNDS):
        for name, (program, horizon) in cases.items():
            found[name].append(timed(lambda p=program, h=horizon: run_once(p, horizon=h).events))
    return [
        "| model | ns an event, median | least .. most |",
        "|---|---|---|",
        *(
            f"| {name} | {statistics.median(ns):.0f} | {min(ns):.0f} .. {max(ns):.0f} |"
            for name, ns in found.items()
        ),
    ]


def ten_threads():
    from separatrix.model import Program, Server, Source, Work

    program = Program("10 threads")
    program.add_server(Server("s", {"get": Work(1.0)}, qsize=100, thread_pool=10))
    program.add_source(Source("c", "get", 9.5, timeout=9.0, retries=3))
    program.connect("c", "s")
    return program


def peers(python: str) -> list[str]:
    """Attempts per CPU second, ours and each peer's, on the same models in alternation."""
    from separatrix.simulate import run_once

    models = {"retry": retry_model(), "plain": retry_model(0)}
    for program in models.values():
        run_once(program, horizon=10.0, seed=0)
    scripts = {
        "SimPy": ("with_simpy.py", ("retry", "plain"), 4000.0),
        "SimPy, lean": ("with_simpy_lean.py", ("retry", "plain"), 4000.0),
        "Ciw": ("with_ciw.py", ("plain",), 4000.0),
        "salabim": ("with_salabim.py", ("retry", "plain"), 1000.0),
        "happysim": ("with_happysim.py", ("retry", "plain"), 2000.0),
    }
    lines = [
        "| model | peer | peer, attempts/s | ours, attempts/s | ratio, median | least .. most |",
        "|---|---|---|---|---|---|",
    ]
    for model in ("retry", "plain"):
        for name, (script, can, horizon) in scripts.items():
            if model not in can:
                continue
            theirs: list[float] = []
            ours: list[float] = []
            for i in range(5):
                told = subprocess.run(
                    [python, str(HERE / "simulate_peers" / script), model, str(horizon)],
                    capture_output=True, text=True, check=False,
                )  # fmt: skip
                if told.returncode:
                    lines.append(f"| {model} | {name} | {told.stderr.splitlines()[-1]} | | | |")
                    break
                said = json.loads(told.stdout.splitlines()[-1])
                theirs.append(said["attempts"] / said["seconds"])
                begin = time.process_time()
                run = run_once(models[model], horizon=1e5, seed=i)
                sent = sum(s.attempts for s in run.streams.values())
                ours.append(sent / (time.process_time() - begin))
            if not theirs:
                continue
            ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
            lines.append(
                f"| {model} | {name} | {statistics.median(theirs):,.0f} | "
                f"{statistics.median(ours):,.0f} | {statistics.median(ratios):,.0f} | "
                f"{min(ratios):,.0f} .. {max(ratios):,.0f} |"
            )
    return lines


REPLICATE = """
import json, resource, sys, time
sys.path.insert(0, sys.argv[3])
from simulate_speed import retry_model
from separatrix.simulate import simulate
simulate(retry_model(), horizon=10.0, runs=4, workers=int(sys.argv[2]), progress=False)
begin = time.perf_counter()
scheduler = sys.argv[4] if len(sys.argv) > 4 else None
simulate(retry_model(), horizon=3600.0, runs=int(sys.argv[1]), workers=int(sys.argv[2]),
         scheduler=scheduler, progress=False)
seconds = time.perf_counter() - begin
peak = max(resource.getrusage(w).ru_maxrss for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
print(json.dumps({"seconds": seconds, "peak_mb": peak / 1024}))
"""


def replications(runs: int, workers: int, scheduler: str | None = None) -> dict[str, float]:
    arguments = [str(runs), str(workers), str(HERE), *([scheduler] if scheduler else [])]
    told = subprocess.run(
        [sys.executable, "-c", REPLICATE, *arguments], capture_output=True, text=True, check=True
    )
    return json.loads(told.stdout.splitlines()[-1])


def replicate() -> list[str]:
    """1,000 replications of an hour on one and on two processes; a long run's memory."""
    pairs = [(replications(1000, 1), replications(1000, 2)) for _ in range(3)]
    one = [a["seconds"] for a, _ in pairs]
    two = [b["seconds"] for _, b in pairs]
    gain = [a / b for a, b in zip(one, two, strict=True)]
    peak = max(b["peak_mb"] for _, b in pairs)
    code = REPLICATE.replace("horizon=3600.0", "horizon=3.6e6")
    told = subprocess.run(
        [sys.executable, "-c", code, "2", "1", str(HERE)], capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    long = json.loads(told.stdout.splitlines()[-1])
    return [
        "| what | median | least .. most |",
        "|---|---|---|",
        f"| 1,000 replications of 1 h, one process [s] | {statistics.median(one):.1f} | "
        f"{min(one):.1f} .. {max(one):.1f} |",
        f"| 1,000 replications of 1 h, two processes [s] | {statistics.median(two):.1f} | "
        f"{min(two):.1f} .. {max(two):.1f} |",
        f"| gain of the second process | {statistics.median(gain):.2f} | "
        f"{min(gain):.2f} .. {max(gain):.2f} |",
        f"| peak memory of a process [MB] | {peak:.0f} | |",
        f"| peak memory of runs 1,000 times as long [MB] | {long['peak_mb']:.0f} | |",
    ]


def start() -> list[str]:
    """First result of the command line, with the kernels on disk and without."""
    model = HERE.parent / "examples" / "retry_storm.yaml"
    sources = HERE.parent / "src"
    warm: list[float] = []
    cold: list[float] = []
    command = ["-m", "separatrix", "simulate", str(model), "--for", "60s", "--runs", "10", "--json"]
    with tempfile.TemporaryDirectory() as folder:
        # a copy without compiled kernels
        copy = Path(folder) / "src"
        ignore = shutil.ignore_patterns("__pycache__")
        for cache in range(3):
            environment = {**os.environ, "PYTHONPATH": str(copy) + str(cache)}
            shutil.copytree(sources, str(copy) + str(cache), ignore=ignore)
            for into in (cold, warm):
                begin = time.perf_counter()
                told = subprocess.run(
                    [sys.executable, *command], env=environment, capture_output=True, text=True,
                    check=True,
                )  # fmt: skip
                into.append(time.perf_counter() - begin)
                if into is cold:
                    assert "compiling" in told.stderr, told.stderr
    return [
        "| first result of `separatrix simulate` | median [s] | least .. most |",
        "|---|---|---|",
        f"| kernels on disk | {statistics.median(warm):.1f} | {min(warm):.1f} .. {max(warm):.1f} |",
        f"| nothing on disk | {statistics.median(cold):.1f} | {min(cold):.1f} .. {max(cold):.1f} |",
    ]


def dask() -> list[str]:
    """1,000 replications on a cluster of two workers, against local processes."""
    from distributed import Client, LocalCluster

    with LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1"
    ) as cluster, Client(cluster):  # fmt: skip
        pairs = [
            (replications(1000, 2), replications(1000, 2, cluster.scheduler_address))
            for _ in range(3)
        ]
    ratio = [b["seconds"] / a["seconds"] for a, b in pairs]
    return [
        "| 1,000 replications of 1 h | median | least .. most |",
        "|---|---|---|",
        *(
            f"| {name} [s] | {statistics.median(s):.1f} | {min(s):.1f} .. {max(s):.1f} |"
            for name, s in (
                ("two local processes", [a["seconds"] for a, _ in pairs]),
                ("Dask, two workers", [b["seconds"] for _, b in pairs]),
            )
        ),
        f"| ratio | {statistics.median(ratio):.2f} | {min(ratio):.2f} .. {max(ratio):.2f} |",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", metavar="PYTHON")
    parser.add_argument("--part", choices=["loop", "peers", "replicate", "start", "dask"])
    given = parser.parse_args()
    parts: dict[str, Callable[[], list[str]]] = {
        "loop": loop,
        **({"peers": lambda: peers(given.peers)} if given.peers else {}),
        "replicate": replicate,
        "start": start,
        "dask": dask,
    }
    text: list[str] = ["# Speed of the simulator", ""]
    for name, part in parts.items():
        if given.part in (None, name):
            load = os.getloadavg()[0]
            lines = part()
            text += [f"## {name} (load of the machine {load:.1f} at its begin)", "", *lines, ""]
            print("\n".join(text[-len(lines) - 2 :]), flush=True)
    if given.part is None:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text("\n".join([*text, f"Peak of this process: {peak:.0f} MB.", ""]))


if __name__ == "__main__":
    main()
