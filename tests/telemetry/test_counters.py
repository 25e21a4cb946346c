from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from separatrix.errors import DataError
from separatrix.telemetry import NESTED, OPERATIONS, Counters

Make = Callable[..., Counters]


def test_counts_and_rates_convert(table: Make) -> None:
    c = table([0, 5], [[10.0, np.nan]])
    assert c.counts is c.values
    assert c.rates[0, 0].tolist()[0] == 2.0
    assert np.isnan(c.rates[0, 0, 1])
    assert c.rate("open")[0, 0] == 2.0
    assert np.isnan(c.rate("mkdir")).all()
    assert c.end.tolist() == [5.0, 10.0]


@pytest.mark.parametrize("count", [0.0, 1.0, 3.0, 279_482.0, 2.0**40 + 1])
def test_counts_of_whole_steps_survive_conversion_to_rates(table: Make, count: float) -> None:
    # Kahan: (m / n) n = m in binary floating point for n = 2^i + 2^j, hence for 5, 10 and 20 s
    for step in (5.0, 10.0, 20.0):
        assert (table([0], [[count]], step=step).rates * step).item() == count


def test_missing_means_no_operation_is_known(table: Make) -> None:
    c = table([0, 5, 10], [[1, np.nan, np.nan], [1, 2, np.nan]], operations=("open", "close"))
    assert c.missing.tolist() == [[False, False, True]]


def test_by_server_adds_targets_of_one_server(table: Make) -> None:
    from dataclasses import replace

    c = table([0, 5], [[[1, 2], [10, np.nan], [100, 200]]], targets=("t0", "t1", "t2"))
    c = replace(c, servers=("a",), cpu=np.array([[7.0, 8.0]]), server_of=("a", "a", ""))
    assert c.cpu_of_targets()[1].tolist() == [7.0, 8.0]
    assert np.isnan(c.cpu_of_targets()[2]).all()
    s = c.by_server()
    assert s.targets == ("a", "t2")
    assert s.values[0, 0, 0] == 11
    assert np.isnan(s.values[0, 0, 1])
    assert s.values[0, 1].tolist() == [100, 200]
    assert s.server_of == ("a", "")
    assert s.by_server() is s


def test_select_and_between(table: Make) -> None:
    c = table([0, 5, 10], [[1, 2, 3]])
    assert c.between(5, 10).values.tolist() == [[[2.0]]]
    assert c.between(0, 15) is c
    s = c.select(operations=("statfs", "open"), targets=("m1", "m0"))
    assert np.isnan(s.values[0]).all()
    assert s.values[1, 1].tolist() == [1, 2, 3]
    assert s.server_of == ("", "m0")


def test_frame_is_local_time(table: Make) -> None:
    frame = table([0, 5], [[5, 10]], cpu=[1.0, 2.0], zone="America/Los_Angeles").frame()
    assert frame.index[0].isoformat() == "1969-12-31T16:00:00-08:00"
    assert frame["open"].tolist() == [1.0, 2.0]
    assert frame["cpu"].tolist() == [1.0, 2.0]
    with pytest.raises(DataError, match="no metadata target named 'x'"):
        table([0], [[1]]).frame("x")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"values": np.zeros((2, 1, 2))}, "values is"),
        ({"values": np.zeros((1, 1, 2), np.float32)}, "expected float64"),
        ({"cpu": np.zeros((1, 3))}, "cpu is"),
        ({"server_of": ()}, "server_of names 0"),
        ({"start": np.array([5.0, 0.0])}, "increasing begin"),
        ({"step": np.array([5.0, 0.0])}, "positive length"),
        ({"targets": ("a", "a"), "server_of": ("", ""), "values": np.zeros((1, 2, 2))}, "repeats"),
    ],
)
def test_inconsistent_tables_are_refused(table: Make, change: dict, message: str) -> None:
    from dataclasses import replace

    with pytest.raises(DataError, match=message):
        replace(table([0, 5], [[1, 2]]), **change)


def test_nested_operations_are_told() -> None:
    assert NESTED["samedir_rename"] == "rename"
    assert set(NESTED.values()) <= set(OPERATIONS)
