"""Metastable sets beside pygpcca on small chains, reversible and not: right or wrong.

Run: python verification/metastable_sets.py --peers PYTHON
PYTHON is the interpreter of an environment of its own with pygpcca; it gets the jump matrix I + Q / rate.
Right: every state in the same set, and the slow decay rates equal to 1e-6.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path

import numpy as np

from separatrix.markov.generator import chain_from_matrix, generator
from separatrix.markov.metastable import metastable

RESULT = Path(__file__).parent / "results" / "metastable_sets.md"
PEER = """
import json, sys, numpy as np, pygpcca
data = json.load(sys.stdin)
found = pygpcca.GPCCA(np.array(data["P"]), eta=np.array(data["eta"]), method="brandts")
found.optimize(data["m"])
print(json.dumps([found.macrostate_assignment.tolist(),
                  np.linalg.eigvals(found.coarse_grained_transition_matrix).real.tolist()]))
"""


def wells(sizes, coupling, seed):
    rng = np.random.default_rng(seed)
    n, ends = sum(sizes), np.cumsum(sizes)
    rates = np.zeros((n, n))
    for end, size in zip(ends, sizes, strict=True):
        rates[end - size : end, end - size : end] = rng.uniform(0.5, 2.0, (size, size))
    for i in range(len(sizes)):
        there = (i + 1) % len(sizes)
        rates[ends[i] - 1, ends[there] - sizes[there]] = coupling * rng.uniform(0.5, 2.0)
    np.fill_diagonal(rates, 0.0)
    return rates


def valley(n, depth):
    x = np.linspace(-1.6, 1.6, n)
    height = depth * (x**2 - 1.0) ** 2
    rates = np.zeros((n, n))
    for i in range(n - 1):
        rates[i, i + 1] = np.exp(-0.5 * (height[i + 1] - height[i]))
        rates[i + 1, i] = np.exp(-0.5 * (height[i] - height[i + 1]))
    return rates


def line(name, rates, m, peers):
    chain = chain_from_matrix(rates)
    ours = metastable(chain, m)
    Q = generator(chain).toarray()
    rate = 1.1 * -np.diag(Q).min()
    asked = {"P": (np.eye(len(Q)) + Q / rate).tolist(), "eta": ours.modes.law.pi.tolist(), "m": m}
    done = subprocess.run(
        [peers, "-c", PEER], input=json.dumps(asked), capture_output=True, text=True, check=True
    )
    labels, values = json.loads(done.stdout.strip().splitlines()[-1])
    pairs = set(zip(ours.labels.tolist(), labels, strict=True))
    same = len(pairs) == m
    decay = np.sort(rate * (1.0 - np.array(values)))[1:]
    off = float(np.abs(decay / ours.decay_rates[1:m] - 1.0).max())
    chosen = metastable(chain, most=m + 2).count
    word = "right" if same and off < 1e-6 else "WRONG"
    return f"| {name} | {len(Q)} | {m} | {chosen} | {'same' if same else 'differ'} | {off:.1e} | {word} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", required=True)
    peers = parser.parse_args().peers
    lines = [
        "| chain | states | sets | chosen by spectrum | assignment | decay rates differ | reading |",
        "|---|---|---|---|---|---|---|",
        line("two valleys, reversible", valley(60, 6.0), 2, peers),
        line("two deep valleys, reversible", valley(60, 12.0), 2, peers),
        line("ring of 3 wells, not reversible", wells([8, 9, 7], 1e-3, 1), 3, peers),
        line("ring of 4 wells, not reversible", wells([12, 9, 15, 11], 1e-4, 2), 4, peers),
        line("ring of 5 wells, not reversible", wells([10] * 5, 1e-3, 3), 5, peers),
    ]
    print("\n".join(lines))
    RESULT.write_text(
        "# Metastable sets beside pygpcca 1.0.4\n\n" + "\n".join(lines) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
