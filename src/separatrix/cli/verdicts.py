"""`check`, `explain`, `schema`: a model file and the answer to it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from separatrix.cli.exits import EXIT, EXIT_CODES, LIMIT_EXIT
from separatrix.cli.models import takes_model
from separatrix.cli.output import also_page, console, print_json

if TYPE_CHECKING:
    from separatrix.model import Program
    from separatrix.questions.limits import Kept
    from separatrix.questions.verdict import Verdict
    from separatrix.views.tables import Group

_CLOSURE = click.option(
    "--closure",
    type=click.Choice(["auto", "staged", "geometric", "metafor"]),
    default="auto",
    show_default=True,
    help="How requests that wait to retry are counted.",
)


@click.command(
    short_help="Can it get stuck, for how long, how often? The gate for CI.", epilog=EXIT_CODES
)
@takes_model
@_CLOSURE
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
@also_page
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
    from separatrix.errors import NotConverged, Unsupported, reason_of
    from separatrix.model.explain import explain as explained
    from separatrix.questions.limits import gate
    from separatrix.questions.verdict import check as judge
    from separatrix.views.subject import subject_of

    if not as_json and on_screen():
        _at_once(program, closure)
    try:
        told = _exact(judge(program, closure=closure))
    except (NotConverged, Unsupported) as error:
        if closure != "auto":  # asked for by name: nothing else will do
            raise
        told = _simulated(program, reason_of(error))
    subject = subject_of(program, "separatrix " + " ".join(sys.argv[1:]))
    if output is not None:
        from separatrix.atomic import write_atomically

        write_atomically(output, told.page(told.answer, subject, told.kept))
    if as_json:
        limits = [k.to_dict() for k in told.kept]
        warnings = [str(warning) for warning in explained(program).warnings]
        print_json({**told.answer.to_dict(), "limits": limits, "warnings": warnings})
    else:
        from separatrix.views.tables import print_answer, print_limits

        out = console()
        print_answer(told.answer, told.rows, told.basis, subject.warnings, out)
        print_limits(told.kept, out)
        if output is not None:
            click.echo(f"report: {output}")
    ctx.exit(LIMIT_EXIT[gate(told.kept)] if told.kept else EXIT[told.answer.word])


@dataclass(frozen=True)
class _Told:
    """An answer with all that is shown of it."""

    answer: Any
    kept: tuple[Kept, ...]
    rows: Sequence[Group]
    basis: Sequence[str]
    page: Callable[..., str]


def _exact(verdict: Verdict) -> _Told:
    from separatrix.questions.limits import kept_limits
    from separatrix.views.report import report_html
    from separatrix.views.tables import basis, verdict_rows

    return _Told(verdict, kept_limits(verdict), verdict_rows(verdict), basis(verdict), report_html)


def _simulated(program: Program, no_chain: str) -> _Told:
    from separatrix.questions.witnessed import witnessed
    from separatrix.questions.witnessed_limits import witnessed_limits
    from separatrix.views.witnessed_page import witnessed_html, witnessed_rows

    click.echo("no exact answer is to be had; simulating every request ...", err=True)
    found = witnessed(program, no_chain)
    return _Told(found, witnessed_limits(found), witnessed_rows(found), found.basis, witnessed_html)


def on_screen() -> bool:
    """Whether somebody is watching who would rather not wait for the chain."""
    return sys.stderr.isatty()


def _at_once(program: Any, closure: Any) -> None:
    """The verdict of the mean dynamics, which takes milliseconds, while the chain is worked out."""
    from separatrix.errors import Unsupported
    from separatrix.questions.fluid_verdict import fluid_verdict

    try:
        verdict = fluid_verdict(program, closure=closure, timed=False)
    except Unsupported:
        return  # the chain says so, too, with the reason
    click.echo(f"by the mean dynamics: {verdict.sentence}\n", err=True)


@click.command(
    short_help="Read a model back in English, with its likely mistakes.", epilog=EXIT_CODES
)
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
        print_json({"schema": "separatrix.explanation/1", **said.to_dict()})
        return
    for paragraph in said.paragraphs:
        click.echo(paragraph)
    for warning in said.warnings:
        click.echo(f"warning: {warning}")


@click.command(short_help="Print the JSON Schema of model files.", epilog=EXIT_CODES)
def schema() -> None:
    """Print the JSON Schema of model files.

    \b
    Example:
      separatrix schema > separatrix.schema.json
    """
    from separatrix.model.schema import schema as json_schema

    print_json(json_schema())
