from __future__ import annotations

import numpy as np
import pytest

from separatrix.errors import DataError
from separatrix.weights import CostWeights, RegressionOptions
from separatrix.weights.summary import Summary

from .conftest import COST, table_of

FAST = RegressionOptions(lag=1, folds=4)


def fit(table, options=FAST):
    return CostWeights(regression=options).fit(table).weights_


def test_planted_costs_are_inside_their_intervals(planted):
    weights = fit(planted)
    assert weights.status == "ok"
    mean = planted.rates[:, 0].mean(axis=1)
    cost = np.array(list(COST.values()))
    true = cost / (mean @ cost / mean.sum())
    assert weights.values == pytest.approx(true, rel=0.1)
    assert np.all((weights.low <= true) & (true <= weights.high))
    assert np.all((weights.low <= weights.values) & (weights.values <= weights.high))
    assert set(weights.basis) == {"measured"}
    # the average operation weighs 1, and costs are in percent of the server
    assert weights.values @ mean / mean.sum() == pytest.approx(1.0)
    assert weights.costs == pytest.approx(COST, rel=0.1)
    assert weights.details["link"] == "straight"


def test_two_servers_are_pooled_with_a_base_of_their_own():
    rng = np.random.default_rng(3)
    rates = np.array([[400.0], [350.0], [60.0]])[:, :, None] * rng.lognormal(0, 0.6, (3, 2, 900))
    cpu = np.array([[2.0], [12.0]]) + np.tensordot(np.array([0.02, 0.01, 0.08]), rates, 1)
    table = table_of(rates, cpu + rng.normal(0, 0.5, cpu.shape), targets=("a", "b"))
    response = fit(table).response
    assert response is not None
    assert response.base["b"] - response.base["a"] == pytest.approx(10.0, abs=0.5)
    assert response.cpu(np.zeros(1), "somewhere else")[0] == pytest.approx(response.mean_base)


def test_operations_counted_twice_get_no_weight(planted):
    cube = np.concatenate([planted.values, 0.5 * planted.values[2:]])
    names = ("open", "close", "rename", "samedir_rename")
    weights = fit(table_of(cube, planted.cpu, operations=names))
    assert weights["samedir_rename"] == 0.0
    assert weights.basis[3] == "nested"
    assert weights.details["nested_in"] == {"samedir_rename": "rename"}


def test_a_prior_of_ones_own_decides_where_the_data_do_not():
    rng = np.random.default_rng(4)
    rates = 10.0 * rng.random((3, 400))
    table = table_of(rates, 5.0 + rng.normal(0, 3.0, 400))
    options = RegressionOptions(prior={"open": 4.0, "close": 1.0, "unlink": 1.0}, lag=0, folds=4)
    weights = fit(table, options)
    assert weights.status == "inconclusive"
    assert "does not rise" in weights.reason
    assert weights["open"] / weights["close"] == pytest.approx(4.0)
    assert set(weights.basis) == {"prior"}


def test_handler_times_are_tried_and_can_be_demanded(planted):
    from dataclasses import replace

    n = planted.n_intervals
    samples = planted.counts
    usecs = {"open": 200.0, "close": 100.0, "unlink": 800.0}  # in proportion to the planted costs
    timed = replace(
        planted,
        latency_sum=samples * np.array(list(usecs.values()))[:, None, None],
        latency_samples=samples,
    )
    weights = fit(timed)
    assert weights.details["prior"] == "handler"
    assert timed.latency_sum is not None
    assert timed.latency_sum.shape == (3, 1, n)
    with pytest.raises(DataError, match="handler times"):
        fit(planted, RegressionOptions(prior="handler"))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda rates, cpu: (rates, np.full_like(cpu, 7.0)), "constant"),
        (lambda rates, cpu: (0.0 * rates, cpu), "no operation occurs"),
        (lambda rates, cpu: (rates[:, :1], cpu[:1]), "1 intervals are too few"),
        (lambda rates, cpu: (rates[:, :59], cpu[:59]), "too few"),
    ],
)
def test_where_nothing_can_be_told_costs_are_equal_and_it_is_said(planted, change, why):
    rates, cpu = change(planted.rates[:, 0], planted.cpu[0])
    weights = fit(table_of(rates, cpu))
    assert weights.status == "inconclusive"
    assert why in weights.reason
    assert weights.as_mapping() == {"open": 1.0, "close": 1.0, "unlink": 1.0}
    assert weights.response is None
    assert np.all(np.isnan(weights.high))


def test_a_load_that_falls_with_the_operations_is_not_explained_by_them(planted):
    weights = fit(table_of(planted.rates[:, 0], 90.0 - planted.cpu[0]))
    assert weights.status == "inconclusive"
    assert np.all(weights.values >= 0.0)


@pytest.mark.filterwarnings("error")
def test_holes_in_one_operation_cost_only_those_intervals(planted):
    rates = planted.rates[:, 0].copy()
    rates[1, ::7] = np.nan
    weights = fit(table_of(rates, planted.cpu))
    assert weights.details["rows"] == planted.n_intervals - len(range(0, planted.n_intervals, 7))
    assert weights.costs == pytest.approx(COST, rel=0.15)


def test_an_operation_that_is_never_known_or_never_occurs_is_absent(planted):
    cube = np.concatenate(
        [planted.values, np.full_like(planted.values[:1], np.nan), 0.0 * planted.values[:1]]
    )
    names = ("open", "close", "unlink", "mkdir", "rmdir")
    weights = fit(table_of(cube, planted.cpu, operations=names))
    assert weights.basis[3:] == ("absent", "absent")
    assert weights["mkdir"] == weights["rmdir"] == 0.0
    assert weights.costs == pytest.approx({**COST, "mkdir": 0.0, "rmdir": 0.0}, rel=0.1)


def test_two_operations_that_always_come_together_share_their_cost(planted):
    cube = np.concatenate([planted.values, planted.values[:1]])
    weights = fit(table_of(cube, planted.cpu, operations=("open", "close", "unlink", "getattr")))
    assert weights.costs["open"] + weights.costs["getattr"] == pytest.approx(COST["open"], rel=0.1)
    assert weights["open"] == pytest.approx(weights["getattr"], rel=0.05)


def test_the_unit_of_rates_does_not_matter(planted):
    a = fit(planted).values
    b = fit(table_of(1e9 * planted.rates[:, 0], planted.cpu)).values
    assert b == pytest.approx(a, rel=1e-3)


def test_no_load_at_all(planted):
    with pytest.raises(DataError, match="method quantile"):
        fit(table_of(planted.rates[:, 0]))
    with pytest.raises(DataError, match="CPU load"):
        fit(Summary())


@pytest.mark.parametrize(
    "bad", [{"lag": -1}, {"folds": 1}, {"prior": "guess"}, {"link": "convex"}, {"lag": 101}]
)
def test_settings_out_of_range(bad):
    with pytest.raises(DataError, match=r"prior|link|lag|folds"):
        RegressionOptions(**bad)
