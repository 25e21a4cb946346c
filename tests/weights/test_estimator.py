from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from separatrix.errors import DataError
from separatrix.telemetry import QualityLog, Repair
from separatrix.weights import CostWeights, RegressionOptions
from separatrix.weights.quantile import calibrate
from separatrix.weights.summary import Summary

from .conftest import table_of

FAST = RegressionOptions(lag=0, folds=4)


def test_fit_returns_itself_and_scores(planted):
    model = CostWeights(regression=FAST)
    assert model.fit(planted) is model
    found = model.score(planted)
    assert found.score.shape == (1, planted.n_intervals)
    assert np.allclose(found.score, model.weights_.values @ planted.rates[:, 0])
    assert np.corrcoef(found.expected[0], planted.cpu[0])[0, 1] > 0.99


def test_before_fit():
    for name in ("weights_", "summary_"):
        with pytest.raises(DataError, match="fit"):
            getattr(CostWeights(), name)


def test_a_table_a_summary_and_a_stream_give_the_same(planted):
    pieces = [planted.rows(slice(k, k + 300)) for k in range(0, planted.n_intervals, 300)]
    model = CostWeights(regression=FAST)
    whole = model.fit(planted).weights_.values
    assert model.fit(iter(pieces)).weights_.values == pytest.approx(whole, rel=1e-9)
    assert model.fit(Summary().add(planted)).weights_.values == pytest.approx(whole, rel=1e-9)
    assert model.fit([lambda: planted]).weights_.values == pytest.approx(whole, rel=1e-9)


@pytest.mark.parametrize("method", ["notebook", "quantile"])
def test_the_methods_of_the_notebook(planted, method):
    weights = CostWeights(method).fit(planted).weights_
    mode = "notebook" if method == "notebook" else "repaired"
    assert weights.as_mapping() == calibrate(planted, mode=mode).weights
    assert np.all(np.isnan(weights.low))
    assert weights.method == method


def test_settings_as_scikit_learn_expects(planted):
    model = CostWeights("quantile", quantile=0.5)
    assert CostWeights(**model.get_params()) == model
    model.fit(planted)
    assert model.set_params(quantile=0.9) is model
    assert model.get_params()["quantile"] == 0.9
    with pytest.raises(DataError, match="not fitted"):
        model.weights_  # noqa: B018
    with pytest.raises(DataError, match="unknown setting 'alpha'"):
        model.set_params(alpha=1)
    with pytest.raises(DataError, match="regression, quantile or notebook"):
        CostWeights("magic")  # type: ignore[arg-type]


def test_provenance_keeps_files_range_and_repairs(planted):
    log = QualityLog()
    log.repair(Repair.COUNTER_RESET, 3)
    log.failure("bad.hdf5", "truncated")
    table = replace(planted, fs="lake", sources=("a.hdf5",), quality=log.report())
    provenance = CostWeights("quantile").fit(table).weights_.provenance
    assert provenance["sources"] == ["a.hdf5"]
    assert provenance["fs"] == "lake"
    assert provenance["from"].startswith("2019-01-01")
    assert provenance["repairs"] == {"counter reset": 3, "unreadable file": 1}
    assert provenance["left_out"] == [["bad.hdf5", "truncated"]]


def test_no_columns_at_all():
    empty = table_of(np.empty((0, 5)), np.arange(5.0), operations=())
    for method in ("regression", "quantile", "notebook"):
        with pytest.raises(DataError):
            CostWeights(method).fit(empty)
