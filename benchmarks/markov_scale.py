"""Law, recovery, escape and gap of the benchmark chain by size: time, peak memory, error, beside peers.

Run: python benchmarks/markov_scale.py [--second] [--peers PYTHON] [--from STATES] [--up-to STATES] [--out FILE]
PYTHON is the interpreter of an environment of its own with stormpy, quantecon and SciPy.

Each line is a fresh process on a warm cache of compiled code. Errors: against 60-digit values where
these are known, else ours against a second elimination in the opposite order, and peers against ours.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from scipy.special import gammaincc

SETS = {
    "A": dict.fromkeys(((100, 20), (200, 50), (1000, 100), (2000, 500), (10000, 1000)), (9.5, 9.0)),
    "B": {
        (100, 20): (9.0, 4.5), (200, 50): (8.5, 9.0), (1000, 100): (9.2, 45.0),
        (2000, 500): (8.0, 90.0), (10000, 1000): (9.2, 450.0),
    },
}  # fmt: skip
TRUE = {  # recovery and escape [s] by 60-digit arithmetic
    ("A", (100, 20)): (464.28353780106454, 2907.6711844080464),
    ("B", (100, 20)): (1494763.5141440313, 973.717741974148),
    ("B", (200, 50)): (5414287993831.893, 8583203.622399677),
}
PEERS = {  # most states they are tried with
    "scipy": 110_000, "quantecon": 3_000, "storm": 110_000, "storm sparse LU": 110_000,
    "storm elimination": 11_000, "storm sound": 110_000,
}  # fmt: skip
QUANTITIES = ("law", "recovery", "escape")
PATIENCE = 120  # CPU seconds for one quantity of a peer


def chain(name, size):
    from separatrix.markov.generator import as_chain
    from separatrix.population.lattice import Axis, Population, Transition

    # sizes between the published ones: two regimes, as in set B
    (nq, no), (rate, timeout) = size, SETS[name].get(size, (9.2, 0.045 * size[0]))
    mu, r = 10.0, 3
    again, done = r / ((r + 1) * timeout), 1 / ((r + 1) * timeout)

    def late(q):
        return np.where(q > 0, gammaincc(np.maximum(q, 1.0), mu * timeout), 0.0)

    def accept(x):
        q, o = x
        extra = (o == no - 1) * rate * late(q)
        return (q < nq - 1) * (rate * (1 - late(q)) + o * again * late(q) + extra)

    return as_chain(
        Population(
            "benchmark",
            "metafor",
            (Axis("queue", nq, "queue"), Axis("orbit", no, "orbit")),
            (
                Transition("serve", (-1, 0), lambda x: mu * (x[0] > 0) * np.ones_like(x[1])),
                Transition("accept", (1, 0), accept),
                Transition(
                    "late", (1, 1), lambda x: (x[0] < nq - 1) * (x[1] < no - 1) * rate * late(x[0])
                ),
                Transition(
                    "retry", (1, -1), lambda x: (x[0] < nq - 1) * x[1] * again * (1 - late(x[0]))
                ),
                Transition("give up", (0, -1), lambda x: x[1] * (done + again * (x[0] == nq - 1))),
            ),
        )
    )


def sets(size):
    q, o = np.indices(size, dtype=np.int32)
    return o < size[1] // 2, (q + o) == 0


def ours(name, size, quantity, second):
    """One quantity in this process, as JSON on standard output; `second` eliminates once more, untimed."""
    import time

    from separatrix.markov import hitting_times, spectrum, stationary

    if np.prod(size) > 12_000:
        spectrum(chain("B", (1000, 100)))  # machine code is read from its cache here
    built = chain(name, size)
    low, empty = sets(size)
    law = stationary(built) if quantity == "gap" else None
    start = time.perf_counter(), time.process_time()
    error = log10 = None
    if quantity == "law":
        found = stationary(built)
        value, status = found.probability(low), found.status
        log10 = float(np.logaddexp.reduce(found.log_pi[low])) / math.log(10.0)
        del found
    elif quantity == "gap":
        modes = spectrum(built, law=law)
        value, status, error = modes.gap, modes.status, modes.gap_error
    else:
        target = empty if quantity == "recovery" else ~low
        times = hitting_times(built, target, second_moment=False)
        where = (-1, -1) if quantity == "recovery" else (0, 0)
        value, status = float(times.mean[where]), times.status
        log10 = float(times.log_mean[where]) / math.log(10.0)
    used = time.perf_counter() - start[0], time.process_time() - start[1]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    if second and quantity == "law":
        error = stationary(built, certify=True).certificate.agreement
    elif second and quantity != "gap":
        error = hitting_times(built, target, second_moment=False, certify=True).error
    print(
        json.dumps(
            {
                "value": value, "log10": log10, "status": status, "error": error,
                "wall": used[0], "cpu": used[1], "peak_gb": peak,
            }
        )
    )  # fmt: skip


def run(command, cpu=None):
    def limit():
        if cpu:
            resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 5))

    done = subprocess.run(command, capture_output=True, text=True, preexec_fn=limit)
    if done.returncode < 0 and cpu:
        return {"failed": f"not done after {cpu} CPU s"}
    if done.returncode:
        return {"failed": (done.stderr.strip().splitlines() or ["no message"])[-1][:90]}
    return json.loads(done.stdout.strip().splitlines()[-1])


def save(name, size, file):
    from separatrix.markov.generator import generator

    Q = generator(chain(name, size)).tocsr()
    low, empty = (mask.reshape(-1) for mask in sets(size))
    np.savez(
        file, data=Q.data, indices=Q.indices, indptr=Q.indptr, low=low, empty=empty, high=~low,
        full=low.size - 1,
    )  # fmt: skip


def off(value, truth):
    return "-" if value is None or truth is None else f"{abs(value / truth - 1.0):.1e}"


def number(value, form=".2f"):
    return "-" if value is None else format(value, form)


def shown(one):
    """The value, in powers of ten where it leaves the range of a float64."""
    value, log10 = one["value"], one.get("log10")
    if log10 is not None and (value in (0.0, math.inf)):
        power = math.floor(log10)
        return f"{10 ** (log10 - power):.9f}e{power:+d}"
    return f"{value:.12g}"


def table(least, most, names, peers, second):
    yield "| chain | by | quantity | value | error | wall [s] | CPU [s] | peak [GB] |"
    yield "|---|---|---|---|---|---|---|---|"
    for name in names:
        for size in SETS[name]:
            if not least <= np.prod(size) <= most:
                continue
            label = f"{name} {size[0]}x{size[1]}"
            known = TRUE.get((name, size), (None, None))
            truth = dict(zip(("recovery", "escape"), known, strict=True))
            mine = {}
            for quantity in (*QUANTITIES, "gap"):
                command = [sys.executable, __file__, "--one", name, *map(str, size), quantity]
                one = run(command + ["--second"] * second)
                if "failed" in one:
                    yield f"| {label} | separatrix | {quantity} | {one['failed']} | | | | |"
                    continue
                mine[quantity] = one["value"]
                error = number(one["error"], ".1e")
                if truth.get(quantity):
                    error = off(one["value"], truth[quantity])
                value = shown(one) + ("" if one["status"] == "ok" else " (inconclusive)")
                yield (
                    f"| {label} | separatrix | {quantity} | {value} | {error} | {one['wall']:.2f}"
                    f" | {one['cpu']:.2f} | {one['peak_gb']:.2f} |"
                )
            if peers is None or np.prod(size) > max(PEERS.values()):
                continue
            with tempfile.TemporaryDirectory() as room:
                file = os.path.join(room, "chain.npz")
                save(name, size, file)
                script = str(Path(__file__).parent / "markov_peers" / "with_peer.py")
                for peer, limit in PEERS.items():
                    for quantity in QUANTITIES:
                        if np.prod(size) > limit or (peer == "quantecon" and quantity != "law"):
                            continue
                        one = run([peers, script, peer, quantity, file], PATIENCE)
                        if "failed" in one:
                            yield f"| {label} | {peer} | {quantity} | {one['failed']} | | | | |"
                            continue
                        right = truth.get(quantity) or mine.get(quantity)
                        yield (
                            f"| {label} | {peer} | {quantity} | {one['value']:.12g}"
                            f" | {off(one['value'], right)} | {one['wall']:.2f} | {one['cpu']:.2f}"
                            f" | {one['peak_gb']:.2f} |"
                        )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers")
    parser.add_argument("--from", dest="least", type=float, default=0.0)
    parser.add_argument("--up-to", type=float, default=1.1e6)
    parser.add_argument("--sets", default="AB")
    parser.add_argument("--second", action="store_true", help="measure errors by a second order")
    parser.add_argument("--out")
    parser.add_argument("--one", nargs=4)
    asked = parser.parse_args()
    if asked.one:
        name, nq, no, quantity = asked.one
        ours(name, (int(nq), int(no)), quantity, asked.second)
        return
    lines = [f"Load average at the start: {os.getloadavg()[0]:.1f}; 2 processors.", ""]
    for line in table(asked.least, asked.up_to, asked.sets, asked.peers, asked.second):
        print(line, flush=True)
        lines.append(line)
    if asked.out:
        Path(asked.out).write_text(
            "# Benchmark chain by size\n\nlaw: P(orbit < half). " + "\n".join(lines) + "\n",
            encoding="utf-8",
        )


if __name__ == "__main__":
    main()
