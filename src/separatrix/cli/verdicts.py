"""`check`, `explain`, `schema`: a model file and the answer to it."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from separatrix.cli.exits import EXIT, EXIT_CODES, LIMIT_EXIT
from separatrix.cli.models import takes_model

_CLOSURE = click.option(
    "--closure",
    type=click.Choice(["auto", "staged", "geometric", "metafor"]),
    default="auto",
    show_default=True,
    help="How requests that wait to retry are counted.",
)


@click.command(epilog=EXIT_CODES)
@takes_model
@_CLOSURE
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
@click.option("-o", "--output", metavar="REPORT.html", help="Also write a self-contained page.")
@click.pass_context
def check(
    ctx: click.Context, program: Any, closure: Any, as_json: bool, output: str | None
) -> None:
    """Say whether the service can get stuck, for how long, and how often.

    Where the model has limits (such as "recovery_p99 < 5min"), they decide the exit code: 0 if all
    hold, 10 if one fails, 4 if one could not be decided.

    \b
    Examples:
      separatrix check service.yaml
      separatrix check service.yaml --set web.retries=1
      separatrix check service.yaml --json | jq .recovery_s.mean
      cat service.yaml | separatrix check - -o report.html
    """
    from separatrix.errors import NotConverged, Unsupported
    from separatrix.model.explain import explain
    from separatrix.model.files import dumps
    from separatrix.questions.limits import gate, kept_limits
    from separatrix.questions.verdict import check as judge

    shown = not as_json and on_screen()
    if shown:
        _at_once(program, closure, err=True)
    try:
        verdict = judge(program, closure=closure)
    except (NotConverged, Unsupported):
        if not as_json and not shown:  # the reason follows; this much is known all the same
            _at_once(program, closure, err=False)
        raise
    kept = kept_limits(verdict)
    explanation = explain(program)
    warnings = [str(warning) for warning in explanation.warnings]
    if output is not None:
        from separatrix.atomic import write_atomically
        from separatrix.views.report import report_html

        page = report_html(
            verdict,
            yaml=dumps(program),
            english=explanation.paragraphs,
            warnings=warnings,
            command="separatrix " + " ".join(sys.argv[1:]),
        )
        write_atomically(output, page)
    if as_json:
        from separatrix.views.page import finite

        limits = [k.to_dict() for k in kept]
        answer = {**verdict.to_dict(), "limits": limits, "warnings": warnings}
        click.echo(json.dumps(finite(answer), indent=2))
    else:
        from rich.console import Console

        from separatrix.views.tables import print_limits, print_verdict

        console = Console(soft_wrap=not sys.stdout.isatty())
        print_verdict(verdict, warnings, console)
        print_limits(kept, console)
        if output is not None:
            click.echo(f"report: {output}")
    ctx.exit(LIMIT_EXIT[gate(kept)] if kept else EXIT[verdict.word])


def on_screen() -> bool:
    """Whether somebody is watching who would rather not wait for the chain."""
    return sys.stderr.isatty()


def _at_once(program: Any, closure: Any, *, err: bool) -> None:
    """The verdict of the mean dynamics, which takes milliseconds: before the chain's, or in its place."""
    from separatrix.errors import Unsupported
    from separatrix.questions.fluid_verdict import fluid_verdict

    try:
        verdict = fluid_verdict(program, closure=closure, timed=False)
    except Unsupported:
        return  # the chain says so, too, with the reason
    click.echo(f"by the mean dynamics: {verdict.sentence}\n", err=err)


@click.command()
@takes_model
@click.option("--json", "as_json", is_flag=True, help="Print paragraphs and warnings as JSON.")
def explain(program: Any, as_json: bool) -> None:
    """Say in English what the model says, and what in it is almost surely a mistake.

    \b
    Examples:
      separatrix explain service.yaml
      separatrix explain service.yaml --json | jq -r '.warnings[].message'
    """
    from separatrix.model.explain import explain as explained

    said = explained(program)
    if as_json:
        click.echo(json.dumps({"schema": "separatrix.explanation/1", **said.to_dict()}, indent=2))
        return
    for paragraph in said.paragraphs:
        click.echo(paragraph)
    for warning in said.warnings:
        click.echo(f"warning: {warning}")


@click.command()
def schema() -> None:
    """Print the JSON Schema of model files.

    \b
    Example:
      separatrix schema > separatrix.schema.json
    """
    from separatrix.model.schema import schema as json_schema

    click.echo(json.dumps(json_schema(), indent=2))
