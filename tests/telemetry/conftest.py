from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from separatrix.telemetry import Counters
from separatrix.telemetry.tts_writing import write_tts

DAY = 1_546_300_800  # 2019-01-01 00:00 UTC


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real files, which are not part of the repository."""
    given = os.environ.get("SEPARATRIX_SHARED")
    root = Path(given) if given else Path(__file__).parents[2].parent / "shared"
    if not (root / "data" / "tokio").is_dir():
        pytest.skip("the real files are not here (set SEPARATRIX_SHARED)")
    return root / "data"


@pytest.fixture
def archive(tmp_path: Path) -> Callable[..., str]:
    """Write a small TTS file: every operation counts 1, 2, 3 ... unless given."""

    def write(
        name: str = "day.hdf5",
        *,
        start: int = DAY,
        n: int = 12,
        step: int = 5,
        targets: tuple[str, ...] = ("mds0",),
        counts: dict[str, Any] | None = None,
        cpu: Any = "default",
        source: str = "lmt",
        stamps: Any = None,
    ) -> str:
        at = start + step * np.arange(n, dtype=np.int64) if stamps is None else np.asarray(stamps)
        if counts is None:
            ramp = np.tile(np.arange(1.0, n + 1), (len(targets), 1))
            counts = {"open": ramp, "close": 2 * ramp}
        counts = {k: np.atleast_2d(np.asarray(v, dtype=float)) for k, v in counts.items()}
        if isinstance(cpu, str):
            cpu = np.tile(np.arange(n, dtype=float), (len(targets), 1))
        path = tmp_path / name
        write_tts(
            path,
            at,
            counts,
            targets,
            cpu=None if cpu is None else np.atleast_2d(np.asarray(cpu, dtype=float)),
            servers=targets,
            source=source,
        )
        return str(path)

    return write


@pytest.fixture
def table() -> Callable[..., Counters]:
    """Make a table of counts; rows are operations."""

    def make(
        start: Any,
        values: Any,
        *,
        step: float = 5.0,
        targets: tuple[str, ...] = ("m0",),
        operations: tuple[str, ...] = ("open",),
        cpu: Any = None,
        **more: Any,
    ) -> Counters:
        at = np.asarray(start, dtype=float)
        cube = np.asarray(values, dtype=float).reshape(len(operations), len(targets), len(at))
        load = np.zeros((len(targets), len(at))) if cpu is None else np.atleast_2d(cpu)
        return Counters(
            start=at,
            step=np.full(len(at), step),
            targets=targets,
            operations=operations,
            values=cube,
            stored="counts",
            servers=targets,
            cpu=np.asarray(load, dtype=float),
            server_of=targets,
            **more,
        )

    return make
