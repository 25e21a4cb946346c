"""Runs drawn from the very chain that `markov` solves, so that nothing but learning is compared.

The chains are those of today's closures. The tables under results/ were measured on the chains pinned
here; where a closure changes, the scripts stop and say so, instead of judging new chains by old tables.
"""

from __future__ import annotations

import hashlib

import numpy as np
from scipy.linalg import expm

from separatrix import Program, Server, Source, Work, lower
from separatrix.markov import generator

PINNED = frozenset({
    # one server of 20 places without retries, load 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98
    "128e9b11224d", "9f7d7b2111d3", "ddefb550a91d", "71a441a53c6d",
    "ab72b3b6c727", "b053b413e149", "84820a0a8a9f",
    # load 0.97 of 100 places, load 0.9 of 50
    "bd230b70e583", "17551c3191af",
    # with retries: 0.7 and 0.78 of 30 places, 0.75 of 20, 0.75 of 28
    "aed264d663af", "754e293b282b", "6f7330c68ddd", "5bdfcf6cd43a",
})  # fmt: skip


def fingerprint(Q) -> str:
    """Of a generator's entries to ten digits, so that rounding in the last ones does not count."""
    entries = Q.tocoo()
    order = np.lexsort((entries.col, entries.row))
    parts = zip(entries.row[order], entries.col[order], entries.data[order], strict=True)
    text = "\n".join(f"{row} {col} {rate:.9e}" for row, col, rate in parts)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


class Sampled:
    """A chain's exact law over one sampling step, to draw runs from."""

    def __init__(self, program: Program, step: float, closure: str = "geometric") -> None:
        self.population = lower(program, closure)
        self.shape, self.step = self.population.shape, step
        Q = generator(self.population)
        if fingerprint(Q) not in PINNED:
            raise SystemExit(
                f"{closure} closure: a chain that no table under results/ was measured on"
                f" ({fingerprint(Q)}); pin it here and run every koopman_*.py again"
            )
        self.P = expm(Q.toarray() * step)
        self.rows = self.P.cumsum(axis=1)
        self.last = len(self.P) - 1

    def runs(self, starts: list[int], samples: int, rng: np.random.Generator) -> list[np.ndarray]:
        """One run (samples, channels) from each start."""
        x = np.array(starts)
        out = [x]
        for _ in range(samples - 1):
            u = rng.random(len(x))
            x = np.minimum((self.rows[x] < u[:, None]).sum(axis=1), self.last)
            out.append(x)
        return list(self.states(np.array(out).T))

    def from_both_ends(self, runs: int, samples: int, seed: int) -> list[np.ndarray]:
        """Half of the runs from empty, half from full."""
        starts = [0] * (runs // 2) + [self.last] * (runs // 2)
        return self.runs(starts, samples, np.random.default_rng(seed))

    def states(self, index: np.ndarray) -> np.ndarray:
        """(..., channels) of the axes that have more than one value."""
        seen = np.stack(np.unravel_index(index, self.shape), axis=-1).astype(float)
        return seen[..., [i for i, size in enumerate(self.shape) if size > 1]]


def service(load: float, places: int, *, timeout: float = 1e6, retries: int = 0, orbit: int = 1):
    """One server of 10 requests a second."""
    program = Program("verified")
    program.add_server(Server("s", {"a": Work(10.0)}, qsize=places, orbit_size=orbit))
    program.add_source(Source("c", "a", 10.0 * load, timeout=timeout, retries=retries))
    program.connect("c", "s")
    return program


def verdict(good: bool) -> str:
    return "right" if good else "**wrong**"
