from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from separatrix.errors import DataError
from separatrix.telemetry import QualityLog, Repair, concat
from separatrix.telemetry.mdstats import read_md_stats, target_of
from separatrix.telemetry.snapshots import tables

OLD = """snapshot_time             {t} secs.nsecs
open                      {n} samples [reqs]
close                     128 samples [reqs] 1 1 128
"""
NEW = """snapshot_time             {t} secs.nsecs
start_time                1000.5 secs.nsecs
elapsed_time              55.5 secs.nsecs
open                      {n} samples [usecs] 30 270851 {s} 2346252583002
read_bytes                3 samples [bytes] 1 2 3 4
"""


def _write(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def test_every_version(tmp_path: Path) -> None:
    log = QualityLog()
    path = _write(tmp_path / "fs-MDT0001.txt", OLD.format(t="2000.25", n=7))
    (old,) = read_md_stats([path], log)
    assert old.target == "fs-MDT0001"
    assert (old.stamp, old.counts, old.latency) == (2000.25, {"open": 7, "close": 128}, {})
    (new,) = read_md_stats([_write(tmp_path / "b", NEW.format(t="2000", n=7, s=700))], log)
    assert new.since == 1000.5
    assert (new.counts, new.latency) == ({"open": 7}, {"open": 700})
    assert log.report().repairs == {}


def test_many_snapshots_and_targets_in_one_file(tmp_path: Path) -> None:
    text = "".join(
        f"mdt.fs-MDT000{m}.md_stats=\n" + OLD.format(t=1_000 + 60 * i, n=10 * i * (m + 1))
        for i in range(3)
        for m in range(2)
    )
    text += (
        "mds.MDS.mdt.stats=\nsnapshot_time 5 s\n"
        + "obdfilter.fs-OST0000.stats=\n"
        + OLD.format(t=1, n=1)
    )
    path = tmp_path / "all.txt.gz"
    path.write_bytes(gzip.compress(text.encode()))
    log = QualityLog()
    c = concat(tables(read_md_stats([str(path)], log)))
    assert c.targets == ("fs-MDT0000", "fs-MDT0001")
    assert c.values[c.operations.index("open")].tolist() == [[10, 10], [20, 20]]


def test_files_are_merged_in_time(tmp_path: Path) -> None:
    paths = [
        _write(tmp_path / "z", OLD.format(t=1_000, n=1) + OLD.format(t=1_120, n=3)),
        _write(tmp_path / "a", OLD.format(t=1_060, n=2)),
    ]
    stamps = [s.stamp for s in read_md_stats(paths, QualityLog())]
    assert stamps == [1_000, 1_060, 1_120]


def test_without_a_time(tmp_path: Path) -> None:
    path = _write(tmp_path / "x", "open 5 samples [reqs]\n")
    os.utime(path, (1_234, 1_234))
    log = QualityLog()
    (shot,) = read_md_stats([path], log)
    assert shot.stamp == 1_234
    assert log.report().count(Repair.NO_STAMP) == 1


def test_bad_lines_and_files(tmp_path: Path) -> None:
    good = _write(tmp_path / "a", OLD.format(t=1, n=1) + "open    many samples [reqs]\n\n")
    empty = _write(tmp_path / "b", "")
    log = QualityLog()
    assert len(list(read_md_stats([good, empty], log))) == 1
    assert log.report().count(Repair.BROKEN_LINE) == 1
    assert log.report().failures[0][1].startswith("holds no snapshot")
    with pytest.raises(DataError, match="holds no snapshot"):
        list(read_md_stats([good, empty], log, strict=True))


def test_damaged_gzip(tmp_path: Path) -> None:
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(OLD.format(t=1, n=1).encode() * 500)[:60])
    log = QualityLog()
    list(read_md_stats([str(path)], log))
    assert "cannot be read to its end" in str(log.report())


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/x/lquake-MDT0004.txt", "lquake-MDT0004"),
        ("/proc/fs/lustre/mdt/fs-MDT00ff/md_stats", "fs-MDT00ff"),
        ("/x/2024-01-01_fs-MDT0001.log.gz", "2024-01-01_fs-MDT0001"),
        ("/x/stats.txt", "stats"),
    ],
)
def test_targets_named_by_paths(path: str, target: str) -> None:
    assert target_of(path) == target


def test_real_files(shared_data: Path) -> None:
    lustre = shared_data / "lustre"
    new = sorted(map(str, (lustre / "md_stats_2.15.4").iterdir()))
    (c,) = tables(read_md_stats(new, QualityLog()))
    assert c.targets == ("lflood-MDT0000", "lflood-MDT0001")
    assert c.latency_sum is not None
    k = c.operations.index("mkdir")
    assert c.latency_sum[k, 1, 0] / c.counts[k, 1, 0] == pytest.approx(115_926_351 / 320_034)
    log = QualityLog()
    old = [str(lustre / "md_stats_2.10.8.txt"), *map(str, (lustre / "md_stats_2.12.9").iterdir())]
    shots = list(read_md_stats(old, log))
    assert len(shots) == 9
    assert log.report().repairs == {}
    assert shots[0].counts["getxattr"] == 76_058_499
