"""Where the shared reference files are, for the tests that compare with them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# no test has a time limit: the machine may be shared and slow
settings.register_profile("separatrix", deadline=None)
settings.load_profile("separatrix")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The directory of shared data and reference files; skips where there is none."""
    here = Path(__file__).resolve().parents[1]
    place = Path(os.environ.get("SEPARATRIX_SHARED", here.parent / "shared"))
    if not (place / "reference").is_dir():
        pytest.skip(f"no shared reference files at {place}; set SEPARATRIX_SHARED")
    return place
