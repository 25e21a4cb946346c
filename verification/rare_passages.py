"""Splitting against the exact mean times of M/M/1, and against plain simulation where it can wait.

Right: within 2 standard errors of the exact mean time from empty to 40, 60 and 90 at load 0.7; the
probability to reach 90 before 0 within 10 % of 4.9e-15; with clients that retry, within 4 standard
errors (of both) of the mean over plain runs. Writes results/rare_passages.md; exits 1 when wrong.
Half a minute.
"""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path

import numpy as np

from separatrix.model import Program, Server, Source, Work
from separatrix.simulate.passage import passage_times
from separatrix.simulate.rare import RarePassage, rare_passage

MU, RATE = 10.0, 7.0


def queue(timeout: float = 1e9, retries: int = 0) -> Program:
    """One server that a goal does not fill."""
    program = Program("queue")
    program.add_server(Server("s", {"a": Work(MU)}, qsize=1000))
    program.add_source(Source("c", "a", RATE, timeout=timeout, retries=retries))
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


def main() -> None:
    """Ask all, and write the table."""
    rows: list[str] = []
    wrong = 0

    def row(
        what: str, expected: float, found: float, error: float, right: bool, cpu: float
    ) -> None:
        nonlocal wrong
        wrong += not right
        rows.append(
            f"| {what} | {expected:.4g} | {found:.4g} | {100 * error:.1f} % | {cpu:.1f} | "
            f"{'right' if right else 'WRONG'} |"
        )
        print(rows[-1], flush=True)

    rare_passage(queue(), "collapse", healthy=0, stuck=5, trials=10, runs=2)  # compiles
    for goal, trials in ((40, 2000), (60, 2000), (90, 2000)):
        begin = time.process_time()
        found = rare_passage(
            queue(), "collapse", healthy=0, stuck=goal, trials=trials, threads=1, seed=goal
        )
        cpu = time.process_time() - begin
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
            row(what, chance, seen, error, abs(seen / chance - 1) < 0.1, cpu)
    retrying = queue(timeout=2.0, retries=3)
    begin = time.process_time()
    plain = passage_times(retrying, high=60, runs=400, longest=1e7, seed=5)
    found = rare_passage(retrying, "collapse", healthy=2, stuck=60, trials=2000, seed=6)
    cpu = time.process_time() - begin
    both = math.hypot(standard_error(found), plain.mean.sd / plain.mean.mean / math.sqrt(400))
    off = abs(np.log(found.mean / plain.mean.mean))
    what = "timeout 2 s, 3 retries, load 0.7: mean time to 60 [s], beside 400 plain runs"
    row(what, plain.mean.mean, found.mean, both, off < 4 * both and plain.share == 1, cpu)
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
