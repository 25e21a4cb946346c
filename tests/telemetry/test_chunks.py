from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from separatrix.errors import DataError
from separatrix.telemetry import chunks, tokio
from separatrix.telemetry.chunks import columns_of


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60
)
@given(
    rows=st.integers(1, 70),
    width=st.integers(1, 5),
    chunk=st.tuples(st.integers(1, 80), st.integers(1, 6)),
    storage=st.sampled_from(["gzip", "shuffled", "plain", "contiguous", "float32"]),
    written=st.integers(0, 70),
    userblock=st.sampled_from([0, 512]),
)
def test_the_same_as_the_library(
    tmp_path: Path,
    rows: int,
    width: int,
    chunk: tuple[int, int],
    storage: str,
    written: int,
    userblock: int,
) -> None:
    path = str(tmp_path / "x.h5")
    values = np.random.default_rng(rows).random((rows, width))
    options: dict = {"fillvalue": -0.0}
    if storage != "contiguous":
        options["chunks"] = (min(chunk[0], rows), min(chunk[1], width))
    if storage in ("gzip", "shuffled", "float32"):
        options |= {"compression": "gzip", "shuffle": storage == "shuffled"}
    kind = "f4" if storage == "float32" else "f8"
    with h5py.File(path, "w", userblock_size=userblock) as file:
        data = file.create_dataset("x", shape=(rows, width), dtype=kind, **options)
        data[:written] = values[:written]
    with h5py.File(path) as file:
        found = columns_of(file["x"], path)
        expected = file["x"][...].astype(float)
    assert found.shape == (width, rows)
    assert np.array_equal(found, expected.T)
    assert np.array_equal(np.signbit(found), np.signbit(expected.T))


def test_one_dimension(tmp_path: Path) -> None:
    path = str(tmp_path / "x.h5")
    with h5py.File(path, "w") as file:
        file["x"] = np.arange(3)
    with h5py.File(path) as file:
        assert columns_of(file["x"], path).tolist() == [[0, 1, 2]]


def test_chunks_written_without_their_filter(tmp_path: Path) -> None:
    path = str(tmp_path / "x.h5")
    values = np.arange(8.0).reshape(4, 2)
    with h5py.File(path, "w") as file:
        data = file.create_dataset("x", shape=(4, 2), dtype="f8", chunks=(4, 2), compression="gzip")
        data.id.write_direct_chunk((0, 0), values.tobytes(), filter_mask=1)
    with h5py.File(path) as file:
        assert np.array_equal(columns_of(file["x"], path), values.T)


def test_an_old_library_without_chunk_lists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(tmp_path / "x.h5")
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=np.ones((4, 2)), compression="gzip")
    monkeypatch.setattr(chunks, "_inflated", lambda *_: None)
    with h5py.File(path) as file:
        assert columns_of(file["x"], path).tolist() == [[1] * 4] * 2


def test_a_damaged_chunk_is_a_clear_error(archive, tmp_path: Path) -> None:
    path = Path(archive(n=64))
    with h5py.File(path) as file:
        found: list = []
        file["mdtargets/opens"].id.chunk_iter(found.append)
    data = bytearray(path.read_bytes())
    begin = found[0].byte_offset
    data[begin + 4 : begin + found[0].size] = bytes(found[0].size - 4)
    path.write_bytes(data)
    with pytest.raises(DataError, match="damaged chunk"):
        tokio.read_archive(str(path))
