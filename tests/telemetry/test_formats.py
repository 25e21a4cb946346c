from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from separatrix.errors import DataError
from separatrix.telemetry.formats import Kind, kind_of


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\x89HDF\r\n\x1a\n....", Kind.ARCHIVE),
        (b"SQLite format 3\x00....", Kind.LMT),
        (b"PAR1....", Kind.TABLE),
        (b'  {"status": "success"}', Kind.SAVED),
        (b"mdt.x.job_stats=\njob_stats:\n- job_id: 1\n", Kind.JOB_STATS),
        (b"job_stats:\n- job_id: 1\n", Kind.JOB_STATS),
        (b"- job_id: 1\n", Kind.JOB_STATS),
        (b"snapshot_time   5.0 secs.nsecs\n", Kind.MD_STATS),
        (b"open    5 samples [reqs]\n", Kind.MD_STATS),
        (b"mdt.fs-MDT0000.md_stats=\n", Kind.MD_STATS),
        (b"# HELP lustre_stats_total x\n", Kind.EXPOSITION),
        (b'lustre_stats_total{component="mdt"} 5\n', Kind.EXPOSITION),
        (b"time,open\n0,1\n", Kind.TABLE),
        (b"time;open\n", Kind.TABLE),
    ],
)
def test_kinds_by_content(tmp_path: Path, content: bytes, kind: Kind) -> None:
    path = tmp_path / "misleading.hdf5"
    path.write_bytes(content)
    assert kind_of(str(path)) is kind
    if kind is not Kind.ARCHIVE and kind is not Kind.LMT and not content.startswith(b"PAR1"):
        path.write_bytes(gzip.compress(content))
        assert kind_of(str(path)) is kind


def test_addresses() -> None:
    assert kind_of("https://p:9090") is Kind.SERVER
    assert kind_of("mysql://u@h/db") is Kind.LMT


def test_what_is_of_no_kind(tmp_path: Path) -> None:
    path = tmp_path / "x.bin"
    path.write_bytes(b"\x00\x01,\x02")
    with pytest.raises(DataError, match="of no known kind"):
        kind_of(str(path))
    path.write_bytes(b"")
    with pytest.raises(DataError, match="is empty"):
        kind_of(str(path))
    path.write_bytes(gzip.compress(b"time,open\n" * 900)[:-30])
    broken = tmp_path / "x.hdf5"
    broken.write_bytes(b"XHDF....")
    with pytest.raises(DataError, match="signature is damaged"):
        kind_of(str(broken))
    with pytest.raises(DataError, match="cannot be read"):
        kind_of(str(tmp_path / "absent"))


def test_real_files(shared_data: Path) -> None:
    tokio, lustre = shared_data / "tokio", shared_data / "lustre"
    kinds = {p.name: kind_of(str(p)) for p in [*tokio.iterdir(), *lustre.glob("*.txt")]}
    assert kinds["snx11025_2018-01-28.sqlite3"] is Kind.LMT
    assert kinds["snx11025_2018-01-28.h5lmt"] is Kind.ARCHIVE
    assert kinds["job_stats_old_reqs.txt"] is Kind.JOB_STATS
    assert kinds["md_stats_2.10.8.txt"] is Kind.MD_STATS
    assert kinds["cscratch_job_windows.csv.gz"] is Kind.TABLE
