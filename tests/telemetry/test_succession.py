from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from separatrix.errors import DataError
from separatrix.telemetry import Counters, Repair, concat
from separatrix.telemetry.archive import ArchiveOptions
from separatrix.telemetry.succession import read_archives

Archive = Callable[..., str]
DAY = 1_546_300_800


def _all(paths: list[str], **options: object) -> Counters:
    return concat(read_archives(paths, ArchiveOptions(**options)))  # type: ignore[arg-type]


def test_the_last_load_of_a_day_is_in_the_next_file(archive: Archive) -> None:
    a = archive("a.h5", start=DAY, n=3, cpu=[0, 1, 2], counts={"open": [1, 2, 3]})
    b = archive("b.h5", start=DAY + 15, n=2, cpu=[3, 4], counts={"open": [4, 5]})
    tables = list(read_archives([b, a], ArchiveOptions()))  # in any order
    assert [t.n_intervals for t in tables] == [3, 2]
    assert tables[0].cpu[0].tolist() == [1, 2, 3]
    assert tables[1].cpu[0, 0] == 4
    assert np.isnan(tables[1].cpu[0, 1])


def test_the_file_after_the_range_lends_its_first_load(archive: Archive) -> None:
    a = archive("a.h5", start=DAY, n=2, cpu=[0, 1], counts={"open": [1, 2]})
    b = archive("b.h5", start=DAY + 10, n=2, cpu=[2, 3], counts={"open": [3, 4]})
    tables = list(read_archives([a, b], ArchiveOptions(), start=DAY, end=DAY + 10))
    assert len(tables) == 1
    assert tables[0].cpu.tolist() == [[1, 2]]


def test_an_absent_day_is_a_counted_gap(archive: Archive) -> None:
    a = archive("a.h5", start=DAY, n=2, counts={"open": [1, 2]})
    b = archive("b.h5", start=DAY + 100, n=2, counts={"open": [3, 4]})
    c = _all([a, b])
    assert c.quality.count(Repair.GAP) == 18
    assert np.isnan(c.cpu[0, 1])


def test_two_files_for_one_day(archive: Archive) -> None:
    nan = np.nan
    a = archive("a.h5", n=4, cpu=[0, 1, 2, 3], counts={"open": [1, nan, nan, 4]})
    b = archive("b.h5", n=4, cpu=[0, 1, 2, 3], counts={"open": [1, 2, 3, 4]})
    tables = list(read_archives([a, b], ArchiveOptions()))
    assert len(tables) == 1
    assert tables[0].values.ravel().tolist() == [1, 2, 3, 4]
    assert tables[0].cpu[0, :3].tolist() == [1, 2, 3]
    assert tables[0].quality.count(Repair.DUPLICATE) == 1


def test_overlapping_days_in_bounded_memory(archive: Archive) -> None:
    paths = [
        archive(
            f"{i}.h5",
            start=DAY + 20 * i,
            n=8,
            cpu=4 * i + np.arange(8),
            counts={"open": 4 * i + np.arange(1, 9)},
        )
        for i in range(5)
    ]
    tables = list(read_archives(paths, ArchiveOptions()))
    assert max(t.n_intervals for t in tables) <= 8
    c = concat(tables)
    assert c.values.ravel().tolist() == list(range(1, 25))
    assert c.cpu[0, :-1].tolist() == list(range(1, 24))
    assert c.quality.count(Repair.DUPLICATE) == 16
    assert c.quality.count(Repair.CONFLICT) == 0


def test_different_steps(archive: Archive) -> None:
    a = archive("a.h5", start=DAY, n=2, step=5, counts={"open": [5, 10]}, cpu=[1, 2])
    b = archive("b.h5", start=DAY + 10, n=2, step=10, counts={"open": [10, 20]}, cpu=[3, 4])
    c = _all([a, b])
    assert c.step.tolist() == [5, 5, 10, 10]
    assert c.rates.ravel().tolist() == [1, 2, 1, 2]
    assert c.quality.count(Repair.STEP) == 2


def test_columns_that_change_from_day_to_day(archive: Archive) -> None:
    a = archive(
        "a.h5",
        start=DAY,
        n=2,
        targets=("x", "y"),
        counts={"open": [[1, 1], [2, 2]]},
        cpu=[[1, 1], [2, 2]],
    )
    b = archive(
        "b.h5",
        start=DAY + 10,
        n=2,
        targets=("z", "y", "x"),
        cpu=[[3, 3], [2, 2], [1, 1]],
        counts={"open": [[3, 3], [2, 2], [1, 1]]},
    )
    c = _all([a, b])
    assert c.targets == ("x", "y", "z")
    assert c.values[0, 0].tolist() == [1, 1, 1, 1]
    assert np.isnan(c.values[0, 2, :2]).all()
    assert c.cpu[c.servers.index("y"), :3].tolist() == [2, 2, 2]


def test_one_bad_file_does_not_lose_the_rest(archive: Archive, tmp_path: Path) -> None:
    good = archive("a.h5", n=2, counts={"open": [1, 2]})
    bad = tmp_path / "b.h5"
    bad.write_bytes(Path(good).read_bytes()[:900])
    other = archive("c.h5", start=DAY + 10, n=2, counts={"open": [3, 4]})
    with h5py.File(other, "a") as file:
        del file["mdtargets/opens"]  # found out only when the data are read
    c = _all([str(bad), other, good])
    assert c.values.ravel().tolist() == [1, 2]
    assert {Path(f).name for f, _ in c.quality.failures} == {"b.h5", "c.h5"}
    for path in (str(bad), other):
        with pytest.raises(DataError):
            _all([good, path], strict=True)
    with pytest.raises(DataError, match=r"no archive could be read; .*b\.h5: HDF5 cannot"):
        _all([str(bad)])


def test_failures_behind_the_last_table_are_reported(archive: Archive) -> None:
    good = archive("a.h5", n=2, counts={"open": [1, 2]})
    late = archive("c.h5", start=DAY + 10, n=2, counts={"open": [3, 4]})
    with h5py.File(late, "a") as file:
        del file["mdtargets/opens"]
    tables = list(read_archives([good, late], ArchiveOptions(), start=DAY, end=DAY + 10))
    assert tables[-1].quality.failures


def test_an_empty_range(archive: Archive) -> None:
    with pytest.raises(DataError, match="no archive holds any interval"):
        list(read_archives([archive()], ArchiveOptions(), start=0, end=10))


def test_an_unnamed_server_takes_the_name_of_its_neighbour(
    archive: Archive, tmp_path: Path
) -> None:
    h5lmt = tmp_path / "b.h5lmt"
    with h5py.File(h5lmt, "w") as file:
        file["FSStepsGroup/FSStepsDataSet"] = (DAY + 10 + 5 * np.arange(3)).astype(np.int32)
        file["MDSOpsGroup/MDSOpsDataSet"] = np.array([[0.0, 2.0, 3.0]])
        file["MDSOpsGroup/MDSOpsDataSet"].attrs["OpNames"] = np.array([b"open"])
        file["MDSCPUGroup/MDSCPUDataSet"] = np.array([7.0, 8.0, 9.0])
    named = archive("a.h5", n=2, counts={"open": [1, 2]}, cpu=[0, 1])
    c = _all([named, str(h5lmt)], operations=("open",))
    assert c.targets == ("mds0",)
    assert c.servers == ("mds0",)
    assert c.rates.ravel().tolist() == [0.2, 0.4, 2.0, 3.0]
    assert c.cpu[0, 2:].tolist() == [8.0, 9.0]
    after = archive("c.h5", start=DAY + 20, n=2, counts={"open": [1, 2]}, cpu=[0, 1])
    assert _all([str(h5lmt), after], operations=("open",)).targets == ("mds0",)


def test_real_days_agree(shared_data: Path) -> None:
    day = shared_data / "tokio" / "snx11025_2018-01-28"
    tts, h5lmt = _all([f"{day}.hdf5"]), _all([f"{day}.h5lmt"])
    assert np.array_equal(tts.start, h5lmt.start)
    assert np.array_equal(tts.counts, h5lmt.counts)
    assert np.array_equal(tts.cpu[0, :-1], h5lmt.cpu[0, :-1])
    both = _all([f"{day}.hdf5", f"{day}.h5lmt"])
    assert both.n_intervals == 60
    assert both.quality.count(Repair.CONFLICT) == 0


def test_real_unwritten_intervals(shared_data: Path) -> None:
    c = _all([str(shared_data / "tokio" / "edison_snx11025_2018-02-09.h5lmt")])
    assert c.n_intervals == 17_280
    assert int((~c.missing).sum()) == 12_240
    assert np.isfinite(c.cpu[0]).sum() == 12_240
    assert c.quality.count(Repair.UNWRITTEN) == 5_040
    assert c.quality.count(Repair.SILENT) == 19
