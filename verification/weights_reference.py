"""Is the notebook mode the notebook, to the last bit? Every number of weights_reference.json.

    SEPARATRIX_SHARED=<folder> python verification/weights_reference.py

Prints one line per case with the number of values compared, how many are equal bit by bit, and the
largest relative difference; exits with 1 where any value differs by more than a few units in the
last place (BLAS adds up in an order that depends on its threads), 2 where the real files are absent.
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from separatrix.telemetry import OPERATIONS
from separatrix.telemetry.reading import load
from separatrix.telemetry.tokio import read_dataset
from separatrix.weights.notebook import NotebookRun, notebook_rates, run_notebook

ULPS = 64
"""Units in the last place allowed: a sum of 17,280 numbers in another order."""
SUMMED = 1e-12
"""Relative difference allowed to correlations, which square and subtract such sums."""


def shared() -> Path:
    beside = Path(__file__).resolve().parents[2] / "shared"
    return Path(os.environ.get("SEPARATRIX_SHARED", beside))


def stored(path: Path) -> tuple[pd.DataFrame, pd.Series]:
    """Rates and CPU load exactly as a file holds them, nothing moved or repaired."""
    columns = {o: read_dataset(str(path), f"mdtargets/{o}rates") for o in OPERATIONS}
    cpu = read_dataset(str(path), "mdservers/cpuload")
    rates = pd.DataFrame({o: pd.Series(d.values[0], index=d.stamps) for o, d in columns.items()})
    return rates, pd.Series(cpu.values[0], index=cpu.stamps)


def cleaned(path: Path) -> tuple[pd.DataFrame, pd.Series]:
    """The same through this program's readers: aligned, and without what was never written."""
    table = load([str(path)])
    table = table.rows(np.flatnonzero(~table.missing[0] & ~np.isnan(table.cpu_of_targets()[0])))
    rates = notebook_rates(table)
    return rates, pd.Series(table.cpu_of_targets()[0], index=rates.index)


def cases(folder: Path) -> Iterator[tuple[str, pd.DataFrame, pd.Series]]:
    tokio = folder / "data" / "tokio"
    rates, cpu = stored(tokio / "edison_snx11025_2018-02-09.h5lmt")
    yield "h5lmt_20180209_notebook_PST", rates.iloc[:17280].copy(), cpu.iloc[:17280]
    day = (rates.index >= 1518134400) & (rates.index < 1518220800)
    yield "h5lmt_20180209_notebook_UTC", rates[day], cpu[day]
    yield "h5lmt_20180209_clean", *cleaned(tokio / "edison_snx11025_2018-02-09.h5lmt")
    yield "tts_20180128_notebook", *stored(tokio / "snx11025_2018-01-28.hdf5")
    yield "tts_20180128_cpu_shift", *cleaned(tokio / "snx11025_2018-01-28.hdf5")
    yield "h5lmt_20180128_clean", *cleaned(tokio / "snx11025_2018-01-28.h5lmt")
    yield "lmtdb_20180128", *cleaned(tokio / "snx11025_2018-01-28.sqlite3")


def wanted(case: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The reference's numbers, flat."""
    for group in ("summary", "histogram"):
        for o in OPERATIONS:
            yield f"{group}.{o}", case[group][o]
    for name in ("total_sum_of_rates", "min_weight", "pearson", "spearman"):
        yield name, case[name]
    for name in ("op_fraction", "quantiles", "weights_raw", "weights_normalised"):
        yield name, case[name]
    yield "dropped", case["dropped"]
    yield "cumulative", dict(map(tuple, case["cumulative_distribution"]))
    yield "load_score", case["load_score"]
    yield "cpu_summary", case["cpu_summary"]
    yield "ratio", case["ratio_cpu_over_score_all"]
    yield "baseline.count", case["baseline_pearson_unweighted_ops"]
    yield "baseline.single", case["baseline_pearson_single_op"]


def found(run: NotebookRun) -> dict[str, Any]:
    calibration = run.calibration
    values: dict[str, Any] = {f"summary.{o}": run.summary[o] for o in OPERATIONS}
    values |= {f"histogram.{o}": list(run.histogram[o]) for o in OPERATIONS}
    return values | {
        "total_sum_of_rates": run.total,
        "min_weight": calibration.least,
        "pearson": run.pearson,
        "spearman": run.spearman,
        "op_fraction": dict(calibration.shares),
        "quantiles": dict(calibration.quantiles),
        "weights_raw": dict(calibration.raw),
        "weights_normalised": dict(calibration.weights),
        "dropped": list(calibration.dropped),
        "cumulative": dict(run.cumulative),
        "load_score": {"sum": run.score_sum, "mean": run.score_mean, "max": run.score_max},
        "cpu_summary": dict(run.cpu),
        "ratio": run.ratio,
        "baseline.count": run.pearson_count,
        "baseline.single": dict(run.pearson_single),
    }


def pairs(name: str, left: Any, right: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(left, dict):
        for key, value in left.items():
            yield from pairs(f"{name}.{key}", value, right[key])
    elif isinstance(left, list):
        if len(left) != len(right):
            yield name, left, right
        for i, value in enumerate(left[: len(right)]):
            yield from pairs(f"{name}.{i}", value, right[i])
    else:
        yield name, left, right


def compare(case: Mapping[str, Any], run: NotebookRun) -> tuple[int, list[str], float, list[str]]:
    """Return values compared, names of those not equal in every bit, the largest relative
    difference, and failures."""
    ours = found(run)
    compared = 0
    off: list[str] = []
    worst = 0.0
    wrong: list[str] = []
    for name, left in wanted(case):
        for path, want, have in pairs(name, left, ours[name]):
            compared += 1
            # the reference writes None for what is not finite
            if have == want or (want is None and not math.isfinite(have)):
                continue
            off.append(path)
            if not isinstance(want, float) or not isinstance(have, float):
                wrong.append(f"{path}: {want!r}, here {have!r}")
                continue
            apart = abs(want - have) / max(abs(want), abs(have))
            worst = max(worst, apart)
            correlation = path.startswith(("pearson", "spearman", "baseline"))
            if apart > (SUMMED if correlation else ULPS * np.finfo(float).eps):
                wrong.append(f"{path}: {want!r}, here {have!r}")
    return compared, off, worst, wrong


def check(folder: Path) -> Iterator[tuple[str, int, list[str], float, list[str]]]:
    reference = json.loads((folder / "reference" / "weights_reference.json").read_text())
    done = {name: run_notebook(rates, cpu) for name, rates, cpu in cases(folder)}
    for name, case in reference["cases"].items():
        yield name, *compare(case, done[name])


def main() -> int:
    folder = shared()
    if not (folder / "reference" / "weights_reference.json").exists():
        print("the real files are not here; set SEPARATRIX_SHARED")
        return 2
    failed = False
    for name, compared, off, worst, wrong in check(folder):
        failed |= bool(wrong)
        same = compared - len(off)
        print(f"{name:30} {compared:5} values, {same:5} bit-equal, worst difference {worst:.1e}")
        for line in wrong:
            print(f"    {line}")
    print("WRONG" if failed else "right")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
