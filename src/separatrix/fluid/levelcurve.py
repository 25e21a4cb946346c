r"""Hysteresis curves of one queue over any parameter: the level curve :math:`g(q; p) = 0`, row by row.

At one value p of the parameter the roots of the reduced drift g are all found at once
(`separatrix.fluid.reduced`). Neighbouring values are linked in the order of their queues; where two roots
have gone, they met in a *fold* between: the value at which the largest :math:`\pm g` between them is zero.
Values are added where the curve moves fastest, and close to the folds. A program is lowered once a value, which
is what costs; corners of the dynamics do no harm, and curves that close on themselves are found, too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from separatrix.fluid.branch import Branch, Turning, growing_pairs, swing
from separatrix.fluid.field import jacobians
from separatrix.fluid.reduced import reduced, rested_orbits, roots
from separatrix.population import Array, Population

_FIRST = 40  # values looked at first
_LENGTHS = 160  # queue lengths at which the sign of g is looked at
_BATCH = 12
_FARTHEST = 1.0  # in the logarithm of the parameter
_NOSE = (0.25, 0.06, 0.015, 0.004)  # values beside a fold, as shares of the way to the next one


@dataclass(frozen=True)
class _Row:
    """All roots at one value of the parameter: (m, n) states and spectra."""

    value: float
    population: Population
    states: Array
    spectra: NDArray[np.complex128]


@dataclass(frozen=True)
class _Fold:
    """Where roots `pair` and `pair + 1` of row `row` meet on the way to row `toward`."""

    row: int
    toward: int
    pair: int


class _Sheet:
    """Rows by increasing value, and what is asked between them."""

    def __init__(self, family: Callable[[float], Population]) -> None:
        self.family = family
        self.rows: list[_Row] = []
        self._met: list[Turning] = []

    def add(self, value: float) -> None:
        population = self.family(value)
        q = roots(population, resolution=_LENGTHS)
        states = np.concatenate([q[:, None], rested_orbits(population, q)], axis=1)
        spectra = np.linalg.eigvals(jacobians(population, states)).astype(np.complex128)
        self.rows.append(_Row(value, population, states, spectra))

    def sort(self) -> None:
        self.rows.sort(key=lambda row: row.value)

    def links(self, i: int) -> tuple[list[tuple[int, int]], list[_Fold]]:
        """Roots of row i that go on to row i + 1, and the folds between the two."""
        low, high = list(range(len(self.rows[i].states))), list(range(len(self.rows[i + 1].states)))
        folds: list[_Fold] = []
        for here, there, keep, other in ((i, i + 1, low, high), (i + 1, i, high, low)):
            while len(keep) > len(other):
                at = self._vanishing(here, keep, there, other)
                folds.append(_Fold(here, there, keep[at]))
                del keep[at : at + 2]
        return list(zip(low, high, strict=True)), folds

    def _vanishing(self, here: int, keep: list[int], there: int, other: list[int]) -> int:
        """Place in `keep` of the first of the two neighbours whose loss leaves the best match."""
        q = self.rows[here].states[keep, 0]
        goal = self.rows[there].states[other, 0]
        costs: list[float] = []
        for at in range(len(keep) - 1):
            left = np.delete(q, [at, at + 1])
            gap = float(np.abs(left - goal).sum()) if len(left) == len(goal) else 0.0
            costs.append(gap + 1e-6 * float(q[at + 1] - q[at]))
        return int(np.argmin(costs))

    def turning(self, fold: _Fold) -> Turning:
        """The fold itself: known from rows farther off, or closed in on."""
        row, end = self.rows[fold.row], self.rows[fold.toward].value
        q = row.states[:, 0]
        a, b = fold.pair, fold.pair + 1
        width = float(q[b] - q[a])
        below = float(q[a] - (q[a - 1] if a else 0.0))
        above = float((q[b + 1] if b + 1 < len(q) else row.population.shape[0] - 1.0) - q[b])
        low, high = float(q[a]) - 0.5 * min(width, below), float(q[b]) + 0.5 * min(width, above)
        for met in self._met:
            between = min(row.value, end) <= met.value <= max(row.value, end)
            if between and low <= met.state[0] <= high:
                return met
        found = self._closed_in(row, end, low, high, float(q[a] + q[b]) / 2)
        self._met.append(found)
        return found

    def _closed_in(self, row: _Row, end: float, low: float, high: float, inside: float) -> Turning:
        """The value at which the extreme of g between two queue lengths passes zero."""
        from scipy.optimize import brentq

        sign = float(np.sign(reduced(row.population, np.array([inside]))[0]))

        def extreme(logarithm: float) -> tuple[float, float]:
            return _extreme(self.family(exp(logarithm)), sign, low, high)

        def height(logarithm: float) -> float:
            return extreme(logarithm)[1]

        first, last = log(row.value), log(end)
        while height(last) > 0 and abs(last - first) < _FARTHEST:
            # roots this close to each other are no longer seen: the fold lies farther on
            last += last - first
        find: Any = brentq
        at = float(find(height, first, last, xtol=1e-9, rtol=1e-12))
        q = np.array([extreme(at)[0]])
        orbits = rested_orbits(self.family(exp(at)), q)[0]
        return Turning("fold", exp(at), np.append(q, orbits))


def _extreme(population: Population, sign: float, low: float, high: float) -> tuple[float, float]:
    """Place and value of the largest sign * g between two queue lengths; corners are allowed."""
    place, best = low, -np.inf
    for _ in range(6):
        q: Array = np.linspace(low, high, 25)
        value = sign * reduced(population, q)
        i = int(np.argmax(value))
        place, best = float(q[i]), float(value[i])
        low, high = float(q[max(i - 1, 0)]), float(q[min(i + 1, len(q) - 1)])
    return place, best


def level_curves(
    family: Callable[[float], Population], value: float, span: tuple[float, float], *, points: int
) -> tuple[Branch, ...]:
    """All curves of resting points within `span`.

    Parameters
    ----------
    family : populations with one queue, reducible (see `reducible`), at any value of the parameter.
    value : > 0, where the program is now; it gets a row of its own.
    points : at least so many, on all curves together.
    """
    sheet = _Sheet(family)
    first: list[float] = [*np.geomspace(*span, _FIRST).tolist(), min(max(value, span[0]), span[1])]
    for at in sorted(set(first)):
        sheet.add(at)
    while True:
        sheet.sort()
        steps = [sheet.links(i) for i in range(len(sheet.rows) - 1)]
        if sum(len(row.states) for row in sheet.rows) >= points:
            break
        for at in _wanted(sheet, steps):
            sheet.add(at)
    noses: list[float] = []
    met: list[_Fold] = [fold for _, folds in steps for fold in folds]
    for fold in met:
        edge, start = log(sheet.turning(fold).value), log(sheet.rows[fold.row].value)
        noses += [exp(edge + share * (start - edge)) for share in _NOSE]
    for at in noses:
        sheet.add(at)
    sheet.sort()
    return _linked(sheet)


def _wanted(sheet: _Sheet, steps: list[tuple[list[tuple[int, int]], list[_Fold]]]) -> list[float]:
    """Values in the middle of the widest steps."""
    rows = sheet.rows
    scale = np.max([row.states.max(axis=0) for row in rows], axis=0) + 1.0
    whole = log(rows[-1].value / rows[0].value)
    gaps: list[float] = []
    for i, (pairs, folds) in enumerate(steps):
        moves = [np.abs(rows[i + 1].states[b] - rows[i].states[a]) / scale for a, b in pairs]
        far = max((float(move.max()) for move in moves), default=0.0)
        far += sum(_width(rows[f.row].states, f.pair) / scale[0] for f in folds)
        gaps.append(far + log(rows[i + 1].value / rows[i].value) / whole)
    widest = sorted(range(len(gaps)), key=lambda i: -gaps[i])[:_BATCH]
    return [float((rows[i].value * rows[i + 1].value) ** 0.5) for i in widest]


def _width(states: Array, pair: int) -> float:
    return float(states[pair + 1, 0] - states[pair, 0])


def _linked(sheet: _Sheet) -> tuple[Branch, ...]:
    """The curves, by following the links from their ends; then those that close on themselves."""
    rows = sheet.rows
    beside: dict[tuple[int, int], list[tuple[tuple[int, int], Turning | None]]] = {
        (i, j): [] for i, row in enumerate(rows) for j in range(len(row.states))
    }
    for i in range(len(rows) - 1):
        pairs, folds = sheet.links(i)
        ties: list[tuple[tuple[int, int], tuple[int, int], Turning | None]] = [
            ((i, a), (i + 1, b), None) for a, b in pairs
        ]
        ties += [((f.row, f.pair), (f.row, f.pair + 1), sheet.turning(f)) for f in folds]
        for here, there, turning in ties:
            beside[here].append((there, turning))
            beside[there].append((here, turning))
    left = set(beside)
    found: list[Branch] = []
    for node in sorted(beside, key=lambda n: (len(beside[n]) != 1, n)):
        if node in left:
            found.append(_walked(sheet, beside, left, node))
    return tuple(found)


def _walked(
    sheet: _Sheet,
    beside: dict[tuple[int, int], list[tuple[tuple[int, int], Turning | None]]],
    left: set[tuple[int, int]],
    start: tuple[int, int],
) -> Branch:
    values: list[float] = []
    states: list[Array] = []
    spectra: list[NDArray[np.complex128]] = []
    turnings: list[Turning] = []
    here = start
    while True:
        left.discard(here)
        row = sheet.rows[here[0]]
        values.append(row.value)
        states.append(row.states[here[1]])
        spectra.append(row.spectra[here[1]])
        further = [(node, turning) for node, turning in beside[here] if node in left]
        if not further and here != start:
            # a curve that closes on itself ends where it began
            further = [tie for tie in beside[here] if tie[0] == start and len(values) > 2]
        if not further:
            break
        node, turning = further[0]
        if turning is not None:
            turnings.append(turning)
        elif abs(growing_pairs(row.spectra[here[1]]) - growing_pairs(_spectrum(sheet, node))) == 1:
            turnings += _hopf(sheet, here, node)
        here = node
    return Branch(np.array(values), np.array(states), np.array(spectra), tuple(turnings))


def _spectrum(sheet: _Sheet, node: tuple[int, int]) -> NDArray[np.complex128]:
    return sheet.rows[node[0]].spectra[node[1]]


def _hopf(sheet: _Sheet, here: tuple[int, int], there: tuple[int, int]) -> list[Turning]:
    """The value between two linked roots at which a pair of eigenvalues begins to grow."""
    first, last = sheet.rows[here[0]], sheet.rows[there[0]]
    count = growing_pairs(first.spectra[here[1]])
    if (first.spectra[here[1]].real > 0).sum() == (last.spectra[there[1]].real > 0).sum():
        return []  # two real ones became a pair: no crossing
    ends = [log(first.value), log(last.value)]
    ordinal = here[1]
    best: Turning | None = None
    for _ in range(30):
        middle = 0.5 * (ends[0] + ends[1])
        population = sheet.family(exp(middle))
        q = roots(population, resolution=_LENGTHS)
        if len(q) != len(first.states) or len(q) != len(last.states):
            return []
        at = q[ordinal : ordinal + 1]
        state = np.append(at, rested_orbits(population, at)[0])
        spectrum = np.linalg.eigvals(jacobians(population, state[None]))[0].astype(np.complex128)
        best = Turning("hopf", exp(middle), state, swing(spectrum))
        ends[0 if growing_pairs(spectrum) == count else 1] = middle
    return [] if best is None else [best]
