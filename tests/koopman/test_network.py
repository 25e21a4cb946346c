from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st


@given(seed=st.integers(0, 1000))
def test_jacobian_bound_and_folding(drawn, seed):
    rng = np.random.default_rng(seed)
    net = drawn(3, (7, 5), 4, rng)
    x = rng.normal(size=(6, 3))
    eps = 1e-6
    J = net.jacobian(x)
    for i in range(3):
        shifted = x.copy()
        shifted[:, i] += eps
        assert np.allclose((net(shifted) - net(x)) / eps, J[:, :, i], atol=1e-4)
    y = rng.normal(size=(6, 3))
    stretch = np.linalg.norm(net(x) - net(y), axis=1) / np.linalg.norm(x - y, axis=1)
    assert stretch.max() <= net.lipschitz_bound
    T, s = rng.normal(size=(2, 4)), rng.normal(size=2)
    assert np.allclose(net.after(T, s)(x), net(x) @ T.T + s)


@pytest.mark.parametrize("hidden", [(5,), (4, 3, 2)])
def test_torch_agrees(drawn, hidden):
    torch = pytest.importorskip("torch")
    from separatrix.koopman.training import Net

    net = drawn(2, hidden, 3, np.random.default_rng(0))
    x = np.random.default_rng(1).normal(size=(9, 2))
    same = Net(net, "cpu")(torch.as_tensor(x, dtype=torch.float32)).detach().numpy()
    assert np.allclose(same, net(x), atol=1e-5)
