"""Small chains whose timescales are known, and runs of them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.linalg import expm


class Chain:
    """Birth and death on 0..top, sampled every `step` seconds."""

    def __init__(self, birth: float, death: float, top: int, step: float) -> None:
        Q = np.diag(np.full(top, birth), 1) + np.diag(np.full(top, death), -1)
        np.fill_diagonal(Q, -Q.sum(axis=1))
        self.top, self.step = top, step
        self.P = expm(Q * step)
        rates = np.sort(-np.linalg.eigvals(Q).real)
        self.timescales = 1.0 / rates[1:]

    def runs(self, starts: list[int], samples: int, seed: int) -> list[np.ndarray]:
        rng = np.random.default_rng(seed)
        steps = self.P.cumsum(axis=1)
        x = np.array(starts)
        out = [x]
        for _ in range(samples - 1):
            u = rng.random(len(x))
            x = np.minimum((steps[x] < u[:, None]).sum(axis=1), self.top)
            out.append(x)
        return [run.astype(float)[:, None] for run in np.array(out).T]

    def mean(self, start: int, steps: int) -> float:
        return float(np.linalg.matrix_power(self.P, steps)[start] @ np.arange(self.top + 1))


@pytest.fixture(scope="session")
def drawn():
    """Makes perceptrons with random weights (X. Glorot, Y. Bengio, AISTATS 2010)."""
    return _drawn


def _drawn(inputs, hidden, outputs, rng):
    from separatrix.koopman.network import Perceptron

    sizes = (inputs, *hidden, outputs)
    weights = [rng.normal(size=(b, a)) * np.sqrt(2.0 / (a + b)) for a, b in pairwise(sizes)]
    bypass = rng.normal(size=(outputs, inputs)) * np.sqrt(2.0 / (inputs + outputs))
    return Perceptron(tuple(weights), tuple(np.zeros(len(w)) for w in weights), bypass)


@pytest.fixture(scope="session")
def chain() -> Chain:
    return Chain(8.0, 10.0, 12, 0.2)


@pytest.fixture(scope="session")
def runs(chain) -> list[np.ndarray]:
    return chain.runs([0] * 30 + [12] * 30, 120, seed=1)


@pytest.fixture(scope="session")
def model(chain, runs):
    from separatrix.koopman import Koopman

    return Koopman(6, hidden=(24, 24), epochs=30, batch=1024, seed=2, device="cpu").fit(
        runs, chain.step
    )
