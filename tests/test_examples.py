"""Examples print what stands beside them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from separatrix import explain, load
from separatrix.cli import main

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
    said = CliRunner().invoke(main, ["check", str(model)])
    word, sentence = (
        (EXAMPLES / "verdicts.out").read_text().split(f"{model.stem}\n")[1].split("\n")[:2]
    )
    first, second, *_ = [*said.stdout.splitlines(), ""]
    assert f"  {first}" == word
    assert (f"  {second}" if second else "") == sentence
    assert said.exit_code == (10 if "CAN GET STUCK" in word else 4)
