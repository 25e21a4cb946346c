from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from separatrix.errors import DataError
from separatrix.telemetry import DataQuality, Repair
from separatrix.telemetry.reading import load, read

Archive = Callable[..., str]
DAY = 1_546_300_800
STATS = "snapshot_time {t} secs.nsecs\nopen {n} samples [reqs]\nmkdir {n} samples [reqs]\n"
JOB = (
    "- job_id: app.{u}\n  snapshot_time: {t}\n  start_time: {s} secs.nsecs\n"
    "  open: {{ samples: {n}, unit: reqs }}\n"
)


def _write(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def test_files_lists_globs_and_stores_are_one_door(archive: Archive, tmp_path: Path) -> None:
    archive("2019-01-01.h5", n=4, counts={"open": [1, 2, 3, 4]})
    path = archive("2019-01-02.h5", start=DAY + 86_400, n=2, counts={"open": [5, 6]})
    folder = Path(path).parent
    by_glob = load(str(folder / "*.h5"))
    by_list = load(sorted(folder.glob("*.h5")))
    store = {"hdf5_files": {"fs": [f"{folder}/%Y-%m-%d.hdf5", f"{folder}/%Y-%m-%d.h5"]}}
    by_store = load(fs="fs", start="2019-01-01", end=dt.date(2019, 1, 3), config=store)
    for one in (by_glob, by_list, by_store):
        assert one.values.ravel().tolist() == [1, 2, 3, 4, 5, 6]
    assert by_store.fs == "fs"
    assert by_store.quality.count(Repair.ABSENT_FILE) == 1  # the third day, end is inclusive
    site = _write(tmp_path / "site.json", json.dumps(store))
    part = load(fs="fs", start=DAY + 5, end=DAY + 15, config=site)
    assert part.values.ravel().tolist() == [2, 3]
    assert part.cpu[0].tolist() == [2, 3]


def test_zone_is_explicit_printed_and_kept(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = archive("2018-12-31.h5", start=DAY, n=2, counts={"open": [1, 2]})
    archive("2019-01-01.h5", start=DAY + 3_600 * 24, n=2, counts={"open": [3, 4]})
    store = {"hdf5_files": str(Path(path).parent / "%Y-%m-%d.h5")}
    seen = {}
    for machine in ("UTC", "America/Los_Angeles"):
        monkeypatch.setenv("TZ", machine)
        for zone in ("UTC", "America/Los_Angeles"):
            c = load(start=DAY, end=DAY + 60, tz=zone, config=store) if zone != "UTC" else None
            if c is None:
                with pytest.raises(DataError):
                    load(start=DAY, end=DAY + 60, tz=zone, config=store)
                continue
            seen.setdefault(zone, []).append(c.values.ravel().tolist())
            assert any(zone in note for note in c.quality.notes)
            assert c.zone == zone
    assert seen == {"America/Los_Angeles": [[1, 2], [1, 2]]}


def test_kinds_are_told_by_content_and_read_together(archive: Archive, tmp_path: Path) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    h5 = archive("a", start=DAY, n=3, counts={"open": [1, 2, 3]})
    md = [
        _write(folder / f"fs-MDT0000.{i}", STATS.format(t=DAY + 1_000 + 60 * i, n=10 * i))
        for i in range(3)
    ]
    table = _write(folder / "t", f"time,target,open\n{DAY + 9_000},x,1\n{DAY + 9_005},x,2\n")
    jobs = _write(
        folder / "j", "mdt.fs-MDT0000.job_stats=\n" + JOB.format(u=7, t=DAY + 160, s=DAY, n=4)
    )
    c = load([h5, *md, table, jobs])
    assert c.targets == ("mds0", "fs-MDT0000", "x")
    assert c.n_intervals == 3 + 2 + 2
    assert c.accounts is not None
    assert c.accounts.by("user").labels == ("7",)
    assert c.quality.files == 6


def test_job_dumps_alone_give_intervals(tmp_path: Path) -> None:
    for i in range(3):
        _write(
            tmp_path / f"fs-MDT0000.{i}",
            JOB.format(u=7, t=DAY + 60 * (i + 1), s=DAY, n=5 * (i + 1)),
        )
    c = load(str(tmp_path / "*"))
    assert c.values.ravel().tolist() == [5, 5]
    assert any("sums over the jobs" in note for note in c.quality.notes)
    assert c.accounts is not None
    assert c.accounts.counts.sum() == 15


def test_file_system_and_operations_are_selected(tmp_path: Path) -> None:
    for fs in "ab":
        for i in range(2):
            _write(tmp_path / f"{fs}-MDT0000.{i}", STATS.format(t=60 * i, n=i))
    c = load(str(tmp_path / "*"), fs="b", operations=["mkdir", "statfs"])
    assert c.targets == ("b-MDT0000",)
    assert c.operations == ("mkdir", "statfs")
    assert c.values[0].ravel().tolist() == [1]
    assert np.isnan(c.values[1]).all()


def test_one_bad_file_among_many(archive: Archive, tmp_path: Path) -> None:
    good = archive("good.h5", n=3, counts={"open": [1, 2, 3]})
    bad = {
        "empty.h5": b"",
        "cut.h5": Path(good).read_bytes()[:1_000],
        "noise.bin": bytes(range(256)),
        "bad.csv": b"when,what\n1,2\n",
        "bad.json": b'{"status": "error", "error": "nope"}',
        "bad.sqlite": b"SQLite format 3\x00" + b"\x00" * 200,
        "old.txt": b"snapshot_time 5\n",
    }
    for name, content in bad.items():
        (tmp_path / name).write_bytes(content)
    names = [good, *(str(tmp_path / n) for n in bad), str(tmp_path / "absent"), str(tmp_path)]
    c = load(names)
    assert c.values.ravel().tolist() == [1, 2, 3]
    assert {Path(f).name for f, _ in c.quality.failures} == {*bad, "absent"}
    assert all(why for _, why in c.quality.failures)
    assert c.quality.count(Repair.DIRECTORY) == 1
    for name in bad:
        with pytest.raises(DataError):
            load([good, str(tmp_path / name)], strict=True)
        with pytest.raises(DataError):
            load(str(tmp_path / name))
    with pytest.raises(DataError, match="no such file"):
        load([good, str(tmp_path / "absent")], strict=True)


def test_bad_arguments(archive: Archive) -> None:
    path = archive()
    with pytest.raises(DataError, match="unknown time zone"):
        load(path, tz="Mars/Base")
    with pytest.raises(DataError, match="no later than it begins"):
        load(path, start=10, end=10)
    with pytest.raises(DataError, match="a store needs a range"):
        load(config={"hdf5_files": "x"})
    with pytest.raises(DataError, match="no telemetry could be read"):
        load(path, start=0, end=10)
    with pytest.raises(DataError, match="a server needs a range"):
        load("http://127.0.0.1:1", strict=True)
    with pytest.raises(DataError, match="no such file"):
        load(str(Path(path).parent / "*.none"))


def test_the_cache_serves_the_same_and_notices_changes(archive: Archive, tmp_path: Path) -> None:
    path = archive("a.h5", n=3, counts={"open": [1, np.nan, 3]})
    cache = tmp_path / "cache"
    first = load(path, cache=cache)
    entries = list(cache.iterdir())
    again = load(path, cache=cache)
    assert np.array_equal(first.values, again.values, equal_nan=True)
    assert again.quality == first.quality
    assert list(cache.iterdir()) == entries
    load(path, cache=cache, tz="Asia/Tokyo")
    load(path, cache=cache, operations=["open"])
    assert len(list(cache.iterdir())) == 3
    archive("a.h5", n=3, counts={"open": [7, 8, 9]})
    os.utime(path, ns=(1, 1))
    assert load(path, cache=cache).values.ravel().tolist() == [7, 8, 9]


def test_streaming_gives_each_part_of_the_report_once(archive: Archive) -> None:
    paths = [archive(f"{i}.h5", start=DAY + 50 * i, n=10) for i in range(4)]
    parts = list(read(paths))
    assert len(parts) == 4
    assert DataQuality.merged(p.quality for p in parts).files == 4


def test_real_files(shared_data: Path) -> None:
    c = load(str(shared_data / "tokio" / "*2018-01-28*"), tz="America/Los_Angeles")
    assert c.n_intervals == 60
    assert c.quality.count(Repair.CONFLICT) == 0
    assert np.array_equal(c.counts[:, 0], c.counts[:, 1])  # archives and database, by two names
    everything = load(str(shared_data / "**" / "*"), tz="America/Los_Angeles")
    assert {Path(f).name for f, _ in everything.quality.failures} == {
        "sample_tokiots.hdf5",
        "versions_test.hdf5",
        "cscratch_job_windows.csv.gz",
    }
