"""Do two methods that share nothing find the same stationary law? Read "right" or "wrong".

The law of the benchmark chain by elimination, and by iterated aggregation from a flat start: lines
and blocks in turn, which never sees a front or a factor. Every entry above 1e-280 of the largest is
compared. The reading is "right" where the largest relative difference is at most twice what the
iteration says of its own error, plus 1e-12 for the elimination.

Larger chains are left out: their laws span more than the iteration weighs (at B 2000x500, whose law goes
down to 1e-499, it had not ended after 200 CPU seconds).

Run: python verification/markov_two_methods.py [--out FILE]   (half a minute)
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from itertools import product
from pathlib import Path

import numpy as np

SIZES = ((100, 20), (200, 50), (1000, 100))


def one(name: str, size: tuple[int, int]) -> None:
    """Both laws in this process: JSON on standard output."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
    from markov_chain import chain
    from separatrix.markov import stationary
    from separatrix.markov.aggregation.iteration import FLOOR, iterate

    built = chain(name, size)
    law = stationary(built)
    start = time.process_time()
    found = iterate(built)
    used = time.process_time() - start
    seen = found.x > FLOOR * found.x.max()
    worst = float(np.abs(found.x[seen] / law.pi[seen] - 1.0).max())
    status = Path("/proc/self/status").read_text(encoding="ascii")
    print(
        json.dumps(
            {
                "worst": worst, "claimed": found.error, "rounds": found.rounds, "cpu": used,
                "judged": float(seen.mean()), "status": law.status,
                "peak": float(status.split("VmHWM:")[1].split()[0]) / 1e6,
            }
        )
    )  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--one", nargs=3)
    asked = parser.parse_args()
    if asked.one:
        one(asked.one[0], (int(asked.one[1]), int(asked.one[2])))
        return 0
    lines = [
        "| chain | entries compared | largest difference | the iteration says | rounds | CPU [s] |"
        " peak [GB] | reading |",
        "|---|---|---|---|---|---|---|---|",
    ]
    good = True
    for name, size in product("AB", SIZES):
        command = [sys.executable, __file__, "--one", name, *map(str, size)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found = json.loads(done.stdout.strip().splitlines()[-1])
        right = found["worst"] <= 2.0 * found["claimed"] + 1e-12 and found["claimed"] < 1e-8
        good &= right
        lines.append(
            f"| {name} {size[0]}x{size[1]} | {found['judged']:.1%} | {found['worst']:.1e}"
            f" | {found['claimed']:.1e} | {found['rounds']} | {found['cpu']:.1f}"
            f" | {found['peak']:.2f} | {'right' if right else 'wrong'} |"
        )
        print(lines[-1], flush=True)
    if asked.out:
        text = "# One law by two methods that share nothing\n\n" + "\n".join(lines) + "\n"
        asked.out.write_text(text, encoding="utf-8")
    print("right" if good else "wrong")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
