"""Commands as a user types them: output, exit codes, start-up."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from separatrix.cli import main

SAFE = """\
separatrix: 1
name: calm
servers:
  s: {qsize: 20, apis: {get: {processing_rate: 10/s}}}
sources:
  c: {server: s, api: get, arrival_rate: 3/s, timeout: 1s, retries: 0}
"""
STORM = """\
separatrix: 1
name: storm
servers:
  s: {qsize: 60, apis: {get: {processing_rate: 10/s}}}
sources:
  c: {server: s, api: get, arrival_rate: 8/s, timeout: 3s, retries: 1}
"""


def run(*arguments: str, text: str | None = None):
    return CliRunner().invoke(main, list(arguments), input=text)


@pytest.fixture
def storm(tmp_path: Path) -> str:
    path = tmp_path / "storm.yaml"
    path.write_text(STORM)
    return str(path)


def test_exit_codes_make_a_gate(storm, tmp_path):
    calm = tmp_path / "calm.yaml"
    calm.write_text(SAFE)
    assert run("check", str(calm)).exit_code == 0
    result = run("check", storm)
    assert result.exit_code == 10
    assert "CAN GET STUCK" in result.output
    assert "recovery time" in result.output


def test_standard_input():
    assert run("check", "-", text=SAFE).exit_code == 0


def test_json_is_versioned_and_alone_on_standard_output(storm):
    result = run("check", storm, "--json")
    assert result.exit_code == 10
    data = json.loads(result.stdout)
    assert data["schema"] == "separatrix.verdict/1"
    assert data["verdict"] == "can get stuck"


def test_report_is_written(storm, tmp_path):
    page = tmp_path / "page.html"
    result = run("check", storm, "-o", str(page))
    assert result.exit_code == 10
    text = page.read_text()
    assert "can get stuck" in text
    assert "arrival_rate" in text


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (STORM.replace("8/s", "-8/s"), ":6:"),
        (STORM.replace("api: get", "api: put"), "put"),
        ("[", ":1:"),
        (STORM.replace("qsize", "qsise"), "qsize"),
    ],
)
def test_a_wrong_model_is_exit_3_with_its_place(tmp_path, text, complaint):
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    result = run("check", str(path))
    assert result.exit_code == 3
    assert "wrong.yaml" in result.stderr
    assert complaint in result.stderr


def test_a_missing_file_is_exit_3():
    result = run("check", "no-such.yaml")
    assert result.exit_code == 3
    assert "no-such.yaml" in result.stderr


def test_wrong_usage_is_exit_2(storm):
    assert run("check").exit_code == 2
    assert run("check", storm, "--closure", "magic").exit_code == 2


def test_explain_and_schema(storm):
    result = run("explain", storm)
    assert result.exit_code == 0
    assert "8" in result.output
    assert json.loads(run("schema").output)["$schema"].endswith("2020-12/schema")


def test_every_command_has_an_example():
    for name, command in main.commands.items():
        assert f"separatrix {name}" in (command.help or ""), name


def modules_after(code: str) -> set[str]:
    script = f"import sys; {code}; print(' '.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_nothing_heavy_is_imported_for_help():
    loaded = modules_after("import separatrix, separatrix.cli")
    assert not loaded & {"numpy", "scipy", "pydantic", "numba", "pandas", "matplotlib", "rich"}


def test_the_first_verdict_waits_for_no_compiler(storm):
    loaded = modules_after(
        f"from separatrix import check, load; assert check(load({storm!r})).word == 'can get stuck'"
    )
    assert not loaded & {"numba", "pandas", "matplotlib", "pyarrow", "h5py", "scipy.stats"}


def test_simulate_gives_intervals_and_files(storm, tmp_path):
    series = tmp_path / "series.parquet"
    result = run(
        "simulate", storm, "--for", "2min", "--runs", "4", "--workers", "1",
        "--spike", "c:3x@30s+10s", "-o", str(series), "--json",
    )  # fmt: skip
    assert result.exit_code in (0, 4), result.stderr
    data = json.loads(result.stdout)
    assert data["runs"] == 4
    assert data["streams"]["c"]["offered"]["low"] < 20
    assert series.stat().st_size > 0
    text = run("simulate", storm, "--for", "1min", "--runs", "3", "--workers", "1")
    assert "±" in text.stdout


def test_simulate_splits_a_rare_collapse(storm):
    rare = ("simulate", storm, "--rare", "collapse", "--healthy", "1", "--stuck", "25")
    data = json.loads(run(*rare, "--trials", "100", "--json").stdout)
    assert data["low"] < data["mean"]
    assert data["levels"][-1] == 25
    text = run(*rare, "--trials", "100")
    assert "mean time" in text.stdout
    wrong = run("simulate", storm, "--rare", "recovery", "--healthy", "30", "--stuck", "25")
    assert wrong.exit_code == 3
    assert "must be 0 <= healthy < stuck" in wrong.stderr


@pytest.mark.parametrize(
    ("option", "value"),
    [("--for", "never"), ("--spike", "c:3x"), ("--spike", "x:3x@1s+1s"), ("--runs", "0")],
)
def test_simulate_names_the_wrong_option(storm, option, value):
    result = run("simulate", storm, option, value)
    assert result.exit_code == 3
    assert result.stderr.startswith("error: ")


def test_who_watches_gets_the_mean_dynamics_at_once(monkeypatch):
    import separatrix.cli.verdicts as verdicts

    quiet = CliRunner().invoke(main, ["check", "-"], input=STORM)
    monkeypatch.setattr(verdicts, "on_screen", lambda: True)
    watched = CliRunner().invoke(main, ["check", "-"], input=STORM)
    assert "by the mean dynamics" not in quiet.output
    assert watched.stderr.startswith(
        "by the mean dynamics: Can get stuck: normally 100 % of requests"
    )
    assert watched.stdout == quiet.stdout
    as_json = CliRunner().invoke(main, ["check", "-", "--json"], input=STORM)
    assert as_json.output.startswith("{")


def test_what_no_chain_can_carry_is_answered_by_simulation(tmp_path):
    model = """separatrix: 1
name: Pair
servers:
  front:
    qsize: 80
    thread_pool: 4
    apis: {page: {processing_rate: 20/s, downstream: [{callee: back, api_name: read, timeout: 1s}]}}
  back: {qsize: 80, thread_pool: 4, apis: {read: {processing_rate: 10/s}}}
sources:
  web: {server: front, api: page, arrival_rate: 10/s, timeout: 3s, retries: 1}
limits: [recovery_p99 < 1min, goodput > 0.9]
"""
    page = tmp_path / "pair.html"
    answer = CliRunner().invoke(main, ["check", "-", "-o", str(page)], input=model)
    assert answer.exit_code == 0
    assert answer.stdout.startswith(
        "SAFE  Pair\nSafe: 100 % of requests are answered in time, and after"
    )
    assert "basis: no exact answer: a chain of" in answer.stdout
    assert "limit: holds  recovery_p99 < 1min" in answer.stdout
    assert "simulating every request" in answer.stderr
    assert "Times, simulated" in page.read_text()
    told = json.loads(CliRunner().invoke(main, ["report", "--open", str(page)]).stdout)
    assert told["schema"] == "separatrix.witnessed/1"
    assert told["verdict"] == "safe"
