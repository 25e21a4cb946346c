"""What holds for every command alike: help with examples, JSON, standard input, streams, exit codes."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from separatrix.cli import main
from separatrix.cli.exits import SECTIONS

ROOT = Path(__file__).resolve().parents[2]
JSON_REFERENCE = ROOT / "docs" / "reference" / "json.md"
SOURCES = ROOT / "src" / "separatrix"
TALKS = {"init", "completion", "app", "schema", "demo"}
"""Commands that answer nothing about a model or data: they write, serve, or pass on."""
QUICK: dict[str, list[str]] = {
    "check": [],
    "explain": [],
    "simulate": ["--for", "20s", "--runs", "2", "--workers", "1"],
    "sweep": ["--set", "c.arrival_rate=1/s..2/s:2", "--engine", "fluid", "--workers", "1"],
    "tipping": [],
    "agree": ["--runs", "10"],
}
"""Commands that take a model and answer within a second or two, with what keeps them short."""
COMMANDS = sorted(main.commands)


def options(name: str) -> set[str]:
    return {option for p in main.commands[name].params for option in p.opts}


@pytest.mark.parametrize("name", COMMANDS)
def test_help_says_what_it_does_with_examples(name):
    shown = CliRunner().invoke(main, [name, "--help"])
    assert shown.exit_code == 0
    first = shown.output.split("\n\n")[1].strip()
    assert first[0].isupper()
    examples = re.split(r"Examples?:\n", shown.output)[1]
    assert f"separatrix {name}" in examples
    for parameter in main.commands[name].params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{name} {parameter.opts} has no help"


def test_the_first_help_has_every_command_once_in_a_whole_line_with_examples():
    assert sorted(name for names in SECTIONS.values() for name in names) == COMMANDS
    shown = CliRunner().invoke(main, ["--help"]).output
    assert "Examples:\n    separatrix demo" in shown
    listed = shown.partition("Begin:")[2]
    for name in COMMANDS:
        (line,) = re.findall(rf"^  {name} +\S.*$", listed, re.M)
        assert line.endswith(".")
        assert not line.endswith("...")
        assert len(line) <= 80


@pytest.mark.parametrize("name", COMMANDS)
def test_what_answers_has_json_with_a_documented_schema(name):
    if name in TALKS:
        return
    assert "--json" in options(name)
    assert f"`{name}`" in JSON_REFERENCE.read_text(), f"{name} is not in docs/reference/json.md"


def documented() -> dict[str, set[str]]:
    """Schema -> the fields that its row of the reference names."""
    found: dict[str, set[str]] = {}
    for line in JSON_REFERENCE.read_text().partition("## Units")[0].splitlines():
        schema = re.search(r"`(separatrix\.[a-z_]+/[0-9]+)`", line)
        if schema is not None:
            assert schema[1] not in found, f"{schema[1]} has two rows"
            found[schema[1]] = set(re.findall(r"`([a-z_0-9]+)`", line))
    return found


def emitted() -> dict[str, set[str]]:
    """Schema -> fields, of every literal answer in the sources."""
    found: dict[str, set[str]] = {}
    for path in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Dict):
                continue
            fields = {
                key.value: value
                for key, value in zip(node.keys, node.values, strict=True)
                if isinstance(key, ast.Constant)
            }
            schema = fields.pop("schema", None)
            if isinstance(schema, ast.Constant):
                found.setdefault(str(schema.value), set()).update(map(str, fields))
    return found


def test_every_schema_of_the_sources_is_documented_field_by_field():
    reference, sources = documented(), emitted()
    assert len(sources) > 30
    for schema, fields in sources.items():
        assert schema in reference, f"{schema} is not in docs/reference/json.md"
        assert fields <= reference[schema], f"{schema}: {fields - reference[schema]}"
    # the verdict's name is a constant, whose fields the answer of `check` shows
    assert set(reference) - set(sources) == {"separatrix.verdict/1"}


@pytest.mark.parametrize("name", sorted(QUICK))
def test_a_model_from_standard_input_answers_in_json_alone(name, calm):
    done = CliRunner().invoke(main, [name, "-", *QUICK[name], "--json"], input=calm)
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert re.fullmatch(r"separatrix\.[a-z_]+/\d+", answer["schema"])
    told = documented()[answer["schema"]]
    assert set(answer) - {"schema"} <= told, f"not in docs/reference/json.md: {set(answer) - told}"


@pytest.mark.parametrize("name", sorted(QUICK))
def test_text_off_a_terminal_has_neither_colour_nor_spinner(name, calm):
    done = CliRunner().invoke(main, [name, "-", *QUICK[name]], input=calm, env={"NO_COLOR": "1"})
    assert done.exit_code == 0, done.output
    for stream in (done.stdout, done.stderr):
        assert "\x1b" not in stream
        assert "\r" not in stream


@pytest.mark.parametrize(
    "name", sorted(n for n in COMMANDS if "--set" in options(n) and n != "passage")
)
def test_a_wrong_path_or_model_is_one_line_on_standard_error(name, calm):
    extra = QUICK.get(name, [])
    wrong = CliRunner().invoke(main, [name, "-", *extra, "--set", "c.retrys=1"], input=calm)
    assert wrong.exit_code == 3
    assert wrong.stdout == ""
    assert "retrys" in wrong.stderr
    assert "Traceback" not in wrong.stderr
    broken = CliRunner().invoke(
        main, [name, "-", *extra], input=calm.replace("qsize: 8", "qsize: -1")
    )
    assert broken.exit_code == 3
    assert "<stdin>:4" in broken.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_an_unknown_option_is_wrong_usage(name):
    done = CliRunner().invoke(main, [name, "--nonsense"])
    assert done.exit_code == 2
    assert done.stdout == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_every_command(shell):
    assert "separatrix" in CliRunner().invoke(main, ["completion", shell]).output
    from click.shell_completion import ShellComplete

    found = ShellComplete(main, {}, "separatrix", "_SEPARATRIX_COMPLETE").get_completions([], "")
    assert {item.value for item in found} == set(COMMANDS)


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from separatrix.cli import main; "
        "main(['--help'], standalone_mode=False); print(sorted(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(ast.literal_eval(done.stdout.splitlines()[-1]))
    assert not loaded & {
        "numpy",
        "scipy",
        "matplotlib",
        "torch",
        "numba",
        "rich",
        "starlette",
        "ruamel",
    }


@pytest.mark.parametrize("arguments", [["--help"], ["explain", "-"]])
def test_a_full_disk_is_one_line(arguments, calm):
    full = Path("/dev/full")
    if not full.is_char_device():
        pytest.skip("this system has no /dev/full")
    with full.open("w") as out:
        done = subprocess.run(
            [sys.executable, "-m", "separatrix", *arguments],
            input=calm, stdout=out, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 3
    assert done.stderr.startswith("error: standard output: cannot be written: ")
    assert len(done.stderr.splitlines()) == 1


def test_a_parameter_swept_twice_is_refused(calm):
    done = CliRunner().invoke(
        main, ["sweep", "-", "--set", "c.retries=0..5", "--set", "c.retries=1,2"], input=calm
    )
    assert done.exit_code == 2
    assert "c.retries is set twice" in done.stderr
