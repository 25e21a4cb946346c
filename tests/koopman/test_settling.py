"""Settling times where they are known."""

from __future__ import annotations

import numpy as np
import pytest

from separatrix.errors import DataError
from separatrix.koopman import Trajectories, bound, empirical, learned, together
from separatrix.koopman.contraction import stretches
from separatrix.koopman.settling import last_exit, spread


def relaxing(tau, runs, noise, seed=0, samples=400, step=0.1, starts=(10.0, -4.0)):
    """Runs whose mean relaxes to 2 with one time constant; errors are correlated in time."""
    rng = np.random.default_rng(seed)
    keep = np.exp(-step / tau)
    made = []
    for start in starts:
        for _ in range(runs):
            x = [start]
            for _ in range(samples - 1):
                x.append(2.0 + keep * (x[-1] - 2.0) + noise * np.sqrt(1 - keep**2) * rng.normal())
            made.append(np.array(x))
    return Trajectories.of(made, step, ["queue"])


def test_exponential_relaxation_without_noise():
    found = empirical(relaxing(2.0, 3, 0.0), (0.5, 0.1, 0.01))
    assert found.mean == pytest.approx(2.0 * np.log([2.0, 10.0, 100.0]), rel=0.02)
    assert found.status == "ok"
    assert found.details["limit of queue"] == pytest.approx(2.0, abs=0.01)


def test_the_interval_holds_the_truth_and_what_noise_hides_is_not_told():
    found = empirical(relaxing(2.0, 200, 1.0), (0.5, 0.2, 0.001))
    truth = 2.0 * np.log([2.0, 5.0])
    assert (found.low[:2] <= truth + 0.1).all()
    assert (found.high[:2] >= truth - 0.1).all()
    assert found.mean[:2] == pytest.approx(truth, rel=0.15)
    assert np.isnan(found.mean[2])
    assert found.status == "inconclusive"
    assert "delta 0.001 needs about" in found.reason
    assert found.to_dict()["mean"][2] is None


def test_runs_that_end_apart_are_not_called_settled():
    rng = np.random.default_rng(1)
    runs = [np.full(200, level) + 0.1 * rng.normal(size=200) for level in [0.0] * 5 + [9.0] * 5]
    for run in runs:
        run[0] = round(run[0])
    found = empirical(Trajectories.of(runs))
    assert found.status == "inconclusive"
    assert "errors apart" in found.reason


def test_runs_cut_before_they_settle():
    found = empirical(relaxing(100.0, 20, 0.1, samples=200), (0.1,))
    assert found.status == "inconclusive"


def test_no_ensemble():
    rng = np.random.default_rng(0)
    with pytest.raises(DataError, match="no two runs started alike"):
        empirical(Trajectories.of([rng.random(50)]))
    with pytest.raises(DataError, match="never changes"):
        empirical(Trajectories.of([np.ones(50), np.ones(50)]))


def test_learned_is_the_exact_settling_time_of_the_chain(model, chain):
    # exact: the conditional mean from the full queue
    states = np.arange(chain.top + 1)
    law = np.linalg.matrix_power(chain.P, 5000)[0]
    mean, path, k = [], np.eye(chain.top + 1)[chain.top], 0
    while k < 200:
        mean.append(path @ states)
        path = path @ chain.P
        k += 1
    distance = np.abs(np.array(mean) - law @ states)
    found = learned(model, (0.5, 0.2, 0.1), starts=np.array([[float(chain.top)]]))
    wanted = [
        last_exit(np.arange(200) * chain.step, distance, d * distance[0]) for d in (0.5, 0.2, 0.1)
    ]
    assert found.mean == pytest.approx(wanted, rel=0.2)
    assert (np.diff(found.mean) > 0).all()


def test_the_bound_bounds(model):
    deltas = (0.5, 0.1, 0.01)
    below, above = learned(model, deltas), bound(model, deltas)
    assert (above.mean >= below.longest).all()
    assert (above.longest >= above.mean).all()
    seen = stretches(model)
    assert 0.0 < seen.least <= seen.steepest <= seen.bound
    # decade by decade the bound grows with the slowest timescale
    growth = (above.mean[2] - above.mean[1]) / np.log(10.0)
    assert growth == pytest.approx(model.timescales_[0], rel=0.02)


def test_stretches_hold_for_pairs_of_training_states(model):
    seen = stretches(model)
    x = model.sample_
    z = model.encode(x)
    for i in range(0, len(x) - 1, 7):
        d = np.linalg.norm(x[i] - x[i + 1])
        e = np.linalg.norm(z[i] - z[i + 1])
        assert seen.least * d - 1e-9 <= e <= seen.steepest * d + 1e-9


def test_servers_together_take_as_long_as_the_last(model):
    one = learned(model, (0.5, 0.1))
    slow = learned(model, (0.5, 0.1), starts=np.array([[12.0]]))
    both = together({"a": one, "b": slow})
    assert (both.mean == np.maximum(one.mean, slow.mean)).all()
    unknown = empirical(relaxing(2.0, 5, 3.0), (0.5, 0.1))
    with pytest.raises(DataError, match="read differently"):
        together({"a": one, "b": unknown})
    with pytest.raises(DataError, match="no servers"):
        together({})


@pytest.mark.parametrize("deltas", [(), (0.0,), (1.0,), (0.5, np.nan)])
def test_hostile_deltas(model, deltas):
    with pytest.raises(DataError, match="give shares in"):
        learned(model, deltas)


def test_last_exit_and_spread():
    times = np.arange(5.0)
    assert last_exit(times, np.array([8.0, 4.0, 2.0, 1.0, 0.5]), 2.0) == pytest.approx(2.0)
    assert last_exit(times, np.array([1.0, 0.1, 3.0, 0.1, 0.1]), 0.5) == pytest.approx(
        2.527, abs=1e-3
    )
    assert last_exit(times, np.ones(5), 2.0) == 0.0
    assert last_exit(times, np.ones(5), 0.5) == np.inf
    mean, low, high = spread(np.array([[1.0], [2.0], [3.0]]), 0.5)
    # t(0.975, 2 degrees) = 4.303, deviation 1, factor sqrt(0.5 / 0.5)
    assert (mean[0], low[0], high[0]) == (2.0, 0.0, pytest.approx(2.0 + 4.303, abs=1e-3))
