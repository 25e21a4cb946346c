"""`simulate`: replications of a model, request by request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NoReturn

import click

from separatrix.cli.exits import EXIT, EXIT_CODES
from separatrix.cli.models import takes_model
from separatrix.cli.output import console, print_json

if TYPE_CHECKING:
    from separatrix.model import Program


@click.command(short_help="Follow every request, many times.", epilog=EXIT_CODES)
@takes_model
@click.option("--for", "horizon", default="1h", show_default=True, help="Length of a run.")
@click.option("--runs", type=int, default=100, show_default=True, help="Replications.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of all random streams.")
@click.option("--spike", multiple=True, metavar="SOURCE:3x@600s+60s", help="Add a spike.")
@click.option("--slowdown", multiple=True, metavar="SERVER:4x@600s+60s", help="Add a slowdown.")
@click.option("--outage", multiple=True, metavar="SERVER@600s+60s", help="Add an outage.")
@click.option("--step", metavar="TIME", help="Sampling step; default: a thousandth of a run.")
@click.option(
    "--warmup", metavar="TIME", help="Left out at the start; default: found from the data."
)
@click.option("--precision", metavar="SHARE", help="Stop when the intervals are this narrow.")
@click.option(
    "-o",
    "--output",
    type=click.Path(),
    metavar="SERIES.parquet",
    help="Write the series of every run.",
)
@click.option(
    "--requests",
    type=click.Path(),
    metavar="DIR",
    help="Write a log of every request, one file a run.",
)
@click.option(
    "--store",
    type=click.Path(),
    metavar="DIR",
    help="Keep finished runs here, and resume from them.",
)
@click.option("--workers", type=int, help="Processes; default: as many as processors.")
@click.option("--scheduler", metavar="tcp://...", help="A Dask cluster instead of processes.")
@click.option(
    "--rare",
    type=click.Choice(["collapse", "recovery"]),
    help="Mean time of a collapse or recovery too rare to wait for, by splitting.",
)
@click.option("--healthy", type=float, help="With --rare: score up to which it is healthy.")
@click.option("--stuck", type=float, help="With --rare: score from which it is stuck.")
@click.option(
    "--trials", type=int, default=1000, show_default=True, help="With --rare: of each step."
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def simulate(
    ctx: click.Context,
    program: Any,
    horizon: str,
    runs: int,
    seed: int,
    spike: tuple[str, ...],
    slowdown: tuple[str, ...],
    outage: tuple[str, ...],
    step: str | None,
    warmup: str | None,
    precision: str | None,
    output: str | None,
    requests: str | None,
    store: str | None,
    workers: int | None,
    scheduler: str | None,
    rare: Literal["collapse", "recovery"] | None,
    healthy: float | None,
    stuck: float | None,
    trials: int,
    as_json: bool,
) -> None:
    """Follow every request of the model, many times, and give the means with their intervals.

    \b
    Examples:
      separatrix simulate service.yaml --for 1h --runs 100
      separatrix simulate service.yaml --spike web:3x@600s+60s -o series.parquet
      separatrix simulate service.yaml --precision 1% --json | jq .streams
      separatrix simulate service.yaml --rare collapse
    """
    from separatrix.errors import ModelError, Problem
    from separatrix.model.quantities import seconds, share
    from separatrix.simulate import simulate as replicate
    from separatrix.simulate.fault_text import (
        parse_outage,
        parse_slowdown,
        parse_spike,
        with_faults,
    )

    def read(option: str, text: str, reader: Any) -> float:
        try:
            return float(reader(text))
        except ValueError as error:
            raise ModelError(Problem(str(error), option)) from None

    faults = [
        *map(parse_spike, spike),
        *map(parse_slowdown, slowdown),
        *map(parse_outage, outage),
    ]
    if faults:
        program = with_faults(program, faults)
    if rare is not None:
        _rare(ctx, program, rare, healthy, stuck, trials, seed, as_json)
    result = replicate(
        program,
        horizon=read("--for", horizon, seconds),
        runs=runs,
        seed=seed,
        step=None if step is None else read("--step", step, seconds),
        warmup="auto" if warmup is None else read("--warmup", warmup, seconds),
        precision=None if precision is None else read("--precision", precision, share),
        series=output,
        requests=requests,
        store=store,
        workers=workers,
        scheduler=scheduler,
        progress=not as_json,
    )
    if as_json:
        print_json({"schema": "separatrix.simulation/1", **result.to_dict()})
    else:
        from separatrix.views.simulation_tables import print_simulation

        print_simulation(result, console())
        if output is not None:
            click.echo(f"series: {output}")
    ctx.exit(0 if result.status == "ok" else EXIT["inconclusive"])


def _rare(
    ctx: click.Context, program: Program, goal: Literal["collapse", "recovery"],
    healthy: float | None, stuck: float | None, trials: int, seed: int, as_json: bool,
) -> NoReturn:  # fmt: skip
    """Print the mean time of a rare passage; the score is attempts plus requests to come back."""
    from separatrix.questions.levels import levels
    from separatrix.simulate.rare import rare_passage

    if healthy is None or stuck is None:
        usual = levels(program)
        healthy = usual.healthy if healthy is None else healthy
        stuck = usual.stuck if stuck is None else stuck
    found = rare_passage(
        program,
        goal,
        healthy=healthy,
        stuck=stuck,
        trials=trials,
        seed=seed,
    )
    if as_json:
        print_json({"schema": "separatrix.rare/1", "program": program.name, **found.to_dict()})
    else:
        from separatrix.views.simulation_tables import print_rare

        print_rare(found, program.name, console())
    ctx.exit(0 if found.status == "ok" else EXIT["inconclusive"])
