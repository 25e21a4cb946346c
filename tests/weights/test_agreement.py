from __future__ import annotations

import math

import numpy as np
import pytest

from separatrix.errors import DataError
from separatrix.weights import CostWeights, RegressionOptions
from separatrix.weights.agreement import agreements, held_out
from separatrix.weights.rows import no_rows, rows_of
from separatrix.weights.selection import selected
from separatrix.weights.system import System

from .conftest import COST, table_of

FAST = RegressionOptions(lag=0, folds=4)


def test_the_true_costs_beat_both_baselines(planted):
    model = CostWeights(regression=FAST).fit(planted)
    ours, count, opens = agreements(model.summary_.rows, model.weights_, options=FAST, folds=4)
    assert (ours.name, count.name, opens.name) == ("regression", "count", "opens")
    assert ours.r2 > count.r2 > opens.r2
    assert ours.rmse == pytest.approx(1.0, abs=0.1)  # the planted noise
    assert ours.pearson == pytest.approx(
        np.corrcoef(np.array(list(COST.values())) @ planted.rates[:, 0], planted.cpu[0])[0, 1],
        abs=0.01,
    )
    assert -1.0 <= count.spearman <= 1.0


def test_what_is_held_out_does_not_matter_to_its_prediction(planted):
    rows = rows_of(planted).complete()
    w = np.array(list(COST.values()))
    before = held_out(rows, w, 4, FAST, {}, refit=True)
    last = System.of(rows, 0).blocks(4) == 3
    changed = planted.cpu.copy()
    changed[0, last] = 50.0
    other = rows_of(table_of(planted.rates[:, 0], changed)).complete()
    after = held_out(other, w, 4, FAST, {}, refit=True)
    assert np.array_equal(before[last], after[last])
    assert not np.array_equal(before[~last], after[~last])


def test_of_weights_from_elsewhere(planted):
    rows = rows_of(planted)
    weights = CostWeights("quantile").fit(planted).weights_
    ours, count, _ = agreements(rows, weights, options=FAST, folds=4)
    assert ours.name == "quantile"
    assert math.isfinite(ours.r2)
    assert count.to_dict()["r2"] == count.r2


def test_constant_load_or_score_has_no_agreement(planted):
    weights = CostWeights("quantile").fit(planted).weights_
    flat = rows_of(table_of(planted.rates[:, 0], np.full(planted.n_intervals, 5.0)))
    for found in agreements(flat, weights, options=FAST, folds=4):
        assert found.to_dict() == {
            "name": found.name, "pearson": None, "spearman": None, "r2": None, "rmse": None
        }  # fmt: skip
    with pytest.raises(DataError, match="CPU load"):
        agreements(no_rows(), weights)


def test_selection_prefers_the_simpler_shape_and_says_why(planted):
    from separatrix.weights.prior import equal

    rows = rows_of(planted).complete()
    chosen = selected(
        System.of(rows, 2), [equal(rows.operations, set())],
        shapes=RegressionOptions(lag=2).shapes, folds=4,
    )  # fmt: skip
    assert not chosen.shape.concave
    assert not chosen.shape.lagged
    assert "straight link, no lag" in chosen.reason
    assert len(chosen.trials) == 4 + 6
    assert max(chosen.p_values) < 1e-6
