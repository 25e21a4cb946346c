"""A terminal that types what a page shows: commands of ours in this process, servers in processes of their own."""

from __future__ import annotations

import glob
import os
import re
import shlex
import socket
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest
from blocks import matches
from click.testing import CliRunner

from separatrix.cli import main

SRC = Path(__file__).resolve().parents[2] / "src"
PATIENCE = 120.0  # s; only to end a page whose server never comes
_PORT = re.compile(r"(?<=127\.0\.0\.1:)\d+|(?<=--port )\d+")


class Terminal:
    """Runs the commands of one page in the current directory.

    A page names fixed ports; free ones take their place here, and their place again in what is compared.
    """

    def __init__(self) -> None:
        self.status = 0
        self._ports: dict[str, str] = {}
        self._servers: list[subprocess.Popen[str]] = []

    def type(self, command: str, shown: str, share: float = 0.0) -> None:
        """Run one command and compare what it prints.

        What measures real clocks may say, on a machine that is too busy, that it could not (exit code 4): then
        the prediction is compared alone, which is the first sentence.
        """
        printed = self._printed(self._with_free_ports(command))
        for fixed, free in self._ports.items():
            printed = printed.replace(f"127.0.0.1:{free}", f"127.0.0.1:{fixed}")
        if share and self.status == 4 and "inconclusive: " in printed:
            pytest.skip(f"too busy here to measure a server: {printed.strip().splitlines()[-1]}")
        if share and self.status == 4 and "ms late or more" in printed:
            shown, printed = (text.split(". ")[0] for text in (shown, printed))
        assert matches(shown, printed, share), f"$ {command}\nprinted:\n{printed}\nshown:\n{shown}"

    def end(self) -> None:
        for server in self._servers:
            server.terminate()
            server.communicate()

    def _with_free_ports(self, text: str) -> str:
        return _PORT.sub(lambda m: self._ports.setdefault(m[0], _free_port()), text)

    def _printed(self, command: str) -> str:
        if command.endswith("&"):
            return self._serve(shlex.split(command)[:-1])
        program, *words = shlex.split(command)
        arguments = [name for word in words for name in sorted(glob.glob(word)) or [word]]
        if program == "separatrix":
            return self._ours(arguments)
        if program == "echo" and arguments == ["$?"]:
            return str(self.status)
        if program == "cat":
            return "".join(Path(name).read_text() for name in arguments)
        if program == "ls":
            return "\n".join(sorted(os.listdir(arguments[0])))
        if program == "curl":
            (address,) = (word for word in arguments if word.startswith("http://127.0.0.1:"))
            with urllib.request.urlopen(address, timeout=PATIENCE) as answer:  # noqa: S310 - loopback
                return str(answer.read().decode())
        raise AssertionError(f"{program} is not run here")

    def _ours(self, arguments: list[str]) -> str:
        result = CliRunner().invoke(main, arguments)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        self.status = result.exit_code
        return result.output

    def _serve(self, words: list[str]) -> str:
        """Start a server; what it prints is waited for until it listens."""
        own = words[1:] if words[0] == "python" else ["-m", *words]
        server = subprocess.Popen(
            [sys.executable, "-u", *own], stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": str(SRC)},
        )  # fmt: skip
        self._servers.append(server)
        ending = threading.Timer(PATIENCE, server.kill)
        ending.start()
        assert server.stdout is not None
        line = server.stdout.readline()
        ending.cancel()
        assert line, f"{words} ended without a word"
        return line


def _free_port() -> str:
    with socket.socket() as own:
        own.bind(("127.0.0.1", 0))
        return str(own.getsockname()[1])
