r"""The placement with a proven gap: linear bounds by rows and columns, then an integer program.

Written out, the problem has a column for every user and other target and a row for every target and
every set of k windows. Few of either matter, so both are generated:

1. The linear relaxation over a working set of rows and columns is solved (HiGHS). Sets of windows
   that its solution violates become rows, moves whose reduced cost is negative become columns, until
   neither is left; every dual solution gives a valid bound on the way (`bound`).
2. The incumbent comes from `greedy`, started at home and at the rounded relaxation, and from
   `anneal`, since HiGHS takes no start through SciPy. Moves that no placement better than
   (1 - gap / 2) times the incumbent can contain are left out.
3. `scipy.optimize.milp` solves the rest; rows that its solution violates are added and it is solved
   again. Its dual bound holds for the left-out rows (they only raise P) and, up to that part of the
   incumbent, for the left-out columns.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal

import numpy as np

from separatrix.placement.anneal import annealed
from separatrix.placement.bound import (
    Bound,
    Rows,
    bound,
    highest_rows,
    lonely,
    open_moves,
)
from separatrix.placement.greedy import improved
from separatrix.placement.problem import Floats, Ints, Problem
from separatrix.placement.restricted import RestrictedProgram

TOLERANCE = 1e-6
"""Relative allowance by which HiGHS's dual bound is lowered: its feasibility tolerances are 1e-6
(integers) and 1e-7, and loads are scaled to the incumbent before they are given to it."""
_SMALL = 50_000  # users x targets x rows that HiGHS solves sooner than annealing begins to help
_RUNS = 8  # of annealing, while the gap is open
_DENSEST = 500_000  # entries of rows x columns that HiGHS branches on within its time limit
_FIRST = 300  # users whose moves are columns from the start
_ADDED = 400  # columns added in one round
_ENOUGH = 1e-7  # relative violation of a row that is not worth adding it


@dataclass(frozen=True, eq=False)
class Solution:
    """An assignment, and how much better any other could be.

    Attributes
    ----------
    assigned : (n_users,) target of each user.
    peak : its worst peak [weighted operations / s].
    bound : no assignment within the limits has a lower one.
    status : ``"ok"`` where the gap asked for is proven, else ``"inconclusive"``.
    reason : why not.
    columns : moves that the last integer program could choose from.
    """

    assigned: Ints
    peak: float
    bound: float
    status: Literal["ok", "inconclusive"]
    reason: str
    columns: int

    @property
    def gap(self) -> float:
        """(peak - bound) / peak, 0 where the peak is 0."""
        return (self.peak - self.bound) / self.peak if self.peak > 0 else 0.0


def solve(problem: Problem, *, gap: float = 0.01, seconds: float = 30.0, seed: int = 0) -> Solution:
    """Return a placement whose worst peak is proven to be within `gap` of the best.

    Parameters
    ----------
    gap : relative gap to prove, in (0, 1).
    seed : decides the random proposals of the annealing.
    seconds : time to spend at most, roughly; what was found by then is returned with its own gap.
    """
    return _Search(problem, gap, time.monotonic() + seconds, seed).run()


class _Search:
    def __init__(self, problem: Problem, gap: float, until: float, seed: int) -> None:
        self.problem, self.gap, self.until, self.seed = problem, gap, until, seed
        self.begun = time.monotonic()
        self.best = problem.home.copy()
        self.peak = problem.peak(self.best)
        self.low = lonely(problem)
        self.columns = 0
        self.trial = 0

    def run(self) -> Solution:
        problem = self.problem
        if self.peak <= 0.0:
            return self.solution("ok", "")
        self.take(improved(problem, self.best, self.share(0.1)))
        rows = highest_rows(problem, problem.loads(problem.home)).joined(
            highest_rows(problem, problem.loads(self.best))
        )
        chosen, rows, found = self.relaxed(rows)
        self.take(improved(problem, self.rounded(chosen), self.share(0.3)))
        if problem.n_users * problem.n_targets * len(rows) > _SMALL:
            while self.open and self.trial < _RUNS and time.monotonic() < self.share(0.7):
                self.anneal(self.share(0.7))
        while self.open and time.monotonic() < self.until:
            cut = self.peak * (1.0 - 0.5 * self.gap)
            allowed = open_moves(found, cut)
            columns = np.argwhere(allowed)
            self.columns = len(columns)
            if len(columns) == 0:
                self.low = max(self.low, cut)
                break
            if len(columns) * len(rows) > _DENSEST:
                self.anneal(self.until)  # better incumbents may leave fewer moves open
                continue
            new = self.integer(rows, columns, cut, found)
            if new is None:
                break
            rows = rows.joined(new)
        if self.open:
            return self.solution(
                "inconclusive",
                f"a gap of {self.gap:.3g} was not proven in the time given; more time may prove it",
            )
        return self.solution("ok", "")

    @property
    def open(self) -> bool:
        return self.low < self.peak * (1.0 - self.gap)

    def share(self, part: float) -> float:
        """A moment when this part of the time is over."""
        return min(self.until, self.begun + part * (self.until - self.begun))

    def take(self, assigned: Ints) -> None:
        if self.problem.keeps(assigned):
            peak = self.problem.peak(assigned)
            if peak < self.peak:
                self.best, self.peak = assigned.copy(), peak

    def anneal(self, until: float) -> None:
        """Anneal the incumbent once, each time with another seed."""
        enough = self.low / (1.0 - self.gap)
        self.take(annealed(self.problem, self.best, self.seed + self.trial, until, enough))
        self.trial += 1

    def solution(self, status: Literal["ok", "inconclusive"], reason: str) -> Solution:
        low = min(self.low, self.peak)
        return Solution(self.best, self.peak, low, status, reason, self.columns)

    def relaxed(self, rows: Rows) -> tuple[dict[tuple[int, int], float], Rows, Bound]:
        """Solve the linear relaxation; return its moves, the rows it needed and the best bound."""
        problem = self.problem
        heavy = np.argsort(-problem.load.sum(axis=1))[:_FIRST]
        heavy = heavy[problem.movable[heavy]]
        pairs = [(u, m) for u in heavy.tolist() for m in range(problem.n_targets)]
        columns = np.array(
            [(u, m) for u, m in pairs if m != problem.home[u]], dtype=np.int64
        ).reshape(-1, 2)
        inside = np.zeros((problem.n_users, problem.n_targets), dtype=np.bool_)
        inside[columns[:, 0], columns[:, 1]] = True
        best: Bound | None = None
        while True:
            program = RestrictedProgram(problem, rows, columns, self.peak)
            value, moves, prices = program.linear()
            found = bound(problem, rows, prices)
            if best is None or found.value > best.value:
                best = found
            self.low = max(self.low, found.value)
            loads = problem.fixed + self.moved_loads(columns, moves)
            fresh = self.violated(loads, value)
            wanted = (found.cost < -_ENOUGH * self.peak / max(problem.limits.moves, 1)) & ~inside
            wanted &= found.extra < self.peak  # a cost of +inf is no move
            more = np.argwhere(wanted)
            order = np.argsort(found.cost[more[:, 0], more[:, 1]])[:_ADDED]
            more = more[order]
            done = len(fresh) == 0 and len(more) == 0
            if done or not self.open or time.monotonic() >= self.share(0.5):
                chosen = {
                    (int(u), int(m)): float(y)
                    for (u, m), y in zip(columns.tolist(), moves.tolist(), strict=True)
                    if y > 1e-9
                }
                return chosen, rows, best
            rows = rows.joined(fresh) if len(fresh) else rows
            columns = np.concatenate([columns, more])
            inside[more[:, 0], more[:, 1]] = True

    def moved_loads(self, columns: Ints, moves: Floats) -> Floats:
        """Loads that users put on targets when they move in parts."""
        problem = self.problem
        part = np.zeros((problem.n_users, problem.n_targets))
        part[np.arange(problem.n_users), problem.home] = 1.0
        np.add.at(part, (columns[:, 0], columns[:, 1]), moves)
        np.add.at(part, (columns[:, 0], problem.home[columns[:, 0]]), -moves)
        return part.T @ problem.load

    def violated(self, loads: Floats, value: float) -> Rows:
        """Rows that these loads violate, if the worst peak were `value`."""
        over = np.flatnonzero(self.problem.peaks(loads) > value + _ENOUGH * self.peak)
        rows = highest_rows(self.problem, loads)
        return Rows(rows.target[over], rows.mean[over])

    def rounded(self, chosen: dict[tuple[int, int], float]) -> Ints:
        """Take the relaxation's moves, most chosen first, as far as the limits allow."""
        problem, limits = self.problem, self.problem.limits
        assigned = problem.home.copy()
        moves, inodes, size = 0, 0.0, 0.0
        for (user, target), part in sorted(chosen.items(), key=lambda item: -item[1]):
            fits = (
                part >= 0.5
                and moves < limits.moves
                and inodes + problem.inodes[user] <= limits.inodes
                and size + problem.size[user] <= limits.size
            )
            if fits and assigned[user] == problem.home[user]:
                assigned[user] = target
                moves += 1
                inodes += float(problem.inodes[user])
                size += float(problem.size[user])
        return assigned

    def integer(self, rows: Rows, columns: Ints, cut: float, found: Bound) -> Rows | None:
        """Solve the integer program once; return rows to add, or None when that is all."""
        program = RestrictedProgram(self.problem, rows, columns, self.peak)
        left = self.until - time.monotonic()
        if left <= 0.0:
            return None
        value, assigned = program.integer(left, 0.2 * self.gap)
        self.low = max(self.low, min(cut, value * (1.0 - TOLERANCE)), found.value)
        if assigned is None:
            return None
        self.take(assigned)
        self.take(improved(self.problem, assigned, min(self.until, time.monotonic() + 1.0)))
        fresh = self.violated(self.problem.loads(assigned), program.last * (1.0 + 1e-9))
        return fresh if len(fresh) else None
