from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from separatrix.errors import DataError
from separatrix.telemetry import Accounts, QualityLog, Repair, concat_accounts, jobstats
from separatrix.telemetry.jobstats import read_job_stats
from separatrix.telemetry.snapshots import Snapshot, tables

RECORD = """- job_id:          {id}
  snapshot_time:   {t} secs.nsecs
{since}  open:            {{ samples: {n:11d}, unit: usecs, min: 1, max: 2, sum: {s}, sumsq: 3 }}
"""


def record(label: str, t: float, n: int, since: float | None = None) -> str:
    line = "" if since is None else f"  start_time:      {since} secs.nsecs\n"
    return RECORD.format(id=label, t=t, n=n, s=100 * n, since=line)


def dump(path: Path, *records: str, target: str | None = "fs-MDT0000") -> str:
    head = f"mdt.{target}.job_stats=\n" if target else ""
    path.write_text(head + "job_stats:\n" + "".join(records))
    return str(path)


def read(*paths: str, **options: object) -> tuple[Accounts, QualityLog, list[Snapshot]]:
    log, totals = QualityLog(), []
    parts = []
    for part in read_job_stats(list(paths), log, totals=totals, **options):  # type: ignore[arg-type]
        assert part.n_intervals == 0
        assert part.accounts is not None
        parts.append(part.accounts)
        log.add(part.quality)
    return concat_accounts(parts), log, totals


def rows(a: Accounts) -> list[tuple[str, float, float, float]]:
    return sorted(
        (a.labels[j], float(s), float(d), float(c))
        for j, s, d, c in zip(a.account, a.start, a.step, a.counts[0], strict=True)
    )


def test_a_life_seen_from_its_begin(tmp_path: Path) -> None:
    a, log, _ = read(dump(tmp_path / "a", record('"x.1"', 160, 7, since=100)))
    assert rows(a) == [("x.1", 100, 60, 7)]
    assert a.latency_sum is not None
    assert a.latency_sum.tolist() == [[700.0]]
    assert a.fields == {"executable": ("x",), "user": ("1",)}
    assert a.targets == ("fs-MDT0000",)
    assert log.report().repairs == {}


def test_two_dumps_in_any_order(tmp_path: Path) -> None:
    one = dump(tmp_path / "z", record("x", 100, 7, 50), record("y", 90, 3, 50))
    two = dump(
        tmp_path / "a", record("x", 160, 9, 50), record("y", 90, 3, 50), record("w", 150, 4, 140)
    )
    a, _, _ = read(two, one)
    assert rows(a) == [("w", 140, 10, 4), ("x", 50, 50, 7), ("x", 100, 60, 2), ("y", 50, 40, 3)]


def test_old_dumps_do_not_say_since_when(tmp_path: Path) -> None:
    one = dump(tmp_path / "1", record("x", 100, 7), target=None)
    two = dump(tmp_path / "2", record("x", 160, 9), record("y", 150, 4), target=None)
    a, log, _ = read(one)
    assert np.isnan(a.step).all()
    assert a.counts.tolist() == [[7]]
    assert log.report().count(Repair.FIRST_SAMPLE) == 1
    a, _, _ = read(
        dump(tmp_path / "fs-MDT0001.1", record("x", 100, 7), target=None),
        dump(tmp_path / "fs-MDT0001.2", record("x", 160, 9), record("y", 150, 4), target=None),
    )
    known = [r for r in rows(a) if r[2] == r[2]]
    assert known == [("x", 100, 60, 2), ("y", 100, 50, 4)]
    del two


def test_resets(tmp_path: Path) -> None:
    # x began anew and says so, though it counts more; y counts less and does not say since when
    one = dump(tmp_path / "1", record("x", 100, 7, 50), record("y", 100, 9))
    two = dump(tmp_path / "2", record("x", 160, 20, 130), record("y", 160, 5))
    a, log, _ = read(one, two)
    assert [r for r in rows(a) if r[1] >= 100 and r[2] == r[2]] == [
        ("x", 130, 30, 20),
        ("y", 100, 60, 5),
    ]
    assert log.report().count(Repair.COUNTER_RESET) == 2


def test_a_job_of_one_operation_has_an_interval(tmp_path: Path) -> None:
    a, _, _ = read(dump(tmp_path / "1", record("x", 100.000003, 1, 100.0)))
    assert a.step.tolist() == [1.0]


def test_broken_ids(tmp_path: Path) -> None:
    a, log, _ = read(
        dump(
            tmp_path / "1",
            record('"new\nline.1"', 100, 1, 50),
            record('"open', 100, 2, 50),
            record("", 100, 3, 50),
            record(r'"sp\x20ace"', 100, 4, 50),
        )
    )
    assert set(a.labels) == {r"new\nline.1", "open", "(empty)", "sp ace"}
    assert a.counts.sum() == 10
    assert log.report().count(Repair.BROKEN_ID) == 3


def test_an_id_twice_in_a_dump(tmp_path: Path) -> None:
    one = dump(tmp_path / "1", record("x", 100, 7, 50), record("x", 100, 3, 60))
    two = dump(tmp_path / "2", record("x", 160, 8, 50), record("x", 160, 5, 60))
    a, log, _ = read(one, two)
    assert sum(r[3] for r in rows(a)) == 13
    assert log.report().count(Repair.DUPLICATE) == 2


def test_targets_and_other_blocks(tmp_path: Path) -> None:
    path = tmp_path / "all"
    path.write_text(
        "mdt.fs-MDT0000.job_stats=\njob_stats:\n"
        + record("x", 100, 1, 50)
        + "obdfilter.fs-OST0000.job_stats=\njob_stats:\n"
        + record("x", 100, 90, 50)
        + "mdt.fs-MDT0001.job_stats=\njob_stats:\n"
        + record("x", 100, 2, 50)
        + "strange=\n"
        + record("y", 100, 4, 50)
    )
    a, log, _ = read(str(path))
    assert a.targets == ("fs-MDT0000", "fs-MDT0001")
    assert a.counts.sum() == 7
    assert log.report().count(Repair.BROKEN_LINE) == 1
    assert any("no metadata targets" in note for note in log.report().notes)


@pytest.mark.parametrize("block", [64, 200, 1_000])
def test_blocks_end_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    records = [record(f"j{i}.{i}", 100 + i, i + 1, 50) for i in range(40)]
    path = dump(tmp_path / "1", *records)
    whole, _, _ = read(path)
    monkeypatch.setattr(jobstats, "BLOCK", block)
    parts, log, _ = read(path)
    assert rows(parts) == rows(whole)
    assert log.report().repairs == {}


def test_a_text_without_end_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobstats, "BLOCK", 100)
    monkeypatch.setattr(jobstats, "LARGEST", 800)
    path = dump(tmp_path / "1", record("x", 100, 1, 50), "y" * 5_000)
    _, log, _ = read(path, dump(tmp_path / "2", record("z", 200, 3, 150)))
    assert "longer than 800 bytes" in str(log.report())
    with pytest.raises(DataError, match="longer than 800"):
        read(path, strict=True)


def test_gzip_and_bad_files(tmp_path: Path) -> None:
    plain = Path(dump(tmp_path / "1", record("x", 100, 1, 50)))
    zipped = tmp_path / "2.gz"
    zipped.write_bytes(gzip.compress(plain.read_bytes()))
    a, _, _ = read(str(zipped))
    assert a.counts.tolist() == [[1]]
    empty = tmp_path / "3"
    empty.touch()
    other = tmp_path / "4"
    other.write_text("nothing")
    _, log, _ = read(str(plain), str(empty), str(other))
    assert len(log.report().failures) == 2
    with pytest.raises(DataError, match="is empty"):
        read(str(empty), strict=True)


def test_sums_over_jobs_become_intervals(tmp_path: Path) -> None:
    paths = [
        dump(tmp_path / "1", record("x", 100, 10, 40)),
        dump(tmp_path / "2", record("x", 160, 40, 40), record("y", 155, 6, 120)),
        dump(tmp_path / "3", record("y", 220, 26, 120)),
    ]
    _, _, totals = read(*paths)
    assert [(s.stamp, s.counts["open"]) for s in totals] == [(100, 10), (160, 46), (220, 66)]
    (c,) = tables(totals)
    assert c.values.ravel().tolist() == [36, 20]


def test_a_file_that_grows_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path(dump(tmp_path / "1", record("x", 100, 1, 50)))
    inner = jobstats.scan

    def slow(text: bytes, names: list[bytes]) -> object:
        with path.open("a") as file:
            file.write(record("late", 101, 5, 50))
        return inner(text, names)

    monkeypatch.setattr(jobstats, "scan", slow)
    _, log, _ = read(str(path))
    assert log.report().count(Repair.CHANGED_FILE) == 1


def test_given_and_absent_templates(tmp_path: Path) -> None:
    path = dump(tmp_path / "1", record("prog-77", 100, 1, 50))
    a, log, _ = read(path)
    assert a.fields == {}
    assert any("no job id template fits" in n for n in log.report().notes)
    a, _, _ = read(path, jobid="%e-%u")
    assert a.by("user").labels == ("77",)


def test_the_order_of_long_dumps(tmp_path: Path) -> None:
    filler = "".join(record(f"old{i}", 10, 1, 5) for i in range(8_000))  # more than 1 MB
    late = dump(tmp_path / "a", record("x", 20, 1, 5), filler, record("x.2", 900, 9, 850))
    early = dump(tmp_path / "b", record("x.2", 880, 4, 850))
    a, _, _ = read(late, early)
    assert [r for r in rows(a) if r[0] == "x.2"] == [("x.2", 850, 30, 4), ("x.2", 880, 20, 5)]
    zipped = tmp_path / "z.gz"
    zipped.write_bytes(gzip.compress(Path(late).read_bytes()))
    assert read(str(zipped))[0].n_rows == 8_002


def test_real_dumps(shared_data: Path) -> None:
    a, log, totals = read(str(shared_data / "lustre" / "job_stats_2.14_usecs.txt"))
    assert a.targets == ("es01a-MDT0000", "es02a-MDT0000")
    assert a.counts[a.operations.index("open")].sum() == 189
    assert a.by("user").labels == ("989", "0")
    assert log.report().repairs == {}
    assert {s.target for s in totals} == set(a.targets)
    a, log, _ = read(str(shared_data / "lustre" / "job_stats_old_reqs.txt"))
    assert a.n_rows == 15
    assert a.latency_sum is None
    assert log.report().count(Repair.FIRST_SAMPLE) == 15
