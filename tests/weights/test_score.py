from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from separatrix.errors import DataError
from separatrix.telemetry import Accounts
from separatrix.weights.link import Link
from separatrix.weights.result import Response, Weights
from separatrix.weights.score import score, score_accounts

from .conftest import DAY, table_of

RATES = np.array([[10.0, 20.0, 30.0], [1.0, 2.0, 3.0]])


def weights_of(values, covariance=None, operations=("open", "unlink"), **more) -> Weights:
    K = len(operations)
    return Weights(
        method="regression",
        operations=operations,
        values=np.asarray(values, dtype=float),
        low=np.full(K, np.nan),
        high=np.full(K, np.nan),
        covariance=np.zeros((K, K)) if covariance is None else np.asarray(covariance),
        basis=("measured",) * K,
        **more,
    )


def accounts() -> Accounts:
    """Three jobs of two users; the middle one runs on two targets."""
    return Accounts(
        labels=("cp.ann.1", "rm.bob.2", "ls.ann.3"),
        targets=("t0", "t1"),
        operations=("open", "unlink"),
        account=np.array([0, 1, 1, 2], dtype=np.int32),
        target=np.array([0, 0, 1, 1], dtype=np.int32),
        start=np.full(4, DAY),
        step=np.full(4, 60.0),
        counts=np.array([[100.0, 10.0, 20.0, np.nan], [0.0, 40.0, 50.0, 1.0]]),
        fields={"user": ("ann", "bob", "ann")},
    )


def test_score_and_its_deviation_by_hand():
    V = np.array([[0.04, 0.01], [0.01, 0.25]])
    found = score(weights_of([1.0, 5.0], V), table_of(RATES, operations=("open", "unlink")))
    assert found.score[0].tolist() == [15.0, 30.0, 45.0]
    n = RATES[:, 0]
    assert found.deviation[0, 0] == pytest.approx(np.sqrt(n @ V @ n))
    (load,) = found.loads
    total = 5.0 * RATES.sum(axis=1)
    assert load.amount == pytest.approx(450.0)
    assert load.deviation == pytest.approx(np.sqrt(total @ V @ total))
    assert (load.share, load.share_deviation) == (1.0, pytest.approx(0.0, abs=1e-12))
    assert load.low == pytest.approx(450.0 - 1.959963984540054 * load.deviation)
    assert dict(load.counts) == {"open": 300.0, "unlink": 30.0}


def test_shares_are_surer_than_amounts_where_mixes_are_alike():
    # both servers have the same mix: whatever the weights, each has half of the load
    cube = np.stack([RATES, RATES], axis=1)
    table = table_of(cube, operations=("open", "unlink"), targets=("a", "b"))
    found = score(weights_of([1.0, 5.0], np.eye(2)), table)
    for load in found.loads:
        assert load.share == pytest.approx(0.5)
        assert load.share_deviation == pytest.approx(0.0, abs=1e-12)
        assert load.deviation > 0.0


def test_expected_load_follows_lag_link_and_base():
    link = Link(1.0, 20.0)
    response = Response(base={"m0": 4.0}, gain=0.5, link=link, lag=(0.75, 0.25))
    table = table_of(RATES, [1.0, 2.0, 3.0], operations=("open", "unlink"))
    found = score(weights_of([1.0, 5.0], response=response), table)
    s = np.array([15.0, 0.75 * 30 + 0.25 * 15, 0.75 * 45 + 0.25 * 30])
    assert found.expected[0] == pytest.approx(4.0 + 0.5 * link(s))
    assert found.cpu[0].tolist() == [1.0, 2.0, 3.0]
    gap = score(weights_of([1.0, 5.0], response=response), table.rows(np.array([0, 2])))
    assert gap.expected[0, 1] == pytest.approx(4.0 + 0.5 * link(np.array([45.0]))[0])


def test_missing_operations():
    rates = np.concatenate([RATES, [[np.nan] * 3]])
    rates[1, 0] = np.nan
    names = ("open", "unlink", "mkdir")
    found = score(weights_of([1.0, 5.0, 9.0], operations=names), table_of(rates, operations=names))
    assert np.isnan(found.score[0, 0])  # unlink is usually known, and is missing here
    assert found.score[0, 1:].tolist() == [30.0, 45.0]
    assert found.left_out == ("mkdir",)  # never known: told, not silently a reason for no score
    assert found.loads[0].amount == pytest.approx(5.0 * 75.0)


def test_unknown_operations_and_empty_tables():
    weights = weights_of([1.0, 5.0])
    with pytest.raises(DataError, match="none of the telemetry's operations"):
        score(weights, table_of(RATES, operations=("stat", "sync")))
    empty = score(weights, table_of(np.empty((2, 0)), operations=("open", "unlink")))
    assert empty.score.shape == (1, 0)
    assert empty.loads[0].share == 0.0


def test_weights_that_are_not_numbers_are_refused():
    for bad in (np.inf, np.nan):
        weights = weights_of([1.0, bad])
        with pytest.raises(DataError, match="'unlink' is not a number"):
            score(weights, table_of(RATES, operations=("open", "unlink")))
        with pytest.raises(DataError, match="'unlink' is not a number"):
            score_accounts(weights, accounts())


def test_jobs_users_and_projects():
    weights = weights_of([1.0, 5.0], np.diag([0.01, 0.04]))
    jobs = {load.label: load.amount for load in score_accounts(weights, accounts())}
    assert jobs == {"rm.bob.2": 480.0, "cp.ann.1": 100.0, "ls.ann.3": 5.0}
    users = score_accounts(weights, accounts(), by="user")
    assert [(u.label, u.amount) for u in users] == [("bob", 480.0), ("ann", 105.0)]
    assert sum(u.share for u in users) == pytest.approx(1.0)
    projects = score_accounts(weights, accounts(), by="user", projects={"ann": "sky", "bob": "sky"})
    assert [(p.label, p.amount, p.share_deviation) for p in projects] == [
        ("sky", 585.0, pytest.approx(0.0, abs=1e-12))
    ]


def test_the_deviation_of_a_share_is_that_of_drawn_weights():
    rng = np.random.default_rng(0)
    V = np.array([[0.002, 0.001], [0.001, 0.03]])
    bob = score_accounts(weights_of([1.0, 5.0], V), accounts(), by="user")[0]
    w = rng.multivariate_normal([1.0, 5.0], V, 20_000)
    ours, whole = w @ np.array([30.0, 90.0]), w @ np.array([130.0, 91.0])
    assert bob.deviation == pytest.approx(np.std(ours), rel=0.03)
    assert bob.share_deviation == pytest.approx(np.std(ours / whole), rel=0.05)


def test_without_accounts():
    weights = weights_of([1.0, 5.0])
    nothing = replace(
        accounts(),
        account=np.empty(0, np.int32),
        target=np.empty(0, np.int32),
        start=np.empty(0),
        step=np.empty(0),
        counts=np.empty((2, 0)),
    )
    for missing in (None, nothing):
        with pytest.raises(DataError, match="no counts per job"):
            score_accounts(weights, missing)
    with pytest.raises(DataError, match="no field 'project'"):
        score_accounts(weights, accounts(), by="project")


def test_plain_values_for_json():
    import json

    found = score(weights_of([1.0, 5.0]), table_of(RATES, operations=("open", "unlink")))
    record = json.loads(json.dumps(found.to_dict()))
    assert record["servers"][0]["load"] == pytest.approx(450.0)
    assert record["series"]["cpu_percent"] == [[None, None, None]]
