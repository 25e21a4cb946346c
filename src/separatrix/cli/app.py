"""`app`: the page on this machine."""

from __future__ import annotations

from typing import Any

import click

from separatrix.cli.exits import EXIT_CODES


@click.command(short_help="Turn the knobs on a page, and watch the answer move.", epilog=EXIT_CODES)
@click.argument("model", type=click.Path(), metavar="[MODEL.yaml]", required=False)
@click.option("--port", type=click.IntRange(0, 65535), default=8642, show_default=True,
              help="0 takes any that is free.")  # fmt: skip
@click.option("--host", default="127.0.0.1", show_default=True,
              help="Another address than this machine's own needs a token, which is made.")  # fmt: skip
@click.option("--open", "open_browser", is_flag=True, help="Open it in a browser.")
def app(model: str | None, port: int, host: str, open_browser: bool) -> None:
    """Turn the knobs of a model on a page, and watch the answer move.

    The page is served to this machine only, and asks nothing of any other.

    \b
    Examples:
      separatrix app
      separatrix app service.yaml --open
    """
    from separatrix.model.files import load
    from separatrix.views.serving import serve

    program: Any = None if model is None else load(model)

    def ready(address: str) -> None:
        click.echo(f"{address}  (Ctrl-C ends it)")
        if open_browser:
            click.launch(address)

    serve(program, host=host, port=port, ready=ready)
