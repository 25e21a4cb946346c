"""Gap and time of placing 2,000 users on 8 targets with 50 moves, on several kinds of load.

    python benchmarks/placement_users.py [--seeds 3] [--seconds 30]

Users are heavy-tailed (lognormal, sigma 1.5), unevenly spread over targets (Dirichlet 3), with a
daily rhythm of their own and bursts that change every quarter of an hour. The kinds differ in what
a plan looks at: a week folded to hours of the day (the command's default), or each of its 168 hours.
Printed are the worst peak before and after, the proven gap, wall and CPU seconds.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from separatrix.placement import Limits, Problem, solve

DAY = 24


def problem(seed: int, *, days: int, fold: bool, worst: int) -> Problem:
    users, targets, windows = 2_000, 8, DAY * days
    rng = np.random.default_rng(seed)
    size = rng.lognormal(0.0, 1.5, users)
    home = rng.choice(targets, size=users, p=rng.dirichlet(3.0 * np.ones(targets)))
    hour = np.arange(windows)
    rhythm = 1.0 + 0.4 * np.sin(2 * np.pi * hour / DAY + rng.uniform(0, 2 * np.pi, (users, 1)))
    busy = rng.random((users, windows, 4)) < 0.5
    bursts = np.where(busy, 0.05, rng.lognormal(0.2, 0.9, busy.shape)).mean(axis=2)
    load = size[:, None] * rhythm * bursts
    if fold:
        load = load.reshape(users, days, DAY).mean(axis=1)
    fixed = np.zeros((targets, load.shape[1]))
    return Problem(home.astype(np.int64), load, fixed, Limits(50), worst)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=30.0)
    given = parser.parse_args()
    solve(problem(99, days=1, fold=False, worst=1), seconds=3.0)  # compiles the annealing once
    kinds = (
        ("28 days folded, worst hour", {"days": 28, "fold": True, "worst": 1}),
        ("7 days folded, worst hour", {"days": 7, "fold": True, "worst": 1}),
        ("7 days, mean of the 8 worst hours", {"days": 7, "fold": False, "worst": 8}),
    )
    print(f"{'load':<34} {'before':>8} {'after':>8} {'gap':>7} {'wall s':>7} {'CPU s':>6}")
    for name, kind in kinds:
        for seed in range(given.seeds):
            asked = problem(seed, **kind)
            wall, cpu = time.perf_counter(), time.process_time()
            found = solve(asked, gap=0.01, seconds=given.seconds)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            before = asked.peak(asked.home)
            print(
                f"{name:<34} {before:8.1f} {found.peak:8.1f} {found.gap:7.2%} {wall:7.1f} {cpu:6.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
