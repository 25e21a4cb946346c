"""On a real day, does the score predict CPU load that it was not fitted to, and better than counts?

    SEPARATRIX_SHARED=<folder> python verification/weights_real_day.py

2018-02-09 of a production file system, 12,240 intervals of 5 s. Ten folds contiguous in time; costs,
link, lag and all choices are fitted without the fold that is predicted. The plain count and opens
alone get the same link and lag. The gate: R2 >= 0.869 and not below the count's.
"""

from __future__ import annotations

import sys
from pathlib import Path

from separatrix.telemetry import load
from separatrix.weights import CostWeights
from separatrix.weights.agreement import agreements
from weights_loads import REAL_DAY, has_real_day
from weights_reference import shared

RESULT = Path(__file__).parent / "results" / "weights_real_day.md"
LEAST = 0.869


def main() -> int:
    if not has_real_day():
        print("the real day is not here; set SEPARATRIX_SHARED")
        return 2
    table = load([str(shared() / "data" / "tokio" / REAL_DAY)])
    lines = [
        "# Held-out error on 2018-02-09",
        "",
        "`python verification/weights_real_day.py`",
        "",
        "| score | R2 held out, 10 folds | error held out [%] | Pearson | Spearman |",
        "|---|---|---|---|---|",
    ]
    r2: dict[str, float] = {}
    for method in ("regression", "quantile"):
        model = CostWeights(method).fit(table)
        rows = agreements(model.summary_.rows, model.weights_)
        for a in rows if method == "regression" else rows[:1]:
            r2[a.name] = a.r2
            lines.append(
                f"| {a.name} | {a.r2:.4f} | {a.rmse:.4f} | {a.pearson:.4f} | {a.spearman:.4f} |"
            )
            print(lines[-1], flush=True)
    right = r2["regression"] >= max(LEAST, r2["count"])
    lines += ["", "right" if right else "WRONG: below 0.869 or below the count", ""]
    RESULT.write_text("\n".join(lines))
    print(lines[-2])
    return int(not right)


if __name__ == "__main__":
    sys.exit(main())
