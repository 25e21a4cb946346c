"""`agree`: the same question to every engine, side by side."""

from __future__ import annotations

from typing import Any

import click

from separatrix.cli.exits import EXIT, EXIT_CODES
from separatrix.cli.models import takes_model
from separatrix.cli.output import console, print_json

EVENTS_A_RUN = 50_000.0
"""Simulated events that each run may take: what it waits for is then seldom rarer than hours."""


@click.command(short_help="Ask every engine, and say where and why they differ.", epilog=EXIT_CODES)
@takes_model
@click.option(
    "--over", metavar="SOURCE=RATES", help="Ask at several rates, such as web=20/s..90/s:8."
)
@click.option("--margin", is_flag=True, help="Also ask for the spike that traps with even odds.")
@click.option("--runs", type=int, default=200, show_default=True, help="Simulated replications.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of all random streams.")
@click.option(
    "--figure",
    type=click.Path(),
    metavar="CURVES.svg",
    help="With --over: draw recovery over the load.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the answers as JSON.")
@click.pass_context
def agree(
    ctx: click.Context, program: Any, over: str | None, margin: bool, runs: int, seed: int,
    figure: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Ask every engine that can answer, and say where and why they differ.

    Exits with 0 where all verdicts are the same, with 4 where they are not.

    \b
    Examples:
      separatrix agree service.yaml
      separatrix agree service.yaml --over web=20/s..90/s:8 --figure recovery.svg
    """
    from separatrix.model.quantities import per_second
    from separatrix.model.ranges import values_of
    from separatrix.questions.agreement import agreement
    from separatrix.questions.recovery import recovery_by_engine
    from separatrix.views.agreement_tables import print_agreement, print_curves

    if figure is not None and over is None:
        raise click.UsageError("--figure needs --over")
    out = console()
    if over is None:
        found = agreement(program, runs=runs, events=EVENTS_A_RUN * runs, seed=seed, margins=margin)
        if as_json:
            print_json(found.to_dict())
        else:
            print_agreement(found, out)
        ctx.exit(0 if found.agreed else EXIT["inconclusive"])
    source, rates = values_of(over)
    curves = recovery_by_engine(
        program, source, list(map(per_second, rates)), runs=runs, events=EVENTS_A_RUN * runs,
        seed=seed,
    )  # fmt: skip
    if figure is not None:
        from separatrix.atomic import write_atomically
        from separatrix.views.figures_canvas import as_svg
        from separatrix.views.figures_sweep import recovery_engines

        write_atomically(figure, as_svg(recovery_engines(curves), "Recovery over load"))
    if as_json:
        print_json(curves.to_dict())
    else:
        print_curves(curves, out)
        if figure is not None:
            click.echo(f"figure: {figure}")
    ctx.exit(0 if all(a.agreed for a in curves.agreements) else EXIT["inconclusive"])
