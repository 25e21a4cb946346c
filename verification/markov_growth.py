"""Does the cost of the exact reading grow as theory says? Read "right" or "wrong".

Nested dissection of a lattice of n states with two axes takes of the order of n^1.5 multiplications
and n log n entries of factors, if the box keeps its shape (a box of 1000 x 250 takes five times as
many multiplications as one of 1000 x 100: that is n^1.84); substitutions, checks and the sweeps that find
the unlikely part of a law again take n log n. The benchmark chain (set B) is solved in boxes five
by two, each in a fresh process on a warm cache. Multiplications and entries are counted from the fronts
of the eliminations that are made; they tell the growth on any machine, however busy. CPU seconds tell that
nothing beside the counted work grows faster. The reading is "right" where

* the multiplications of one elimination grow with an exponent from 1.4 to 1.55, and its factors'
  entries with one below 1.2, for each quantity;
* every quantity takes one elimination;
* a multiplication takes at the largest size at most 1.25 times the CPU seconds that it takes at the smallest;
* a state takes at the largest size at most twice the CPU seconds that it takes at the smallest, in what is
  left without eliminations and sweeps, and so it does in a round of sweeps, where two sizes or more need them;
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

SIZES = ((500, 200), (800, 320), (1120, 450), (1600, 640), (2500, 1000), (5000, 2000))
QUANTITIES = ("law", "recovery", "escape")


def one(size: tuple[int, int], quantity: str) -> None:
    """Solve in this process, with every elimination counted: JSON on standard output."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
    from markov_chain import chain, solve
    from separatrix.markov import spectrum
    from separatrix.markov.nested import deepening, solver

    spectrum(chain("B", (1000, 100)))  # machine code is read from its cache here
    inside, work, entries, factor = [], [], [], solver.factor
    swept, rounds, deepened = [], [], deepening.deepened

    def counted(*args, **options):
        start = time.process_time()
        found = factor(*args, **options)
        inside.append(time.process_time() - start)
        own, around = (part.astype(float) for part in (args[0].own, args[0].around))
        work.append(float((own * (own + around) ** 2 + around**2).sum()))
        entries.append(found.packed.lower.size + found.packed.upper.size)
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
                "work": work,
                "entries": entries,
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
        left.loglog(n, [np.mean(row["work"]) for _, row in own], marker="o", label=quantity)
        right.loglog(n, [row["peak"] for _, row in own], marker="o", label=quantity)
    last, row = [(n, row) for (n, q), row in rows.items() if q == "recovery"][-1]
    n = np.array([1e5, last])
    left.loglog(n, np.mean(row["work"]) * (n / last) ** 1.5, "k:", label="n$^{1.5}$")
    left.set(xlabel="states", ylabel="multiplications of one elimination")
    right.set(xlabel="states", ylabel="memory of the solve [GB]")
    left.legend(frameon=False)
    figure.savefig(path)


def exponent(points: list[tuple[int, float]]) -> float:
    n, value = np.log(np.array(points, dtype=float)).T
    return float(np.polyfit(n, value, 1)[0])


def grown(each: list[float]) -> float:
    """How much dearer the largest is than the smallest."""
    return each[-1] / each[0]


def judge(rows: dict[tuple[int, str], dict]) -> tuple[bool, list[str]]:
    good, lines = True, []
    for quantity in QUANTITIES:
        own = [(n, row) for (n, q), row in rows.items() if q == quantity]
        work = exponent([(n, float(np.mean(row["work"]))) for n, row in own])
        entries = exponent([(n, float(np.mean(row["entries"]))) for n, row in own])
        dearer = grown([sum(row["inside"]) / sum(row["work"]) for _, row in own])
        rest = grown([row["rest"] / n for n, row in own])
        turns = [row["swept"] / row["rounds"] / n for n, row in own if row["rounds"]]
        held = exponent([(n, row["peak"]) for n, row in own if n > 2e5])
        most = max(len(row["inside"]) for _, row in own)
        good &= 1.4 <= work <= 1.55 and entries < 1.2 and held < 1.25 and most == 1
        good &= dearer <= 1.25 and rest <= 2.0
        told = ""
        if len(turns) > 1:
            good &= grown(turns) <= 2.0
            told = f", in a round of sweeps {grown(turns):.2f} times"
        lines.append(
            f"* {quantity}: multiplications grow as n^{work:.2f}, entries of factors as n^{entries:.2f},"
            f" memory as n^{held:.2f}; from the smallest size to the largest a multiplication takes"
            f" {dearer:.2f} times the CPU seconds, a state in the rest {rest:.2f} times{told};"
            f" {most} elimination{'s' * (most > 1)} at most."
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
        "| states | quantity | eliminations | multiplications of one | CPU of one [s] | CPU of sweeps [s]"
        " | rounds | CPU of the rest [s] | memory [GB] |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for size in SIZES:
        if np.prod(size) > asked.up_to:
            continue
        for quantity in QUANTITIES:
            n, found = int(np.prod(size)), measure(size, quantity)
            rows[n, quantity] = found
            lines.append(
                f"| {n:,} | {quantity} | {len(found['inside'])} | {np.mean(found['work']):.3g}"
                f" | {np.mean(found['inside']):.2f}"
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
