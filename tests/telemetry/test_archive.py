from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from separatrix.errors import DataError
from separatrix.telemetry import Counters, QualityLog, Repair
from separatrix.telemetry import archive as module
from separatrix.telemetry.archive import ArchiveOptions, read_day

Archive = Callable[..., str]


def _read(path: str, **options: object) -> Counters:
    day = read_day(path, ArchiveOptions(**options))  # type: ignore[arg-type]
    return day.on_time(None, QualityLog())


def test_operations_are_paired_with_the_next_stored_load(archive: Archive) -> None:
    c = _read(archive(cpu=[90, 10, 20, 30], n=4, counts={"open": [1, 2, 3, 4]}))
    assert c.cpu[0, :3].tolist() == [10, 20, 30]
    assert np.isnan(c.cpu[0, 3])  # it is in the next day's file


def test_other_archivers_and_the_user_decide_about_the_load(archive: Archive) -> None:
    path = archive(cpu=[90, 10], n=2, counts={"open": [1, 2]}, source="collectd")
    assert _read(path).cpu.tolist() == [[90, 10]]
    assert _read(path, cpu_stamps="right").cpu[0, 0] == 10
    lmt = archive(cpu=[90, 10], n=2, counts={"open": [1, 2]})
    assert _read(lmt, cpu_stamps="left").cpu.tolist() == [[90, 10]]


def test_missing_markers_and_the_sample_after_the_gap(archive: Archive) -> None:
    nan = np.nan
    c = _read(archive(n=6, counts={"open": [5, nan, nan, 99, 5, 5], "close": [1, 1, 1, 1, 1, 1]}))
    assert np.flatnonzero(np.isnan(c.values[0, 0])).tolist() == [1, 2, 3]
    assert not np.isnan(c.values[1]).any()
    assert not c.missing.any()


def test_an_unwritten_tail(archive: Archive) -> None:
    path = archive(n=5, counts={"open": [1, 2, np.nan, np.nan, np.nan]})
    quality = read_day(path, ArchiveOptions()).table.quality
    assert quality.count(Repair.UNWRITTEN) == 3
    assert quality.count(Repair.MISSING_MARKER) == 3


def test_nan_in_one_operation(archive: Archive) -> None:
    path = archive(n=3)
    with h5py.File(path, "a") as file:
        file["mdtargets/opens"][1, 0] = np.nan
        file["mdtargets/closes"][1, 0] = -5.0
    day = read_day(path, ArchiveOptions())
    assert day.table.quality.count(Repair.NOT_FINITE) == 1
    assert day.table.quality.count(Repair.NEGATIVE) == 1
    assert np.isnan(day.table.values[:, 0, 1]).all()


def test_an_all_missing_operation_is_kept_as_missing(archive: Archive) -> None:
    c = _read(archive(n=3, counts={"open": [1, 2, 3], "link": [np.nan] * 3}))
    assert c.operations == ("open", "link")
    assert np.isnan(c.values[1]).all()


def test_columns_by_name_whatever_their_order(archive: Archive) -> None:
    path = archive(
        n=2, targets=("a", "b"), counts={"open": [[1, 1], [2, 2]], "close": [[3, 3], [4, 4]]}
    )
    with h5py.File(path, "a") as file:
        data = file["mdtargets/closes"]
        data[...] = data[...][:, ::-1]
        data.attrs["columns"] = np.array([b"b", b"a"])
    c = _read(path)
    assert c.targets == ("a", "b")
    assert c.values[1, :, 0].tolist() == [3, 4]
    assert c.quality.count(Repair.COLUMNS) == 1


def test_fewer_names_than_columns(archive: Archive) -> None:
    path = archive(n=2, targets=("a", "b"), counts={"open": [[1, 1], [2, 2]]}, cpu=None)
    with h5py.File(path, "a") as file:
        file["mdtargets/opens"].attrs["columns"] = np.array([b"a"])
    c = _read(path)
    assert c.targets == ("a", "column#1")
    assert c.quality.count(Repair.COLUMNS) == 1


def test_servers_listed_without_data(archive: Archive) -> None:
    path = archive(
        n=2,
        targets=("a", "b"),
        counts={"open": [[1, 1], [np.nan, np.nan]]},
        cpu=[[1, 2], [np.nan] * 2],
    )
    c = _read(path)
    assert c.targets == ("a",)
    assert c.servers == ("a",)
    assert c.quality.count(Repair.NO_DATA) == 1


def test_repeated_and_unsorted_stamps(archive: Archive) -> None:
    path = archive(
        stamps=[1_000, 1_005, 1_005, 1_015, 1_010], n=5, counts={"open": [1, 2, 9, 4, 3]}
    )
    c = _read(path, cpu_stamps="left")
    assert c.start.tolist() == [1_000, 1_005, 1_010, 1_015]
    assert c.values.ravel().tolist() == [1, 2, 3, 4]
    assert c.quality.count(Repair.DUPLICATE) == 1
    assert c.quality.count(Repair.UNSORTED) == 1


def test_gaps_and_overlaps_within_a_file(archive: Archive) -> None:
    path = archive(stamps=[1_000, 1_005, 1_010, 1_030, 1_032, 1_035], n=6, counts={"open": [1] * 6})
    c = _read(path, cpu_stamps="left")
    assert c.start.tolist() == [1_000, 1_005, 1_010, 1_030, 1_035]
    assert c.quality.count(Repair.GAP) == 3
    assert c.quality.count(Repair.OVERLAP) == 1


def test_stamps_never_written(archive: Archive) -> None:
    path = archive(stamps=[1_000, 1_005, 0, 0], n=4, counts={"open": [1, 2, 0, 0]})
    c = _read(path, cpu_stamps="left")
    assert c.start.tolist() == [1_000, 1_005]
    assert c.quality.count(Repair.UNWRITTEN) == 1


def test_zero_columns_and_no_rows(archive: Archive) -> None:
    path = archive(n=2, counts={"open": [1, 2], "close": [1, 2]})
    with h5py.File(path, "a") as file:
        del file["mdtargets/closes"]
        file["mdtargets/closes"] = np.empty((2, 0))
    c = _read(path)
    assert c.operations == ("open",)
    assert c.quality.count(Repair.ABSENT_DATASET) == 11
    with h5py.File(path, "a") as file:
        del file["mdtargets/opens"]
    with pytest.raises(DataError, match="none of the operations"):
        _read(path)


def test_without_a_load(archive: Archive) -> None:
    c = _read(archive(cpu=None))
    assert c.servers == ()
    assert c.server_of == ("",)
    assert "CPU load" in str(c.quality)


def test_empty_and_truncated_files(tmp_path: Path, archive: Archive) -> None:
    empty = tmp_path / "empty.hdf5"
    empty.touch()
    with pytest.raises(DataError, match=r"is empty \(0 bytes\)"):
        _read(str(empty))
    whole = Path(archive())
    cut = tmp_path / "cut.hdf5"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(DataError, match="HDF5 cannot read it"):
        _read(str(cut))


def test_a_file_that_changes_while_it_is_read(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = archive(n=4)
    inner = module._day
    calls: list[str] = []

    def slow(name: str, *args: object) -> Counters:
        made = inner(name, *args)  # type: ignore[arg-type]
        if not calls:
            archive(n=6)  # the archiver appends meanwhile
        calls.append(name)
        return made

    monkeypatch.setattr(module, "_day", slow)
    c = _read(path)
    assert len(calls) == 2
    assert c.n_intervals == 6
    assert c.quality.count(Repair.CHANGED_FILE) == 1


def test_rates_and_counts_in_one_file(archive: Archive) -> None:
    path = archive(n=2, counts={"open": [10, 20], "close": [1, 2]})
    with h5py.File(path, "a") as file:
        rates = file["mdtargets/opens"][...] / 5
        del file["mdtargets/opens"]
        file["mdtargets/openrates"] = rates
        file["mdtargets/openrates"].attrs["columns"] = np.array([b"mds0"])
    c = _read(path)
    assert c.stored == "counts"
    assert c.values[c.operations.index("open")].tolist() == [[10, 20]]


def test_wanted_operations_and_others(archive: Archive) -> None:
    path = archive(n=2, counts={"open": [1, 2], "setxattr": [3, 4]})
    assert set(_read(path).operations) == {"open", "setxattr"}
    c = _read(path, operations=("open",))
    assert c.operations == ("open",)
    assert any("setxattr" in note for note in c.quality.notes)
