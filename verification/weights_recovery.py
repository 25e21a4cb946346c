"""Does the default estimator find planted weights, and never do worse than the plain count?

    SEPARATRIX_SHARED=<folder> python verification/weights_recovery.py [cases per kind]

Load-share error: half the sum over operations of |share of the load found - true share|, the part of
the load that is blamed on the wrong operation. Users: Kendall's tau between true and found load of
200 users whose mixes scatter around the server's. "Worse" counts the cases in which the plain count
has the smaller error. The gate: at most 0.12 and at least 0.98 on real rates with a concave link, in
the median and in the worst case, and a median not above the count's on any kind.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.stats import kendalltau

from separatrix.weights import CostWeights
from weights_loads import KINDS, Case, has_real_day, users

Floats = npt.NDArray[np.float64]
RESULT = Path(__file__).parent / "results" / "weights_recovery.md"
REAL = "real rates, concave"


def share_error(mean: Floats, found: Floats, true: Floats) -> float:
    """Half the L1 distance of the two divisions of the load among operations."""
    a, b = mean * found, mean * true
    return 0.5 * float(np.abs(a / a.sum() - b / b.sum()).sum())


def judged(case: Case, rng: np.random.Generator) -> tuple[float, float, float, float, bool]:
    """Return share error and tau, ours and the count's, and whether costs were told apart."""
    mean = np.nanmean(case.table.rates[:, 0], axis=1)
    true = np.array([case.cost[o] for o in case.table.operations])
    weights = CostWeights().fit(case.table).weights_
    found = weights.aligned(case.table.operations)[0]
    flat = np.ones(len(true))
    counts = users(rng, mean)
    tau = [float(kendalltau(counts @ w, counts @ true).statistic) for w in (found, flat)]
    error = [share_error(mean, w, true) for w in (found, flat)]
    return error[0], error[1], tau[0], tau[1], weights.status == "ok"


def main() -> int:
    per_kind = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    wrong: list[str] = []
    lines = [
        "# Recovery of planted weights",
        "",
        f"{per_kind} cases per kind; `python verification/weights_recovery.py {per_kind}`.",
        "Load-share error and Kendall's tau of 200 users: median (worst).",
        "",
        "| load | error, found | error, count | tau, found | tau, count | told apart | worse than count |",
        "|---|---|---|---|---|---|---|",
    ]
    for number, (kind, make) in enumerate(KINDS.items()):
        if kind == REAL and not has_real_day():
            print("the real day is not here; set SEPARATRIX_SHARED")
            return 2
        begun = time.process_time()
        rows: list[tuple[float, float, float, float, bool]] = []
        for draw in range(per_kind):
            rng = np.random.default_rng([4, number, draw])
            rows.append(judged(make(rng), rng))
        ours, count, tau, tau_count, told = (np.array(column) for column in zip(*rows, strict=True))
        worse = int((ours > count + 1e-12).sum())
        lines.append(
            f"| {kind} | {np.median(ours):.4f} ({ours.max():.4f}) | {np.median(count):.4f} "
            f"({count.max():.4f}) | {np.median(tau):.4f} ({tau.min():.4f}) | "
            f"{np.median(tau_count):.4f} ({tau_count.min():.4f}) | {int(told.sum())} | {worse} |"
        )
        spent = (time.process_time() - begun) / per_kind
        print(lines[-1], f"{spent:.1f} CPU s a case", flush=True)
        if np.median(ours) > np.median(count) + 1e-12:
            wrong.append(f"{kind}: the plain count is nearer the truth")
        if kind == REAL and (ours.max() > 0.12 or tau.min() < 0.98):
            wrong.append(f"{kind}: error {ours.max():.3f} > 0.12 or tau {tau.min():.4f} < 0.98")
    verdict = "WRONG: " + "; ".join(wrong) if wrong else "right"
    lines += ["", verdict, ""]
    RESULT.write_text("\n".join(lines))
    print(verdict)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
