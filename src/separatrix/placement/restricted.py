"""The placement's linear and integer programs over some of its rows and columns, for HiGHS."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from separatrix.placement.bound import Prices, Rows
from separatrix.placement.problem import Floats, Ints, Problem


class RestrictedProgram:
    """Rows and columns as the matrix that HiGHS is given, with loads in units of the incumbent."""

    def __init__(self, problem: Problem, rows: Rows, columns: Ints, unit: float) -> None:
        self.problem, self.rows, self.columns, self.unit = problem, rows, columns, unit
        self.last = np.inf
        users, to = columns[:, 0], columns[:, 1]
        size = rows.mean @ problem.load[users].T / unit
        sign = (rows.target[:, None] == to).astype(np.float64)
        sign -= rows.target[:, None] == problem.home[users]
        home = problem.loads(problem.home)[rows.target]
        base = (rows.mean * home).sum(axis=1) / unit
        matrices: list[Any] = [
            sparse.csr_array(np.column_stack([size * sign, -np.ones(len(rows))]))
        ]
        limits: list[Floats] = [-base]
        zero = np.zeros(1)
        budgets = (
            (np.ones(len(users)), float(problem.limits.moves)),
            (problem.inodes[users], problem.limits.inodes),
            (problem.size[users], problem.limits.size),
        )
        self.budget: list[int | None] = []
        at = len(rows)
        for amount, limit in budgets:
            if np.isfinite(limit):
                unit_of = max(limit, 1.0)
                matrices.append(sparse.csr_array(np.concatenate([amount / unit_of, zero])[None]))
                limits.append(np.array([limit / unit_of]))
                self.budget.append(at)
                at += 1
            else:
                self.budget.append(None)
        self.units = [max(limit, 1.0) for _, limit in budgets]
        distinct, code = np.unique(users, return_inverse=True)
        once = sparse.csr_array(
            (np.ones(len(users)), (code, np.arange(len(users)))),
            shape=(len(distinct), len(users) + 1),
        )
        matrices.append(once)
        limits.append(np.ones(len(distinct)))
        self.matrix: Any = sparse.vstack(matrices, format="csr")
        self.limit = np.concatenate(limits)
        self.goal = np.concatenate([np.zeros(len(users)), np.ones(1)])

    def linear(self) -> tuple[float, Floats, Prices]:
        """Return the relaxation's value, its moves and its prices."""
        upper: list[tuple[float, float | None]] = [(0.0, 1.0)] * len(self.columns)
        answer = cast(
            Any,
            linprog(
                self.goal,
                A_ub=self.matrix,
                b_ub=self.limit,
                bounds=[*upper, (0.0, None)],
                method="highs",
            ),
        )
        if answer.x is None:  # nothing moved is always feasible: HiGHS itself failed
            nothing = np.zeros(len(self.columns))
            even = Prices(np.ones(len(self.rows)), 0.0, 0.0, 0.0)
            return float(-self.limit[: len(self.rows)].min()) * self.unit, nothing, even
        dual: Floats = -np.asarray(answer.ineqlin.marginals, dtype=np.float64)
        spent = [
            0.0 if at is None else float(dual[at]) * self.unit / scale
            for at, scale in zip(self.budget, self.units, strict=True)
        ]
        prices = Prices(dual[: len(self.rows)], *spent)
        moves: Floats = np.asarray(answer.x[:-1], dtype=np.float64)
        return float(answer.fun) * self.unit, moves, prices

    def integer(self, seconds: float, gap: float) -> tuple[float, Ints | None]:
        """Return the integer program's dual bound and its assignment (None if there is none)."""
        n = len(self.columns)
        whole: npt.NDArray[np.int64] = np.concatenate([np.ones(n, np.int64), np.zeros(1, np.int64)])
        answer = cast(
            Any,
            milp(
                self.goal,
                integrality=whole,
                bounds=Bounds(np.zeros(n + 1), np.concatenate([np.ones(n), np.array([np.inf])])),
                constraints=LinearConstraint(self.matrix, -np.inf, self.limit),
                options={"time_limit": seconds, "mip_rel_gap": gap},
            ),
        )
        low = answer.mip_dual_bound
        value = float(low) * self.unit if low is not None and np.isfinite(low) else 0.0
        if answer.x is None:
            return value, None
        self.last = float(answer.x[-1]) * self.unit
        assigned = self.problem.home.copy()
        taken = np.flatnonzero(np.asarray(answer.x[:-1]) > 0.5)
        assigned[self.columns[taken, 0]] = self.columns[taken, 1]
        return value, assigned
