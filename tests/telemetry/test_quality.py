from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from separatrix.telemetry import DataQuality, QualityLog, Repair
from separatrix.telemetry.quality import EXAMPLES

repairs = st.lists(
    st.tuples(st.sampled_from(list(Repair)), st.integers(0, 50), st.text(max_size=3)), max_size=20
)


def _report(entries: list[tuple[Repair, int, str]]) -> DataQuality:
    log = QualityLog()
    for kind, count, file in entries:
        log.repair(kind, count, file=file, message=file)
    log.files = len(entries)
    return log.report()


def test_every_kind_says_what_was_done() -> None:
    assert all(kind.meaning for kind in Repair)
    assert len({kind.value for kind in Repair}) == len(Repair)


@given(repairs, repairs)
def test_merging_adds_counts_and_survives_json(one: list, other: list) -> None:
    a, b = _report(one), _report(other)
    both = a.merge(b)
    for kind in Repair:
        assert both.count(kind) == a.count(kind) + b.count(kind)
    assert both.files == a.files + b.files
    assert DataQuality.from_dict(json.loads(json.dumps(both.to_dict()))) == both


def test_examples_are_bounded_but_counts_and_failures_are_complete() -> None:
    log = QualityLog()
    for i in range(1_000):
        log.repair(Repair.GAP, 2, file=f"f{i}", message=f"m{i}")
        log.failure(f"bad{i}", "truncated")
    report = log.report()
    assert report.count(Repair.GAP) == 2_000
    assert len(report.repairs[Repair.GAP].files) == EXAMPLES
    assert len(report.failures) == 1_000
    assert report.count(Repair.UNREADABLE) == 1_000


def test_report_in_words() -> None:
    log = QualityLog()
    log.files, log.intervals, log.missing = 3, 100, 7
    log.repair(Repair.MISSING_MARKER, 4, file="a.hdf5", message="in opens")
    log.failure("b.hdf5", "is empty")
    log.note("local days are those of UTC")
    text = str(log.report())
    for part in (
        "3 file(s)",
        "100 interval(s)",
        "7 without",
        "4 missing marker",
        "a.hdf5",
        "in opens",
        "b.hdf5: is empty",
        "local days",
    ):
        assert part in text
    assert "nothing to repair" in str(DataQuality())


def test_nothing_is_no_repair() -> None:
    log = QualityLog()
    log.repair(Repair.GAP, 0, file="a")
    assert log.report().repairs == {}
    log.failure("x", "y")
    log.clear()
    assert log.report() == DataQuality()
