"""Do 95 % intervals hold the planted weights as often as they say?

    SEPARATRIX_SHARED=<folder> python verification/weights_coverage.py [linear cases] [others]

Counts, over cases and over operations with a measured weight, how often the interval holds the true
weight (of the average operation = 1). The gate: 90 .. 98 % in the linear cases. Where the model is
wrong (hidden load that follows the operations, costs that change in the middle, a convex link), the
coverage is reported, not judged.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from separatrix.telemetry.synthesize import COSTS
from separatrix.weights import CostWeights
from weights_loads import KINDS, Case, case_of, generated, has_real_day, linear, planted

RESULT = Path(__file__).parent / "results" / "weights_coverage.md"


def short_linear(rng: np.random.Generator) -> Case:
    """Six hours."""
    return linear(rng, 4_320)


def hidden_follows(rng: np.random.Generator, n: int = 4_320) -> Case:
    """Load that no counter shows, in proportion to the opens of busy times."""
    rates, w = generated(rng, n), planted(rng, tuple(COSTS))
    w = 30.0 * w / float((rates @ w).mean())
    opens = rates[:, tuple(COSTS).index("open")]
    hidden = 10.0 * np.maximum(opens / opens.mean() - 1.0, 0.0)
    load = np.minimum(3.0 + rates @ w + hidden + rng.normal(0, 2.0, n), 97.0)
    return case_of(rates, tuple(COSTS), load, w)


def costs_change(rng: np.random.Generator, n: int = 4_320) -> Case:
    """Costs that are others from noon on; the truth is their mean, weighted by the counts."""
    rates, w = generated(rng, n), planted(rng, tuple(COSTS))
    w = 30.0 * w / float((rates @ w).mean())
    later = w * rng.lognormal(0.0, 0.3, len(w))
    half = n // 2
    u = np.concatenate([rates[:half] @ w, rates[half:] @ later])
    part = rates[:half].sum(axis=0) / rates.sum(axis=0)
    truth = part * w + (1.0 - part) * later
    return case_of(rates, tuple(COSTS), 3.0 + u + rng.normal(0, 2.0, n), truth)


def convex(rng: np.random.Generator, n: int = 4_320) -> Case:
    """A load that grows faster than the operations, which no concave link can follow."""
    rates, w = generated(rng, n), planted(rng, tuple(COSTS))
    s = rates @ w
    w, s = w / s.mean(), s / s.mean()
    u = np.minimum(15.0 * s + 5.0 * s**1.5, 97.0)
    return case_of(rates, tuple(COSTS), 3.0 + u + rng.normal(0, 2.0, n), w)


WRONG: Mapping[str, Callable[[np.random.Generator], Case]] = {
    "hidden load follows opens": hidden_follows,
    "costs change": costs_change,
    "convex link": convex,
}


def coverage(make: Callable[[np.random.Generator], Case], cases: int, seed: int) -> tuple[int, ...]:
    """Return operations held, operations with a measured weight, and cases told apart."""
    held = measured = told = 0
    for draw in range(cases):
        case = make(np.random.default_rng([5, seed, draw]))
        weights = CostWeights().fit(case.table).weights_
        mean = np.nanmean(case.table.rates[:, 0], axis=1)
        true = np.array([case.cost[o] for o in case.table.operations])
        true = true / float(mean @ true / mean.sum())
        told += weights.status == "ok"
        for k, operation in enumerate(case.table.operations):
            at = weights.operations.index(operation)
            if weights.basis[at] == "measured":
                measured += 1
                held += bool(weights.low[at] <= true[k] <= weights.high[at])
    return held, measured, told


def main() -> int:
    many = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    some = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    plan = [("linear, 6 h", short_linear, many)]
    plan += [(k, m, some) for k, m in KINDS.items() if "real" not in k or has_real_day()]
    plan += [(f"wrong model: {k}", m, some) for k, m in WRONG.items()]
    lines = [
        "# Coverage of 95 % intervals",
        "",
        f"`python verification/weights_coverage.py {many} {some}`",
        "",
        "| load | cases | told apart | weights measured | held |",
        "|---|---|---|---|---|",
    ]
    right = True
    for number, (kind, make, cases) in enumerate(plan):
        begun = time.process_time()
        held, measured, told = coverage(make, cases, number)
        share = held / measured if measured else float("nan")
        lines.append(f"| {kind} | {cases} | {told} | {measured} | {100 * share:.1f} % |")
        print(lines[-1], f"{(time.process_time() - begun) / cases:.1f} CPU s a case", flush=True)
        if number == 0:
            right = 0.90 <= share <= 0.98
    lines += ["", "right" if right else "WRONG: coverage of the linear cases", ""]
    RESULT.write_text("\n".join(lines))
    print(lines[-2])
    return int(not right)


if __name__ == "__main__":
    sys.exit(main())
