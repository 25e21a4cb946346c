"""Examples print what stands beside them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from separatrix import explain, load
from separatrix.cli import main
from separatrix.questions.fluid_verdict import fluid_verdict

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"


@pytest.mark.parametrize("script", sorted(EXAMPLES.glob("*.py")), ids=lambda p: p.name)
def test_an_example_prints_what_stands_beside_it(script, tmp_path):
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == script.with_suffix(".out").read_text()


@pytest.mark.parametrize("model", sorted(EXAMPLES.rglob("*.yaml")), ids=lambda p: p.name)
def test_an_example_model_is_whole_explains_itself_and_gets_the_verdict_on_file(model):
    program = load(model)
    assert program.problems() == []
    assert explain(program).paragraphs
    kept = (EXAMPLES / "verdicts.out").read_text().split(f"{model.stem}\n")[1].split("\n\n")[0]
    shown = [line.strip() for line in kept.splitlines()]
    if shown[0].startswith("by the mean dynamics: "):  # no chain of it fits: simulated beside them
        assert shown[0] == f"by the mean dynamics: {fluid_verdict(program, timed=False).sentence}"
        shown = shown[1:]
        if not shown:  # more than half a minute of computing; verification/families follows it
            return
    said = CliRunner().invoke(main, ["check", str(model)])
    assert said.stdout.splitlines()[:2] == shown
    assert said.exit_code == 10
