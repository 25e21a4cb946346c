from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from separatrix.telemetry import Counters

DAY = 1_546_300_800.0  # 2019-01-01 00:00 UTC


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real files and reference values, which are not part of the repository."""
    given = os.environ.get("SEPARATRIX_SHARED")
    root = Path(given) if given else Path(__file__).parents[2].parent / "shared"
    if not (root / "reference" / "weights_reference.json").exists():
        pytest.skip("the real files are not here (set SEPARATRIX_SHARED)")
    return root


def table_of(
    rates: Any,
    cpu: Any = None,
    *,
    operations: tuple[str, ...] = ("open", "close", "unlink"),
    targets: tuple[str, ...] = ("m0",),
    start: float = DAY,
    step: float = 5.0,
    **more: Any,
) -> Counters:
    """A table of rates, (operations, targets, n) or (operations, n) for one target."""
    cube = np.asarray(rates, dtype=float)
    if cube.ndim == 2:
        cube = cube[:, None, :]
    n = cube.shape[2]
    load = np.full((len(targets), n), np.nan) if cpu is None else np.atleast_2d(cpu)
    return Counters(
        start=start + step * np.arange(n),
        step=np.full(n, step),
        targets=targets,
        operations=operations,
        values=np.ascontiguousarray(cube),
        stored="rates",
        servers=targets,
        cpu=np.asarray(load, dtype=float),
        server_of=targets,
        **more,
    )


@pytest.fixture
def table() -> Callable[..., Counters]:
    return table_of


COST = {"open": 0.02, "close": 0.01, "unlink": 0.08}
"""Planted cost [percent s]."""


@pytest.fixture(scope="session")
def planted() -> Counters:
    """Two hours of one server whose CPU load is 3 % + cost times rates + noise of 1 %."""
    rng = np.random.default_rng(8)
    level = np.repeat(rng.lognormal(0.0, 0.8, (3, 60)), 24, axis=1)
    rates = rng.poisson(5 * np.array([[400.0], [350.0], [60.0]]) * level) / 5.0
    cpu = 3.0 + np.array(list(COST.values())) @ rates + rng.normal(0.0, 1.0, rates.shape[1])
    return table_of(rates, cpu)
