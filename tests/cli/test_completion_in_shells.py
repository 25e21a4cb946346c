"""Completion, typed into real shells on a terminal of their own."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import signal
import sys
from pathlib import Path

import pytest

SRC = Path(__file__).resolve().parents[2] / "src"
SHELLS = {
    "bash": (["--norc", "--noprofile", "-i"], 'eval "$(separatrix completion bash)"'),
    "zsh": (
        ["-f", "-i"],
        'autoload -Uz compinit && compinit -u -D && eval "$(separatrix completion zsh)"',
    ),
    "fish": (["--no-config", "-i"], "separatrix completion fish | source"),
}
"""Shell -> how it starts without anybody's settings, and what its settings would say."""
LINES = {
    "separatrix chec": "separatrix check",
    "separatrix check serv": "separatrix check service.yaml",
    "separatrix check service.yaml --clo": "separatrix check service.yaml --closure",
    "separatrix check service.yaml --set c.retr": "separatrix check service.yaml --set c.retries",
    "separatrix demo retry_": "separatrix demo retry_storm",
    "separatrix passage coll": "separatrix passage collapse",
}
"""What is typed before the tabulator -> what stands there after it."""
PATIENCE = 60.0  # s; only to end a shell that never answers


@pytest.fixture
def home(tmp_path, calm):
    """A place with the command on its path, and one model in it."""
    command = tmp_path / "bin" / "separatrix"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m separatrix "$@"\n')
    command.chmod(0o755)
    place = tmp_path / "here"
    place.mkdir()
    (place / "service.yaml").write_text(calm)
    return place


class Typed:
    """A shell on a pseudo-terminal."""

    def __init__(self, name: str, home: Path) -> None:
        own = {
            "HOME": str(home), "PATH": f"{home.parent / 'bin'}:{os.environ['PATH']}",
            "PYTHONPATH": str(SRC), "TERM": "dumb", "PS1": "> ", "LC_ALL": "C.UTF-8",
            "XDG_CONFIG_HOME": str(home.parent), "XDG_DATA_HOME": str(home.parent),
        }  # fmt: skip
        arguments, self.settings = SHELLS[name]
        self._process, self._terminal = pty.fork()
        if self._process == 0:  # the child
            os.chdir(home)
            os.execve(str(shutil.which(name)), [name, *arguments], own)  # noqa: S606 - the shell itself
        self.read = ""

    def type(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def until(self, wanted: str) -> str:
        """What it has shown up to `wanted`, a pattern."""
        while re.search(wanted, self.read) is None:
            ready, _, _ = select.select([self._terminal], [], [], PATIENCE)
            assert ready, f"waited for {wanted!r}, got {self.read!r}"
            self.read += os.read(self._terminal, 4096).decode(errors="replace")
        return self.read

    def end(self) -> None:
        os.kill(self._process, signal.SIGKILL)
        os.close(self._terminal)
        os.waitpid(self._process, 0)


@pytest.mark.parametrize("shell", sorted(SHELLS))
def test_the_tabulator_completes_commands_options_files_and_paths(shell, home):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    typed = Typed(shell, home)
    try:
        typed.type(f"{typed.settings}; echo rea''dy\n")
        typed.until("ready")
        for begun, whole in LINES.items():
            typed.read = ""
            typed.type(f"{begun}\t")
            typed.until(re.escape(whole))
            typed.type("\x15")
    finally:
        typed.end()
