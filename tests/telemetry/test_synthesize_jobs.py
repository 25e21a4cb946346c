from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from separatrix.errors import DataError
from separatrix.telemetry.reading import load
from separatrix.telemetry.synthesize import default_system, synthesize
from separatrix.telemetry.synthesize_jobs import write_job_dumps, write_job_stats

DAY = 1_546_300_800.0


def test_dumps_are_read_back_as_they_were_drawn(tmp_path: Path) -> None:
    system = default_system(n_users=20, n_targets=2)
    list(write_job_dumps(tmp_path, system, 4, start=DAY, dumps=5))
    c = load(str(tmp_path / "*.txt"), jobid="%e:%u:%h")
    truth = synthesize(system, 4, start=DAY, intervals=300, accounts=True)
    assert truth.accounts is not None
    assert c.accounts is not None
    order = [c.accounts.operations.index(o) for o in truth.operations]
    assert np.array_equal(c.accounts.counts[order].sum(axis=1), truth.accounts.counts.sum(axis=1))
    assert c.targets == ("synthetic-MDT0000", "synthetic-MDT0001")
    assert c.values.sum() == truth.counts.reshape(12, 2, 5, 60)[:, :, 1:].sum()
    assert len(c.accounts.by("user").labels) == len(set(truth.accounts.account.tolist()))
    assert not c.quality.failures
    mean = c.accounts.latency_sum.sum(axis=1) / c.accounts.counts.sum(axis=1)  # type: ignore[union-attr]
    expected = [3e6 * system.weights[o] for o in c.accounts.operations]
    assert mean == pytest.approx(expected, rel=0.05)


def test_old_words(tmp_path: Path) -> None:
    list(write_job_dumps(tmp_path, default_system(n_users=8), 4, start=DAY, dumps=3, version="old"))
    c = load(str(tmp_path / "*.txt"))
    assert c.accounts is not None
    assert c.accounts.latency_sum is None
    assert c.n_intervals == 2


def test_bad_counts_leave_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="counts of m have shape"):
        write_job_stats(
            tmp_path / "x", {"m": (["a"], np.zeros((2, 2)))}, ["open"], snapshot=2, since=1
        )
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(DataError, match="dumps must be >= 1"):
        list(write_job_dumps(tmp_path, default_system(), 1, start=DAY, dumps=0))
