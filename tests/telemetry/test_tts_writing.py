from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from separatrix.errors import DataError
from separatrix.telemetry.tts_writing import write_tts


def test_layout_and_markers(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "day.hdf5"
    stamps = np.array([100, 105, 110])
    write_tts(
        path,
        stamps,
        {"open": np.array([[1.0, np.nan, 0.0]])},
        ["m"],
        cpu=np.array([[1.0, 2.0, 3.0]]),
        servers=["m"],
    )
    with h5py.File(path) as file:
        assert file.attrs["version"] == "1"
        assert (file.attrs["start"], file.attrs["end"]) == (100, 115)
        opens = file["mdtargets/opens"]
        assert np.signbit(opens[:, 0]).tolist() == [False, True, False]
        assert opens.attrs["columns"].tolist() == [b"m"]
        assert opens.compression == "gzip"
        assert file["mdservers"].attrs["source"] == "lmt"
    assert [p.name for p in path.parent.iterdir()] == ["day.hdf5"]


def test_bad_shapes_leave_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="open has shape"):
        write_tts(tmp_path / "x.h5", np.array([0, 5]), {"open": np.zeros((1, 3))}, ["m"])
    with pytest.raises(DataError, match="needs two stamps"):
        write_tts(tmp_path / "x.h5", np.array([0]), {}, [])
    assert list(tmp_path.iterdir()) == []
