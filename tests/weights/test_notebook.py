"""The notebook's numbers, to the last bit, on the real files; and a few of them without the files."""

from __future__ import annotations

import importlib.util
import math
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from separatrix.telemetry import OPERATIONS
from separatrix.weights.notebook import run_notebook, run_notebook_on
from separatrix.weights.quantile import calibrate

from .conftest import table_of


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    path = Path(__file__).parents[2] / "verification" / "weights_reference.py"
    spec = importlib.util.spec_from_file_location("weights_reference", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["weights_reference"] = module
    spec.loader.exec_module(module)
    return module


BY_BLAS = ("load_score", "ratio", "pearson", "baseline")
"""Sums that BLAS adds up in an order that depends on the machine and its threads."""


def test_every_number_of_the_reference_in_every_bit(shared, reference):
    cases = list(reference.check(shared))
    assert len(cases) == 7
    for name, compared, off, worst, wrong in cases:
        assert compared > 300, name
        assert wrong == [], name
        assert worst < 1e-13, name
        assert [path for path in off if not path.startswith(BY_BLAS)] == [], name


# case tts_20180128_cpu_shift of weights_reference.json: made with h5py, numpy and pandas alone
QUANTILES = {
    "open": 6911.9478,
    "close": 6902.38172,
    "getattr": 13896.136199999999,
    "getxattr": 122.46079999999998,
    "link": 0.0,
    "setattr": 205.81419999999994,
    "statfs": 1.6,
}
SHARES = {
    "open": 0.2542300178287908,
    "close": 0.25141119181840793,
    "getattr": 0.49337061725835074,
    "getxattr": 0.00021515169380288582,
    "link": 0.0,
    "setattr": 0.0007635343968264618,
    "statfs": 4.912912693136764e-06,
}


def test_embedded_values_of_a_real_hour():
    # rates whose 0.9999 quantiles are those of the real hour, and whose shares are like its
    total = 1180562.4
    rates = pd.DataFrame(
        {
            o: np.concatenate([[QUANTILES[o]] * 9, [max(SHARES[o] * total - 9 * QUANTILES[o], 0)]])
            for o in QUANTILES
        }
    )
    rates = rates.clip(upper=pd.Series(QUANTILES), axis=1)
    found = run_notebook(rates, pd.Series(np.arange(10.0))).calibration
    assert found.quantiles == QUANTILES
    assert found.least == 7.196244953327386e-05
    kept = {o: w for o, w in found.weights.items() if o in ("open", "close", "getattr")}
    assert kept == {"open": 2.010451554625456, "close": 2.013237859583344, "getattr": 1.0}


def test_all_steps_by_hand():
    rates = pd.DataFrame({"open": [100.0, 300.0, 200.0], "unlink": [2.0, 4.0, 5.0]})
    cpu = pd.Series([10.0, 30.0, 20.0])
    run = run_notebook(rates, cpu, quantile=1.0)
    # weights are 1/300 and 1/5, over the smaller
    assert run.calibration.weights == {"open": 1.0, "unlink": (1 / 5) / (1 / 300)}
    assert run.scores.tolist() == pytest.approx([220.0, 540.0, 500.0])
    assert run.total == 611.0
    assert run.ratio == pytest.approx(60 / 1260)
    assert run.pearson == pytest.approx(np.corrcoef([220, 540, 500], [10, 30, 20])[0, 1])
    assert run.spearman == pytest.approx(1.0)
    assert run.pearson_single["open"] == pytest.approx(1.0)
    assert run.histogram["open"][:4] == (0, 0, 0, 3)
    assert run.cumulative == (("open", 600 / 611), ("unlink", 1.0))
    assert run.daily_ratio == {}
    assert run.to_dict()["calibration"]["quantile"] == 1.0


def test_on_a_table_with_local_days(planted):
    run = run_notebook_on(planted)
    assert list(run.summary) == [o for o in OPERATIONS if o in planted.operations]
    assert run.daily_ratio.keys() == {"2019-01-01"}
    assert run.daily_ratio["2019-01-01"] == pytest.approx(run.ratio)
    assert run.calibration.weights == calibrate(planted).weights


@pytest.mark.filterwarnings("ignore::scipy.stats.ConstantInputWarning", "ignore:invalid value")
def test_one_row_and_a_constant_load():
    run = run_notebook(pd.DataFrame({"open": [1.0]}), pd.Series([5.0]))
    assert math.isnan(run.pearson)
    assert math.isnan(run.summary["open"]["std"])
    run = run_notebook_on(table_of(np.ones((3, 5)), np.full(5, 7.0)))
    assert math.isnan(run.pearson)
    assert run.to_dict()["pearson"] is None
    nothing = run_notebook_on(table_of(np.zeros((3, 5)), np.full(5, 7.0)))
    assert math.isnan(nothing.ratio)
