"""Ours and Storm in turn on the benchmark chain, where Storm gives a right answer: who is faster?

Run: python benchmarks/markov_beside.py --peers PYTHON [--out TABLE] [--records FILE] [--turns 5]
         [--sizes 100x20,200x50,1000x100] [--patience 20]

PYTHON is the interpreter of an environment of its own with stormpy. Every measurement is a fresh
process and one call, from rates on: ours with compiled code loaded, Storm with its model built. CPU
milliseconds, medians and range of the turns. Errors are against ours; an answer counts as right up to
1e-9, so that a mode asked for 1e-12 is not held to more than it can give. A mode that in its first turn
is wrong, out of patience, or ten times as slow as we are, is not asked again.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

from markov_chain import SETS
from markov_scale import ASKED_OF_PEERS, ROOM, off, run, save

RIGHT = 1e-9
MODES = ("storm 1e-12", "storm sparse LU", "storm elimination")


def turns(name, size, quantity, asked, file):
    """CPU seconds of every turn by whom, and what each found."""
    mine = [sys.executable, str(ROOM / "markov_chain.py"), name, *map(str, size), quantity]
    script = str(ROOM / "markov_peers" / "with_peer.py")
    taken, found = {"separatrix": []}, {}
    for turn in range(asked.turns):
        for who in ("separatrix", *MODES):
            if turn and (who not in taken or taken[who][0] > 10.0 * taken["separatrix"][0]):
                continue
            theirs = [asked.peers, script, who, quantity, file]
            one = run(mine if who == "separatrix" else theirs, asked.patience)
            if turn == 0:
                found[who] = one.get("value", one.get("failed"))
                one["off"] = who != "separatrix" and (
                    "failed" in one or not abs(one["value"] / found["separatrix"] - 1.0) < RIGHT
                )
            if not one.get("off"):
                taken.setdefault(who, []).append(one["cpu"])
    return {
        "set": name, "size": size, "quantity": quantity, "found": found, "taken": taken,
        "load": os.getloadavg()[0],
    }  # fmt: skip


def cell(one, who):
    """Milliseconds and error of one of Storm's modes, or what it returned."""
    value = one["found"][who]
    if who in one["taken"]:
        return f"{shown(one['taken'][who])}, {off(value, one['found']['separatrix'])}"
    return value if isinstance(value, str) else f"**{value:.3g}**"


def shown(seconds):
    low, middle, high = (1e3 * f(seconds) for f in (min, statistics.median, max))
    return f"{middle:.3g} ({low:.3g}..{high:.3g})"


def table(every):
    yield "| chain | quantity | ours | " + " | ".join(MODES) + " | load | faster |"
    yield "|---" * (5 + len(MODES)) + "|"
    cells = ahead = 0
    for one in every:
        mine = statistics.median(one["taken"]["separatrix"])
        rivals = {who: statistics.median(t) for who, t in one["taken"].items() if who in MODES}
        best = min(rivals, key=rivals.__getitem__, default=None)
        verdict = "only ours is right"
        if best:
            cells += 1
            ahead += mine < rivals[best]
            verdict = f"ours, {rivals[best] / mine:.2g} times" if mine < rivals[best] else best
        size = "x".join(map(str, one["size"]))
        yield (
            f"| {one['set']} {size} | {one['quantity']} | {shown(one['taken']['separatrix'])} | "
            + " | ".join(cell(one, who) for who in MODES)
            + f" | {one['load']:.0f} | {verdict} |"
        )
    yield ""
    yield (
        f"Storm is right in some mode in {cells} of {len(every)} rows; ours is faster than the fastest of"
        f" its right modes in {ahead} of {cells}: **{'right' if ahead == cells else 'wrong'}**."
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--records", type=Path)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--sizes", default="100x20,200x50,1000x100")
    parser.add_argument("--patience", type=int, default=20, help="CPU seconds")
    asked = parser.parse_args()
    every = []
    for text in asked.sizes.split(","):
        size = tuple(int(part) for part in text.split("x"))
        for name in SETS:
            with tempfile.TemporaryDirectory() as room:
                file = os.path.join(room, "chain.npz")
                save(name, size, file)
                for quantity in ASKED_OF_PEERS:
                    every.append(turns(name, size, quantity, asked, file))
                    print(json.dumps(every[-1]), flush=True)
                    if asked.records:
                        with asked.records.open("a", encoding="utf-8") as out:
                            print(json.dumps(every[-1]), file=out)
    text = "\n".join(table(every)) + "\n"
    print(text)
    if asked.out:
        asked.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
