"""`remedy`: the cheapest changes that make a service safe; `--write` makes one."""

from __future__ import annotations

import sys

import click

from separatrix.cli.exits import EXIT_CODES
from separatrix.cli.models import setting
from separatrix.cli.output import console, print_json

NOTHING_HELPS = 10


@click.command(short_help="Find the cheapest changes that make it safe.", epilog=EXIT_CODES)
@click.argument("model", type=click.Path(), metavar="MODEL.yaml")
@setting
@click.option(
    "--recovery-p99", metavar="TIME", help="Also bring 99 % of the recoveries under this, as 5min."
)
@click.option(
    "--cost", "costs", multiple=True, metavar="KNOB=WEIGHT",
    help="How hard a knob is to turn, such as capacity=20; `inf` leaves it alone.",
)  # fmt: skip
@click.option("--single", is_flag=True, help="Look at single changes only, not at pairs.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of all random streams.")
@click.option(
    "--write", is_flag=True, help="Make the change in the file; comments and layout stay."
)
@click.option("--pick", type=int, default=1, show_default=True, help="Which one to write.")
@click.option("--json", "as_json", is_flag=True, help="Print the remedies as JSON.")
@click.pass_context
def remedy(
    ctx: click.Context, model: str, changes: tuple[str, ...], recovery_p99: str | None, costs: tuple[str, ...],
    single: bool, seed: int, write: bool, pick: int, as_json: bool,
) -> None:  # fmt: skip
    """Find the smallest changes that make the service safe, by cost.

    Each is proposed by one engine and confirmed by another; exits with 10 where nothing helps.

    \b
    Examples:
      separatrix remedy service.yaml
      separatrix remedy service.yaml --recovery-p99 5min --cost capacity=inf
      separatrix remedy service.yaml --write --pick 2
    """
    from separatrix.errors import ModelError, Problem
    from separatrix.model.edits import Document, assignment, in_units
    from separatrix.model.quantities import seconds
    from separatrix.questions.remedy import remedies

    def number(text: str) -> tuple[str, float]:
        kind, value = assignment(text)
        try:
            return kind, float(str(value))
        except ValueError:
            raise ModelError(
                Problem(f"{value!r} is no weight", f"costs.{kind}", "give 1")
            ) from None

    if write and changes:
        raise click.UsageError("--write changes the file: make the change of --set there first")
    if write and model == "-":
        raise click.UsageError("--write needs a file, not standard input")
    limit = None
    if recovery_p99 is not None:
        try:
            limit = seconds(recovery_p99)
        except ValueError as error:
            raise ModelError(Problem(str(error), "--recovery-p99")) from None
    document = Document.open(model)
    document.set_all(dict(map(assignment, changes)))
    quiet = as_json or not sys.stderr.isatty()

    def say(doing: str) -> None:
        if not quiet:
            click.echo(f"\r\x1b[K{doing[:78]}", nl=False, err=True)

    found = remedies(
        document.program, recovery_p99=limit, costs=dict(map(number, costs)), pairs=not single,
        seed=seed, progress=say,
    )  # fmt: skip
    if not quiet:
        click.echo("\r\x1b[K", nl=False, err=True)
    if as_json:
        print_json(found.to_dict())
    else:
        from separatrix.views.remedy_tables import print_remedies

        print_remedies(found, console())
    if write and found.found:
        if not 1 <= pick <= len(found.found):
            raise click.UsageError(f"--pick must be 1 to {len(found.found)}, got {pick}")
        chosen = found.found[pick - 1]
        document.set_all(in_units(document.program, chosen.changes))
        document.save(model)
        click.echo(f"written to {model}: {chosen.text}", err=as_json)
    ctx.exit(0 if found.found or not found.needed else NOTHING_HELPS)
