from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from separatrix.errors import DataError
from separatrix.telemetry import tokio

Archive = Callable[..., str]


@pytest.mark.parametrize(
    ("leaf", "operation"),
    [
        ("opens", ("open", "counts")),
        ("statfss", ("statfs", "counts")),
        ("statfsrates", ("statfs", "rates")),
        ("openrates", ("open", "rates")),
        ("getattrs", ("getattr", "counts")),
        ("readbytes", None),
        ("readrates", None),
        ("writeops", None),
        ("timestamps", None),
        ("rates", None),
        ("cpuload", None),
    ],
)
def test_names_of_datasets(leaf: str, operation: tuple[str, str] | None) -> None:
    assert tokio.operation_name(leaf) == operation


def test_counts_and_rates_are_derived_from_one_another(archive: Archive) -> None:
    path = archive()
    counts = tokio.read_dataset(path, "mdtargets/opens")
    rates = tokio.read_dataset(path, "/mdtargets/openrates")
    assert counts.stored == "counts"
    assert rates.stored == "rates"
    assert np.array_equal(rates.values, counts.values / 5)
    with pytest.raises(DataError, match="no dataset 'mdtargets/links'"):
        tokio.read_dataset(path, "mdtargets/links")
    with pytest.raises(DataError, match="no dataset 'fullness/bytes'"):
        tokio.read_dataset(path, "fullness/bytes")


def test_versions(tmp_path: Path, archive: Archive) -> None:
    path = archive()
    with h5py.File(path, "a") as file:
        file.attrs["version"] = b"1"  # old archivers wrote bytes
    assert tokio.read_archive(path).layout == "tts"
    with h5py.File(path, "a") as file:
        file["mdtargets/opens"].attrs["version"] = "2"
    with pytest.raises(DataError, match="dataset mdtargets/opens has schema version '2'"):
        tokio.read_archive(path)
    with h5py.File(path, "a") as file:
        file.attrs["version"] = "7"
    with pytest.raises(DataError, match="schema version '7', known is '1'"):
        tokio.span(path)
    other = tmp_path / "other.h5"
    with h5py.File(other, "w") as file:
        file["x"] = 1
    with pytest.raises(DataError, match="neither TOKIO Time Series"):
        tokio.read_archive(str(other))


def test_a_dataset_may_name_its_timestamps(archive: Archive) -> None:
    path = archive(n=6)
    with h5py.File(path, "a") as file:
        file["elsewhere"] = file["mdtargets/timestamps"][...] + 100
        file["mdtargets/opens"].attrs["timestamps"] = b"/elsewhere"
    first = tokio.read_dataset(path, "mdtargets/opens").stamps[0]
    assert first == tokio.read_dataset(path, "mdtargets/closes").stamps[0] + 100
    with h5py.File(path, "a") as file:
        del file["elsewhere"]
    with pytest.raises(DataError, match="has no timestamps"):
        tokio.read_dataset(path, "mdtargets/opens")


def test_span(archive: Archive) -> None:
    first, last = tokio.span(archive(start=1_000, n=4, step=10))
    assert (first, last) == (1_000, 1_040)


def test_one_row_takes_its_step_from_the_file(archive: Archive) -> None:
    path = archive(n=2, counts={"open": [1, 2]})
    with h5py.File(path, "a") as file:
        for group in ("mdtargets", "mdservers"):
            for name in list(file[group]):
                kept = file[f"{group}/{name}"][:1]
                del file[f"{group}/{name}"]
                file[f"{group}/{name}"] = kept
    assert tokio.read_archive(path).step == 10.0
    with h5py.File(path, "a") as file:
        del file.attrs["end"]
    with pytest.raises(DataError, match="its step is unknown"):
        tokio.span(path)


def test_a_group_without_metadata(tmp_path: Path) -> None:
    path = tmp_path / "ost.h5"
    with h5py.File(path, "w") as file:
        file.attrs["version"] = "1"
        file.create_group("datatargets")
    for call in (tokio.span, tokio.read_archive):
        with pytest.raises(DataError, match="it holds the groups datatargets"):
            call(str(path))


def test_no_wanted_operation(archive: Archive) -> None:
    with pytest.raises(DataError, match="none of the operations mkdir"):
        tokio.read_archive(archive(), ["mkdir"])


def _h5lmt(path: Path, rows: np.ndarray, cpu: np.ndarray, names: list[bytes]) -> str:
    with h5py.File(path, "w") as file:
        n = rows.shape[1]
        file["FSStepsGroup/FSStepsDataSet"] = (1_000 + 5 * np.arange(n)).astype(np.int32)
        file["MDSOpsGroup/MDSOpsDataSet"] = rows
        file["MDSOpsGroup/MDSOpsDataSet"].attrs["OpNames"] = np.array(names)
        file["MDSCPUGroup/MDSCPUDataSet"] = cpu
    return str(path)


def test_h5lmt(tmp_path: Path) -> None:
    rows = np.array([[0.0, 1.0, 2.0], [0.0, 3.0, 4.0], [0.0, 9.0, 9.0]])
    path = _h5lmt(
        tmp_path / "a.h5lmt", rows, np.array([5.0, 6.0, 7.0]), [b"open", b"close", b"ping"]
    )
    held = tokio.read_archive(path)
    assert held.layout == "h5lmt"
    assert held.operations["close"].values.ravel().tolist() == [0, 3, 4]
    assert "mkdir" in held.absent
    assert held.others == ("ping",)
    assert tokio.span(path) == (1_000, 1_010)
    assert tokio.read_dataset(path, "mdtargets/opens").values.ravel().tolist() == [0, 5, 10]
    assert tokio.read_dataset(path, "mdservers/cpuload").values.ravel().tolist() == [5, 6, 7]
    with pytest.raises(DataError, match="no counterpart of fullness/bytes"):
        tokio.read_dataset(path, "fullness/bytes")
    with pytest.raises(DataError, match="none of the operations"):
        tokio.read_archive(path, ["symlink"])


def test_broken_h5lmt(tmp_path: Path) -> None:
    path = _h5lmt(tmp_path / "a.h5lmt", np.zeros((1, 1)), np.zeros(1), [b"open"])
    with pytest.raises(DataError, match="needs two"):
        tokio.span(path)
    with h5py.File(path, "a") as file:
        del file["MDSOpsGroup"]
    with pytest.raises(DataError, match="has no dataset MDSOpsGroup"):
        tokio.read_archive(path)


def test_real_versions_file_is_refused(shared_data: Path) -> None:
    with pytest.raises(DataError, match="schema version 'global'"):
        tokio.read_archive(str(shared_data / "tokio" / "versions_test.hdf5"))
