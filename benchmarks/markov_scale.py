"""The benchmark chain by size: value, error, CPU seconds, peak memory, load, beside peers.

Run: python benchmarks/markov_scale.py --records FILE [--out TABLE] [--second] [--peers PYTHON]
         [--sets AB] [--from STATES] [--up-to STATES] [--only law,gap] [--repeats 3] [--patience 60]
PYTHON is the interpreter of an environment of its own with stormpy, quantecon and SciPy.

Each measurement is a fresh process on a warm cache of compiled code, and a line of JSON in FILE; what
is there already is not measured again, so that a run can be resumed and put together from parts. The
table is made of the whole file. Errors: against 60-digit values where these are known; else ours
against a second elimination in the opposite order (`--second`), or what it estimates of itself; peers
against ours. A peer that is not done in time is not asked for the same at larger sizes.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from markov_chain import QUANTITIES, SETS, chain, sets

ROOM = Path(__file__).parent
TRUE = {  # recovery and escape [s] by 60-digit arithmetic
    ("A", (100, 20)): {"recovery": 464.28353780106454, "escape": 2907.6711844080464},
    ("B", (100, 20)): {"recovery": 1494763.5141440313, "escape": 973.717741974148},
    ("B", (200, 50)): {"recovery": 5414287993831.893, "escape": 8583203.622399677},
}
PEERS = {  # most states they are tried with
    "scipy": 110_000, "quantecon": 3_000, "storm": 110_000, "storm 1e-12": 110_000,
    "storm sparse LU": 110_000, "storm elimination": 110_000, "storm sound": 110_000,
}  # fmt: skip
ASKED_OF_PEERS = ("law", "recovery", "escape", "committor")
MORE_THAN_ONCE = 2e6  # states up to which medians are taken


def run(command, cpu=None):
    """What a process prints as JSON, or how it failed; at most so many CPU seconds.

    No limit of the system's: under one, Linux reads the clock of a process at its ticks only, 4 ms apart.
    """
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err, text=True)
        while process.poll() is None:
            try:
                process.wait(0.5)
            except subprocess.TimeoutExpired:
                if cpu and used(process.pid) > cpu:
                    process.kill()
                    process.wait()
                    return {"failed": f"not done after {cpu} CPU s"}
        out.seek(0)
        err.seek(0)
        if process.returncode:
            return {"failed": (err.read().strip().splitlines() or ["no message"])[-1][:120]}
        return json.loads(out.read().strip().splitlines()[-1])


def used(pid):
    """CPU seconds of a process that runs."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def save(name, size, file):
    from separatrix.markov.generator import generator

    Q = generator(chain(name, size)).tocsr()
    low, empty = (mask.reshape(-1) for mask in sets(size))
    np.savez(
        file, data=Q.data, indices=Q.indices, indptr=Q.indptr, low=low, empty=empty, high=~low,
        full=low.size - 1, middle=size[0] // 2 * size[1],
    )  # fmt: skip


def ours(name, size, quantity, repeats, second):
    """Medians of several processes; the first measures the error as well."""
    command = [sys.executable, str(ROOM / "markov_chain.py"), name, *map(str, size), quantity]
    one = run(command + ["--second"] * second)
    if "failed" in one:
        return one
    several = [one] + [run(command) for _ in range(repeats - 1)]
    cpu = [each["cpu"] for each in several]
    return one | {
        "cpu": statistics.median(cpu), "spread": [min(cpu), max(cpu)], "repeats": repeats,
        "peak_gb": statistics.median(each["peak_gb"] for each in several),
        "load": max(each["load"] for each in several),
    }  # fmt: skip


def measurements(asked, known):
    """Every measurement that is asked for and not known yet, as (key, what was found)."""
    for name in asked.sets:
        for size in SETS[name]:
            if not asked.least <= np.prod(size) <= asked.up_to:
                continue
            for quantity in asked.only:
                if (key := (name, size, "separatrix", quantity)) not in known:
                    repeats = asked.repeats if np.prod(size) <= MORE_THAN_ONCE else 1
                    yield key, ours(name, size, quantity, repeats, asked.second)
            if asked.peers is None or np.prod(size) > max(PEERS.values()):
                continue
            with tempfile.TemporaryDirectory() as room:
                file = os.path.join(room, "chain.npz")
                save(name, size, file)
                for key in wanted_of_peers(name, size, asked.only):
                    smaller = [known.get((name, other, *key[2:])) for other in SETS[name]]
                    if key in known or any(
                        s and "not done" in s.get("failed", "") for s in smaller
                    ):
                        continue
                    script = str(ROOM / "markov_peers" / "with_peer.py")
                    load = os.getloadavg()[0]
                    command = [asked.peers, script, key[2], key[3], file]
                    yield key, run(command, asked.patience) | {"load": load}


def wanted_of_peers(name, size, only):
    for peer, limit in PEERS.items():
        for quantity in ASKED_OF_PEERS:
            answers = quantity == "law" or peer != "quantecon"
            if answers and quantity in only and np.prod(size) <= limit:
                yield name, size, peer, quantity


def read(file):
    known = {}
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
        one = json.loads(line)
        known[one["set"], tuple(one["size"]), one["who"], one["quantity"]] = one
    return known


def off(value, truth):
    return f"{abs(value / truth - 1.0):.1e}" if truth and math.isfinite(truth) else "-"


def shown(one):
    """The value, in powers of ten where it leaves the range of a float64."""
    value, log10 = one["value"], one.get("log10")
    if log10 is not None and (value in (0.0, math.inf)):
        power = math.floor(log10)
        return f"{10 ** (log10 - power):.9f}e{power:+d}"
    return f"{value:.12g}"


def error(key, one, known):
    """The error of a measurement, and against what."""
    name, size, who, quantity = key
    truth = TRUE.get((name, size), {}).get(quantity)
    if truth is not None:
        return f"{off(one['value'], truth)} (60 digits)"
    if who == "separatrix":
        return "-" if one["error"] is None else f"{one['error']:.1e} ({one['by']})"
    mine = known.get((name, size, "separatrix", quantity), {})
    return off(one["value"], mine.get("value")) + " (ours)"


def table(known):
    yield "| chain | quantity | by | value | error (against) | CPU [s] | spread | peak [GB] | load |"
    yield "|---|---|---|---|---|---|---|---|---|"
    order = ["separatrix", *PEERS]
    names = list(QUANTITIES)
    for key in sorted(known, key=lambda k: (k[0], k[1], names.index(k[3]), order.index(k[2]))):
        (name, size, who, quantity), one = key, known[key]
        label = f"| {name} {size[0]}x{size[1]} | {quantity} | {who} |"
        if "failed" in one:
            yield f"{label} {one['failed']} | - | - | - | - | {one.get('load', 0.0):.0f} |"
            continue
        value = shown(one) + ("" if one.get("status", "ok") == "ok" else " (inconclusive)")
        low, high = one.get("spread", (one["cpu"], one["cpu"]))
        spread = "once" if one.get("repeats", 1) == 1 else f"{low:.3g}..{high:.3g}"
        yield (
            f"{label} {value} | {error(key, one, known)} | {one['cpu']:.3g} | {spread}"
            f" | {one['peak_gb']:.2f} | {one['load']:.0f} |"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--peers")
    parser.add_argument("--from", dest="least", type=float, default=0.0)
    parser.add_argument("--up-to", type=float, default=1.1e6)
    parser.add_argument("--sets", default="AB")
    parser.add_argument("--only", type=lambda text: text.split(","), default=list(QUANTITIES))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--patience", type=int, default=60, help="CPU seconds for a peer")
    parser.add_argument("--second", action="store_true", help="measure errors by a second order")
    asked = parser.parse_args()
    known = read(asked.records)
    for (name, size, who, quantity), found in measurements(asked, known):
        one = {"set": name, "size": size, "who": who, "quantity": quantity} | found
        known[name, size, who, quantity] = one
        with asked.records.open("a", encoding="utf-8") as file:
            print(json.dumps(one), file=file)
        print(json.dumps(one), flush=True)
    if asked.out:
        meanings = "\n".join(f"* {name}: {meaning}" for name, meaning in QUANTITIES.items())
        asked.out.write_text(f"{meanings}\n\n" + "\n".join(table(known)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
