"""`demo`, `init` and `completion`: what somebody new types first."""

from __future__ import annotations

import click

from separatrix.cli.exits import EXIT_CODES, WRONG_INPUT
from separatrix.cli.output import also_page


def _examples(_: click.Context, __: click.Parameter, begun: str) -> list[str]:
    from separatrix.gallery import gallery

    return [name for name in gallery() if name.startswith(begun)]


@click.command(
    short_help="Judge an example model, to see what the answer looks like.", epilog=EXIT_CODES
)
@also_page
@click.option("--list", "names", is_flag=True, help="Name the example models and end.")
@click.argument("name", required=False, shell_complete=_examples)
@click.pass_context
def demo(ctx: click.Context, output: str | None, names: bool, name: str | None) -> None:
    """Judge an example model: a service that a spike of four seconds keeps down for good.

    \b
    Examples:
      separatrix demo
      separatrix demo --list
      separatrix demo service52 -o report.html
    """
    from separatrix.cli.verdicts import check
    from separatrix.gallery import FIRST, gallery, title

    models = gallery()
    if names:
        for known, path in models.items():
            click.echo(f"{known:<24} {title(path)}")
        return
    wanted = name or FIRST
    if wanted not in models:
        click.echo(f"error: no example is called {wanted!r}; see separatrix demo --list", err=True)
        ctx.exit(WRONG_INPUT)
    click.echo(f"$ separatrix check {models[wanted].name}")
    try:
        ctx.invoke(check, model=str(models[wanted]), changes=(), output=output)
    finally:
        click.echo()
        click.echo("Next: `separatrix init` writes a model of your own to begin with.")


@click.command(short_help="Write a commented model to begin with.", epilog=EXIT_CODES)
@click.argument("path", type=click.Path(), metavar="MODEL.yaml", default="service.yaml")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@click.pass_context
def init(ctx: click.Context, path: str, force: bool) -> None:
    """Write a commented model to begin with.

    \b
    Examples:
      separatrix init
      separatrix init checkout.yaml && separatrix check checkout.yaml
    """
    from pathlib import Path

    from separatrix.atomic import write_atomically
    from separatrix.model.starter import STARTER

    if path == "-":
        click.echo(STARTER, nl=False)
        return
    if Path(path).exists() and not force:
        click.echo(f"error: {path} is there already; give another name, or --force", err=True)
        ctx.exit(WRONG_INPUT)
    write_atomically(path, STARTER)
    click.echo(f"{path} is written. Next: separatrix check {path}")


@click.command(short_help="Let the shell complete commands and options.", epilog=EXIT_CODES)
@click.argument("shell", type=click.Choice(["bash", "fish", "zsh"]))
def completion(shell: str) -> None:
    """Print what makes a shell complete commands, options, files and paths of the model.

    \b
    Examples:
      eval "$(separatrix completion bash)"     # in ~/.bashrc
      eval "$(separatrix completion zsh)"      # in ~/.zshrc, below compinit
      separatrix completion fish | source      # in config.fish
    """
    from click.shell_completion import get_completion_class

    from separatrix.cli import main

    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101 - click knows the three
    click.echo(kind(main, {}, "separatrix", "_SEPARATRIX_COMPLETE").source())
