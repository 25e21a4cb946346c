from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from separatrix.errors import DataError
from separatrix.telemetry import Counters, Repair, concat

Make = Callable[..., Counters]


def test_columns_are_matched_by_name(table: Make) -> None:
    a = table([0], [[[1], [2]]], targets=("x", "y"))
    b = table([5], [[[20], [10]]], targets=("y", "x"))
    assert concat([a, b]).values.tolist() == [[[1, 10], [2, 20]]]


def test_what_a_table_lacks_is_missing(table: Make) -> None:
    a = table([0], [[1], [2]], operations=("open", "close"))
    b = table([5], [[3]])
    joined = concat([a, b])
    assert joined.operations == ("open", "close")
    assert np.isnan(joined.values[1, 0, 1])


def test_rates_and_counts_join_as_rates(table: Make) -> None:
    a = table([0], [[10]])
    joined = concat([a, replace(table([5], [[7]]), stored="rates")])
    assert joined.stored == "rates"
    assert joined.values.tolist() == [[[2.0, 7.0]]]


def test_repeated_intervals_are_folded_and_holes_filled(table: Make) -> None:
    a = table([0, 5], [[1, np.nan]], cpu=[np.nan, 1.0])
    b = table([0, 5, 10], [[9, 2, 3]], cpu=[4.0, 5.0, 6.0])
    joined = concat([a, b])
    assert joined.values.tolist() == [[[1, 2, 3]]]
    assert joined.cpu.tolist() == [[4.0, 1.0, 6.0]]
    assert joined.quality.count(Repair.DUPLICATE) == 1
    assert joined.quality.count(Repair.CONFLICT) == 2  # one count, one load


def test_targets_that_share_an_interval_do_not_repeat_it(table: Make) -> None:
    joined = concat([table([0], [[1]], targets=("a",)), table([0], [[2]], targets=("b",))])
    assert joined.values.tolist() == [[[1], [2]]]
    assert joined.quality.count(Repair.DUPLICATE) == 0


def test_overlapping_intervals_are_dropped(table: Make) -> None:
    joined = concat([table([0, 10], [[1, 2]], step=10.0), table([5, 20], [[8, 9]], step=5.0)])
    assert joined.start.tolist() == [0, 10, 20]
    assert joined.quality.count(Repair.OVERLAP) == 1


def test_three_copies_of_one_interval(table: Make) -> None:
    parts = [table([0], [[v]]) for v in (np.nan, np.nan, 3.0)]
    joined = concat(parts)
    assert joined.values.item() == 3.0
    assert joined.quality.count(Repair.DUPLICATE) == 0


def test_systems_and_zones_are_not_mixed(table: Make) -> None:
    with pytest.raises(DataError, match="more than one file system: a, b"):
        concat([table([0], [[1]], fs="a"), table([5], [[1]], fs="b")])
    with pytest.raises(DataError, match="more than one time zone"):
        concat([table([0], [[1]]), table([5], [[1]], zone="Asia/Tokyo")])
    with pytest.raises(DataError, match="no telemetry to join"):
        concat([])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=30, unique=True), st.data())
def test_order_of_tables_does_not_matter_where_they_agree(
    table: Make, places: list[int], data: st.DataObject
) -> None:
    pieces = [table([5 * p], [[p]]) for p in places]
    shuffled = data.draw(st.permutations(pieces))
    joined = concat(shuffled)
    assert joined.start.tolist() == sorted(5.0 * p for p in places)
    assert joined.values[0, 0].tolist() == sorted(places)


def test_latency_is_joined_too(table: Make) -> None:
    timed = replace(
        table([0], [[4]]), latency_sum=np.array([[[100.0]]]), latency_samples=np.array([[[4.0]]])
    )
    joined = concat([timed, table([5], [[1]])])
    assert joined.latency_sum is not None
    assert joined.latency_sum[0, 0, 0] == 100.0
    assert np.isnan(joined.latency_sum[0, 0, 1])
