"""The reference is what the code says, and the site builds without a broken link."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from separatrix.cli import main
from separatrix.cli.manual import manual

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_of_the_command_line_is_current():
    page = ROOT / "docs" / "reference" / "cli.md"
    assert page.read_text() == manual(main), "write it again: make docs"


ROOMS = (
    "model", "population", "markov", "simulate", "emulate", "koopman", "telemetry", "weights", "placement",
)  # fmt: skip


@pytest.mark.parametrize("room", ROOMS)
def test_what_a_room_exports_is_in_the_reference(room):
    pages = "".join(page.read_text() for page in (ROOT / "docs" / "reference").glob("*.md"))
    documented = set(re.findall(r"^::: (\S+)", pages, flags=re.MULTILINE))
    package = import_module(f"separatrix.{room}")
    homes = {getattr(getattr(package, name), "__module__", "") for name in package.__all__}
    own = {home for home in homes if home and home.startswith("separatrix.")}
    assert own
    assert own <= documented


def test_the_site_builds_strictly(tmp_path):
    pytest.importorskip("mkdocs", reason="mkdocs is not installed")
    pytest.importorskip("mkdocstrings", reason="mkdocstrings is not installed")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    assert (tmp_path / "index.html").exists()
