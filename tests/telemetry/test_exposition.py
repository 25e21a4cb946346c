from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from separatrix.errors import DataError
from separatrix.telemetry import QualityLog, Repair
from separatrix.telemetry.exposition import read_exposition
from separatrix.telemetry.snapshots import tables

SCRAPE = """# HELP lustre_stats_total Number of operations the filesystem has performed
# TYPE lustre_stats_total counter
lustre_stats_total{{component="mdt",operation="open",target="fs-MDT0000"}} {n}
lustre_stats_total{{component="mdt",operation="read_bytes",target="fs-MDT0000"}} 5
lustre_stats_total{{component="ost",operation="open",target="fs-OST0000"}} 99
lustre_stats_total{{component="mdt",operation="open",target="other-MDT0000"}} 4
lustre_stats_time_total{{component="mdt",operation="open",target="fs-MDT0000"}} {s}
lustre_stats_time_min{{component="mdt",operation="open",target="fs-MDT0000"}} 1
lustre_job_stats_total{{jobid="a \\"b\\".7",operation="open",target="fs-MDT0000"}} {j}
lustre_job_stats_total{{operation="open",component="mdt",target="fs-MDT0000",jobid="idle.1"}} 0
lustre_health_healthy 1
# EOF
"""


def scrape(path: Path, t: float, n: int, j: int) -> str:
    path.write_text(SCRAPE.format(n=n, s=100 * n, j=j))
    os.utime(path, (t, t))
    return str(path)


def test_two_scrapes(tmp_path: Path) -> None:
    log = QualityLog()
    paths = [scrape(tmp_path / "b", 1_000, 5, 3), scrape(tmp_path / "a", 1_060, 25, 9)]
    found = list(read_exposition(paths, log, fs="fs"))
    assert [s.file[-1] for s in found] == ["b", "a"]
    (c,) = tables(shot for s in found for shot in s.snapshots)
    assert c.targets == ("fs-MDT0000",)
    assert c.values.ravel().tolist() == [20]
    assert c.latency_sum is not None
    assert c.latency_sum.ravel().tolist() == [2_000]
    first, second = (s.accounts for s in found)
    assert first is not None
    assert second is not None
    assert np.isnan(first.step).all()
    assert (second.labels, second.counts.tolist()) == (('a "b".7',), [[6]])
    assert second.by("user").labels == ("7",)
    assert log.report().count(Repair.NO_STAMP) == 2


def test_times_in_the_text(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text('lustre_stats_total{operation="open",target="m"} 5 1700000000123\n')
    (s,) = read_exposition([str(path)], QualityLog())
    assert s.snapshots[0].stamp == 1_700_000_000.123
    path.write_text('lustre_stats_total{operation="open",target="m"} 5 1700000000.5\n')
    (s,) = read_exposition([str(path)], QualityLog())
    assert s.snapshots[0].stamp == 1_700_000_000.5
    assert s.accounts is None


def test_bad_lines_and_files(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text(
        'lustre_stats_total{operation="open",target="m"} many\nlustre_stats_total{ 5\n'
        'lustre_stats_total{operation="open",target="m"} 5\n'
    )
    other = tmp_path / "y"
    other.write_text("up 1\n")
    log = QualityLog()
    assert len(list(read_exposition([str(path), str(other)], log))) == 1
    assert log.report().count(Repair.BROKEN_LINE) == 2
    assert "holds no sample" in str(log.report())
    with pytest.raises(DataError, match="holds no sample"):
        list(read_exposition([str(other)], QualityLog(), strict=True))
