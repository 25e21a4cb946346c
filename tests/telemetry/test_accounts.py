from __future__ import annotations

import numpy as np
import pytest

from separatrix.errors import DataError
from separatrix.telemetry import Accounts, concat_accounts


def _accounts(labels: tuple[str, ...], counts: list[float], **more: object) -> Accounts:
    n = len(counts)
    return Accounts(
        labels=labels,
        targets=("m0",),
        operations=("open",),
        account=np.arange(n, dtype=np.int32) % len(labels),
        target=np.zeros(n, np.int32),
        start=np.zeros(n),
        step=np.full(n, 10.0),
        counts=np.array([counts]),
        **more,  # type: ignore[arg-type]
    )


def test_by_user_adds_jobs_of_one_user() -> None:
    jobs = _accounts(("a.1", "b.1", "c.2"), [1, 2, 4], fields={"user": ("1", "1", "2")})
    users = jobs.by("user")
    assert users.labels == ("1", "2")
    assert users.counts.tolist() == [[3, 4]]
    assert users.rates.tolist() == [[0.3, 0.4]]


def test_by_an_unknown_field_names_the_known_ones() -> None:
    with pytest.raises(DataError, match=r"no field 'project'.*user"):
        _accounts(("a",), [1], fields={"user": ("1",)}).by("project")


def test_missing_counts_stay_missing_only_if_all_are() -> None:
    one = _accounts(("a", "b"), [np.nan, 1.0, 2.0, np.nan], fields={"user": ("u", "u")})
    assert one.by("user").counts.tolist() == [[3.0]]
    none = _accounts(("a",), [np.nan, np.nan])
    assert np.isnan(none.merged().counts).all()


def test_concat_matches_by_name() -> None:
    a = _accounts(("x", "y"), [1, 2], fields={"user": ("1", "2")})
    b = _accounts(("y", "z"), [4, 8], latency_sum=np.array([[5.0, 6.0]]))
    both = concat_accounts([a, b])
    assert both.labels == ("x", "y", "z")
    assert both.account.tolist() == [0, 1, 1, 2]
    assert both.fields["user"] == ("1", "2", "")
    assert both.latency_sum is not None
    assert np.isnan(both.latency_sum[0, :2]).all()
    assert both.latency_sum[0, 2:].tolist() == [5.0, 6.0]


def test_cutting_in_time_and_by_target() -> None:
    a = _accounts(("x",), [1, 2])
    assert a.between(0, 1).n_rows == 2
    assert a.between(1, 2).n_rows == 0
    assert a.of_targets(["m1"]).n_rows == 0
    assert a.of_targets(["m0"]).counts.tolist() == [[1, 2]]


def test_shapes_are_checked() -> None:
    with pytest.raises(DataError, match="counts has shape"):
        Accounts(
            ("x",),
            ("m",),
            ("open", "close"),
            np.zeros(1, np.int32),
            np.zeros(1, np.int32),
            np.zeros(1),
            np.ones(1),
            np.zeros((1, 1)),
        )
    with pytest.raises(DataError, match="start has shape"):
        Accounts(
            ("x",),
            ("m",),
            ("open",),
            np.zeros(1, np.int32),
            np.zeros(1, np.int32),
            np.zeros(2),
            np.ones(1),
            np.zeros((1, 1)),
        )
    with pytest.raises(DataError, match="field user has 2 values"):
        _accounts(("a",), [1], fields={"user": ("1", "2")})
