"""Attempts per second of CPU time, ours and each peer's, on the same model in one run.

Peers live in an environment of their own, so that none of them is a dependency of ours:

    python -m venv PEERS && PEERS/bin/pip install simpy ciw salabim    # happysim wants Python 3.13
    python benchmarks/simulate_side_by_side.py PEERS/bin/python

Every program runs the model for the same simulated time in a fresh process, in turn, five times over
with other seeds; only the simulation is timed (ours: many runs in a row). Each prints its attempts and
completions, which shows that it did the same work. Models: clients that wait for ever (``plain``),
that time out and retry (``retry``), and the same with a queue that is stuck from the start
(``stuck``: most attempts are dropped). Writes results/simulate_side_by_side.md.

The figures kept there for happysim 0.2.5 are of a copy whose type parameters (``class A[T]``) were
written in the older way, since only Python 3.11 was at hand.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).resolve().parent
PEERS = ("simpy", "simpy_lean", "ciw", "salabim", "happysim")
ROUNDS = 5
HORIZON = {"plain": 2_000.0, "retry": 2_000.0, "stuck": 2_000.0}  # [s]


def measure(
    python: str, who: str, model: str, horizon: float, seed: int
) -> dict[str, float] | None:
    """One run of one program in a process of its own; None where it cannot run the model."""
    done = subprocess.run(
        [python, str(HERE / "simulate_peers" / f"with_{who}.py"), model, repr(horizon), str(seed)],
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout) if done.returncode == 0 else None


def main() -> None:
    """Measure all, and write the table."""
    peers_python = sys.argv[1]
    versions = subprocess.run(
        [peers_python, "-m", "pip", "list", "--format=json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    known = {p["name"].lower(): p["version"] for p in json.loads(versions.stdout)}
    lines = [
        "# The simulator beside its peers",
        "",
        f"{time.strftime('%Y-%m-%d', time.gmtime())}, {platform.machine()}, {os.cpu_count()} "
        f"processors, Python {platform.python_version()}, numba {version('numba')}; load average "
        f"at the start {os.getloadavg()[0]:.1f}. Median of {ROUNDS} rounds (least .. greatest); "
        "CPU time of one process and one thread.",
        "",
    ]
    for model, horizon in HORIZON.items():
        runs: dict[str, list[dict[str, float]]] = {}
        for seed in range(1, ROUNDS + 1):
            for who in ("separatrix", *PEERS):
                ours = who == "separatrix"
                python = sys.executable if ours else peers_python
                run = measure(python, who, model, horizon, seed)
                if run is not None:
                    runs.setdefault(who, []).append(run)
        lines += [
            f"## {model}: {horizon:g} s simulated",
            "",
            "| program | version | attempts | completions | attempts/s of CPU | ours over it |",
            "|---|---|---|---|---|---|",
        ]
        speed = {
            who: [run["attempts"] / run["seconds"] for run in some] for who, some in runs.items()
        }
        ours = statistics.median(speed["separatrix"])
        for who, some in runs.items():
            middle = statistics.median(speed[who])
            name = who.split("_")[0]
            lines.append(
                f"| {who} | {known.get(name, '') or version('separatrix')} | "
                f"{statistics.mean(run['attempts'] for run in some):,.0f} | "
                f"{statistics.mean(run['completions'] for run in some):,.0f} | "
                f"{middle:,.0f} ({min(speed[who]):,.0f} .. {max(speed[who]):,.0f}) | "
                f"{ours / middle:,.0f} |"
            )
        nanoseconds = [1e9 * run["seconds"] / run["events"] for run in runs["separatrix"]]
        lines += [
            "",
            f"Ours: {statistics.median(nanoseconds):.1f} ns an event "
            f"({min(nanoseconds):.1f} .. {max(nanoseconds):.1f}); an event is a time at which the "
            "loop wakes: a service or a timer that ends, a request that comes.",
            "",
        ]
        for who in PEERS:
            if who not in runs:
                lines += [f"{who}: not measured (it cannot run this model here).", ""]
    text = "\n".join(lines)
    (HERE / "results" / "simulate_side_by_side.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
