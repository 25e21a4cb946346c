"""The example models that come with the package, by name."""

from __future__ import annotations

from pathlib import Path

from separatrix.errors import DataError

FIRST = "retry_storm"
"""The one to begin with."""


def gallery() -> dict[str, Path]:
    """Name -> file of every example model, the first one first.

    Raises DataError where the examples are not installed.
    """
    here = Path(__file__).resolve().parent
    # in a wheel they lie in the package, in a checkout beside the sources
    for place in (here / "examples", here.parents[1] / "examples"):
        files = {path.stem: path for path in sorted(place.glob("*.yaml"))}
        if FIRST in files:
            return {FIRST: files.pop(FIRST), **files}
    raise DataError("the example models are not installed", hint="install separatrix again")
