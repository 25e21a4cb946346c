"""Exit codes, and errors of ours as one line each instead of a traceback."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import click

EXIT = {"safe": 0, "can get stuck": 10, "always stuck": 10, "inconclusive": 4}
LIMIT_EXIT = {"holds": 0, "fails": 10, "unknown": 4}
WRONG_INPUT = 3

EXTRAS = {
    "dask": "dask",
    "distributed": "dask",
    "httptools": "emulate",
    "pymysql": "mysql",
    "starlette": "app",
    "torch": "learn",
    "uvicorn": "app",
}
"""Module -> the optional part of the installation that brings it."""

EXIT_CODES = """\b
Exit codes: 0 safe, all limits hold, or done; 10 can get stuck or always stuck, or a limit fails;
4 inconclusive; 2 wrong usage; 3 wrong model or data; 1 internal error; 130 interrupted."""

SECTIONS = {
    "Begin": ("demo", "init", "explain"),
    "Can it get stuck, and what helps": ("check", "remedy", "tipping", "sweep", "report", "diff", "app"),
    "Is that so": ("simulate", "passage", "agree", "prove"),
    "From a running server, series or telemetry": (
        "calibrate", "capacity", "learn", "settle", "weights", "score", "place",
    ),
    "For your editor and shell": ("schema", "completion"),
}  # fmt: skip
"""The commands in the order in which somebody new would want them."""


class _Ended(click.ClickException):
    """The end of a run for a reason outside it: one line and an exit code."""

    def show(self, file: Any = None) -> None:
        click.echo(self.message, err=True)


class _Interrupted(_Ended):
    exit_code = 128 + 2  # what a shell makes of the signal SIGINT


class _Unwritable(_Ended):
    exit_code = WRONG_INPUT


class _Unread(_Ended):
    exit_code = 128 + 13  # what a shell makes of the signal SIGPIPE

    def show(self, file: Any = None) -> None:
        """Nothing: a reader that has gone, as with ``| head -1``, has read enough."""


@contextmanager
def _ended_in_a_line() -> Generator[None]:
    """Make one line of a full disk and of Ctrl-C, and none of a reader that has gone."""
    try:
        yield
    except KeyboardInterrupt:
        raise _Interrupted("interrupted") from None
    except OSError as error:
        unwritable = errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EIO
        if error.filename is not None or error.errno not in unwritable:
            raise
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except OSError:  # what it holds back would fail once more at the end
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        if error.errno == errno.EPIPE:
            raise _Unread("nobody reads on") from None
        line = f"error: standard output: cannot be written: {error.strerror}"
        raise _Unwritable(line) from None


class Commands(click.Group):
    """A group that lists its commands by purpose, and turns errors into one line and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the commands, in the order of `SECTIONS`."""
        return [name for names in SECTIONS.values() for name in names]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands, a section for each kind of question."""
        for title, names in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(n, self.commands[n].get_short_help_str()) for n in names])

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """Read the command line; the help is printed here."""
        with _ended_in_a_line():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; the error names the place and the remedy, the code its kind."""
        with _ended_in_a_line():
            return self._answered(ctx)

    def _answered(self, ctx: click.Context) -> Any:
        from separatrix.errors import NotConverged, SeparatrixError

        try:
            return super().invoke(ctx)
        except NotConverged as error:
            click.echo(f"inconclusive: {error}", err=True)
            ctx.exit(EXIT["inconclusive"])
        except SeparatrixError as error:
            click.echo(f"error: {error}", err=True)
            ctx.exit(WRONG_INPUT)
        except ModuleNotFoundError as error:
            extra = EXTRAS.get((error.name or "").split(".")[0])
            if extra is None:
                raise
            click.echo(
                f"error: this needs {error.name}; install it with: pip install 'separatrix[{extra}]'",
                err=True,
            )
            ctx.exit(WRONG_INPUT)
