"""What somebody new types first."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from separatrix import load
from separatrix.cli import COMMANDS, main
from separatrix.gallery import FIRST, gallery
from separatrix.model.starter import STARTER


def run(*arguments: str):
    return CliRunner().invoke(main, list(arguments))


def test_the_starter_is_a_model_without_a_mistake(tmp_path: Path):
    path = tmp_path / "mine.yaml"
    assert run("init", str(path)).exit_code == 0
    assert load(path).name == "My service"
    explained = run("explain", str(path))
    assert explained.exit_code == 0
    checked = run("check", str(path))
    assert checked.exit_code in (0, 10)


def test_whoever_takes_the_starters_comments_in_still_has_a_model(tmp_path: Path):
    optional = re.compile(r"^( *)# (backoff|budget|limits|  - )", re.M)
    whole = tmp_path / "mine.yaml"
    whole.write_text(optional.sub(r"\1\2", STARTER))
    program = load(whole)
    (source,) = program.sources
    assert source.budget is not None
    assert source.budget.ratio == 0.1
    assert source.backoff.jitter == 0.5
    assert len(program.limits) == 2


def test_init_writes_over_nothing_unless_told(tmp_path: Path):
    path = tmp_path / "mine.yaml"
    path.write_text("precious")
    refused = run("init", str(path))
    assert refused.exit_code == 3
    assert path.read_text() == "precious"
    assert run("init", str(path), "--force").exit_code == 0
    assert run("init", str(tmp_path / "no" / "such" / "place.yaml")).exit_code == 3


def test_the_starter_goes_to_standard_output_too():
    assert run("init", "-").output.startswith("# A service")


def test_the_gallery_begins_with_the_first_and_every_model_in_it_is_one():
    models = gallery()
    assert next(iter(models)) == FIRST
    listed = run("demo", "--list").output
    for name, path in models.items():
        assert name in listed
        load(path)


def test_demo_judges_an_example():
    result = run("demo", "service52")
    assert "CAN GET STUCK" in result.output
    assert result.exit_code == 10
    assert run("demo", "nobody").exit_code == 3


def test_a_value_is_set_for_one_run():
    storm = str(gallery()[FIRST])
    said = run("explain", storm, "--set", "web.retries=0", "--set", "web.timeout=2s").output
    assert "2 s" in said
    wrong = run("explain", storm, "--set", "web.retrys=0")
    assert wrong.exit_code == 3
    assert "web.retries" in wrong.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_name_the_command(shell):
    result = run("completion", shell)
    assert result.exit_code == 0
    assert "_SEPARATRIX_COMPLETE" in result.output


def test_bash_completes_commands():
    found = subprocess.run(
        [sys.executable, "-m", "separatrix"],
        env={**os.environ, "_SEPARATRIX_COMPLETE": "bash_complete", "COMP_WORDS": "separatrix si",
             "COMP_CWORD": "1"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "simulate" in found.stdout


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: c.name)
def test_every_command_has_help_with_an_example(command):
    text = run(command.name, "--help").output
    assert f"separatrix {command.name}" in text
    assert "Example" in text
