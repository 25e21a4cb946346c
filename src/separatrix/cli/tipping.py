"""`tipping`: the smallest fault that traps a service."""

from __future__ import annotations

from typing import Any

import click

from separatrix.cli.exits import EXIT, EXIT_CODES
from separatrix.cli.models import takes_model
from separatrix.cli.output import console, print_json


@click.command(
    short_help="Find the smallest spike, slowdown or outage that traps it.", epilog=EXIT_CODES
)
@takes_model
@click.option(
    "--kind", type=click.Choice(["spike", "slowdown", "outage"]), default="spike", show_default=True,
    help="What happens.",
)  # fmt: skip
@click.option(
    "--at", "place", metavar="NAME", help="Source (spike) or server; default: all of them."
)
@click.option("--for", "durations", multiple=True, metavar="TIME", help="Duration, such as 60s.")
@click.option("--confirm", is_flag=True, help="Check each point by simulation, too.")
@click.option("--runs", type=int, default=32, show_default=True, help="Runs at each size tried.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of all random streams.")
@click.option("--json", "as_json", is_flag=True, help="Print the curve as JSON.")
@click.pass_context
def tipping(
    ctx: click.Context, program: Any, kind: Any, place: str | None, durations: tuple[str, ...],
    confirm: bool, runs: int, seed: int, as_json: bool,
) -> None:  # fmt: skip
    """Find the smallest spike, slowdown or outage that traps the service.

    \b
    Examples:
      separatrix tipping service.yaml
      separatrix tipping service.yaml --kind slowdown --for 10s --for 1min --confirm
      separatrix tipping service.yaml --kind outage --json | jq .points
    """
    from separatrix.errors import ModelError, Problem
    from separatrix.model.quantities import seconds
    from separatrix.questions.tipping_curve import confirmed, tipping_curve

    try:
        times = [float(seconds(text)) for text in durations]
    except ValueError as error:
        raise ModelError(Problem(str(error), "--for")) from None
    curve = tipping_curve(program, kind=kind, place=place, durations=times or None)
    if confirm:
        curve = confirmed(program, curve, runs=runs, seed=seed)
    if as_json:
        print_json(curve.to_dict())
    else:
        from separatrix.views.tipping_tables import print_tipping

        print_tipping(curve, console())
    ctx.exit(0 if curve.status == "ok" else EXIT["inconclusive"])
