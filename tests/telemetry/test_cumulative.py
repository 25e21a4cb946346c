from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from separatrix.telemetry import QualityLog, Repair
from separatrix.telemetry.cumulative import Readings, differences, ordered, shared_out, usual_step


def _readings(stamps: list[float], counts: list[list[float]]) -> Readings:
    return Readings(np.array(stamps, float), np.array(counts, float)[:, None, :])


def test_plain_differences() -> None:
    made = differences(_readings([0, 5, 10], [[1, 4, 4]]), QualityLog())
    assert made.counts[0, 0].tolist() == [3, 0]
    assert made.start.tolist() == [0, 5]
    assert made.step.tolist() == [5, 5]


def test_a_reset_of_one_counter_spoils_all_of_the_target() -> None:
    # the second counter grew beyond its old value within the step: its difference looks sound
    log = QualityLog()
    made = differences(_readings([0, 5, 10], [[100, 3, 5], [1, 50, 60]]), log)
    assert np.isnan(made.counts[:, 0, 0]).all()
    assert made.counts[:, 0, 1].tolist() == [2, 10]
    assert log.report().count(Repair.COUNTER_RESET) == 1


def test_a_reset_of_one_target_leaves_the_other() -> None:
    counts = np.array([[[9.0, 1.0], [1.0, 2.0]]])
    made = differences(Readings(np.array([0.0, 5.0]), counts), QualityLog())
    assert np.isnan(made.counts[0, 0, 0])
    assert made.counts[0, 1, 0] == 1


def test_the_first_sample_after_a_gap_is_left_out() -> None:
    log = QualityLog()
    made = differences(_readings([0, 5, 10, 30, 35], [[0, 5, 10, 1_000, 1_005]]), log)
    assert made.start.tolist() == [0, 5, 30]
    assert made.counts[0, 0].tolist() == [5, 5, 5]
    assert log.report().count(Repair.GAP) == 3
    assert log.report().count(Repair.AFTER_GAP) == 1


def test_a_target_absent_from_a_reading() -> None:
    log = QualityLog()
    made = differences(_readings([0, 5, 10, 15], [[0, np.nan, 10, 12]]), log)
    assert np.isnan(made.counts[0, 0, :2]).all()
    assert made.counts[0, 0, 2] == 2
    assert log.report().count(Repair.AFTER_GAP) == 1


def test_latency_resets_spoil_counts_too() -> None:
    one = Readings(np.array([0.0, 5.0]), np.array([[[1.0, 9.0]]]), np.array([[[500.0, 20.0]]]))
    made = differences(one, QualityLog())
    assert np.isnan(made.counts).all()
    assert made.latency is not None
    assert np.isnan(made.latency).all()


def test_unsorted_and_repeated_readings() -> None:
    log = QualityLog()
    back = ordered(_readings([10, 0, 5, 5], [[3, 1, 2, 99]]), log)
    assert back.stamps.tolist() == [0, 5, 10]
    assert back.counts[0, 0].tolist() == [1, 2, 3]
    assert log.report().count(Repair.DUPLICATE) == 1
    assert log.report().count(Repair.UNSORTED) == 1


def test_usual_step_of_too_few_stamps_is_unknown() -> None:
    assert np.isnan(usual_step(np.array([1.0])))
    assert differences(_readings([1], [[2]]), QualityLog()).counts.shape == (1, 1, 0)


@given(
    st.lists(st.floats(0.5, 50), min_size=1, max_size=20),
    st.lists(st.integers(0, 1_000), min_size=1, max_size=20),
    st.lists(st.floats(0.5, 50), min_size=1, max_size=20),
)
def test_sharing_out_conserves_operations(
    lengths: list[float], counts: list[int], widths: list[float]
) -> None:
    n = min(len(lengths), len(counts))
    stamps = np.concatenate([[0.0], np.cumsum(lengths[:n])])
    edges = np.concatenate([[0.0], np.cumsum(widths)])
    edges = np.append(edges[edges < stamps[-1]], stamps[-1])
    done = np.array([counts[:n]], dtype=float)
    shared = shared_out(stamps, done, edges)
    assert shared.sum() == pytest.approx(done.sum(), rel=1e-9, abs=1e-9)
    assert np.all(shared >= -1e-9)


def test_sharing_out_marks_what_is_not_covered() -> None:
    stamps = np.array([0.0, 10.0, 20.0, 30.0])
    done = np.array([[10.0, np.nan, 30.0]])
    shared = shared_out(stamps, done, np.array([-5.0, 0.0, 5.0, 15.0, 20.0, 30.0, 35.0]))
    assert np.isnan(shared[0, [0, 2, 3, 5]]).all()
    assert shared[0, [1, 4]].tolist() == [5.0, 30.0]
