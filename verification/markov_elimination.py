r"""Are stationary laws, hitting times and committors right in every entry? Read "right" or "wrong".

Each chain is solved three times: by `separatrix.markov`, by the same elimination in 50-digit
arithmetic (mpmath), and by SciPy's sparse LU. The table gives the largest relative error over all
states, and the residual that the sparse LU reports while it is wrong.

* `retry 100x20`: the published benchmark chain B, recovery 1494763.5141440313 s.
* `double well`: a lattice of 22 x 16 states with drift around it; leaving a well takes 3e20 s.
* `ladder`: a birth-death chain with a closed form; escape takes 1e99 s.

The longer chains of the benchmark are compared with their published 60-digit values.

Run: python verification/markov_elimination.py  (about a minute)
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import mpmath
import numpy as np
from scipy.sparse.linalg import splu

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from markov_chain import chain as benchmark
from separatrix.markov import committor, generator, hitting_times, stationary
from separatrix.markov.generator import Chain, Edges, as_chain
from separatrix.markov.ordering import elimination_order
from separatrix.population.lattice import Axis, Population, Transition

mpmath.mp.dps = 50
LIMIT = 1e-10


def double_well(n: int, m: int, depth: float) -> Population:
    def potential(x, y):
        u, v = 2 * x / (n - 1) - 1, 2 * y / (m - 1) - 1
        return depth * (u * u - 1) ** 2 + 0.3 * depth * (v - u) ** 2

    def step(dx: int, dy: int, swirl: float):
        def rate(x):
            a, b = x
            inside = (a + dx >= 0) & (a + dx < n) & (b + dy >= 0) & (b + dy < m)
            climb = potential(a + dx, b + dy) - potential(a, b)
            return np.where(inside, swirl * np.exp(-0.5 * climb), 0.0)

        return Transition(f"{dx},{dy}", (dx, dy), rate)

    axes = (Axis("x", n, "queue"), Axis("y", m, "orbit"))
    moves = (step(1, 0, 1.0), step(-1, 0, 1.7), step(0, 1, 0.6), step(0, -1, 1.0))
    return Population("double well", "staged", axes, moves)


def ladder(n: int, ratio: float) -> Chain:
    i = np.arange(n)
    rates = np.concatenate([np.full(n, ratio), np.ones(n)])
    edges = Edges(np.concatenate([i, i + 1]), np.concatenate([i + 1, i]), rates)
    return Chain((n + 1,), ("n",), listed=edges)


@dataclass
class Exact:
    """Banded elimination in 50 digits: M t = b and x M = b on the kept states."""

    chain: Chain
    removed: np.ndarray

    def __post_init__(self) -> None:
        kept = np.flatnonzero(~self.removed.reshape(-1))
        self.order, self.width = elimination_order(self.chain, kept)
        n = self.order.size
        place = np.full(self.chain.n_states, -1)
        place[self.order] = np.arange(n)
        self.A: list[dict[int, mpmath.mpf]] = [{} for _ in range(n)]
        self.kappa = [mpmath.mpf(0)] * n
        for r, c, q in zip(*self.chain.edges, strict=True):
            if place[r] >= 0 and place[c] >= 0:
                row = self.A[place[r]]
                row[int(place[c])] = row.get(int(place[c]), 0) + mpmath.mpf(float(q))
            elif place[r] >= 0:
                self.kappa[place[r]] += mpmath.mpf(float(q))
        kappa = list(self.kappa)
        self.pivot, self.column = [], []
        for k in range(n):
            ahead = {j: a for j, a in self.A[k].items() if j > k}
            self.pivot.append(kappa[k] + mpmath.fsum(ahead.values()))
            self.A[k] = ahead
            column = {}
            for i in range(k + 1, min(k + self.width + 1, n)):
                a = self.A[i].pop(k, None)
                if a is None:
                    continue
                f = a / self.pivot[k]
                column[i] = f
                kappa[i] += f * kappa[k]
                for j, b in ahead.items():
                    if j != i:
                        self.A[i][j] = self.A[i].get(j, 0) + f * b
            self.column.append(column)

    def right(self, b: list) -> list:
        """Solution of M t = b."""
        t = [b[s] for s in self.order]
        for k, column in enumerate(self.column):
            for i, f in column.items():
                t[i] += f * t[k]
        for k in reversed(range(len(t))):
            t[k] = (t[k] + mpmath.fsum(a * t[j] for j, a in self.A[k].items())) / self.pivot[k]
        return self._spread(t)

    def left(self, b: list) -> list:
        """Solution of x M = b."""
        x = [b[s] for s in self.order]
        for k in range(len(x)):
            x[k] /= self.pivot[k]
            for j, a in self.A[k].items():
                x[j] += a * x[k]
        for k in reversed(range(len(x))):
            x[k] += mpmath.fsum(f * x[i] for i, f in self.column[k].items())
        return self._spread(x)

    def _spread(self, values: list) -> list:
        every = [mpmath.mpf(0)] * self.chain.n_states
        for s, v in zip(self.order, values, strict=True):
            every[s] = v
        return every


def worst(found: np.ndarray, exact: list) -> float:
    errors = [
        abs(mpmath.mpf(float(f)) / e - 1)
        for f, e in zip(found.reshape(-1), exact, strict=True)
        if e != 0
    ]
    return float(max(errors))


def by_sparse_lu(chain: Chain, removed: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, float]:
    kept = np.flatnonzero(~removed.reshape(-1))
    M = -generator(chain)[kept][:, kept].tocsc()
    t = splu(M).solve(b[kept])
    every = np.zeros(chain.n_states)
    every[kept] = t
    return every, float(np.abs(M @ t - b[kept]).max() / np.abs(b).max())


def law_by_sparse_lu(chain: Chain) -> np.ndarray:
    """The usual way: replace one equation by the normalisation and factor."""
    n = chain.n_states
    A = generator(chain).T.tolil()
    A[n - 1, :] = 1.0
    b = np.zeros(n)
    b[-1] = 1.0
    return splu(A.tocsc()).solve(b)


def compare(name: str, chain: Chain, healthy: np.ndarray, stuck: np.ndarray) -> list[tuple]:
    n = chain.n_states
    rows: list[tuple] = []
    one = np.zeros(chain.shape, dtype=bool)
    one.reshape(-1)[0] = True
    out = [mpmath.mpf(0)] * n
    for r, c, q in zip(*chain.edges, strict=True):
        if r == 0:
            out[c] += mpmath.mpf(float(q))
    x = Exact(chain, one).left(out)
    x[0] = mpmath.mpf(1)
    total = mpmath.fsum(x)
    law = [v / total for v in x]
    lu = law_by_sparse_lu(chain)
    rows.append((name, "law", worst(stationary(chain).pi, law), worst(lu, law), None, None))
    for label, target in (("time to healthy", healthy), ("time to stuck", stuck)):
        exact = Exact(chain, target)
        ones = [mpmath.mpf(0 if g else 1) for g in target.reshape(-1)]
        mean = exact.right(ones)
        second = exact.right([2 * m for m in mean])
        std = [mpmath.sqrt(s - m * m) for m, s in zip(mean, second, strict=True)]
        times = hitting_times(chain, target)
        b = (~target).reshape(-1).astype(float)
        other, residual = by_sparse_lu(chain, target, b)
        longest = float(max(mean))
        rows.append((name, label, worst(times.mean, mean), worst(other, mean), residual, longest))
        rows.append((name, label + ", std", worst(times.std, std), None, None, float(max(std))))
    exact = Exact(chain, healthy | stuck)
    into = [mpmath.mpf(0)] * n
    for r, c, q in zip(*chain.edges, strict=True):
        if stuck.reshape(-1)[c] and not (healthy | stuck).reshape(-1)[r]:
            into[r] += mpmath.mpf(float(q))
    h = exact.right(into)
    found = committor(chain, stuck, healthy)
    inner = np.where(healthy | stuck, 0.0, found.probability)
    other, residual = by_sparse_lu(chain, healthy | stuck, np.array([float(v) for v in into]))
    rows.append((name, "committor", worst(inner, h), worst(other, h), residual, None))
    return rows


def main() -> int:
    rows: list[tuple] = []
    chain = benchmark("B", (100, 20))
    q, o = np.indices(chain.shape)
    rows += compare("retry 100x20", chain, (q + o) == 0, o >= 10)
    chain = as_chain(double_well(22, 16, 38.0))
    x, y = np.indices(chain.shape)
    low, high = (x <= 3) & (y <= 3), (x >= 18) & (y >= 12)
    rows += compare("double well", chain, low, high)
    chain = ladder(100, 0.1)
    n = np.arange(101)
    rows += compare("ladder", chain, n == 0, n == 100)
    chain = benchmark("B", (200, 50))
    q, o = np.indices(chain.shape)
    for label, target, start, known in (
        ("recovery", (q + o) == 0, (199, 49), 5414287993831.893),
        ("escape", o >= 25, (0, 0), 8583203.622399677),
    ):
        mean = hitting_times(chain, target).at(start).mean
        b = (~target).reshape(-1).astype(float)
        other, residual = by_sparse_lu(chain, target, b)
        lu = float(other.reshape(chain.shape)[start])
        rows.append(
            ("retry 200x50", label, abs(mean / known - 1), abs(lu / known - 1), residual, mean)
        )
    print(f"{'chain':14s}{'quantity':24s}{'error':>9s}{'sparse LU':>11s}{'its residual':>14s}"
          f"{'longest':>10s}  reading")  # fmt: skip
    wrong = 0
    for name, label, ours, theirs, residual, longest in rows:
        verdict = "right" if ours < LIMIT else "wrong"
        wrong += verdict == "wrong"
        cells = [f"{v:.1e}" if v is not None else "-" for v in (ours, theirs, residual, longest)]
        print(f"{name:14s}{label:24s}{cells[0]:>9s}{cells[1]:>11s}{cells[2]:>14s}{cells[3]:>10s}"
              f"  {verdict}")  # fmt: skip
    lost = [row for row in rows if row[3] is not None and row[3] > 1e-2]
    print(f"\nsparse LU is wrong by more than 1 % in {len(lost)} of these quantities")
    return 1 if wrong or not lost else 0


if __name__ == "__main__":
    sys.exit(main())
