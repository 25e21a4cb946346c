"""Telemetry and weights to a program: capacities and arrivals by arithmetic, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from separatrix import check
from separatrix.errors import DataError, ModelError
from separatrix.identify import Clients, identify
from separatrix.model import files
from separatrix.telemetry import Accounts, Counters
from separatrix.weights import Response, Weights
from separatrix.weights.link import Link

CLIENTS = Clients(timeout=2.0, retries=2, queue=100, threads=4)


def weights(response: Response | None = None, **values: float) -> Weights:
    n = len(values)
    flat = np.full(n, np.nan)
    if response is None:
        response = Response({"mds0": 10.0}, 0.09, Link(), highest=900.0)  # busy at 1000 score/s
    return Weights(
        "regression",
        tuple(values),
        np.array(list(values.values())),
        flat,
        flat,
        np.zeros((n, n)),
        ("measured",) * n,
        response=response,
    )


def table(*, users: bool = True, targets=("mds0",), opens=(300.0, 100.0, 50.0)) -> Counters:
    """100 s: users u0, u1 ... open files; each fifth of that number are renames."""
    n = len(opens)
    accounts = Accounts(
        labels=tuple(f"u\n{j}" for j in range(n)),
        targets=targets,
        operations=("open", "rename"),
        account=np.arange(n, dtype=np.int32),
        target=np.zeros(n, dtype=np.int32),
        start=np.zeros(n),
        step=np.full(n, 100.0),
        counts=100.0 * np.array([opens, [o / 5 for o in opens]]),
        fields={"user": tuple(f"u\n{j}" for j in range(n))},
    )
    values = np.zeros((2, len(targets), 2))
    values[0, 0] = 50.0 * sum(opens)
    values[1, 0] = 50.0 * sum(opens) / 5
    return Counters(
        start=np.array([0.0, 50.0]),
        step=np.full(2, 50.0),
        targets=targets,
        operations=("open", "rename"),
        values=values,
        stored="counts",
        servers=(),
        cpu=np.empty((0, 2)),
        server_of=("",) * len(targets),
        accounts=accounts if users else None,
    )


def test_rates_and_capacity_follow_from_the_weights():
    found = identify(weights(open=1.0, rename=2.0), [table()], CLIENTS, most=1)
    assert found.capacity == pytest.approx(1000.0)
    assert found.status == "ok"
    # 450 opens and 90 renames of weight 2 each second
    assert found.utilisation == pytest.approx(0.63)
    server = found.program.servers[0]
    assert server.apis["open"].processing_rate == pytest.approx(250.0)
    assert server.apis["rename"].processing_rate == pytest.approx(125.0)
    assert (server.thread_pool, server.qsize) == (4, 100)
    assert {s.name: s.mean_rate for s in found.program.sources} == pytest.approx(
        {"u_0-open": 300.0, "u_0-rename": 60.0, "others-open": 150.0, "others-rename": 30.0}
    )


def test_whole_counters_make_one_group_with_the_same_load():
    apart = identify(weights(open=1.0, rename=2.0), [table()], CLIENTS)
    whole = identify(weights(open=1.0, rename=2.0), [table(users=False)], CLIENTS)
    assert list(whole.rates) == ["all"]
    assert whole.utilisation == pytest.approx(apart.utilisation)


@pytest.mark.parametrize("bundle", [1, 10])
def test_bundles_and_scaling_keep_the_utilisation(bundle):
    found = identify(weights(open=1.0, rename=2.0), [table()], CLIENTS, bundle=bundle)
    scaled = found.at(0.9)
    server = scaled.servers[0]
    busy = sum(s.mean_rate / server.apis[s.api].processing_rate for s in scaled.sources)
    assert busy / server.thread_pool == pytest.approx(0.9)


def test_check_accepts_it_and_its_file():
    found = identify(weights(open=1.0, rename=2.0), [table()], CLIENTS, bundle=5, most=0)
    again = files.loads(files.dumps(found.at(0.4)))
    assert again == found.at(0.4)
    assert check(found.at(0.3)).word == "safe"


def test_a_concave_response_is_inverted_and_extrapolation_is_told():
    response = Response({"mds0": 10.0}, 0.2, Link(0.5, 100.0), highest=200.0)
    found = identify(weights(response, open=1.0), [table()], CLIENTS)
    assert float(response.cpu(np.array(found.capacity), "mds0")) == pytest.approx(100.0)
    assert found.status == "inconclusive"
    assert "times the highest score seen" in found.reason


def test_cheap_operations_are_told():
    found = identify(weights(open=1.0, rename=1e-4), [table()], CLIENTS)
    assert list(found.service) == ["open"]
    assert "rename" in found.notes[0]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"weights": weights(link=1.0)}, "no operation with a weight"),
        ({"weights": weights(Response({}, 1.0, Link(3.0, 1.0)), open=1.0)}, "never reaches 100 %"),
        ({"weights": weights(Response({}, 0.0, Link()), open=1.0)}, "has no capacity"),
        ({"server": "mds9"}, "no metadata server 'mds9'"),
        ({"table": table(targets=("a", "b"))}, "has 2 metadata targets"),
        ({"bundle": 0}, "bundle must be >= 1"),
        ({"capacity": float("nan")}, "capacity must be > 0"),
    ],
)
def test_what_cannot_be_identified_says_why(change, complaint):
    costs = change.pop("weights", weights(open=1.0))
    given = change.pop("table", table())
    with pytest.raises(DataError, match=complaint):
        identify(costs, [given], CLIENTS, **change)


def test_clients_that_cannot_be_are_refused():
    with pytest.raises((ModelError, ValueError), match="timeout"):
        identify(weights(open=1.0), [table()], Clients(timeout=-1.0))
    with pytest.raises(DataError, match="load must be > 0"):
        identify(weights(open=1.0), [table()], CLIENTS).at(0.0)
