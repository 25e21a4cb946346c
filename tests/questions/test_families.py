"""The known families of metastable failure: every example collapses by its own fault, and stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from separatrix import explain, load
from separatrix.questions.aftermath import aftermath

FAMILIES = sorted((Path(__file__).resolve().parents[2] / "examples" / "families").glob("*.yaml"))


def test_all_seven_are_there():
    assert len(FAMILIES) == 7


@pytest.mark.parametrize("model", FAMILIES, ids=lambda p: p.stem)
def test_it_is_healthy_before_its_fault_and_stuck_long_after(model):
    program = load(model)
    assert "Source: " in program.description
    assert explain(program).paragraphs
    seen = aftermath(program, runs=8, wait=40.0)
    assert seen.before.mean > 0.97
    assert seen.trapped == 1.0
    assert seen.after.mean < 0.5
