"""Where answers go: one JSON document, text that is never wrapped off a terminal, a page beside it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console


also_page = click.option(
    "-o",
    "--output",
    type=click.Path(),
    metavar="REPORT.html",
    help="Also write a self-contained page.",
)
"""The option -o of a command whose answer fits a page."""


def print_json(document: Any) -> None:
    """Print one document, with text in the place of the numbers that JSON cannot hold."""
    from separatrix.views.page import finite

    click.echo(json.dumps(finite(document), indent=2, allow_nan=False))


def console() -> Console:
    """Standard output for tables; a reader that has gone is told as the broken pipe that it is."""
    from rich.console import Console

    class Output(Console):
        def on_broken_pipe(self) -> None:
            raise

    return Output(soft_wrap=not sys.stdout.isatty())
