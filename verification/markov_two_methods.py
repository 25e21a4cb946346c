"""Do methods that share nothing find the same stationary law? Read "right" or "wrong".

The law of the benchmark chain by elimination, against two others: iterated aggregation from a flat start,
lines and blocks in turn, which never sees a front or a factor; and reduction level by level with dense
matrices in plain NumPy (`level_reduction`), up to 1e6 states. Every entry is compared that is above 1e-280
of the largest (aggregation), or above 1e-250 of the largest of its level (level reduction). The reading is
"right" where the largest relative difference is at most twice what the iteration says of its own error,
plus 1e-12 for the elimination; and at most 1e-11 for level reduction, which says nothing of its error.

Larger chains are left out: aggregation weighs no laws that span more (at B 2000x500, down to 1e-499, it
had not ended after 200 CPU seconds), level reduction would take an hour and more at 1e7 states.

Run: python verification/markov_two_methods.py [--out FILE]   (half a minute, and some minutes for 1e6 states;
4 GB of temporary disk)
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

AGGREGATED = ((100, 20), (200, 50), (1000, 100))
REDUCED = ((200, 50), (1000, 100), (2000, 500))
CLOSE = 1e-11  # level reduction rounds as eliminations do; it bounds nothing


def one(name: str, size: tuple[int, int], way: str) -> None:
    """Both laws in this process: JSON on standard output."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
    from markov_chain import chain
    from separatrix.markov import stationary

    built = chain(name, size)
    law = stationary(built)
    start = time.process_time()
    claimed = rounds = None
    if way == "aggregation":
        from separatrix.markov.aggregation.iteration import FLOOR, iterate

        found = iterate(built)
        seen = found.x > FLOOR * found.x.max()
        log = np.log(np.where(seen, found.x, 1.0))
        claimed, rounds = found.error, found.rounds
    else:
        from level_reduction import level_law

        log = level_law(built)
        seen = np.isfinite(log)
    used = time.process_time() - start
    worst = float(np.abs(np.expm1(log[seen] - law.log_pi[seen])).max())
    status = Path("/proc/self/status").read_text(encoding="ascii")
    print(
        json.dumps(
            {
                "worst": worst, "claimed": claimed, "rounds": rounds, "cpu": used,
                "judged": float(seen.mean()), "status": law.status,
                "least": float(law.log_pi[seen].min() / np.log(10.0)),
                "peak": float(status.split("VmHWM:")[1].split()[0]) / 1e6,
            }
        )
    )  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--one", nargs=4)
    asked = parser.parse_args()
    if asked.one:
        one(asked.one[0], (int(asked.one[1]), int(asked.one[2])), asked.one[3])
        return 0
    lines = [
        "| chain | elimination against | entries compared | least likely of them | largest difference"
        " | the iteration says | rounds | CPU [s] | peak [GB] | reading |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    good = True
    pairs = [(size, "aggregation") for size in AGGREGATED]
    pairs += [(size, "level reduction") for size in REDUCED]
    for (size, way), name in product(pairs, "AB"):
        command = [sys.executable, __file__, "--one", name, *map(str, size), way]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found = json.loads(done.stdout.strip().splitlines()[-1])
        if way == "aggregation":
            right = found["worst"] <= 2.0 * found["claimed"] + 1e-12 and found["claimed"] < 1e-8
            said = f"{found['claimed']:.1e} | {found['rounds']}"
        else:
            right, said = found["worst"] <= CLOSE, " | "
        right &= found["status"] == "ok"
        good &= right
        lines.append(
            f"| {name} {size[0]}x{size[1]} | {way} | {found['judged']:.1%} | 1e{found['least']:.0f}"
            f" | {found['worst']:.1e} | {said} | {found['cpu']:.1f}"
            f" | {found['peak']:.2f} | {'right' if right else 'wrong'} |"
        )
        print(lines[-1], flush=True)
    if asked.out:
        text = "# One law by methods that share nothing\n\n" + "\n".join(lines) + "\n"
        asked.out.write_text(text, encoding="utf-8")
    print("right" if good else "wrong")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
