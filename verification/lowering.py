"""How close are the lowerings to the request-level simulator? One table, feature by feature.

Each row is a program with one feature; the staged chain (or the geometric, where `auto` takes it) and the
simulator give the mean queues, the rates of requests answered in time and of attempts sent, and the mean
time from a full service (after an outage) back to at most one attempt or request anywhere. Beside the
simulator's 95 % interval stands how far the chain is from it. Nothing is fitted.

A population without notes claims to be exact: it reads "right" only where every value is within the 99.9 %
interval. One with notes reads "right" where the long-run values agree within 3 % and the time back within
10 % (or within the intervals), and "approximate" where one is off by more and the cause that `CAUSES` names for
the row is among its notes; the largest error stands beside it. Anything else is "wrong".

Run: python verification/lowering.py [--events 1e6]     (about five minutes)
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from separatrix.markov import as_chain, hitting_times, stationary, transient
from separatrix.model import (
    Backoff,
    Breaker,
    DependentCall,
    Erlang,
    Hyperexponential,
    LoadSlowdown,
    LookAsideCache,
    Mixture,
    Outage,
    Program,
    RetryBudget,
    Schedule,
    Server,
    Source,
    StateMachine,
    TokenBucket,
    Work,
)
from separatrix.model.during import during
from separatrix.population import Population, lower
from separatrix.simulate.intervals import student
from separatrix.simulate.passage import passage_times
from separatrix.simulate.run import run_once

RESULT = Path(__file__).parent / "results" / "lowering.md"
RUNS = 6
STATES = 12_000
LONG_RUN, TIME_BACK = 0.03, 0.10


def one(server: dict | None = None, law: object | None = None, **source: object) -> Program:
    """One server of 10/s."""
    made = Program("one")
    work = Work(10.0, law=law) if law else Work(10.0)
    made.add_server(Server("s", {"get": work}, **{"qsize": 20, **(server or {})}))
    made.add_source(Source("c", "get", **{"arrival_rate": 6.0, "timeout": 0.8, **source}))
    made.connect("c", "s")
    return made


def mixed() -> Program:
    """Two APIs that differ forty times in cost."""
    made = Program("mixed")
    made.add_server(Server("s", {"get": Work(40.0), "put": Work(1.0)}, qsize=20))
    for name, api, rate in (("a", "get", 5.0), ("b", "put", 0.3)):
        made.add_source(Source(name, api, rate, timeout=3.0))
        made.connect(name, "s")
    return made


def two(*calls: DependentCall, threads: int = 3, size: int = 12, **source: object) -> Program:
    """A caller of 10/s and a callee of 6/s."""
    made = Program("two")
    made.add_server(Server("a", {"get": Work(10.0, calls)}, size, None, threads))
    made.add_server(Server("b", {"put": Work(6.0)}, size))
    made.add_source(Source("c", "get", **{"arrival_rate": 2.5, "timeout": 3.0, **source}))
    made.connect("c", "a")
    return made


def call(**fields: object) -> DependentCall:
    """A call of the callee."""
    return DependentCall("b", "a", "put", **{"timeout": 1.5, **fields})


SLOW, FORGET = LoadSlowdown(1.0, 20.0), "fire_and_forget"
BURSTS = StateMachine(((0, 0.1), (0.2, 0)), (2.0, 13.0))
PROGRAMS = {
    "no retries": one(),
    "one retry": one(retries=1, arrival_rate=4.0),
    "slowdown under load": one({"slowdown": SLOW}, arrival_rate=4.0),
    "slowdown under load, one retry": one({"slowdown": SLOW}, arrival_rate=3.0, retries=1),
    "fail fast, then wait": one(
        {"fail_fast": True, "qsize": 8}, retries=1, backoff=Backoff(base=0.5)
    ),
    "late answers accepted": one(
        {"qsize": 15}, retries=1, late_responses="accept", arrival_rate=7.0, timeout=0.4
    ),
    "late answers accepted, overload": one(
        {"qsize": 15}, retries=1, late_responses="accept", arrival_rate=9.5, timeout=0.3
    ),
    "cache": one({"cache": LookAsideCache(100, 30.0)}, arrival_rate=12.0),
    "cache, keys waited for by many": one({"cache": LookAsideCache(20, 2.0)}, arrival_rate=16.0),
    "token bucket": one({"admission": TokenBucket(5.0, 5)}),
    "state machine": one(arrivals=BURSTS, arrival_rate=5.0),
    "mixture": one(arrivals=Mixture((0.8, 0.2), (20.0, 1.5))),
    "retry budget": one(retries=1, budget=RetryBudget(0.2, 5.0)),
    "circuit breaker": one(retries=1, breaker=Breaker(10, 0.5, 2.0), timeout=0.5),
    "erlang service": one({}, Erlang(3)),
    "hyperexponential service": one({}, Hyperexponential((0.9, 0.1), (2.0, 0.2))),
    "two APIs": mixed(),
    "waits for a call": two(call()),
    "waits for a call, both retry": two(
        call(retry=1), threads=1, size=6, retries=1, arrival_rate=1.0, timeout=1.5
    ),
    "waits for two calls": two(call(), call(), threads=2, size=6, arrival_rate=1.2),
    "forgets a call": two(call(retry=1, call_type=FORGET), threads=2, size=10),
}


# what we think makes a row approximate: a part of the note that must say so
CAUSES = {
    "one retry": "exponential wait",
    "slowdown under load": "service speed follows the load at every moment",
    "slowdown under load, one retry": "service speed follows the load at every moment",
    "fail fast, then wait": "exponential wait",
    "late answers accepted": "settled when it is admitted",
    "late answers accepted, overload": "settled when it is admitted",
    "cache": "exponential times of the mean ttl",
    "cache, keys waited for by many": "spread evenly over the dead ones",
    "token bucket": "exponential intervals",
    "retry budget": "whole tokens",
    "circuit breaker": "not their order",
    "hyperexponential service": "gamma law",
    "two APIs": "gamma law",
    "waits for a call, both retry": "judged as the called server stands",
    "waits for two calls": "judged as the called server stands",
}
WIDER = 2.67  # half a 99.9 % interval of Student's law of 5 degrees of freedom over half a 95 % one


@dataclass(frozen=True)
class Value:
    """One quantity by both: the chain's value, the simulator's mean and half its interval."""

    name: str
    chain: float
    simulated: float
    half: float

    @property
    def off(self) -> float:
        """How far the chain is outside the interval, as a share of the simulated mean."""
        beyond = max(abs(self.chain - self.simulated) - self.half, 0.0)
        return beyond / max(abs(self.simulated), 1e-9)

    @property
    def outside(self) -> bool:
        """Whether the chain is outside the 99.9 % interval."""
        return abs(self.chain - self.simulated) > WIDER * self.half

    def __str__(self) -> str:
        apart = 100.0 * (self.chain / self.simulated - 1.0) if self.simulated else 0.0
        return f"{self.chain:.4g} / {self.simulated:.4g} ± {self.half:.2g} ({apart:+.1f} %)"


def compared(program: Program, population: Population, events: float) -> list[Value]:
    """Long-run values and the time back, by the chain and by the simulator."""
    law = stationary(population)
    grid = population.grid()

    def mean(value: object) -> float:
        table = np.broadcast_to(np.asarray(value, dtype=np.float64), population.shape)
        return float((table * law.pi).sum())

    rate = sum(s.mean_rate for s in program.sources)
    horizon = events / (6.0 * rate * len(program.servers))
    runs = [run_once(program, horizon=horizon, seed=i) for i in range(RUNS)]
    found: list[Value] = []
    for axis, server in zip(population.axes_of("queue"), program.servers, strict=True):
        seen = [run.servers[server.name].mean_present for run in runs]
        found.append(_value(f"queue {server.name}", mean(grid[axis]), seen))
    measured = {m.name: m for m in population.measures}
    sources = [s.name for s in program.sources]
    for name, count in (("goodput", "answered"), ("attempts", "attempts")):
        seen = [
            sum(
                getattr(totals, count)
                for stream, totals in run.streams.items()
                if stream in sources or name == "attempts"
            ) / horizon
            for run in runs
        ]  # fmt: skip
        found.append(_value(name, mean(measured[name].value(grid)), seen))
    if any(s.late_responses == "accept" for s in program.sources):
        seen = [sum(run.streams[s].answered_late for s in sources) / horizon for run in runs]
        found.append(_value("late answers", mean(measured["late answers"].value(grid)), seen))
    return found


def _value(name: str, chain: float, seen: list[float]) -> Value:
    estimate = student(np.array(seen), "1")
    return Value(name, chain, estimate.mean, (estimate.high - estimate.low) / 2.0)


def time_back(program: Program, population: Population, runs: int = 150) -> Value | str:
    """Mean time [s] from the end of an outage that filled the service to a calm one."""
    outage = 60.0
    faults = Schedule(tuple(Outage(s.name, 0.0, outage) for s in program.servers))
    calm = population.score(population.grid()) <= 1.0
    start = _after_outage(program, population, faults)
    chain = as_chain(population)
    mask = np.array(np.broadcast_to(calm, population.shape))
    times = hitting_times(chain, mask, second_moment=False)
    expected = times.at(start).mean
    if not expected < 3600.0:
        return f"{expected:.3g} s / not simulated"
    seen = passage_times(
        program.under(faults), low=1.0, after=outage, runs=runs, longest=40.0 * expected + 600.0
    )
    if seen.status != "ok":
        return f"{expected:.3g} s / {seen.reason}"
    return Value("time back", expected, seen.mean.mean, (seen.mean.high - seen.mean.low) / 2.0)


def _after_outage(program: Program, population: Population, faults: Schedule) -> np.ndarray:
    """The law at the end of an outage that began with an empty service, by the same lowering."""
    down = lower(during(program, faults, 0.0), population.closure)
    law = np.zeros(population.shape)
    there = tuple(slice(0, n) for n in down.shape)
    law[there] = transient(down, 0, [faults.end]).laws[-1]
    return law


def row(name: str, program: Program, events: float) -> tuple[str, str]:
    """A row of the table, and its reading."""
    population = lower(program)
    if population.n_states > STATES:
        population = lower(program, "geometric")
    size = " x ".join(map(str, population.shape))
    if population.n_states > 2 * STATES:
        return f"| {name} | not asked | {size} | | | |", "not asked"
    values = compared(program, population, events)
    back = time_back(program, population)
    every = [*values, *([back] if isinstance(back, Value) else [])]
    off = max(v.off for v in values)
    late = back.off if isinstance(back, Value) else 0.0
    if not population.notes:
        reading = "wrong" if any(v.outside for v in every) else "right"
    elif off <= LONG_RUN and late <= TIME_BACK:
        reading = "right"
    else:
        cause = CAUSES.get(name)
        named = cause is not None and any(cause in note for note in population.notes)
        reading = "approximate" if named else "wrong"
    worst = max(every, key=lambda v: v.off)
    shown = reading if reading == "right" else f"{reading}: {worst.name} {100 * worst.off:.0f} %"
    long_run = "; ".join(f"{v.name} {v}" for v in values)
    return f"| {name} | {shown} | {population.closure}, {size} | {long_run} | {back} |", reading


def main() -> None:
    """Print the table and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=float, default=1e6)
    events = parser.parse_args().events
    rows = [
        "| program | reading | closure and size | long run: chain / simulation ± half an interval | "
        "time back [s] |",
        "|---|---|---|---|---|",
    ]
    readings: list[str] = []
    for name, program in PROGRAMS.items():
        try:
            text, reading = row(name, program, events)
        except Exception as error:
            text, reading = f"| {name} | failed: {error} | | | |", "wrong"
        readings.append(reading)
        rows.append(text)
        print(text, file=sys.stderr, flush=True)
    notes = "\n".join(
        f"* **{name}**: " + "; ".join(lower(program).notes)
        for name, program in PROGRAMS.items()
        if lower(program).notes
    )
    counted = ", ".join(f"{readings.count(r)} {r}" for r in dict.fromkeys(readings))
    doc = (__doc__ or "").split("\n\nRun:")[0]
    text = f"# Lowerings against the simulator\n\n{doc}\n\n{counted}.\n\n"
    text += "\n".join(rows) + f"\n\n## What the populations say of themselves\n\n{notes}\n"
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
