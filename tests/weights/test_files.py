from __future__ import annotations

import math

import numpy as np
import pytest

from separatrix.errors import DataError
from separatrix.weights import CostWeights, RegressionOptions, Weights, dumps, load, loads, save
from separatrix.weights.result import plain


@pytest.fixture(scope="module")
def weights(planted) -> Weights:
    return CostWeights(regression=RegressionOptions(lag=1, folds=4)).fit(planted).weights_


def same(a: Weights, b: Weights) -> None:
    assert a.to_dict() == b.to_dict()
    for name in ("values", "low", "high", "covariance"):
        assert np.array_equal(getattr(a, name), getattr(b, name), equal_nan=True)
    assert (a.operations, a.basis, a.response) == (b.operations, b.basis, b.response)


def test_there_and_back_in_every_bit(weights, tmp_path):
    same(loads(dumps(weights)), weights)
    save(weights, tmp_path / "w.yaml")
    same(load(tmp_path / "w.yaml"), weights)
    assert [p.name for p in tmp_path.iterdir()] == ["w.yaml"]


def test_other_yaml_readers_understand_it(weights):
    from ruamel.yaml import YAML

    record = YAML(typ="safe", pure=True).load(dumps(weights))
    assert record["weights"]["open"]["weight"] == weights["open"]


@pytest.mark.parametrize("method", ["notebook", "quantile"])
def test_weights_without_intervals(planted, method):
    found = CostWeights(method).fit(planted).weights_
    back = loads(dumps(found))
    same(back, found)
    assert math.isnan(back.unit)
    assert back.response is None


def test_names_that_yaml_could_take_for_something_else(weights):
    odd = ("no", "1e3", "a: b # c")
    changed = Weights(
        **{**{k: getattr(weights, k) for k in weights.__dataclass_fields__}, "operations": odd}
    )
    assert loads(dumps(changed)).operations == odd


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.replace("separatrix_weights: 1", "separatrix_weights: 2"), "known is 1"),
        (lambda t: t.replace('method: "regression"', 'method: "magic"'), "magic"),
        (lambda t: t.replace('status: "ok"', 'status: "fine"'), "fine"),
        (lambda t: t.replace("weight: ", "weight: -"), "must be finite and >= 0"),
        (lambda t: t.replace("weight: ", "weight: 1e999 # "), "must be finite"),
        (lambda t: t.replace("weight: ", "weight: many # "), "damaged"),
        (lambda t: t.replace("covariance: [", "covariance: [[1.0], "), "damaged"),
        (lambda t: t.replace("knee: ", "knee: -"), "damaged"),
        (lambda t: t.replace("lag: [", "lag: [-1.0, "), "damaged"),
        (lambda t: t[: t.index("details:")], "damaged"),
        (lambda t: "[1, 2]", "<text>"),
        (lambda t: "", "<text>"),
        (lambda t: t + "x: [", "<text>"),
        (lambda t: "a: !!python/object/apply:os.system [true]", "<text>"),
        (lambda t: t + "\nseparatrix_weights: 1\n", "<text>"),
    ],
)
def test_damaged_files(weights, change, message):
    with pytest.raises(DataError, match=message):
        loads(change(dumps(weights)))


def test_no_such_file(tmp_path):
    with pytest.raises(DataError, match=r"none\.yaml"):
        load(tmp_path / "none.yaml")


def test_plain_values():
    record = plain({"a": np.float64(1), 2: (np.arange(2), math.nan), "b": [math.inf, True, None]})
    assert record == {"a": 1.0, "2": [[0, 1], None], "b": [None, True, None]}
