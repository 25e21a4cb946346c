from __future__ import annotations

import numpy as np
from scipy.linalg import expm

from separatrix.koopman.dataset import Scaling, Trajectories
from separatrix.koopman.readout import fit_readout, misfit
from separatrix.koopman.windows import Windows

G = np.array([[-0.05, 0.02], [0.0, -0.4]])
SLOPE, LIMIT = np.array([[2.0, -1.0]]), np.array([7.0])


def seen(noise: float, samples: int = 60, runs: int = 30) -> tuple[np.ndarray, Windows]:
    """Latent states that follow G, and one channel read off them."""
    rng = np.random.default_rng(0)
    step = expm(G)
    latent, channel = [], []
    for _ in range(runs):
        z = [rng.normal(size=2)]
        for _ in range(samples - 1):
            z.append(step @ z[-1])
        latent.append(np.array(z))
        channel.append(latent[-1] @ SLOPE.T + LIMIT + noise * rng.normal(size=(samples, 1)))
    return np.concatenate(latent), Windows.of(
        Trajectories.of(channel), Scaling(np.zeros(1), np.ones(1)), 1
    )


def test_a_linear_readout_is_found_exactly():
    z, windows = seen(0.0)
    found = fit_readout(z, windows, 1, G, [1, 5, 20])
    assert np.allclose(found.slope, SLOPE)
    assert np.allclose(found.limit, LIMIT)
    assert misfit(z, windows, found, G, [1, 5, 20]) < 1e-20


def test_the_misfit_is_the_noise():
    z, windows = seen(0.5)
    found = fit_readout(z, windows, 1, G, [1, 5, 20])
    assert abs(misfit(z, windows, found, G, [1, 5, 20]) - 0.25) < 0.02
    assert np.allclose(found.limit, LIMIT, atol=0.1)


def test_the_limit_of_a_skewed_law_is_its_mean_not_its_middle():
    # z decays to 0 while the channel jumps between 0 (often) and 10 (seldom)
    rng = np.random.default_rng(1)
    channel = [10.0 * (rng.random((200, 1)) < 0.1) for _ in range(40)]
    latent = rng.normal(size=(40 * 200, 1))
    windows = Windows.of(Trajectories.of(channel), Scaling(np.zeros(1), np.ones(1)), 1)
    found = fit_readout(latent, windows, 1, np.array([[-5.0]]), [1, 10])
    assert abs(found.limit[0] - 1.0) < 0.1
