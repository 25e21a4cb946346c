"""Small chains whose solutions are known in 60 digits, for `markov_mutants`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import mpmath
import numpy as np

from separatrix.markov.generator import Chain

mpmath.mp.dps = 60


@dataclass(frozen=True)
class Case:
    """A chain with what was removed and killed, and the inverse of its M-matrix in 60 digits."""

    name: str
    chain: Chain
    removed: np.ndarray
    killing: float
    anchor: int
    law: list
    inverse: np.ndarray  # of mpf, over the kept states


def lattice(
    shape: tuple[int, ...], jumps: tuple[tuple[int, ...], ...], rate: Callable[[int, tuple], np.ndarray]
) -> Chain:  # fmt: skip
    tables = []
    places = np.indices(shape)
    for number, jump in enumerate(jumps):
        inside = np.ones(shape, dtype=bool)
        for axis, step in enumerate(jump):
            inside &= (places[axis] + step >= 0) & (places[axis] + step < shape[axis])
        tables.append(np.where(inside, rate(number, shape), 0.0))
    names = tuple(f"axis{i}" for i in range(len(shape)))
    return Chain(shape, names, jumps, tuple(tables))


def dense(chain: Chain) -> list[list]:
    n = chain.n_states
    table = [[mpmath.mpf(0)] * n for _ in range(n)]
    for row, col, rate in zip(*chain.edges, strict=True):
        table[row][col] += mpmath.mpf(float(rate))
    return table


def exact_inverse(rates: list[list], kept: list[int], killing: float) -> np.ndarray:
    """Gauss-Jordan on the M-matrix of the kept states, diagonals rebuilt as sums."""
    n, inside = len(rates), set(kept)
    size = len(kept)
    leaving = [
        mpmath.mpf(killing) + mpmath.fsum(rates[i][j] for j in range(n) if j not in inside)
        for i in kept
    ]
    work = [[rates[i][j] for j in kept] + [leave] for i, leave in zip(kept, leaving, strict=True)]
    for k in range(size):
        row = work[k]
        pivot = mpmath.fsum(row[k + 1 :])
        row[k] = mpmath.mpf(1)
        row = work[k] = [x / pivot for x in row]
        for i in range(size):
            factor = work[i][k]
            if i != k and factor:
                work[i][k] = mpmath.mpf(0)
                work[i] = [x + factor * y for x, y in zip(work[i], row, strict=True)]
    return np.array([row[:size] for row in work], dtype=object).reshape(size, size)


def case(
    name: str, chain: Chain, removed: tuple[int, ...] = (), killing: float = 0.0, anchor: int | None = None
) -> Case:  # fmt: skip
    rates, n = dense(chain), chain.n_states
    gone = np.zeros(n, dtype=bool)
    gone[list(removed)] = True
    kept = [i for i in range(n) if not gone[i]]
    last = kept[0] if anchor is None else anchor
    if removed or killing:
        return Case(
            name, chain, gone.reshape(chain.shape), killing, last, [],
            exact_inverse(rates, kept, killing),
        )  # fmt: skip
    others = [i for i in kept if i != last]
    inverse = exact_inverse(rates, others, 0.0)
    visits = dict(zip(others, np.array([rates[last][j] for j in others]) @ inverse, strict=True))
    visits[last] = mpmath.mpf(1)
    total = mpmath.fsum(visits.values())
    law = [visits[i] / total for i in range(n)]
    return Case(name, chain, gone.reshape(chain.shape), 0.0, last, law, inverse)


def cases() -> list[Case]:
    rng = np.random.default_rng(7)
    around = tuple(
        (int(i) - 1, int(j) - 1) for i, j in np.ndindex(3, 3) if (int(i), int(j)) != (1, 1)
    )
    plane = lattice((6, 5), around, lambda k, s: 10.0 ** rng.uniform(-2, 2, s))
    sparse = lattice(
        (7, 4),
        ((1, 0), (-1, 0), (0, 1), (0, -1), (1, -1)),
        lambda k, s: 10.0 ** rng.uniform(-1, 1, s) * (rng.random(s) > 0.15 * (k > 3)),
    )
    cube = lattice(
        (3, 4, 3),
        ((1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1), (1, 1, -1)),
        lambda k, s: 10.0 ** rng.uniform(-1, 1, s),
    )
    wide = lattice(
        (11, 3),
        ((1, 0), (-1, 0), (2, 1), (0, -1), (0, 1)),
        lambda k, s: 10.0 ** rng.uniform(-1, 1, s),
    )
    # probabilities and times far beyond the range of a float64
    deep = lattice(
        (14, 2), ((1, 0), (-1, 0), (0, 1), (0, -1)),
        lambda k, s: np.full(s, (1e-20, 1.0, 1.0, 1e-9)[k]) * rng.uniform(0.5, 2.0, s),
    )  # fmt: skip
    # rates of one state a hundred decades apart
    wild = lattice(
        (6, 4),
        ((1, 0), (-1, 0), (0, 1), (0, -1), (1, -1)),
        lambda k, s: 10.0 ** rng.uniform(-40, 40, s),
    )
    # once the states below it are gone, hardly anything leaves a state
    steep = lattice(
        (7, 2), ((1, 0), (-1, 0), (0, 1), (0, -1)),
        lambda k, s: np.full(s, (1e-40, 1.0, 1e-90, 1e-91)[k]) * rng.uniform(0.5, 2.0, s),
    )  # fmt: skip
    return [
        case("plane", plane, anchor=13),
        case("plane, killed", plane, removed=(0, 1, 7, 17), killing=0.3, anchor=20),
        case("sparse", sparse),
        case("sparse, target", sparse, removed=(27,)),
        case("cube", cube),
        case("cube, target", cube, removed=(0, 5), anchor=30),
        case("wide", wide, anchor=32),
        case("wide, killed", wide, killing=1e-3),
        case("deep", deep, anchor=0),
        case("deep, target", deep, removed=(27,)),
        case("deep, steep", steep, removed=(13,), anchor=12),
        case("wild", wild, anchor=9),
        case("wild, target", wild, removed=(23,)),
    ]
