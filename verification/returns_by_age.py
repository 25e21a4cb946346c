r"""A chain of the staged closure in which those who come back are those whose time-out began T ago.

The closure lets a share 1/T of the doomed come back in a second, whatever their age. Here the rate is worked out from
the chain's own past: with :math:`\mu(x)` the time spent in state x on the way back and :math:`D_u(x)` that time,
multiplied by the mean density of doomed of age u who are there, D starts as the flow of new doomed into x, is carried
by the chain's transitions (a marked one is saved with those that a service saves, at random, and stays when others
come back), is fed by those who turn to the worse, at each age by the share of its attempts among those let in, and
ends as :math:`\mu(x)\,R(x) = D_T(x)`. With the rates R the chain spends its time otherwise, so this is repeated until
the mean time back rests. Nothing is fitted, and no term is subtracted; but R belongs to one question (from this
start, to that set), which a closure's rates must not.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.sparse import csr_array, diags_array
from scipy.sparse.linalg import spsolve
from scipy.stats import poisson

from separatrix.population import Population
from separatrix.population.lattice import Array, Transition

AGES = 16
CLOSE, ROUNDS = 1e-3, 14


@dataclass(frozen=True)
class Move:
    """One transition, from every state where it can happen."""

    transition: Transition
    origin: np.ndarray
    target: np.ndarray
    rate: Array

    def step(self, axis: int) -> int:
        return self.transition.jump[axis]

    @property
    def worse(self) -> bool:
        return "worse" in self.transition.name

    def returns(self, orbit: int) -> bool:
        """Somebody comes back from this orbit, not a service that saves some of it."""
        return self.step(orbit) == -1 and self.step(0) >= 0

    def sends(self, orbit: int, first: int) -> bool:
        """An attempt is sent whose failure leads to this orbit."""
        if orbit == first:
            return "attempt 0" in self.transition.name
        return self.returns(orbit - 1)


def mean_time_back(
    population: Population, timeout: float, healthy: float, start: Array
) -> tuple[float, float]:
    """Mean time [s] from `start` until the score is `healthy`: as the closure has it, and with returns by age.

    Parameters
    ----------
    population : of one server and one stream, staged.
    start : a law over the states.
    """
    counts = [np.broadcast_to(x, population.shape).ravel() for x in population.grid()]
    score = np.broadcast_to(population.score(population.grid()), population.shape).ravel()
    alive = score > healthy
    orbits = population.axes_of("orbit")
    sooner = {orbit: np.ones(alive.size) for orbit in orbits}
    seen: list[float] = []
    moves = _moves(population)
    for _ in range(ROUNDS):
        now = [_hastened(move, sooner) for move in moves]
        spent = _occupations(now, alive, start.ravel())
        seen.append(float(spent.sum()))
        if len(seen) > 2 and abs(seen[-1] / seen[-2] - 1.0) < CLOSE:
            break
        for orbit in orbits:
            density = _of_age(now, orbit, orbits[0], counts[orbit], spent, alive, timeout)
            expected = spent * counts[orbit] / timeout
            there = expected > 0.0
            sooner[orbit] = np.where(there, density / np.where(there, expected, 1.0), 1.0)
    return seen[0], seen[-1]


def _moves(population: Population) -> list[Move]:
    shape = np.array(population.shape)[:, None]
    here = np.indices(population.shape).reshape(len(population.shape), -1)
    found = []
    for transition, rate in population.rates(population.grid()):
        there = here + np.array(transition.jump)[:, None]
        going = (rate.ravel() > 0) & ((there >= 0) & (there < shape)).all(axis=0)
        target = np.ravel_multi_index(tuple(there[:, going]), population.shape)
        found.append(Move(transition, np.flatnonzero(going), target, rate.ravel()[going]))
    return found


def _hastened(move: Move, sooner: dict[int, Array]) -> Move:
    for orbit, factor in sooner.items():
        if move.returns(orbit):
            return Move(move.transition, move.origin, move.target, move.rate * factor[move.origin])
    return move


def _matrix(moves: list[Move], rates: list[Array], n: int) -> csr_array:
    origin, target = (
        np.concatenate([getattr(m, name) for m in moves]) for name in ("origin", "target")
    )
    return csr_array((np.concatenate(rates), (origin, target)), shape=(n, n))


def _occupations(moves: list[Move], alive: np.ndarray, start: Array) -> Array:
    """Mean time spent in each state before the set is reached."""
    rates = _matrix(moves, [m.rate for m in moves], alive.size)
    inside = np.flatnonzero(alive)
    kept = (rates - diags_array(rates.sum(axis=1)))[inside][:, inside]
    spent = np.zeros(alive.size)
    spent[inside] = spsolve(kept.T.tocsc(), -start[inside])
    return spent


def _of_age(
    moves: list[Move], orbit: int, first: int, count: Array, spent: Array, alive: np.ndarray,
    timeout: float,
) -> Array:  # fmt: skip
    """D at the age `timeout`: how many reach it in each state."""
    n, step = alive.size, timeout / AGES
    let_in, new = np.zeros(n), np.zeros(n)
    for m in moves:
        flow = spent[m.origin] * m.rate
        if m.sends(orbit, first) and m.step(0) == 1:
            np.add.at(let_in, m.target, flow)
        if not m.worse and m.step(orbit) == 1:
            np.add.at(new, m.target, flow)
    everyone = _Carried(moves, [(m.rate, m.rate) for m in moves], alive, step)
    ages = [np.where(alive, let_in, 0.0)]
    for _ in range(AGES):
        ages.append(everyone.on(ages[-1], np.zeros(n)))
    between = [0.5 * (a + b) for a, b in pairwise(ages)]
    total = sum(between) * step
    marked = _Carried(moves, [_marked(m, orbit, count) for m in moves], alive, step)
    worse = [m for m in moves if m.worse and m.step(orbit) > 0]
    density = np.where(alive, new, 0.0)
    for of_age in between:
        share = np.where(total > 0.0, of_age / np.where(total > 0.0, total, 1.0), 1.0 / timeout)
        fed = np.zeros(n)
        for m in worse:
            np.add.at(fed, m.target, spent[m.origin] * m.rate * share[m.origin])
        density = marked.on(density, np.where(alive, fed, 0.0))
    return density


def _marked(move: Move, orbit: int, count: Array) -> tuple[Array, Array]:
    """Rates of the move for a marked one of the orbit: that it happens, and that it leaves the mark there.

    A service saves any of them; who comes back is another, for the marked one is not yet of age.
    """
    there = count[move.origin]
    rate = np.where(there >= 1.0, move.rate, 0.0)
    others = rate * np.maximum(there + min(move.step(orbit), 0), 0.0) / np.maximum(there, 1.0)
    return (others if move.returns(orbit) else rate), others


class _Carried:
    """Densities carried by moves for one step of age, by uniformisation; rates as of `_marked`."""

    def __init__(
        self, moves: list[Move], rates: list[tuple[Array, Array]], alive: np.ndarray, step: float
    ) -> None:
        leaving = _matrix(moves, [r for r, _ in rates], alive.size).sum(axis=1)
        going = _matrix(moves, [r for _, r in rates], alive.size)
        top = 1.0001 * float(leaving.max())
        self._going = (diags_array(alive / top) @ going.T).tocsr()
        self._stay = 1.0 - leaving / top
        terms = np.arange(int(poisson.isf(1e-12, top * step)) + 2)
        self._now = poisson.pmf(terms, top * step)
        self._fed = poisson.sf(terms, top * step) / top

    def on(self, density: Array, fed: Array) -> Array:
        """The density one step later, fed at this constant rate."""
        found = self._now[0] * density + self._fed[0] * fed
        for now, later in zip(self._now[1:], self._fed[1:], strict=True):
            density = self._going @ density + self._stay * density
            fed = self._going @ fed + self._stay * fed
            found = found + now * density + later * fed
        return found
