from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

from separatrix.koopman.dataset import Scaling, Trajectories
from separatrix.koopman.generator import fit_generator
from separatrix.koopman.windows import Windows, lag_grid


def latent_runs(G, rest, seed, count=40, samples=40):
    rng = np.random.default_rng(seed)
    step = expm(G)
    runs = []
    for _ in range(count):
        z = [rng.normal(size=len(G)) + rest]
        for _ in range(samples - 1):
            z.append(rest + step @ (z[-1] - rest))
        runs.append(np.array(z))
    return runs


@settings(max_examples=8)
@given(seed=st.integers(0, 10_000))
def test_a_stable_generator_is_found_again_in_any_coordinates(seed):
    rng = np.random.default_rng(seed)
    decay = np.array([0.02, 0.2, 0.5])
    V = np.eye(3) + 0.5 * rng.random((3, 3))
    G = V @ np.diag(-decay) @ np.linalg.inv(V)
    runs = latent_runs(G, np.array([3.0, -1.0, 0.5]), seed)
    data = Trajectories.of(runs)
    windows = Windows.of(data, Scaling(np.zeros(3), np.ones(3)), 1)
    found = fit_generator(windows.states, windows, lag_grid(20))
    values = np.sort(-np.linalg.eigvals(found.matrix).real)
    assert values == pytest.approx(decay, rel=0.05)
    assert np.allclose(found.rest, [3.0, -1.0, 0.5], atol=0.1)
    # dissipative in its coordinates: no power of the step grows
    assert np.linalg.eigvalsh(found.matrix + found.matrix.T).max() < 0.0
    # the resting place is 0 in its coordinates
    assert np.allclose(found.transform @ found.rest + found.shift, 0.0, atol=1e-9)


def test_a_growing_system_is_held_at_the_edge_of_stability():
    k = np.arange(30)
    runs = [a * 1.02**k for a in (0.5, 1.0, -1.0, 2.0)]
    windows = Windows.of(Trajectories.of(runs), Scaling(np.zeros(1), np.ones(1)), 1)
    found = fit_generator(windows.states, windows, lag_grid(8))
    assert -1e-3 < found.matrix[0, 0] < 0.0


def test_pairs_never_straddle_two_runs():
    data = Trajectories.of([np.arange(10.0), 100 + np.arange(5.0), 200 + np.arange(8.0)])
    windows = Windows.of(data, Scaling(np.zeros(1), np.ones(1)), 1)
    for lag in (1, 4, 6, 9):
        rows = windows.rows(lag)
        assert len(rows) == windows.count(lag)
        assert (windows.states[rows + lag] - windows.states[rows] == lag).all()
        drawn = windows.draw(np.random.default_rng(0), lag, 500)
        assert set(drawn.tolist()) == set(rows.tolist())
    assert windows.count(10) == 0
    assert lag_grid(1) == [1]
    assert lag_grid(1000)[0] == 1
    assert lag_grid(1000)[-1] == 1000
