"""Makes the small chains importable: ``from small_chains import averages``."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

STRATEGIES = str(Path(__file__).resolve().parents[1] / "strategies")
if STRATEGIES not in sys.path:
    sys.path.insert(0, STRATEGIES)


@pytest.fixture(scope="session")
def spec() -> Path:
    """The directory of valid and invalid model files."""
    return Path(__file__).resolve().parents[1] / "spec"
