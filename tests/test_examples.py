"""Examples print what stands beside them, and the README's program runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from separatrix import explain, load

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"


@pytest.mark.parametrize("script", sorted(EXAMPLES.glob("*.py")), ids=lambda p: p.name)
def test_an_example_prints_what_stands_beside_it(script, tmp_path):
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == script.with_suffix(".out").read_text()


@pytest.mark.parametrize("model", sorted(EXAMPLES.glob("*.yaml")), ids=lambda p: p.name)
def test_an_example_model_is_whole_and_explains_itself(model):
    program = load(model)
    assert program.problems() == []
    assert explain(program).paragraphs


def test_the_program_in_the_readme_runs(capsys):
    readme = (ROOT / "README.md").read_text()
    (block,) = re.findall(r"```python\n(.*?)```", readme, re.S)
    exec(compile(block, "README.md", "exec"), {})  # noqa: S102 - our own README
    assert "an get stuck" in capsys.readouterr().out


def test_the_model_in_the_readme_is_one():
    from separatrix.model.files import loads

    (block,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    assert loads(block).name == "Retry storm"
