"""The example models that come with the package, by name."""

from __future__ import annotations

from pathlib import Path

from separatrix.errors import DataError

FIRST = "retry_storm"
"""The one to begin with."""
FAMILIES = "families"
"""Where the models lie that show a kind of incident that was reported."""


def gallery() -> dict[str, Path]:
    """Name -> file of every example model, the first one first, kinds of incidents last.

    Raises DataError where the examples are not installed.
    """
    here = Path(__file__).resolve().parent
    # in a wheel they lie in the package, in a checkout beside the sources
    for place in (here / "examples", here.parents[1] / "examples"):
        found = [*sorted(place.glob("*.yaml")), *sorted((place / FAMILIES).glob("*.yaml"))]
        files = {path.stem: path for path in found}
        if FIRST in files:
            return {FIRST: files.pop(FIRST), **files}
    raise DataError("the example models are not installed", hint="install separatrix again")


def title(path: Path) -> str:
    """The name of a model, from its file; nothing heavy is loaded for it."""
    lines = path.read_text(encoding="utf-8").splitlines()
    named = (line.removeprefix("name:").strip() for line in lines if line.startswith("name:"))
    return next(named, path.stem)
