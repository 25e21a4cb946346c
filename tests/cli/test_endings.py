"""How a run ends when its reader has gone, or when somebody presses Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from separatrix.cli import main

SRC = Path(__file__).resolve().parents[2] / "src"
PATIENCE = 120.0  # s; only to end a test whose process never begins, or never ends


def _heard() -> None:
    """Let the process hear Ctrl-C, also where the tests run behind a shell's ``&``, which makes them deaf to it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def started(place: Path, *arguments: str, **streams: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "separatrix", *arguments],
        cwd=place, text=True, stderr=subprocess.PIPE, start_new_session=True, preexec_fn=_heard,
        env={**os.environ, "PYTHONPATH": str(SRC)}, **streams,
    )  # fmt: skip


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["check", "--help"],
        ["schema"],
        ["explain", "model.yaml"],
        ["check", "model.yaml"],
        ["check", "model.yaml", "--json"],
    ],
)
def test_a_reader_that_has_gone_is_no_error(arguments, tmp_path, calm):
    (tmp_path / "model.yaml").write_text(calm)
    gone, out = os.pipe()
    os.close(gone)
    with open(out, "w") as pipe:
        done = started(tmp_path, *arguments, stdout=pipe)
    _, said = done.communicate()
    assert said == ""
    assert done.returncode == 128 + signal.SIGPIPE


def test_an_error_that_nobody_reads_ends_alike(tmp_path):
    gone, out = os.pipe()
    os.close(gone)
    with open(out, "w") as pipe:
        done = subprocess.run(
            [sys.executable, "-m", "separatrix", "explain", "missing.yaml"],
            cwd=tmp_path, stdout=pipe, stderr=pipe, env={**os.environ, "PYTHONPATH": str(SRC)},
            check=False,
        )  # fmt: skip
    assert done.returncode == 128 + signal.SIGPIPE


def test_ctrl_c_is_one_line_and_its_own_exit_code(monkeypatch, calm):
    def pressed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("separatrix.model.explain.explain", pressed)
    done = CliRunner().invoke(main, ["explain", "-"], input=calm)
    assert done.exit_code == 128 + signal.SIGINT
    assert done.stdout == ""
    assert done.stderr == "interrupted\n"


def test_ctrl_c_in_the_middle_keeps_whole_runs_and_no_half_file(tmp_path, calm):
    (tmp_path / "model.yaml").write_text(calm)
    running = started(
        tmp_path, "simulate", "model.yaml", "--for", "20h", "--runs", "100000", "--workers", "2",
        "--store", "runs", "-o", "series.parquet", stdout=subprocess.PIPE,
    )  # fmt: skip
    begin = time.monotonic()
    while not list(tmp_path.glob("runs/*.npz")):
        assert running.poll() is None, running.communicate()
        assert time.monotonic() < begin + PATIENCE
        time.sleep(0.05)
    os.killpg(running.pid, signal.SIGINT)
    try:
        out, said = running.communicate(timeout=PATIENCE)
    finally:
        running.kill()
    # the same to a shell: Python dies of the signal itself where it came in the middle of an import
    assert running.returncode in (128 + signal.SIGINT, -signal.SIGINT)
    assert out == ""
    assert said.splitlines()[-1] == "interrupted"
    assert "Traceback" not in said
    assert not [p for p in tmp_path.rglob("*") if p.name.startswith(".")]
    assert not (tmp_path / "series.parquet").exists()
