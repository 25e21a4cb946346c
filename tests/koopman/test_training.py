"""What gradients do for an encoder, and where it begins."""

from __future__ import annotations

import numpy as np
import pytest

from separatrix.errors import NotConverged
from separatrix.koopman.dataset import Scaling, Trajectories
from separatrix.koopman.descent import Schedule, descend, one_thread
from separatrix.koopman.training import train_encoder
from separatrix.koopman.warm_start import warm_encoder
from separatrix.koopman.windows import Windows

pytest.importorskip("torch")


@pytest.fixture(scope="module")
def sides(chain, runs):
    training, held = Trajectories.of(runs, chain.step).split(0.2, 0)
    scaling = Scaling.of(training)
    return Windows.of(training, scaling, 1), Windows.of(held, scaling, 1)


def trained(own, encoder, sides, epochs):
    schedule = Schedule(epochs, epochs, 512, 3e-3, "cpu")
    rng = np.random.default_rng(1)
    with one_thread():
        return train_encoder(own, encoder, 1, *sides, 20, schedule, rng, lambda done, total: None)[
            1
        ]


def test_training_leads_where_the_warm_start_is_already(sides, drawn):
    rng = np.random.default_rng(0)
    cold = trained(np.eye(1), drawn(1, (24,), 4, rng), sides, 12)
    warm = trained(*warm_encoder(sides[0], 1, (24,), 5, 20, rng), sides, 1)
    assert min(cold) < cold[0] - 0.02
    assert warm[0] < min(cold) + 0.01


def test_the_warm_subspace_holds_the_channels_and_the_slowest_eigenfunction(sides, chain):
    own, beside = warm_encoder(sides[0], 1, (24,), 5, 20, np.random.default_rng(3))
    encoder = beside.beside(own)
    assert np.allclose(encoder(sides[0].states)[:, :1], sides[0].states)
    x = np.arange(chain.top + 1.0)[:, None]
    z = np.c_[encoder((x - x.mean()) / x.std()), np.ones(len(x))]
    values, vectors = np.linalg.eig(chain.P)
    slowest = vectors[:, np.argsort(-values.real)[1]].real
    for wanted in (x[:, 0], slowest):
        left = wanted - z @ np.linalg.lstsq(z, wanted, rcond=None)[0]
        assert np.linalg.norm(left) < 0.1 * np.linalg.norm(wanted - wanted.mean())


def test_descent_finds_a_minimum_and_keeps_the_best():
    import torch

    x = torch.tensor([4.0, -3.0], requires_grad=True)
    goal = torch.tensor([1.0, 2.0])
    schedule = Schedule(200, 50, 1, 0.3, "cpu")
    values = descend(
        [x], lambda: ((x - goal) ** 2).sum(), lambda: float(((x.detach() - goal) ** 2).sum()), 5, schedule,
        lambda done, total: None,
    )  # fmt: skip
    assert values[0] == pytest.approx(34.0)
    assert torch.allclose(x, goal, atol=0.01)
    # what is left in place is the best, not the last
    assert float(((x.detach() - goal) ** 2).sum()) <= min(values) + 1e-3


def test_a_training_that_diverges_says_so():
    import torch

    x = torch.tensor([1.0], requires_grad=True)
    schedule = Schedule(5, 5, 1, 0.1, "cpu")
    with pytest.raises(NotConverged, match="lower `rate`") as caught:
        descend(
            [x], lambda: (x * float("nan")).sum(), lambda: float(x.detach().sum()), 1, schedule,
            lambda done, total: None,
        )  # fmt: skip
    assert caught.value.partial[0] == 1.0
