"""`sweep`: a grid over parameters, as a table, a map and a Parquet file."""

from __future__ import annotations

from typing import Any

import click

from separatrix.cli.exits import EXIT, EXIT_CODES
from separatrix.cli.models import paths_in_model
from separatrix.cli.output import console, print_json


@click.command(short_help="Ask about every combination of parameter values.", epilog=EXIT_CODES)
@click.argument("model", type=click.Path(), metavar="MODEL.yaml")
@click.option(
    "--set", "ranges", multiple=True, required=True, metavar="PATH=VALUES",
    shell_complete=paths_in_model,
    help="Values of one parameter: 0,1,2 or 0..5 or 20/s..100/s:9 or 100ms..10s:5log.",
)  # fmt: skip
@click.option(
    "--engine", type=click.Choice(["markov", "fluid", "simulation"]), default="markov",
    show_default=True, help="Who answers.",
)  # fmt: skip
@click.option("--closure", type=click.Choice(["auto", "staged", "geometric", "metafor"]),
              help="How the exact chain and the mean dynamics keep the orbit.")  # fmt: skip
@click.option("--runs", type=int, help="Replications of a simulated point.")
@click.option(
    "--store",
    type=click.Path(),
    metavar="DIR",
    help="Keep finished points here, and resume from them.",
)
@click.option("--workers", type=int, help="Processes; default: as many as processors.")
@click.option("--scheduler", metavar="tcp://...", help="A Dask cluster instead of processes.")
@click.option(
    "-o",
    "--output",
    type=click.Path(),
    metavar="POINTS.parquet",
    help="Write all numbers of all points.",
)
@click.option(
    "--map",
    "picture",
    type=click.Path(),
    metavar="MAP.svg",
    help="Draw the risk map of two parameters.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the points as JSON.")
@click.pass_context
def sweep(
    ctx: click.Context, model: str, ranges: tuple[str, ...], engine: Any, closure: str | None,
    runs: int | None, store: str | None, workers: int | None, scheduler: str | None,
    output: str | None, picture: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Ask about every combination of parameter values.

    \b
    Examples:
      separatrix sweep service.yaml --set web.retries=0..5
      separatrix sweep service.yaml --set web.arrival_rate=20/s..100/s:9 \\
          --set web.timeout=500ms..5s:6log --store points -o points.parquet --map risk.svg
    """
    from separatrix.model.files import load
    from separatrix.model.ranges import values_of
    from separatrix.questions.sweep import sweep as ask

    options = {k: v for k, v in (("closure", closure), ("runs", runs)) if v is not None}
    pairs: list[tuple[Any, Any]] = list(map(values_of, ranges))
    grid = dict(pairs)
    if len(grid) < len(pairs):
        twice = next(path for i, (path, _) in enumerate(pairs) if path in dict(pairs[:i]))
        raise click.UsageError(f"{twice} is set twice: give all its values in one --set")
    if picture is not None and len(grid) != 2:
        raise click.UsageError(f"--map needs two parameters, got {len(grid)}")
    found = ask(
        load(model), grid, engine=engine, options=options, store=store, workers=workers,
        scheduler=scheduler, progress=not as_json,
    )  # fmt: skip
    if output is not None:
        found.save(output)
    if picture is not None:
        from separatrix.atomic import write_atomically
        from separatrix.views.figures_canvas import as_svg
        from separatrix.views.figures_sweep import risk_map

        write_atomically(picture, as_svg(risk_map(found), "Risk map"))
    if as_json:
        print_json(found.to_dict())
    else:
        from separatrix.views.sweep_tables import print_sweep

        print_sweep(found, console())
        for what, path in (("points", output), ("map", picture)):
            if path is not None:
                click.echo(f"{what}: {path}")
    undecided = all(r["verdict"] == "inconclusive" for r in found.records)
    ctx.exit(EXIT["inconclusive"] if undecided else 0)
