"""Conservation on every model of the corpus, Little's law in every run, joins, threads that are held.

Right: nothing is lost or counted twice, exactly; means within 3.9 standard errors. Writes
results/simulate_life.md; exits 1 when wrong. About a minute, most of it compilation.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from separatrix.model import DependentCall, Program, Server, Source, Work
from separatrix.model.files import load
from separatrix.simulate import Run, SimulationResult, run_once, simulate
from separatrix.simulate.features import Features
from tables.readings import Readings

CORPUS = Path(__file__).resolve().parent.parent / "tests" / "spec" / "valid"
RUNS = 10


def faults_of(run: Run) -> list[str]:
    """What does not add up in a run."""
    found: list[str] = []
    for name, s in run.servers.items():
        ended = s.in_time + s.late + s.failed + s.expired + s.cache_hits + s.dropped
        if s.attempts != ended + s.present:
            found.append(f"attempts at {name}")
        # L T = sum of the times of those who left, and of those still there: so at least the former
        area = s.mean_present * run.horizon
        if not s.sojourn - 1e-6 * (1 + area) <= area <= s.sojourn + s.present * run.horizon + 1e-6:
            found.append(f"Little's law at {name}")
    for name, c in run.streams.items():
        if c.open < 0 or c.attempts > c.requests + c.retries:
            found.append(f"requests of {name}")
        if c.retries + c.requests - c.attempts - c.denied_by_breaker < 0:
            found.append(f"retries of {name}")
    sent = sum(c.attempts for c in run.streams.values())
    if sent != sum(s.attempts for s in run.servers.values()):
        found.append("attempts sent and come")
    return found


def corpus(table: Readings) -> None:
    """Every model of the corpus, by the loop that honours everything."""
    for path in sorted(CORPUS.glob("*.yaml")):
        program = load(path)
        if sum(s.mean_rate for s in program.sources) > 1e4:
            continue
        wrong: set[str] = set()
        events = 0
        for seed in range(RUNS):
            run = run_once(program, horizon=200.0, seed=seed, requests=True, features=Features())
            wrong.update(faults_of(run))
            events += run.events
        table.exact(f"{path.stem}: {RUNS} runs, {events:,} events, faults", [], sorted(wrong))


def call(callee: str) -> DependentCall:
    """A call that is waited for, and given up by nobody."""
    return DependentCall(callee, "front", "get", timeout=1e6)


def joins(table: Readings) -> None:
    """A fan-in ends with its last branch; a held thread bounds the flow."""
    names = ("a", "b", "c")
    program = Program("join")
    front = {"get": Work(1e6, tuple(map(call, names)))}
    program.add_server(Server("front", front, qsize=10_000, thread_pool=5000))
    for name in names:
        program.add_server(Server(name, {"get": Work(2.0)}, qsize=10_000, thread_pool=5000))
    program.add_source(Source("c", "get", 20.0, timeout=1e6, retries=0))
    program.connect("c", "front")
    result = simulate(program, horizon=2000.0, runs=40, seed=2, warmup=50.0, workers=1)
    # the maximum of three exponentials of rate 2: (1 + 1/2 + 1/3) / 2
    latency = 11 / 12 + 1e-6
    table.mean("join of three branches: latency [s]", latency, result.streams["c"]["latency"])
    median = -np.log(1 - 0.5 ** (1 / 3)) / 2
    table.mean("join of three branches: median [s]", median, _Rough(result))
    program = Program("held")
    program.add_server(Server("front", {"get": Work(50.0, (call("a"),))}, qsize=50, thread_pool=4))
    program.add_server(Server("a", {"get": Work(10.0)}, qsize=50, thread_pool=50))
    program.add_source(Source("c", "get", 100.0, timeout=1e6, retries=0))
    program.connect("c", "front")
    result = simulate(program, horizon=2000.0, runs=40, seed=3, warmup=50.0, workers=1)
    # never idle: four threads, each held for 1/50 s of its own and 1/10 s of the call
    flow = 4 / (1 / 50 + 1 / 10)
    table.mean("threads held by calls: flow [1/s]", flow, result.servers["front"]["throughput"])


class _Rough:
    """The median of the sketch: its buckets are 3 % wide, so a 64th is added to its spread."""

    def __init__(self, result: SimulationResult) -> None:
        found = result.streams["c"]["latency_p50"]
        self.mean, self.runs = found.mean, found.runs
        self.sd = found.sd + found.mean / 64 * found.runs**0.5


if __name__ == "__main__":
    readings = Readings(
        "simulate_life",
        "# The request's life, over every model of the corpus\n\n"
        "Faults: servers or sources whose attempts, requests, times do not add up.",
    )
    corpus(readings)
    joins(readings)
    readings.finish()
