from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from separatrix.telemetry import jobstats_scan
from separatrix.telemetry.jobstats_scan import Scan, scan

TEXT = b"""mdt.fs-MDT0000.job_stats=
job_stats:
- job_id:          "vi:0:host"
  snapshot_time:   1724139743.626349332 secs.nsecs
  start_time:      1724139733.5 secs.nsecs
  elapsed_time:    10.1 secs.nsecs
  open:            { samples:           4, unit: usecs, min: 138, max: 1241, sum:   1712, sumsq: 1616194 }
  close:           { samples:           0, unit: usecs, min: 0, max: 0, sum: 0, sumsq: 0 }
  parallel_rename_file:{ samples: 2, unit: usecs, min: 1, max: 2, sum: 3, sumsq: 5, hist: { 1: 2 } }
  write_bytes:     { samples:           7, unit: bytes, min: 1, max: 9, sum: 99, sumsq: 5 }
- job_id:          43
  snapshot_time:   1510781837
  open:            { samples:           1, unit:  reqs }
"""


def test_every_version() -> None:
    names: list[bytes] = []
    s = scan(TEXT, names)
    assert [TEXT[a:b] for a, b in s.ids] == [b'"vi:0:host"', b"43"]
    assert [TEXT[a:b] for a, b, _ in s.headers] == [b"mdt.fs-MDT0000.job_stats="]
    assert s.times[0].tolist() == [1724139743.626349332, 1510781837]
    assert s.times[1, 0] == 1724139733.5
    assert np.isnan(s.times[1, 1])
    found = {
        (int(j), names[k], n, t)
        for j, k, n, t in zip(s.job, s.operation, s.samples, s.total, strict=True)
        if j == 0
    }
    assert found == {(0, b"open", 4.0, 1712.0), (0, b"parallel_rename_file", 2.0, 3.0)}
    assert s.samples[s.job == 1].tolist() == [1.0]
    assert np.isnan(s.total[s.job == 1]).all()
    assert s.broken == 0


def test_windows_line_ends_and_no_last_line_end() -> None:
    names: list[bytes] = []
    text = TEXT.replace(b"\n", b"\r\n").rstrip()
    s = scan(text, names)
    assert [text[a:b] for a, b in s.ids] == [b'"vi:0:host"', b"43"]
    assert len(s.samples) == 3
    assert s.broken == 0


def test_an_id_with_a_line_end() -> None:
    text = (
        b'- job_id:          "a\nb:1"\n  snapshot_time:   5\n  open: { samples: 1, unit: reqs }\n'
    )
    s = scan(text, [])
    assert [text[a:b] for a, b in s.ids] == [b'"a\nb:1"']
    assert s.broken == 0
    assert s.samples.tolist() == [1]


def test_lines_that_fit_nothing_are_counted() -> None:
    s = scan(b"garbage\n- job_id: a\n  snapshot_time: 1\n  open: { samples: x }\n  nonsense\n", [])
    assert s.broken == 3
    assert s.first_broken == 0
    cut = scan(TEXT[: TEXT.index(b"parallel") + 30], [])
    assert cut.broken == 1
    assert cut.samples.tolist() == [4]


def test_no_text() -> None:
    s = scan(b"", [])
    assert len(s.ids) == 0
    assert s.broken == 0


def test_more_new_names_than_fit_at_once() -> None:
    lines = b"".join(
        b"  op_%c%c: { samples: %d, unit: reqs }\n" % (97 + i // 26, 97 + i % 26, i + 1)
        for i in range(200)
    )
    names: list[bytes] = []
    s = scan(b"- job_id: a\n  snapshot_time: 1\n" + lines, names)
    assert len(names) == 200
    assert s.samples.tolist() == list(range(1, 201))
    assert s.operation.tolist() == list(range(200))


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_scanned_without_harm(text: bytes) -> None:
    scan(text, [])


@settings(deadline=None)
@given(st.lists(st.sampled_from(TEXT.splitlines(keepends=True)), max_size=30))
def test_plain_and_compiled_agree_on_any_order_of_lines(lines: list[bytes]) -> None:
    text = b"".join(lines)
    names = [b"open", b"close", b"parallel_rename_file", b"write_bytes"]
    fast = scan(text, names)
    with pytest.MonkeyPatch.context() as patch:
        for plain, quick in (
            ("_digits", "digits"),
            ("_blanks", "blanks"),
            ("_letters", "small"),
            ("_seconds", "seconds"),
            ("_statistics", "statistics"),
            ("_row_of", "row_of"),
            ("_scan", "scan_bytes"),
        ):
            patch.setattr(jobstats_scan, quick, getattr(jobstats_scan, plain))
        slow = scan(text, names)
    for name in Scan.__dataclass_fields__:
        assert np.array_equal(getattr(fast, name), getattr(slow, name), equal_nan=True), name


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 2**50), st.integers(0, 2**50)), min_size=1, max_size=8))
def test_numbers_agree_with_a_regular_expression(pairs: list[tuple[int, int]]) -> None:
    text = b"- job_id: x\n  snapshot_time: 1\n" + b"".join(
        b"  op%d: { samples: %d, unit: usecs, min: 1, max: 2, sum: %d, sumsq: 4 }\n" % (i, n, s)
        for i, (n, s) in enumerate(pairs)
    )
    found = scan(text, [])
    expected = [(int(a), int(b)) for a, b in re.findall(rb"samples: (\d+).* sum: (\d+),", text)]
    assert [(int(a), int(b)) for a, b in zip(found.samples, found.total, strict=True)] == [
        pair for pair in expected if pair[0]
    ]
