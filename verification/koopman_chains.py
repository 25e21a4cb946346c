"""Runs drawn from the very chain that `markov` solves, so that nothing but learning is compared."""

from __future__ import annotations

import numpy as np
from scipy.linalg import expm

from separatrix import Program, Server, Source, Work, lower
from separatrix.markov import generator


class Sampled:
    """A chain's exact law over one sampling step, to draw runs from."""

    def __init__(self, program: Program, step: float, closure: str = "geometric") -> None:
        self.population = lower(program, closure)
        self.shape, self.step = self.population.shape, step
        self.P = expm(generator(self.population).toarray() * step)
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
