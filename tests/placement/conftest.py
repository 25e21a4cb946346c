from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from separatrix.placement import Limits, Problem


@pytest.fixture
def random_problem() -> Callable[..., Problem]:
    """Heavy-tailed users on unevenly filled targets."""

    def make(
        seed: int, users: int, targets: int, windows: int, moves: int, worst: int = 1, **more
    ) -> Problem:
        rng = np.random.default_rng(seed)
        load = rng.lognormal(0.0, 1.2, (users, 1)) * rng.gamma(2.0, 0.5, (users, windows))
        home = rng.choice(targets, users, p=rng.dirichlet(np.ones(targets) * 2))
        fixed = rng.random((targets, windows))
        limits = more.pop("limits", Limits(moves))
        return Problem(home.astype(np.int64), load, fixed, limits, worst, **more)

    return make
