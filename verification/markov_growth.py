"""Does the cost of the exact reading grow as theory says? Read "right" or "wrong".

Nested dissection of a lattice of n states with two axes takes of the order of n^1.5 multiplications
and n log n memory; substitutions and checks take n log n. The benchmark chain (set B) is solved at
growing sizes, each in a fresh process on a warm cache, and every elimination is counted and timed by
itself, as are the sweeps that find the unlikely part of a law again where that spans more than a
float64. The reading is "right" where, from 1e5 states on,

* the CPU seconds of one elimination grow with an exponent below 1.6, for each quantity;
* what is left of the CPU seconds, without eliminations and sweeps, grows with an exponent below 1.25;
* so do those of one round of sweeps, where two sizes or more need them;
* every quantity takes one elimination;
* peak memory, less that of the process before it saw the chain, grows with an exponent below 1.25
  (from 2.5e5 states on: below, what the warm-up has freed is used again).

Run: python verification/markov_growth.py [--up-to STATES] [--out DIRECTORY]
(to 1.1e6 states about two minutes; to 1e7 about ten, and 8 GB)
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

SIZES = ((1000, 100), (1000, 250), (2000, 250), (2000, 500), (4000, 625), (10000, 1000))
QUANTITIES = ("law", "recovery", "escape")


def one(size: tuple[int, int], quantity: str) -> None:
    """Solve in this process, with every elimination counted: JSON on standard output."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
    from markov_chain import chain, solve
    from separatrix.markov import spectrum
    from separatrix.markov.nested import deepening, solver

    spectrum(chain("B", (1000, 100)))  # machine code is read from its cache here
    inside, factor = [], solver.factor
    swept, rounds, deepened = [], [], deepening.deepened

    def counted(*args, **options):
        start = time.process_time()
        found = factor(*args, **options)
        inside.append(time.process_time() - start)
        return found

    def clocked(*args):
        start = time.process_time()
        found = deepened(*args)
        swept.append(time.process_time() - start)
        rounds.append(found.rounds)
        return found

    solver.factor, deepening.deepened = counted, clocked
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak starts anew here
    base = memory("VmRSS")
    built = chain("B", size)
    start = time.process_time()
    solve(built, size, quantity, None)
    total = time.process_time() - start
    used = memory("VmHWM") - base
    rest = total - sum(inside) - sum(swept)
    print(
        json.dumps(
            {
                "inside": inside,
                "rest": rest,
                "swept": sum(swept),
                "rounds": sum(rounds),
                "peak": used,
            }
        )
    )


def memory(name: str) -> float:
    """A line of this process's status [GB]."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return float(status.split(name + ":")[1].split()[0]) / 1e6


def measure(size: tuple[int, int], quantity: str) -> dict:
    command = [sys.executable, __file__, "--one", *map(str, size), quantity]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


def picture(rows: dict[tuple[int, str], dict], path: Path) -> None:
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(8.0, 3.4), layout="constrained")
    for quantity in QUANTITIES:
        own = [(n, row) for (n, q), row in rows.items() if q == quantity]
        n = [n for n, _ in own]
        left.loglog(n, [np.mean(row["inside"]) for _, row in own], marker="o", label=quantity)
        right.loglog(n, [row["peak"] for _, row in own], marker="o", label=quantity)
    last, row = [(n, row) for (n, q), row in rows.items() if q == "recovery"][-1]
    n = np.array([1e5, last])
    left.loglog(n, np.mean(row["inside"]) * (n / last) ** 1.5, "k:", label="n$^{1.5}$")
    left.set(xlabel="states", ylabel="CPU of one elimination [s]")
    right.set(xlabel="states", ylabel="memory of the solve [GB]")
    left.legend(frameon=False)
    figure.savefig(path)


def exponent(points: list[tuple[int, float]]) -> float:
    n, value = np.log(np.array(points, dtype=float)).T
    return float(np.polyfit(n, value, 1)[0])


def judge(rows: dict[tuple[int, str], dict]) -> tuple[bool, list[str]]:
    good, lines = True, []
    for quantity in QUANTITIES:
        own = [(n, row) for (n, q), row in rows.items() if q == quantity]
        each = exponent([(n, float(np.mean(row["inside"]))) for n, row in own])
        rest = exponent([(n, row["rest"]) for n, row in own])
        turns = [(n, row["swept"] / row["rounds"]) for n, row in own if row["rounds"]]
        held = exponent([(n, row["peak"]) for n, row in own if n > 2e5])
        most = max(len(row["inside"]) for _, row in own)
        good &= each < 1.6 and rest < 1.25 and held < 1.25 and most == 1
        told = ""
        if len(turns) > 1:
            turn = exponent(turns)
            good &= turn < 1.25
            told = f", a round of sweeps as n^{turn:.2f}"
        lines.append(
            f"* {quantity}: one elimination grows as n^{each:.2f}, the rest as n^{rest:.2f}{told},"
            f" memory as n^{held:.2f}; {most} elimination{'s' * (most > 1)} at most."
        )
    return good, lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--up-to", type=float, default=1.1e6)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--one", nargs=3)
    asked = parser.parse_args()
    if asked.one:
        one((int(asked.one[0]), int(asked.one[1])), asked.one[2])
        return 0
    rows: dict[tuple[int, str], dict] = {}
    lines = [
        "| states | quantity | eliminations | CPU of one [s] | CPU of sweeps [s] | rounds"
        " | CPU of the rest [s] | memory [GB] |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for size in SIZES:
        if np.prod(size) > asked.up_to:
            continue
        for quantity in QUANTITIES:
            n, found = int(np.prod(size)), measure(size, quantity)
            rows[n, quantity] = found
            lines.append(
                f"| {n:,} | {quantity} | {len(found['inside'])} | {np.mean(found['inside']):.2f}"
                f" | {found['swept']:.2f} | {found['rounds']} | {found['rest']:.2f}"
                f" | {found['peak']:.2f} |"
            )
            print(lines[-1], flush=True)
    good, told = judge(rows)
    lines += ["", *told, "", "right" if good else "wrong"]
    print("\n".join(lines[-len(told) - 2 :]))
    if asked.out:
        text = "# How the cost of the exact reading grows (set B)\n\n" + "\n".join(lines) + "\n"
        (asked.out / "markov_growth.md").write_text(text, encoding="utf-8")
        picture(rows, asked.out / "markov_growth.svg")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
