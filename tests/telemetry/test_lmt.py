from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from separatrix.errors import DataError
from separatrix.telemetry import Counters, Repair, concat
from separatrix.telemetry.archive import ArchiveOptions
from separatrix.telemetry.lmt import read_lmt
from separatrix.telemetry.succession import read_archives

SCHEMA = """
CREATE TABLE FILESYSTEM_INFO (FILESYSTEM_ID INTEGER, FILESYSTEM_NAME VARCHAR(128));
CREATE TABLE MDS_INFO (MDS_ID INTEGER, FILESYSTEM_ID INTEGER, MDS_NAME VARCHAR(128),
    HOSTNAME VARCHAR(128));
CREATE TABLE OPERATION_INFO (OPERATION_ID INTEGER, OPERATION_NAME VARCHAR(64), UNITS VARCHAR(16));
CREATE TABLE TIMESTAMP_INFO (TS_ID INTEGER, TIMESTAMP DATETIME);
CREATE TABLE MDS_DATA (MDS_ID INTEGER, TS_ID INTEGER, PCT_CPU FLOAT);
CREATE TABLE MDS_OPS_DATA (MDS_ID INTEGER, TS_ID INTEGER, OPERATION_ID INTEGER, SAMPLES BIGINT,
    SUM BIGINT, SUMSQUARES BIGINT);
"""
OPERATIONS = [(1, "open", "reqs"), (2, "close", "reqs"), (3, "ping", "reqs"), (4, "mkdir", "usecs")]


def rows(
    clock: list[str], opens: list[int | None], *, mds: int = 1, mkdirs: bool = False
) -> dict[str, list[tuple]]:
    ops = [(mds, i, 1, v, 0, 0) for i, v in enumerate(opens) if v is not None]
    ops += [(mds, i, 2, 2 * v, 0, 0) for i, v in enumerate(opens) if v is not None]
    if mkdirs:
        ops += [(mds, i, 4, v, 100 * v, 0) for i, v in enumerate(opens) if v is not None]
    return {
        "FILESYSTEM_INFO": [(1, "fs")],
        "MDS_INFO": [(1, 1, "fs-MDT0000", "mds01"), (2, 1, "fs-MDT0001", "mds02")],
        "OPERATION_INFO": OPERATIONS,
        "TIMESTAMP_INFO": list(enumerate(clock)),
        "MDS_DATA": [(mds, i, float(i)) for i in range(len(clock))],
        "MDS_OPS_DATA": ops,
    }


@pytest.fixture
def database(tmp_path: Path):
    def make(tables: dict[str, list[tuple]]) -> str:
        path = tmp_path / f"lmt{len(list(tmp_path.iterdir()))}.sqlite3"
        with sqlite3.connect(path) as connection:
            connection.executescript(SCHEMA)
            for name, content in tables.items():
                for row in content:
                    marks = ", ".join("?" * len(row))
                    connection.execute(f"INSERT INTO {name} VALUES ({marks})", row)  # noqa: S608  (own names)
        connection.close()
        return str(path)

    return make


CLOCK = ["2019-01-01 00:00:00", "2019-01-01 00:00:05", "2019-01-01 00:00:10", "2019-01-01 00:00:15"]


def _load(path: str, **options: object) -> Counters:
    return concat(read_lmt(path, **options))  # type: ignore[arg-type]


def test_right_aligned_rows_become_intervals(database) -> None:
    c = _load(database(rows(CLOCK, [100, 110, 130, 160])))
    assert c.start.tolist() == [1_546_300_800, 1_546_300_805, 1_546_300_810]
    assert c.counts[c.operations.index("open"), 0].tolist() == [10, 20, 30]
    assert c.cpu.tolist() == [[1, 2, 3]]  # each at the end of its interval
    assert c.targets == ("fs-MDT0000",)
    assert c.server_of == ("mds01",)
    assert c.operations == ("open", "close", "mkdir")
    assert np.isnan(c.values[2]).all()
    assert c.quality.count(Repair.NO_DATA) == 1
    assert c.latency_sum is None


def test_latency_where_the_unit_is_time(database) -> None:
    c = _load(database(rows(CLOCK, [100, 110, 130, 160], mkdirs=True)))
    k = c.operations.index("mkdir")
    assert c.latency_sum is not None
    assert c.latency_sum[k, 0].tolist() == [1_000, 2_000, 3_000]
    assert np.isnan(c.latency_sum[0]).all()


def test_resets_and_absent_rows(database) -> None:
    c = _load(database(rows(CLOCK, [100, 5, 7, 9])))
    assert np.isnan(c.values[0, 0, 0])
    assert c.values[0, 0, 1:].tolist() == [2, 2]
    assert c.quality.count(Repair.COUNTER_RESET) == 1
    c = _load(database(rows(CLOCK, [1, None, 7, 9])))
    assert np.isnan(c.values[0, 0, :2]).all()
    assert c.quality.count(Repair.AFTER_GAP) == 1


def test_a_gap_is_not_carried(database) -> None:
    clock = [*CLOCK, "2019-01-01 00:10:00", "2019-01-01 00:10:05"]
    c = _load(database(rows(clock, [1, 2, 3, 4, 9_000, 9_001])))
    assert c.n_intervals == 4
    assert np.nanmax(c.values[0]) == 1
    assert c.quality.count(Repair.GAP) == 116


def test_ranges_zones_and_days(database) -> None:
    clock = [f"2019-01-0{1 + i // 24} {i % 24:02d}:00:00" for i in range(72)]
    path = database(rows(clock, list(range(0, 720, 10))))
    whole = list(read_lmt(path))
    assert [t.n_intervals for t in whole] == [23, 24, 24]  # midnight is in no two tables
    c = _load(path, start=1_546_387_200.0, end=1_546_394_400.0)
    assert c.start.tolist() == [1_546_387_200, 1_546_390_800]
    west = _load(path, zone="America/Los_Angeles")
    assert west.start[0] == 1_546_300_800 + 8 * 3_600
    with pytest.raises(DataError, match="fewer than two readings"):
        _load(path, start=0.0, end=10.0)


def test_latency_and_daily_windows(database) -> None:
    clock = [f"2019-01-0{1 + i // 24} {i % 24:02d}:00:00" for i in range(72)]
    tables = rows(clock, list(range(0, 720, 10)), mkdirs=True)
    # no time is measured on the first day, and nothing at all is stored on the second
    tables["MDS_OPS_DATA"] = [
        (m, t, o, n, 0 if t < 24 else s, q)
        for m, t, o, n, s, q in tables["MDS_OPS_DATA"]
        if t < 24 or t >= 48
    ]
    parts = list(read_lmt(database(tables)))
    assert [p.latency_sum is None for p in parts] == [True, True, False]
    c = concat(parts)
    assert c.latency_sum is not None
    k = c.operations.index("mkdir")
    assert np.nansum(c.latency_sum[k]) == 23 * 1_000
    assert np.nansum(c.counts[k]) == 2 * 23 * 10


def test_end_of_daylight_saving(database) -> None:
    clock = [
        f"2018-11-04 {h}:{m:02d}:00" for h in ("00", "01", "01", "02") for m in range(0, 60, 10)
    ]
    c = _load(database(rows(clock, list(range(len(clock))))), zone="America/Los_Angeles")
    assert c.step.tolist() == [600.0] * (len(clock) - 1)
    assert np.nansum(c.values[0]) == len(clock) - 1
    assert c.quality.count(Repair.AMBIGUOUS_TIME) == 12


def test_file_systems(database) -> None:
    tables = rows(CLOCK, [1, 2, 3, 4])
    tables["FILESYSTEM_INFO"] = [(1, "fs"), (2, "other")]
    tables["MDS_INFO"] = [(1, 1, "fs-MDT0000", "m1"), (2, 2, "other-MDT0000", "m2")]
    path = database(tables)
    assert _load(path, fs="fs").fs == "fs"
    with pytest.raises(DataError, match=r"no file system 'x'.*fs, other"):
        _load(path, fs="x")
    with pytest.raises(DataError, match="several file systems: fs, other"):
        _load(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"MDS_INFO": []}, "lists no metadata server"),
        ({"OPERATION_INFO": [(3, "ping", "reqs")]}, "none of the operations"),
        ({"TIMESTAMP_INFO": []}, "TIMESTAMP_INFO has no row"),
        ({"TIMESTAMP_INFO": [(0, "soon"), (1, "later")]}, "TIMESTAMP_INFO:"),
    ],
)
def test_bad_content(database, change: dict, message: str) -> None:
    with pytest.raises(DataError, match=message):
        _load(database({**rows(CLOCK, [1, 2, 3, 4]), **change}))


def test_other_databases_and_files(tmp_path: Path) -> None:
    other = tmp_path / "other.sqlite3"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE X (Y)")
    with pytest.raises(DataError, match="refused: no such table: FILESYSTEM_INFO"):
        _load(str(other))
    with pytest.raises(DataError, match="no such file"):
        _load(str(tmp_path / "absent"))
    text = tmp_path / "text"
    text.write_text("nothing of the kind " * 100)
    with pytest.raises(DataError, match=r"SQLite cannot open it|refused"):
        _load(str(text))


def test_real_database_agrees_with_the_archives(shared_data: Path) -> None:
    day = shared_data / "tokio" / "snx11025_2018-01-28"
    lmt = _load(f"{day}.sqlite3", zone="America/Los_Angeles")
    tts = concat(read_archives([f"{day}.hdf5"], ArchiveOptions()))
    assert np.array_equal(lmt.start, tts.start)
    assert np.array_equal(lmt.counts, tts.counts)
    assert np.array_equal(lmt.cpu[0, :-1], tts.cpu[0, :-1])
    # the pairing that the archives lose without the shift: 0.645 -> 0.756 (0.75522 with the 60th)
    opens = lmt.values.sum(axis=(0, 1))
    assert np.corrcoef(opens, lmt.cpu[0])[0, 1] > 0.75
