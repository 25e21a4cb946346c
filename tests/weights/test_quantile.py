from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from separatrix.errors import DataError
from separatrix.weights.quantile import as_weights, calibrate, calibrate_frame, sweep
from separatrix.weights.summary import Summary

from .conftest import table_of

RATES = np.array(
    [
        [100.0, 200.0, 300.0, 400.0],
        [10.0, 20.0, 30.0, 40.0],
        [0.0, 0.0, 0.0, 0.5],  # 0.045 % of all: dropped
    ]
)


def test_the_notebooks_rule_by_hand():
    found = calibrate(table_of(RATES), quantile=0.5)
    assert found.quantiles == {"open": 250.0, "close": 25.0, "unlink": 0.0}
    assert found.raw == {"open": 1 / 250, "close": 1 / 25, "unlink": math.inf}
    assert found.dropped == ("unlink",)
    assert found.least == 1 / 250
    assert found.weights == {"open": 1.0, "close": (1 / 25) / (1 / 250), "unlink": 0.0}


def test_the_notebooks_accident_weights_above_one_are_not_normalised():
    small = table_of(RATES / 1000)
    assert calibrate(small, quantile=0.5).least == 1.0
    repaired = calibrate(small, quantile=0.5, mode="repaired")
    assert repaired.weights == pytest.approx({"open": 1.0, "close": 10.0, "unlink": 0.0})


def test_a_zero_quantile_that_is_kept():
    rates = RATES.copy()
    rates[2, 3] = 500.0
    table = table_of(rates)
    notebook = calibrate(table, quantile=0.5)
    assert notebook.weights["unlink"] == math.inf
    weights = as_weights(notebook, mode="notebook", provenance={})
    assert weights.status == "inconclusive"
    assert "quantile of 0" in weights.reason
    repaired = calibrate(table, quantile=0.5, mode="repaired")
    assert repaired.weights["unlink"] == 0.0
    assert as_weights(repaired, mode="repaired", provenance={}).status == "ok"


def test_nan_is_skipped_as_pandas_does():
    rates = RATES.copy()
    rates[0, 3] = np.nan
    assert calibrate(table_of(rates), quantile=0.5).quantiles["open"] == 200.0
    rates[0] = np.nan
    found = calibrate(table_of(rates), quantile=0.5)
    assert math.isnan(found.quantiles["open"])
    assert found.weights["open"] == 0.0  # no counts: under the least share


@pytest.mark.filterwarnings("error")
def test_nothing_but_zeros():
    for mode in ("notebook", "repaired"):
        found = calibrate(table_of(np.zeros((3, 4))), mode=mode)
        assert as_weights(found, mode=mode, provenance={}).status == "inconclusive"


def test_the_first_target_only_against_all_pooled():
    cube = np.stack([RATES, 3 * RATES], axis=1)
    table = table_of(cube, targets=("a", "b"))
    assert calibrate(table, quantile=1.0).quantiles["open"] == 400.0
    assert calibrate(table, quantile=1.0, mode="repaired").quantiles["open"] == 1200.0


def test_a_stream_gives_the_same_as_a_frame():
    rng = np.random.default_rng(3)
    rates = rng.lognormal(4, 2, (3, 5000))
    whole = calibrate(table_of(rates))
    summary = Summary()
    for k in range(0, 5000, 1000):
        summary.add(table_of(rates[:, k : k + 1000], start=1e9 + 5 * k))
    stream = calibrate(summary)
    assert stream.exact
    assert stream.quantiles == whole.quantiles
    assert stream.weights == pytest.approx(whole.weights, rel=1e-15)
    assert not calibrate(summary, quantile=0.1).exact


def test_sweep_says_how_the_correlation_turns():
    rng = np.random.default_rng(1)
    rates = rng.lognormal(3, 1, (3, 2000))
    cpu = np.array([1.0, 0.0, 0.0]) @ rates
    pairs = sweep(Summary().add(table_of(rates, cpu)), (0.5, 0.99))
    assert [found.quantile for found, _ in pairs] == [0.5, 0.99]
    for found, r in pairs:
        score = np.array([found.weights[o] for o in ("open", "close", "unlink")]) @ rates
        assert r == pytest.approx(np.corrcoef(score, cpu)[0, 1], rel=1e-9)
    assert math.isnan(sweep(Summary().add(table_of(rates)), (0.5,))[0][1])


def test_finer_renames_never_get_a_weight_beside_rename():
    table = table_of(RATES * 9, operations=("rename", "open", "samedir_rename"))
    assert "samedir_rename" not in calibrate(table, mode="repaired").weights


@pytest.mark.parametrize("bad", [{"quantile": 1.5}, {"least_share": -1.0}, {"quantile": math.nan}])
def test_settings_out_of_range(bad):
    with pytest.raises(DataError, match="between 0 and 1"):
        calibrate(table_of(RATES), **bad)


def test_no_operation_and_no_target():
    with pytest.raises(DataError, match="none of the notebook's operations"):
        calibrate(table_of(RATES, operations=("a", "b", "c")))
    with pytest.raises(DataError, match="no metadata"):
        calibrate(table_of(np.empty((3, 0, 4)), cpu=np.empty((0, 4)), targets=()))
    with pytest.raises(DataError, match="no metadata"):
        calibrate(Summary(), mode="repaired")
    with pytest.raises(DataError, match="no metadata"):
        calibrate(Summary(), mode="notebook")


def test_one_row():
    found = calibrate_frame(pd.DataFrame({"open": [4.0], "close": [2.0]}))
    assert found.weights == {"open": 1.0, "close": 2.0}
