"""Is a placement's proven gap true? Against the whole integer program, written out without our reductions.

    python verification/placement_optimum.py

For random problems small enough for it, HiGHS solves the program with a column for every user and
target and, for means of k windows, the epigraph of Rockafellar and Uryasev instead of generated rows.
"right": our bound <= its optimum <= our peak, and our peak within the gap asked for.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from separatrix.placement import Limits, Problem, solve

GAP = 1e-3
RESULT = Path(__file__).parent / "results" / "placement_optimum.md"


def random_problem(seed: int) -> Problem:
    rng = np.random.default_rng(seed)
    users, targets = int(rng.integers(12, 25)), int(rng.integers(2, 5))
    windows = int(rng.integers(1, 7))
    load = rng.lognormal(0.0, 1.0, (users, 1)) * rng.gamma(2.0, 0.5, (users, windows))
    inodes = rng.lognormal(3.0, 1.0, users)
    return Problem(
        rng.choice(targets, users, p=rng.dirichlet(np.ones(targets))).astype(np.int64),
        load,
        rng.random((targets, windows)),
        Limits(int(rng.integers(1, 9)), inodes=float(rng.uniform(0.05, 0.5) * inodes.sum())),
        int(rng.integers(1, windows + 1)),
        inodes=inodes,
        movable=rng.random(users) < 0.9,
    )


def whole_program(p: Problem) -> float:
    """Variables: x_um, then t_m, e_mw >= L_mw - t_m, then z >= t_m + sum_w e_mw / k."""
    U, M, W = p.n_users, p.n_targets, p.load.shape[1]
    n = U * M + M + M * W + 1
    A = sparse.lil_array((M * W + M + U + 2, n))
    low, high = np.full(A.shape[0], -np.inf), np.zeros(A.shape[0])
    for m in range(M):
        for w in range(W):
            r = m * W + w
            A[r, np.arange(U) * M + m] = p.load[:, w]
            A[r, U * M + m] = -1.0
            A[r, U * M + M + r] = -1.0
            high[r] = -p.fixed[m, w]
        r = M * W + m
        A[r, U * M + m] = 1.0
        A[r, U * M + M + m * W + np.arange(W)] = 1.0 / p.worst
        A[r, n - 1] = -1.0
    for u in range(U):
        r = M * W + M + u
        A[r, u * M + np.arange(M)] = 1.0
        low[r] = high[r] = 1.0
    stay = np.arange(U) * M + p.home
    A[-2, stay] = -1.0
    high[-2] = p.limits.moves - U
    A[-1, stay] = -p.inodes
    high[-1] = p.limits.inodes - p.inodes.sum()
    floor = np.concatenate([np.zeros(U * M), np.full(M, -np.inf), np.zeros(M * W + 1)])
    ceiling = np.concatenate([np.ones(U * M), np.full(M + M * W + 1, np.inf)])
    floor[stay[~p.movable]] = 1.0
    whole = np.concatenate([np.ones(U * M), np.zeros(n - U * M)])
    answer = milp(
        np.eye(n)[-1],
        integrality=whole,
        bounds=Bounds(floor, ceiling),
        constraints=LinearConstraint(A.tocsr(), low, high),
        options={"mip_rel_gap": 1e-7, "time_limit": 60},
    )
    return float(answer.fun) if answer.status == 0 else float("nan")


def main() -> None:
    lines = [
        "| seed | users | targets | windows | k | whole program | ours | our bound | reading |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for seed in range(20):
        p = random_problem(seed)
        best, found = whole_program(p), solve(p, gap=GAP, seconds=60)
        tolerance = 1e-6 * best
        right = (
            found.bound <= best + tolerance
            and best <= found.peak + tolerance
            and found.peak <= best * (1 + 1.1 * GAP)
            and p.keeps(found.assigned)
        )
        shape = f"{p.n_users} | {p.n_targets} | {p.load.shape[1]} | {p.worst}"
        word = "not solved in 60 s" if np.isnan(best) else "right" if right else "WRONG"
        print(seed, word, flush=True)
        lines.append(
            f"| {seed} | {shape} | {best:.6f} | {found.peak:.6f} | {found.bound:.6f} | {word} |"
        )
    text = "\n".join(lines) + "\n"
    RESULT.write_text(f"# Placements against the whole integer program\n\n{text}")


if __name__ == "__main__":
    main()
