"""Does the cost of the exact reading grow as theory says? Read "right" or "wrong".

Nested dissection of a lattice of n states with two axes takes of the order of n^1.5 multiplications
and n log n memory. The benchmark chain (set B) is solved at growing sizes, each in a fresh process on
a warm cache: CPU seconds and peak memory of law, recovery and escape, a table and a picture. The
reading is "right" where the exponents of recovery and escape, fitted from 1e5 states on, stay below
1.6, and a law takes at most three times as long as a recovery: where probabilities leave the range of
a float64 it is eliminated a second time, tilted by the first law, so that its own exponent means little.

Run: python verification/markov_growth.py [--up-to STATES] [--out DIRECTORY]
(to 1.1e6 states about two minutes; to 1e7 about ten, and 8 GB)
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np

SIZES = ((200, 50), (500, 100), (1000, 100), (1000, 250), (2000, 250), (2000, 500), (10000, 1000))
QUANTITIES = ("law", "recovery", "escape")
BENCHMARK = Path(__file__).parents[1] / "benchmarks" / "markov_scale.py"


def measure(size: tuple[int, int], quantity: str) -> dict:
    done = subprocess.run(
        [sys.executable, str(BENCHMARK), "--one", "B", *map(str, size), quantity],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout.strip().splitlines()[-1])


def picture(rows: list[tuple[int, str, float, float]], path: Path) -> None:
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(8.0, 3.4), layout="constrained")
    for quantity in QUANTITIES:
        own = [row for row in rows if row[1] == quantity]
        n = [row[0] for row in own]
        left.loglog(n, [row[2] for row in own], marker="o", label=quantity)
        right.loglog(n, [row[3] for row in own], marker="o", label=quantity)
    last = [row for row in rows if row[1] == "recovery"][-1]
    n = np.array([1e4, last[0]])
    left.loglog(n, last[2] * (n / last[0]) ** 1.5, "k:", label="n$^{1.5}$")
    left.set(xlabel="states", ylabel="CPU [s]")
    right.set(xlabel="states", ylabel="peak memory [GB]")
    left.legend(frameon=False)
    figure.savefig(path)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--up-to", type=float, default=1.1e6)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    rows: list[tuple[int, str, float, float]] = []
    lines = ["| states | quantity | CPU [s] | peak [GB] |", "|---|---|---|---|"]
    for size in SIZES:
        if np.prod(size) > asked.up_to:
            continue
        for quantity in QUANTITIES:
            found = measure(size, quantity)
            rows.append((int(np.prod(size)), quantity, found["cpu"], found["peak_gb"]))
            n, _, cpu, peak = rows[-1]
            lines.append(f"| {n:,} | {quantity} | {cpu:.2f} | {peak:.2f} |")
            print(lines[-1], flush=True)
    good = True
    lines.append("")
    for quantity in QUANTITIES:
        own = [row for row in rows if row[1] == quantity and row[0] >= 1e5]
        n, cpu = np.log([row[0] for row in own]), np.log([row[2] for row in own])
        slope = float(np.polyfit(n, cpu, 1)[0])
        good &= slope < 1.6 or quantity == "law"
        lines.append(f"CPU time of {quantity} grows as n^{slope:.2f}.")
    times = {(n, quantity): cpu for n, quantity, cpu, _ in rows}
    worst = max(times[n, "law"] / cpu for (n, q), cpu in times.items() if q == "recovery")
    good &= worst < 3.0
    lines += [f"A law takes at most {worst:.2f} times as long as a recovery."]
    lines += ["", "right" if good else "wrong"]
    print("\n".join(lines[-5:]))
    if asked.out:
        text = "# How the cost of the exact reading grows (set B)\n\n" + "\n".join(lines) + "\n"
        (asked.out / "markov_growth.md").write_text(text, encoding="utf-8")
        picture(rows, asked.out / "markov_growth.svg")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
