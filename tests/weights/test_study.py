from __future__ import annotations

import json
import math

import numpy as np
import pytest

from separatrix.weights import CostWeights, RegressionOptions, Study, study

from .conftest import table_of

FAST = RegressionOptions(lag=0, folds=4)


@pytest.fixture(scope="module")
def found(planted) -> Study:
    return study(CostWeights(regression=FAST).fit(planted))


def test_methods_side_by_side_in_the_same_unit(found, planted):
    assert list(found.methods) == ["regression", "quantile", "notebook"]
    counts = dict(zip(planted.operations, planted.rates[:, 0].sum(axis=1), strict=True))
    for weights in found.methods.values():
        mean = sum(counts[o] * r.weight for o, r in weights.items()) / sum(counts.values())
        assert mean == pytest.approx(1.0)
    open_ = found.methods["regression"]["open"]
    assert open_.low <= open_.weight <= open_.high
    assert math.isnan(found.methods["notebook"]["open"].low)


def test_the_sentence_names_the_dearest_and_both_baselines(found):
    assert found.sentence.startswith("One unlink weighs as much as 4")
    assert "plain count" in found.sentence
    assert "opens alone" in found.sentence


def test_pictures_get_means_over_time_and_single_intervals(found, planted):
    score, cpu, expected = found.dots
    assert len(score) == planted.n_intervals
    assert np.all(np.diff(score) >= 0)
    assert np.corrcoef(expected, cpu)[0, 1] > 0.98
    time, over, load, _ = found.times
    assert len(time) <= 300
    assert load.mean() == pytest.approx(planted.cpu.mean(), rel=0.02)
    assert over.mean() == pytest.approx(score.mean(), rel=0.02)
    assert np.all(np.diff(time) > 0)


def test_daily_ratio_is_sum_over_sum(found, planted):
    score = found.weights.values @ planted.rates[:, 0]
    assert found.daily_ratio == {
        "2019-01-01": pytest.approx(planted.cpu.sum() / score.sum(), rel=1e-9)
    }


def test_json(found):
    record = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert record["agreement"][0]["name"] == "regression"
    assert record["methods"]["notebook"]["open"]["low"] is None
    assert record["summary"]["quality"]["files"] == 0


def test_without_load_the_study_says_why_nothing_is_judged(planted):
    found = study(CostWeights("quantile").fit(table_of(planted.rates[:, 0])))
    assert found.agreements == ()
    assert "CPU load" in found.unjudged
    assert list(found.methods) == ["quantile", "notebook"]
    assert len(found.dots[0]) == len(found.times[0]) == 0
    assert found.daily_ratio == {}
    assert found.sentence.startswith("One unlink")


def test_infinite_weights_are_told_not_drawn(planted):
    rates = planted.rates[:, 0].copy()
    rates[2] = 0.0
    rates[2, -1] = 1e6  # many in one interval: kept, with a median of 0
    found = study(CostWeights("notebook", quantile=0.5).fit(table_of(rates, planted.cpu)))
    assert "cannot be told apart" in found.sentence
    assert "notebook" not in found.methods
    assert math.isnan(found.agreements[0].r2)
    assert math.isfinite(found.agreements[1].r2)


def test_nothing_happened_at_all():
    found = study(CostWeights("quantile").fit(table_of(np.zeros((3, 200)), np.ones(200))))
    assert found.methods == {}
    assert math.isnan(found.daily_ratio["2019-01-01"])
