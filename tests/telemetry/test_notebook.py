from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from separatrix.errors import DataError
from separatrix.telemetry.notebook import get_dataframe_from_time_range as get

Archive = Callable[..., str]
DAY = 1_546_300_800
DATE = dt.datetime(2019, 1, 1)


def _store(path: str) -> dict[str, dict[str, str]]:
    return {"hdf5_files": {"fs": str(Path(path).parent / "%Y-%m-%d.h5")}}


def test_range_is_half_open_and_missing_is_nan(archive: Archive) -> None:
    path = archive("2019-01-01.h5", n=4, counts={"open": [5, np.nan, 0, 20]})
    frame = get(
        "fs", "mdtargets/openrates", DATE, DATE + dt.timedelta(seconds=15), config=_store(path)
    )
    assert frame is not None
    assert frame.index[0] == DATE
    assert frame.columns.tolist() == ["mds0"]
    assert frame["mds0"].tolist()[0] == 1.0
    assert np.isnan(frame["mds0"].iloc[1])
    assert frame["mds0"].iloc[2] == 0.0
    assert len(frame) == 3


def test_two_days_and_a_later_column(archive: Archive) -> None:
    archive("2019-01-01.h5", n=2, counts={"open": [1, 2]})
    path = archive(
        "2019-01-02.h5",
        start=DAY + 86_400,
        n=2,
        targets=("x", "mds0"),
        cpu=None,
        counts={"open": [[7, 8], [3, 4]]},
    )
    frame = get("fs", "/mdtargets/opens", DATE, DATE + dt.timedelta(days=2), config=_store(path))
    assert frame is not None
    assert frame["mds0"].tolist() == [1, 2, 3, 4]
    assert frame["x"].tolist()[2:] == [7, 8]


def test_later_files_win(archive: Archive) -> None:
    archive("2019-01-01.h5", n=3, counts={"open": [1, 2, 3]})
    path = archive("2019-01-02.h5", start=DAY + 10, n=2, counts={"open": [30, 40]})
    frame = get(
        "fs", "mdtargets/opens", DATE, DATE + dt.timedelta(days=1, hours=1), config=_store(path)
    )
    assert frame is not None
    assert frame["mds0"].tolist() == [1, 2, 30, 40]


def test_no_file_and_unknown_names(archive: Archive) -> None:
    path = archive("2019-01-01.h5")
    assert get("fs", "mdtargets/opens", dt.datetime(2020, 1, 1), config=_store(path)) is None
    with pytest.raises(DataError, match="no file system 'x'"):
        get("x", "mdtargets/opens", DATE, config=_store(path))
    with pytest.raises(DataError, match="no dataset 'mdtargets/links'"):
        get("fs", "mdtargets/links", DATE, config=_store(path))


def test_the_zone_is_an_argument(shared_data: Path) -> None:
    store = {"hdf5_files": {"e": str(shared_data / "tokio/edison_snx11025_%Y-%m-%d.h5lmt")}}
    start, end = dt.datetime(2018, 2, 9), dt.datetime(2018, 2, 10)
    west = get("e", "mdtargets/openrates", start, end, tz="America/Los_Angeles", config=store)
    utc = get("e", "mdtargets/openrates", start, end, config=store)
    assert west is not None
    assert utc is not None
    assert (len(west), len(utc)) == (17_280, 11_520)
    # the notebook's own numbers on this file: reference computed independently of this code
    assert west["open"].max() == 69_896.6
    assert west["open"].mean() == pytest.approx(325.3935198619386, rel=1e-15)
