"""Exit codes, and errors of ours as one line each instead of a traceback."""

from __future__ import annotations

import errno
import os
import sys
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
4 inconclusive; 2 wrong usage; 3 wrong model or data; 1 internal error."""


class Commands(click.Group):
    """A group that turns our own errors into one line and an exit code."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run, and say in one line that what was to be printed could not be."""
        try:
            return super().main(*args, **extra)
        except OSError as error:
            if error.filename is not None or error.errno not in (
                errno.ENOSPC,
                errno.EDQUOT,
                errno.EIO,
            ):
                raise
            click.echo(f"error: standard output: cannot be written: {error.strerror}", err=True)
            # what is still held back would fail once more at the end
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(WRONG_INPUT)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; the error names the place and the remedy, the code its kind."""
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
