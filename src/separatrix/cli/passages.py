"""`passage`: a recovery or collapse time, by a method of one's choice."""

from __future__ import annotations

from typing import Any, Literal

import click

from separatrix.cli.exits import EXIT, EXIT_CODES
from separatrix.cli.models import takes_model
from separatrix.cli.output import console, print_json


@click.command(
    short_help="Ask for one recovery or collapse time, by one method.", epilog=EXIT_CODES
)
@click.argument("goal", type=click.Choice(["recovery", "collapse"]))
@takes_model
@click.option(
    "--method",
    type=click.Choice(["auto", "markov", "simulation", "rare"]),
    default="auto",
    show_default=True,
    help="Exact chain, plain simulation, or splitting of what is too rare to wait for.",
)
@click.option("--healthy", type=float, help="Score up to which it is healthy; default: found.")
@click.option("--stuck", type=float, help="Score from which it is stuck; default: 90 % full.")
@click.option("--runs", type=int, default=200, show_default=True, help="Plainly simulated runs.")
@click.option(
    "--trials", type=int, default=1000, show_default=True, help="With rare: of each step of a run."
)
@click.option(
    "--score",
    type=click.Choice(["auto", "committor", "linear"]),
    default="auto",
    show_default=True,
    help="With rare: what orders the states on the way.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of all random streams.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def passage(
    ctx: click.Context,
    goal: Literal["recovery", "collapse"],
    program: Any,
    method: Any,
    healthy: float | None,
    stuck: float | None,
    runs: int,
    trials: int,
    score: Any,
    seed: int,
    as_json: bool,
) -> None:
    """Say how long a recovery takes, or how long until a collapse.

    The score counts attempts at the servers and requests known to come back. Times of a century
    take no longer than those of a day: --method rare splits them into likely steps.

    \b
    Examples:
      separatrix passage recovery service.yaml
      separatrix passage collapse service.yaml --method rare --stuck 150
    """
    from separatrix.questions import times

    ask = times.recovery if goal == "recovery" else times.collapse
    found = ask(
        program, method=method, healthy=healthy, stuck=stuck, runs=runs, score=score, trials=trials,
        seed=seed,
    )  # fmt: skip
    if as_json:
        print_json(found.to_dict())
    else:
        from separatrix.views.simulation_tables import print_passage

        print_passage(found, console())
    ctx.exit(0 if found.status == "ok" else EXIT["inconclusive"])
