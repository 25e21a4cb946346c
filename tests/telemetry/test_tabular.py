from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from separatrix.errors import DataError
from separatrix.telemetry import Counters, QualityLog, Repair
from separatrix.telemetry.tabular import read_table, write_table

Make = Callable[..., Counters]


def csv(path: Path, text: str, **options: object) -> Counters:
    path.write_text(text)
    return read_table(str(path), **options)  # type: ignore[arg-type]


def test_wide(tmp_path: Path) -> None:
    c = csv(tmp_path / "a", "Time,CPU,Opens,close,other\n0,1.5,10,1,x\n5,2.5,20,2,y\n")
    assert c.operations == ("open", "close")
    assert c.stored == "counts"
    assert c.values[:, 0].tolist() == [[10, 20], [1, 2]]
    assert c.cpu.tolist() == [[1.5, 2.5]]
    assert c.step.tolist() == [5, 5]


@pytest.mark.parametrize("column", ["openrates", "open_rate", "open_per_s", "OPEN_RATE"])
def test_rates_by_name(tmp_path: Path, column: str) -> None:
    c = csv(tmp_path / "a", f"time,{column}\n0,10\n5,20\n")
    assert c.stored == "rates"
    assert c.counts.ravel().tolist() == [50, 100]


def test_counts_and_rates_together(tmp_path: Path) -> None:
    c = csv(tmp_path / "a", "time;open;close_rate\n0;10;1\n5;20;2\n")
    assert c.counts[:, 0].tolist() == [[10, 20], [5, 10]]


def test_targets_and_order(tmp_path: Path) -> None:
    c = csv(tmp_path / "a", "time\tmdt\topen\n5\tb\t4\n0\ta\t1\n5\ta\t2\n0\tb\t3\n")
    assert c.targets == ("b", "a")
    assert c.values[0].tolist() == [[3, 4], [1, 2]]
    assert c.quality.count(Repair.UNSORTED) == 1


def test_long(tmp_path: Path) -> None:
    text = "time,target,operation,count\n0,a,open,1\n0,a,mkdir,2\n60,a,open,3\n"
    c = csv(tmp_path / "a", text)
    assert c.operations == ("open", "mkdir")
    assert c.values[0].tolist() == [[1, 3]]
    assert np.isnan(c.values[1, 0, 1])


def test_accounts_in_the_long_form(tmp_path: Path) -> None:
    text = (
        "time,target,user,operation,count\n0,a,ann,open,1\n0,a,bob,open,2\n0,a,ann,mkdir,4\n"
        "60,a,ann,open,8\n"
    )
    c = csv(tmp_path / "a", text)
    assert c.accounts is not None
    assert c.accounts.by("user").labels == ("ann", "bob")
    assert c.accounts.counts.sum() == 15
    assert c.values[0].tolist() == [[3, 8]]
    rates = csv(tmp_path / "b", text.replace("count", "rate"))
    assert rates.accounts is not None
    assert rates.accounts.counts.sum() == 15 * 60


def test_times(tmp_path: Path) -> None:
    utc = csv(tmp_path / "a", "start,open\n2019-01-01 00:00:00,1\n2019-01-01 00:00:05,2\n")
    assert utc.start[0] == 1_546_300_800
    west = csv(
        tmp_path / "a",
        "date,open\n2019-01-01T00:00:00,1\n2019-01-01T00:00:05,2\n",
        zone="America/Los_Angeles",
    )
    assert west.start[0] == 1_546_300_800 + 8 * 3_600
    aware = csv(
        tmp_path / "a",
        "time,open\n2019-01-01T00:00:00+01:00,1\n2019-01-01T00:00:05+01:00,2\n",
        zone="America/Los_Angeles",
    )
    assert aware.start[0] == 1_546_300_800 - 3_600
    with pytest.raises(DataError, match="holds no times"):
        csv(tmp_path / "a", "time,open\nnoon,1\nevening,2\n")


def test_right_aligned_stamps(tmp_path: Path) -> None:
    c = csv(tmp_path / "a", "time,open\n5,1\n10,2\n", align="right")
    assert c.start.tolist() == [0, 5]
    assert c.quality.count(Repair.SHIFTED_OPERATIONS) == 2


def test_repairs(tmp_path: Path) -> None:
    c = csv(tmp_path / "a", "time,open,cpu\n0,1,1\n5,-3,\n10,NaN,-1\n10,9,9\n30,,2\n32,5,1\n")
    assert c.start.tolist() == [0, 5, 10, 30]
    assert np.isnan(c.values[0, 0, [1, 2, 3]]).all()
    assert c.quality.count(Repair.NEGATIVE) == 2
    assert c.quality.count(Repair.DUPLICATE) == 1
    assert c.quality.count(Repair.OVERLAP) == 1
    assert c.quality.count(Repair.GAP) == 3


def test_broken_lines(tmp_path: Path) -> None:
    c = csv(tmp_path / "a", "time,open\n0,1\n5,2,3,4\n10,3\n15,4\n")
    assert c.values.ravel().tolist() == [1, 3, 4]
    assert c.quality.count(Repair.BROKEN_LINE) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("time,open\n", "has a header and no row"),
        ("when,open\n0,1\n", "no time column among when, open"),
        ("time,x\n0,1\n", "no operation column among time, x"),
        ("time,open\n0,1\n", "one stamp only"),
        ("time,open\n0,many\n5,2\n", "column 'open' holds no numbers"),
        ("time,operation\n0,open\n", "none 'count' or 'rate'"),
        ("time,open,step\n0,1,0\n", "not > 0"),
        ("time,open\n,1\n5,2\n", "rows without a time"),
    ],
)
def test_bad_tables(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        csv(tmp_path / "a", text)


def test_damaged_files(tmp_path: Path, table: Make) -> None:
    path = tmp_path / "a.parquet"
    write_table(table([0, 5], [[1, 2]]), path)
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(DataError, match="no readable table"):
        read_table(str(path))


def test_gzip(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"time,open\n0,1\n5,2\n"))
    assert read_table(str(path)).n_intervals == 2


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30
)
@given(
    st.lists(st.floats(0, 1e15) | st.just(float("nan")), min_size=2, max_size=6),
    st.sampled_from([".csv", ".parquet"]),
    st.sampled_from(["counts", "rates"]),
)
def test_what_is_written_is_read_back(
    tmp_path: Path, table: Make, values: list[float], suffix: str, stored: str
) -> None:
    from dataclasses import replace

    n = len(values)
    c = table(5.0 * np.arange(n), [[values, values[::-1]]], targets=("a", "b"), cpu=np.ones((2, n)))
    c = replace(c, stored=stored)  # type: ignore[arg-type]
    path = tmp_path / f"t{suffix}"
    write_table(c, path)
    back = read_table(str(path), log=QualityLog())
    assert np.array_equal(back.values, c.values, equal_nan=True)
    assert np.array_equal(back.cpu, c.cpu)
    assert (back.targets, back.operations, back.stored) == (c.targets, c.operations, stored)
    assert np.array_equal(back.step, c.step)


def test_unknown_suffix(tmp_path: Path, table: Make) -> None:
    with pytest.raises(DataError, match=r"cannot write \.xlsx"):
        write_table(table([0], [[1]]), tmp_path / "a.xlsx")


def test_a_file_that_changes_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from separatrix.telemetry import tabular

    path = tmp_path / "a.csv"
    path.write_text("time,open\n0,1\n5,2\n")
    inner, calls = tabular.loaded, []

    def slow(name: str, log: QualityLog) -> object:
        made = inner(name, log)
        if not calls:
            path.write_text("time,open\n0,1\n5,2\n10,3\n")
        calls.append(name)
        return made

    monkeypatch.setattr(tabular, "loaded", slow)
    c = read_table(str(path))
    assert c.n_intervals == 3
    assert c.quality.count(Repair.CHANGED_FILE) == 1
