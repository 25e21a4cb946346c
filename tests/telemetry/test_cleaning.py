from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from separatrix.telemetry import QualityLog, Repair
from separatrix.telemetry.cleaning import note_silent, remove_markers, remove_unwritten

VALUES = st.sampled_from([0.0, -0.0, 1.0, 7.5, 1e300, -1.0, np.nan, -np.nan, np.inf, -np.inf])


@given(hnp.arrays(np.float64, (2, 1, 12), elements=VALUES))
def test_what_remains_is_finite_and_not_negative(values: np.ndarray) -> None:
    before = values.copy()
    log = QualityLog()
    told = remove_markers(values, log, "f", carries=False)
    marked = np.signbit(before) & (before == 0)
    bad = marked | ~np.isfinite(before) | (before < 0)
    assert np.array_equal(np.isnan(values), bad)
    assert np.array_equal(values[~bad], before[~bad])
    assert told == bool(bad.any())
    report = log.report()
    assert report.count(Repair.MISSING_MARKER) == marked.sum()
    assert report.count(Repair.NOT_FINITE) == (~np.isfinite(before)).sum()
    assert report.count(Repair.NEGATIVE) == (np.isfinite(before) & (before < 0)).sum()


def test_plus_zero_is_a_true_zero() -> None:
    values = np.array([[[0.0, 3.0]]])
    assert not remove_markers(values, QualityLog(), "f", carries=True)
    assert values.tolist() == [[[0.0, 3.0]]]


def test_after_a_gap_the_first_value_is_removed() -> None:
    values = np.array([[[5.0, -0.0, -0.0, 900.0, 5.0, -3.0, 4.0]]])
    log = QualityLog()
    remove_markers(values, log, "f", carries=True)
    assert values[0, 0].tolist()[0] == 5.0
    assert np.isnan(values[0, 0, [1, 2, 3, 5]]).all()
    assert values[0, 0, 4] == 5.0
    assert values[0, 0, 6] == 4.0  # after a negative value nothing is carried
    assert log.report().count(Repair.AFTER_GAP) == 1


def test_gaps_do_not_leak_between_columns() -> None:
    values = np.array([[[1.0, -0.0], [2.0, 3.0]]])
    remove_markers(values, QualityLog(), "f", carries=True)
    assert values[0, 1].tolist() == [2.0, 3.0]


def test_never_written_zeros() -> None:
    values = np.array([[[1.0, 0.0, 0.0, 50.0, 2.0, 0.0]], [[1.0, 0.0, 0.0, 70.0, 2.0, 0.0]]])
    load = np.array([[1.0, 0.0, 0.0, 2.0, 1.0, 0.0]])
    log = QualityLog()
    remove_unwritten(values, load, log, "f")
    assert np.flatnonzero(np.isnan(values[0, 0])).tolist() == [1, 2, 3, 5]
    assert np.flatnonzero(np.isnan(load[0])).tolist() == [1, 2, 5]
    assert log.report().count(Repair.UNWRITTEN) == 3
    assert log.report().count(Repair.AFTER_GAP) == 1


def test_an_idle_server_that_works_is_written() -> None:
    values, load = np.zeros((1, 1, 3)), np.array([[0.3, 0.2, 0.3]])
    remove_unwritten(values, load, QualityLog(), "f")
    assert not np.isnan(values).any()


def test_without_a_load_only_the_tail_is_unwritten() -> None:
    values = np.array([[[1.0, 0.0, 2.0, 0.0, 0.0]]])
    remove_unwritten(values, None, QualityLog(), "f")
    assert np.flatnonzero(np.isnan(values[0, 0])).tolist() == [3, 4]
    empty = np.zeros((1, 1, 3))
    remove_unwritten(empty, None, QualityLog(), "f")
    assert np.isnan(empty).all()


def test_suspicious_zeros_are_counted_and_kept() -> None:
    values = np.array([[[60.0, 0.0, 60.0, 0.0, 10.0]]])
    log = QualityLog()
    note_silent(values, np.ones(5), log, "f", rates=False)
    assert log.report().count(Repair.SILENT) == 1
    assert values[0, 0, 1] == 0.0
    log.clear()
    note_silent(values, np.full(5, 5.0), log, "f", rates=True)
    assert log.report().count(Repair.SILENT) == 2
