from __future__ import annotations

import numpy as np
import pytest

from separatrix.telemetry import QualityLog, Repair, concat, snapshots
from separatrix.telemetry.snapshots import Snapshot, tables

NAN = float("nan")


def _shot(target: str, stamp: float, opens: float, since: float = NAN, **more: float) -> Snapshot:
    counts = {"open": opens, **more}
    return Snapshot(target, stamp, since, counts, {}, "f")


def test_targets_read_together() -> None:
    shots = [
        _shot(t, 60.0 * i + 0.1 * m, 10.0 * i * (m + 1))
        for i in range(4)
        for m, t in enumerate("ab")
    ]
    c = concat(tables(shots))
    assert c.start.tolist() == [0.0, 60.0, 120.0]
    assert c.values.tolist() == [[[10, 10, 10], [20, 20, 20]]]


def test_targets_read_one_after_the_other_are_shared_out() -> None:
    shots = [_shot("a", 60.0 * i, 60.0 * i) for i in range(11)]
    shots += [_shot("b", 60.0 * i + 30, 120.0 * i) for i in range(11)]
    log = QualityLog()
    c = concat(tables(sorted(shots, key=lambda s: s.stamp), log=log))
    assert (c.start % 60 == 0).all()
    known = ~np.isnan(c.values)
    assert np.allclose(c.values[:, 0][known[:, 0]], 60)
    assert np.allclose(c.values[:, 1][known[:, 1]], 120)
    assert c.quality.count(Repair.RESAMPLED) > 0


def test_an_operation_appears_when_it_first_happens() -> None:
    c = concat(tables([_shot("a", 0, 5), _shot("a", 60, 6, mkdir=3), _shot("a", 120, 7, mkdir=3)]))
    assert c.values[c.operations.index("mkdir"), 0].tolist() == [3, 0]


def test_resets_by_value_and_by_start_time() -> None:
    # the second restart is hidden by the counts: it reset twice and still counts more than before
    shots = [
        _shot("a", 100, 50, since=1.0),
        _shot("a", 160, 5, since=110.0),
        _shot("a", 220, 900, since=200.0),
        _shot("a", 280, 910, since=200.0),
    ]
    c = concat(tables(shots))
    assert np.isnan(c.values[0, 0, :2]).all()
    assert c.values[0, 0, 2] == 10
    assert c.quality.count(Repair.COUNTER_RESET) == 2


def test_a_lone_snapshot() -> None:
    (c,) = tables([_shot("a", 100, 50, since=40.0)])
    assert (c.start.tolist(), c.step.tolist(), c.values.ravel().tolist()) == ([40], [60], [50])
    log = QualityLog()
    assert list(tables([_shot("a", 100, 50)], log=log)) == []
    assert log.report().count(Repair.FIRST_SAMPLE) == 1


def test_lone_snapshots_of_several_targets_share_their_time() -> None:
    (c,) = tables([_shot("a", 100, 60, since=40.0), _shot("b", 120, 30, since=60.0)])
    assert (c.start.tolist(), c.step.tolist()) == ([60], [40])
    assert c.values[:, :, 0].tolist() == [[40.0, 20.0]]


def test_gaps_are_not_carried() -> None:
    shots = [_shot("a", t, t) for t in (0, 60, 120, 600, 660)]
    c = concat(tables(shots))
    assert c.start.tolist() == [0, 60, 600]
    assert c.values.ravel().tolist() == [60, 60, 60]


def test_latency_where_it_is_measured() -> None:
    shots = [
        Snapshot("a", 60.0 * i, NAN, {"open": 10.0 * i, "sync": 1.0 * i}, {"open": 500.0 * i}, "f")
        for i in range(3)
    ]
    c = concat(tables(shots))
    assert c.latency_sum is not None
    assert c.latency_samples is not None
    k = c.operations.index("open")
    assert (c.latency_sum[k] / c.latency_samples[k]).ravel().tolist() == [50, 50]
    assert np.isnan(c.latency_samples[c.operations.index("sync"), 0]).any()


@pytest.mark.parametrize("shift", [0.0, 20.0])
def test_long_series_in_batches_lose_nothing(monkeypatch: pytest.MonkeyPatch, shift: float) -> None:
    shots = sorted(
        [_shot(t, 60.0 * i + m * shift, 7.0 * i) for i in range(200) for m, t in enumerate("ab")],
        key=lambda s: s.stamp,
    )
    whole = concat(tables(shots))
    monkeypatch.setattr(snapshots, "BATCH", 37)
    parts = list(tables(shots))
    assert len(parts) > 5
    joined = concat(parts)
    assert np.array_equal(joined.start, whole.start)
    assert np.allclose(joined.values, whole.values, equal_nan=True)
