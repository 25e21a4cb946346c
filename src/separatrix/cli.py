"""Commands, flags and exit codes; nothing else."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from separatrix import __version__

EXIT = {"safe": 0, "can get stuck": 10, "always stuck": 10, "inconclusive": 4}
BAD_MODEL, INTERNAL = 3, 1

_EXIT_CODES = """\b
Exit codes: 0 safe; 10 can get stuck or always stuck; 4 inconclusive; 2 wrong usage;
3 wrong model; 1 internal error."""


class _Group(click.Group):
    """Turns our own errors into one line and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        from separatrix.errors import ModelError, NotConverged, SeparatrixError

        try:
            return super().invoke(ctx)
        except NotConverged as error:
            click.echo(f"inconclusive: {error}", err=True)
            ctx.exit(EXIT["inconclusive"])
        except (ModelError, SeparatrixError) as error:
            click.echo(f"error: {error}", err=True)
            ctx.exit(BAD_MODEL)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="separatrix")
def main() -> None:
    """Can this service get stuck, for how long, and which knob gets it out?"""


_MODEL = click.argument("model", metavar="MODEL.yaml")
_CLOSURE = click.option(
    "--closure",
    type=click.Choice(["auto", "staged", "geometric", "metafor"]),
    default="auto",
    show_default=True,
    help="How requests that wait to retry are counted.",
)


@main.command(epilog=_EXIT_CODES)
@_MODEL
@_CLOSURE
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
@click.option("-o", "--output", metavar="REPORT.html", help="Also write a self-contained page.")
@click.pass_context
def check(ctx: click.Context, model: str, closure: Any, as_json: bool, output: str | None) -> None:
    """Say whether the service can get stuck, for how long, and how often.

    \b
    Examples:
      separatrix check service.yaml
      separatrix check service.yaml --json | jq .recovery_s.mean
      cat service.yaml | separatrix check - -o report.html
    """
    from separatrix.model.explain import explain
    from separatrix.model.files import dumps, load
    from separatrix.questions.verdict import check as judge

    program = load(model)
    verdict = judge(program, closure=closure)
    explanation = explain(program)
    warnings = [str(warning) for warning in explanation.warnings]
    if output is not None:
        from separatrix.views.report import report_html, write_atomically

        page = report_html(
            verdict,
            yaml=dumps(program),
            english=explanation.paragraphs,
            warnings=warnings,
            command="separatrix " + " ".join(sys.argv[1:]),
        )
        write_atomically(output, page)
    if as_json:
        from separatrix.views.report import finite

        click.echo(json.dumps(finite({**verdict.to_dict(), "warnings": warnings}), indent=2))
    else:
        from rich.console import Console

        from separatrix.views.tables import print_verdict

        print_verdict(verdict, warnings, Console(soft_wrap=not sys.stdout.isatty()))
        if output is not None:
            click.echo(f"report: {output}")
    ctx.exit(EXIT[verdict.word])


@main.command()
@_MODEL
def explain(model: str) -> None:
    """Say in English what the model says, and what in it is almost surely a mistake.

    \b
    Example:
      separatrix explain service.yaml
    """
    from separatrix.model.explain import explain as in_english
    from separatrix.model.files import load

    explanation = in_english(load(model))
    for paragraph in explanation.paragraphs:
        click.echo(paragraph)
    for warning in explanation.warnings:
        click.echo(f"warning: {warning}")


@main.command()
def schema() -> None:
    """Print the JSON Schema of model files.

    \b
    Example:
      separatrix schema > separatrix.schema.json
    """
    from separatrix.model.files import schema as json_schema

    click.echo(json.dumps(json_schema(), indent=2))


if __name__ == "__main__":
    main()
