"""Every bad input of the formats' list through the one door, beside a good file that must survive."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from separatrix.errors import DataError
from separatrix.telemetry import Repair, load

DAY = 1_546_300_800
NEXT = DAY + 60


def empty(folder: Path, archive) -> str:
    path = folder / "empty.hdf5"
    path.touch()
    return str(path)


def truncated(folder: Path, archive) -> str:
    path = Path(archive("cut.hdf5", start=NEXT))
    path.write_bytes(path.read_bytes()[:-2000])
    return str(path)


def no_group(folder: Path, archive) -> str:
    path = archive("no_group.hdf5", start=NEXT)
    with h5py.File(path, "a") as file:
        del file["mdtargets"]
    return path


def zero_columns(folder: Path, archive) -> str:
    path = archive("no_columns.hdf5", start=NEXT)
    with h5py.File(path, "a") as file:
        for name in ("opens", "closes"):
            del file[f"mdtargets/{name}"]
            file[f"mdtargets/{name}"] = np.empty((12, 0))
    return path


def unknown_version(folder: Path, archive) -> str:
    path = archive("version.hdf5", start=NEXT)
    with h5py.File(path, "a") as file:
        file.attrs["version"] = "7"
    return path


def a_text(folder: Path, archive) -> str:
    path = folder / "notes.txt"
    path.write_text("nothing of this is telemetry\n")
    return str(path)


UNREADABLE = [empty, truncated, no_group, zero_columns, unknown_version, a_text]


@pytest.mark.parametrize("bad", UNREADABLE)
def test_an_unreadable_file_is_left_out_by_name_and_fatal_if_strict(bad, tmp_path, archive):
    good, wrong = archive("good.hdf5"), bad(tmp_path, archive)
    table = load([good, wrong])
    assert table.n_intervals == 12
    assert np.nansum(table.rate("open")) > 0
    assert [name for name, _ in table.quality.failures] == [wrong]
    assert all(why for _, why in table.quality.failures)
    with pytest.raises(DataError, match=Path(wrong).name):
        load([good, wrong], strict=True)


def nan_in_one_operation(archive) -> str:
    path = archive("nan.hdf5", start=NEXT)
    with h5py.File(path, "a") as file:
        file["mdtargets/closes"][4, 0] = np.nan
    return path


def all_missing(archive) -> str:
    missing = {"open": np.arange(1.0, 13.0), "close": np.full(12, -0.0)}
    return archive("missing.hdf5", start=NEXT, counts=missing)


def negative(archive) -> str:
    ramp = np.arange(1.0, 13.0)
    return archive("negative.hdf5", start=NEXT, counts={"open": np.where(ramp == 3, -7.0, ramp)})


def repeated_stamps(archive) -> str:
    stamps = NEXT + 5 * np.array([0, 1, 2, 3, 3, 4, 5, 6, 7, 8, 9, 10])
    return archive("repeated.hdf5", stamps=stamps)


def unsorted_stamps(archive) -> str:
    stamps = NEXT + 5 * np.array([0, 2, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11])
    return archive("unsorted.hdf5", stamps=stamps)


def same_day_again(archive) -> str:
    return archive("again.hdf5")


def overlapping(archive) -> str:
    return archive("overlap.hdf5", start=DAY + 30)


def other_step(archive) -> str:
    return archive("step.hdf5", start=NEXT, step=10)


def a_day_absent(archive) -> str:
    return archive("later.hdf5", start=NEXT + 600)


@pytest.mark.parametrize(
    ("bad", "repair", "intervals"),
    [
        (nan_in_one_operation, Repair.NOT_FINITE, 24),
        (all_missing, Repair.MISSING_MARKER, 24),
        (negative, Repair.NEGATIVE, 24),
        (repeated_stamps, Repair.DUPLICATE, 23),
        (unsorted_stamps, Repair.UNSORTED, 24),
        (same_day_again, Repair.DUPLICATE, 12),
        (overlapping, Repair.DUPLICATE, 18),
        (other_step, Repair.STEP, 24),
        (a_day_absent, Repair.GAP, 24),
    ],
)
def test_what_can_be_repaired_is_counted_and_the_rest_kept(bad, repair, intervals, archive):
    table = load([archive("good.hdf5"), bad(archive)])
    assert table.quality.count(repair) > 0
    assert table.quality.failures == ()
    assert table.n_intervals == intervals
    known = table.rate("open")[0, :12]
    assert known.tolist() == [float(i) / 5 for i in range(1, 13)]  # the good file's, untouched
    strict = load([archive("good.hdf5"), bad(archive)], strict=True)  # repairs are no failures
    assert strict.n_intervals == intervals


def test_a_directory_in_the_glob_is_skipped_and_counted(tmp_path, archive):
    archive("good.hdf5")
    (tmp_path / "more.hdf5").mkdir()
    table = load(str(tmp_path / "*.hdf5"))
    assert table.n_intervals == 12
    assert table.quality.count(Repair.DIRECTORY) == 1


def dump(path: Path, moment: float, *samples: int, job: str = "job") -> str:
    """One job's opens and closes, each the sum of what `samples` says at `moment`."""
    lines = [f'- job_id: "{job}"', f"  snapshot_time: {moment}"]
    for name, count in zip(("open", "close"), samples, strict=True):
        lines.append(f"  {name}: {{ samples: {count}, unit: reqs }}")
    path.write_text("mdt.fs-MDT0000.job_stats=\njob_stats:\n" + "\n".join(lines) + "\n")
    return str(path)


def test_a_counter_that_resets_twice_in_a_step_gives_no_interval(tmp_path):
    # 900 -> 40: whatever happened between the resets, neither -860 nor 40 is right
    first = dump(tmp_path / "a", 1_000, 900, 100)
    second = dump(tmp_path / "b", 1_060, 40, 120)
    third = dump(tmp_path / "c", 1_120, 100, 150)
    table = load([first, second, third])
    assert table.quality.count(Repair.COUNTER_RESET) > 0
    assert np.nanmin(table.values) >= 0.0
    rows = table.accounts
    assert rows is not None
    at = rows.operations.index("open")
    last = rows.counts[at, rows.start >= 1_060]
    assert last.tolist() == [60.0]


def test_a_job_id_with_a_line_end_does_not_lose_its_neighbours(tmp_path):
    first = dump(tmp_path / "a", 1_000, 10, 10, job="evil\nid")
    text = Path(first).read_text() + '- job_id: "calm"\n  snapshot_time: 1000\n'
    Path(first).write_text(text + "  open: { samples: 7, unit: reqs }\n")
    table = load(first)
    assert table.accounts is not None
    assert "calm" in table.accounts.labels
    assert table.quality.count(Repair.BROKEN_ID) + table.quality.count(Repair.BROKEN_LINE) > 0
    assert all(label.isprintable() for label in table.accounts.labels)
