"""`report` and `diff`: the page for a colleague, read back and compared."""

from __future__ import annotations

import json
import sys
from typing import Any, cast

import click

from separatrix.cli.exits import EXIT, EXIT_CODES, LIMIT_EXIT
from separatrix.cli.models import takes_model
from separatrix.cli.output import print_json

SHOWN = 60


def _read_back(ctx: click.Context, _: click.Parameter, path: str | None) -> None:
    if path is None or ctx.resilient_parsing:
        return
    from separatrix.views.kept_pages import carried

    print_json(carried(path))
    ctx.exit(0)


@click.command(short_help="Put every answer about a model on one page.", epilog=EXIT_CODES)
@takes_model
@click.option(
    "-o",
    "--output",
    type=click.Path(),
    metavar="PAGE.html",
    default="report.html",
    show_default=True,
    help="The page.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of all random streams.")
@click.option("--static", is_flag=True, help="Leave out the drawing library: a small page.")
@click.option(
    "--open", type=click.Path(), metavar="PAGE.html", is_eager=True, expose_value=False, callback=_read_back,
    help="Read a page back, print the JSON it carries, and end.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Also print the answers as JSON.")
@click.pass_context
def report(
    ctx: click.Context, program: Any, output: str, seed: int, static: bool, as_json: bool,
) -> None:  # fmt: skip
    """Answer everything about a model on one page: verdict, reasons, risk map, remedies, evidence.

    The page is one file that works without a network; it takes from seconds to minutes to make.

    \b
    Examples:
      separatrix report service.yaml -o report.html
      separatrix report --open report.html | jq .verdict
    """
    from separatrix.atomic import write_atomically
    from separatrix.questions.dossier import dossier
    from separatrix.questions.limits import gate
    from separatrix.views.full_report import full_report
    from separatrix.views.subject import subject_of

    def say(doing: str) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r\x1b[K{doing} ...", nl=False, err=True)

    found = dossier(program, seed=seed, progress=say)
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", nl=False, err=True)
    text = full_report(
        found,
        subject_of(program, "separatrix " + " ".join(sys.argv[1:])),
        seed=seed,
        interactive=not static,
    )
    write_atomically(output, text)
    if as_json:
        print_json(found.to_dict())
    else:
        click.echo(found.sentence)
        for name, reason in found.open.items():
            click.echo(f"not concluded: {name}: {reason}")
        click.echo(f"report: {output}")
    ctx.exit(LIMIT_EXIT[gate(found.limits)] if found.limits else EXIT[found.word])


@click.command(short_help="Say in what the answers on two pages differ.", epilog=EXIT_CODES)
@click.argument("before", type=click.Path(), metavar="A.html")
@click.argument("after", type=click.Path(), metavar="B.html")
@click.option("--json", "as_json", is_flag=True, help="Print the differences as JSON.")
def diff(before: str, after: str, as_json: bool) -> None:
    """Say in what the answers on two pages differ.

    \b
    Example:
      separatrix diff before.html after.html
    """
    from separatrix.views.kept_pages import carried, differences

    found = differences(carried(before), carried(after))
    if as_json:
        rows = [{"place": place, "before": a, "after": b} for place, a, b in found]
        print_json({"schema": "separatrix.differences/1", "differences": rows})
        return
    if not found:
        click.echo("The two pages say the same.")
    for place, a, b in found[:SHOWN]:
        alike = _short(a) == _short(b)
        click.echo(f"{place}: {_short(a)} -> {'others' if alike else _short(b)}")
    if len(found) > SHOWN:
        click.echo(f"... and {len(found) - SHOWN} more; --json gives all")


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | dict):
        count = len(cast(list[object], value))
        return f"{count} {'entry' if count == 1 else 'entries'}"
    text = json.dumps(value)
    return text if len(text) <= 90 else text[:87] + "..."
