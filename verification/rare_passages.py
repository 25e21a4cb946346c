"""Splitting against the exact mean times of M/M/1, and against plain simulation where it can wait.

Right: within 2 standard errors of the exact mean time from empty to 40, 60 and 90 at load 0.7; the
probability to reach 90 before 0 within 10 % of 4.9e-15, in less than 2 CPU-seconds; mean times of 1e12 s
known within 20 % (95 %) in less than 60 CPU-seconds, the exact one inside the interval where there is
one; with clients that retry, within 4 standard errors (of both) of the mean over plain runs. Writes
results/rare_passages.md; exits 1 when wrong. Two minutes.
"""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path
from typing import Any

from separatrix.model import Outage, Program, Schedule, Server, Source, Work
from separatrix.questions.committor_score import committor_table
from separatrix.simulate.passage import passage_times, recovery_times
from separatrix.simulate.rare import Goal, RarePassage, rare_passage

MU, RATE = 10.0, 7.0


def queue() -> Program:
    """One server that a goal does not fill, and clients who wait."""
    program = Program("queue")
    program.add_server(Server("s", {"a": Work(MU)}, qsize=1000))
    program.add_source(Source("c", "a", RATE, timeout=1e9, retries=0))
    program.connect("c", "s")
    return program


def retrying(load: float, *, retries: int, timeout: float, qsize: int, threads: int = 1) -> Program:
    """One server whose clients try again."""
    program = Program("retrying")
    program.add_server(Server("s", {"a": Work(MU)}, qsize=qsize, thread_pool=threads))
    program.add_source(Source("c", "a", load * threads * MU, timeout=timeout, retries=retries))
    program.connect("c", "s")
    return program


def rise(goal: int) -> float:
    """Exact mean time from empty to `goal` [s]."""
    step = total = 1 / RATE
    for _ in range(1, goal):
        step = (1 + MU * step) / RATE
        total += step
    return total


def standard_error(found: RarePassage) -> float:
    """Of the rate, relative."""
    return found.rate.sd / found.rate.mean / math.sqrt(found.rate.runs)


def narrow(found: RarePassage, cpu: float) -> bool:
    """Whether the mean is known within 20 % (95 %), soon enough."""
    return found.mean / found.low < 1.2 and found.high / found.mean < 1.25 and cpu < 60


def main() -> None:
    """Ask all, and write the table."""
    rows: list[str] = []
    wrong = 0

    def row(
        what: str, expected: float, found: float, error: float, right: bool, cpu: float
    ) -> None:
        nonlocal wrong
        wrong += not right
        told = "-" if math.isnan(expected) else f"{expected:.4g}"
        rows.append(
            f"| {what} | {told} | {found:.4g} | {100 * error:.1f} % | {cpu:.1f} | "
            f"{'right' if right else 'WRONG'} |"
        )
        print(rows[-1], flush=True)

    def timed(program: Program, goal: Goal, **settings: Any) -> tuple[RarePassage, float]:
        begin = time.process_time()
        found = rare_passage(program, goal, threads=1, **settings)
        return found, time.process_time() - begin

    rare_passage(queue(), "collapse", healthy=0, stuck=5, trials=10, runs=2)  # compiles
    for goal, trials in ((40, 3000), (60, 3000), (90, 3000)):
        found, cpu = timed(queue(), "collapse", healthy=0, stuck=goal, trials=trials, seed=goal)
        exact, error = rise(goal), standard_error(found)
        off = abs(found.rate.mean * exact - 1)
        what = f"M/M/1, load 0.7: mean time from empty to {goal} [s], {trials:,} trials a step"
        row(what, exact, found.mean, error, off < 2 * error, cpu)
        if goal == 90:
            # each cycle of an idle and a busy period is one attempt
            ratio = MU / RATE
            chance = (ratio - 1) / (ratio**goal - 1)
            seen = found.rate.mean * (1 / RATE + 1 / (MU - RATE))
            what = f"M/M/1, load 0.7: P(90 before 0), {trials:,} trials a step"
            row(what, chance, seen, error, abs(seen / chance - 1) < 0.1 and cpu < 2, cpu)
    found, cpu = timed(queue(), "collapse", healthy=0, stuck=78, trials=6000, seed=1)
    what = "goal: M/M/1, load 0.7: mean time from empty to 78 [s], 6,000 trials a step"
    inside = found.low <= rise(78) <= found.high
    row(what, rise(78), found.mean, standard_error(found), inside and narrow(found, cpu), cpu)
    patient = retrying(0.9, retries=1, timeout=1.25, threads=4, qsize=100)
    found, cpu = timed(patient, "recovery", healthy=15, stuck=89, trials=20_000, seed=2)
    what = "goal: 4 threads, timeout 1.25 s, 1 retry, load 0.9: recovery [s], 20,000 trials a step"
    row(what, math.nan, found.mean, standard_error(found), narrow(found, cpu), cpu)
    for what, program, goal, healthy, stuck, runs in (
        ("timeout 2 s, 3 retries, load 0.7: collapse to 60 [s]",
         retrying(0.7, retries=3, timeout=2.0, qsize=1000), "collapse", 2, 60, 400),
        ("timeout 2.5 s, 1 retry, load 0.6: collapse to 42 [s]",
         retrying(0.6, retries=1, timeout=2.5, qsize=50), "collapse", 5, 42, 200),
        ("timeout 3 s, 1 retry, load 0.8: recovery from 51 to 16 [s]",
         retrying(0.8, retries=1, timeout=3.0, qsize=60), "recovery", 16, 51, 100),
    ):  # fmt: skip
        found, cpu = timed(program, goal, healthy=healthy, stuck=stuck, trials=3000, seed=6)
        if goal == "collapse":
            plain = passage_times(program, high=stuck, runs=runs, longest=1e8, seed=5)
        else:
            full = program.under(Schedule((Outage("s", 0.0, 60.0),)))
            plain = recovery_times(full, healthy=healthy, runs=runs, longest=1e8, seed=5)
        both = math.hypot(standard_error(found), plain.mean.sd / plain.mean.mean / math.sqrt(runs))
        off = abs(math.log(found.mean / plain.mean.mean))
        what = f"{what}, beside {runs} plain runs"
        row(what, plain.mean.mean, found.mean, both, off < 4 * both and plain.share == 1, cpu)
        if goal == "collapse" and program.servers[0].qsize < 100:
            table = committor_table(program, goal)
            guided, cpu = timed(
                program, goal, healthy=healthy, stuck=stuck, trials=3000, seed=6, table=table
            )
            error = standard_error(guided)
            both = math.hypot(error, plain.mean.sd / plain.mean.mean / math.sqrt(runs))
            off = abs(math.log(guided.mean / plain.mean.mean))
            what = f"the same along the committor; alone it errs {100 * error:.1f} %"
            what += f", the linear score {100 * standard_error(found):.1f} %"
            row(what, plain.mean.mean, guided.mean, both, off < 4 * both, cpu)
    lines = [
        "# Rare passages by splitting",
        "",
        __doc__.split("\n\n")[1].replace("\n", " ") if __doc__ else "",
        "",
        f"{wrong} of {len(rows)} are wrong." if wrong else f"All {len(rows)} are right.",
        "",
        "| what | expected | found | standard error | CPU [s] | reading |",
        "|---|---|---|---|---|---|",
        *rows,
        "",
    ]
    results = Path(__file__).resolve().parent / "results" / "rare_passages.md"
    results.write_text("\n".join(lines), encoding="utf-8")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
