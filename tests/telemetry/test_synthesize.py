from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from separatrix.errors import DataError
from separatrix.telemetry import Repair, concat
from separatrix.telemetry.reading import load, read
from separatrix.telemetry.synthesize import (
    COSTS,
    SHARES,
    System,
    default_system,
    synthesize,
    write_days,
)

DAY = 1_546_300_800.0


def test_the_load_follows_the_true_weights() -> None:
    system = default_system(n_targets=2, noise=0.0, mean_rate=8_000.0)
    c = synthesize(system, 1, start=DAY, intervals=500)
    costs = np.array(list(system.weights.values()))
    for m in range(2):
        found, *_ = np.linalg.lstsq(c.rates[:, m].T, c.cpu[m] * system.capacity / 100, rcond=None)
        assert found == pytest.approx(costs, rel=1e-6)


def test_links_hidden_load_and_noise() -> None:
    args = {"start": DAY, "intervals": 300}
    plain = synthesize(default_system(noise=0.0), 1, **args)
    bent = synthesize(default_system(noise=0.0, link="concave"), 1, **args)
    more = synthesize(default_system(noise=0.0, hidden=20.0), 1, **args)
    assert np.allclose(bent.cpu, 100 * -np.expm1(-plain.cpu / 100))
    assert (more.cpu >= plain.cpu - 1e-9).all()
    assert (more.cpu - plain.cpu).max() == pytest.approx(20, abs=0.5)


def test_seeds() -> None:
    a, b, c = (synthesize(default_system(), s, start=DAY, intervals=50) for s in (1, 1, 2))
    assert np.array_equal(a.values, b.values)
    assert not np.array_equal(a.values, c.values)
    assert set(SHARES) == set(COSTS)


def test_accounts_add_up_to_the_totals() -> None:
    c = synthesize(default_system(n_users=12), 5, start=DAY, intervals=130, accounts=True)
    a = c.accounts
    assert a is not None
    assert a.counts.sum(axis=1) == pytest.approx(c.counts.sum(axis=(1, 2)))
    assert set(a.step.tolist()) == {300.0, 50.0}
    assert len(a.by("user").labels) == 12


def test_gaps() -> None:
    c = synthesize(default_system(), 1, start=DAY, intervals=2_000, missing=0.1)
    assert 0.02 < c.missing.mean() < 0.3


def test_days_in_the_real_format(tmp_path: Path) -> None:
    system = default_system(n_targets=2, step=60.0)
    paths = list(write_days(tmp_path, system, 3, first_day=DAY, days=2, missing=0.01))
    assert [p.parent.name for p in paths] == ["2019-01-01", "2019-01-02"]
    days = list(read(paths))
    assert [d.n_intervals for d in days] == [1_440, 1_440]
    c = concat(days)
    assert c.targets == ("mds00", "mds01")
    assert c.quality.count(Repair.MISSING_MARKER) > 0
    # only with the shift of the load across midnight does it fit the operations of its interval
    costs = np.array([system.weights[o] for o in c.operations])
    fit = np.tensordot(costs, c.rates, axes=(0, 0)) * 100 / system.capacity
    known = ~np.isnan(fit) & ~np.isnan(c.cpu)
    assert np.corrcoef(fit[known], c.cpu[known])[0, 1] > 0.9
    assert known[:, 1_439].all()
    again = load(
        [str(p) for p in write_days(tmp_path / "b", system, 3, first_day=DAY, days=2, missing=0.01)]
    )
    assert np.array_equal(again.values, c.values, equal_nan=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": {}}, "weights must be named"),
        ({"weights": {"open": -1.0}}, ">= 0"),
        ({"step": 0.0}, "step must be > 0"),
        ({"n_users": 0}, "n_users must be > 0"),
    ],
)
def test_impossible_systems(change: dict, message: str) -> None:
    with pytest.raises(DataError, match=message):
        System(**{"weights": COSTS, **change})
