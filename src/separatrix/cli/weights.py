"""`weights` and `score`: what metadata operations cost, and who loads the servers."""

from __future__ import annotations

import sys
from typing import Any

import click

from separatrix.cli.exits import EXIT, EXIT_CODES
from separatrix.cli.output import console, print_json
from separatrix.cli.telemetry_options import tables, telemetry_options


@click.command(short_help="Find what each metadata operation costs.", epilog=EXIT_CODES)
@telemetry_options
@click.option(
    "--method", type=click.Choice(["regression", "quantile", "notebook"]), default="regression",
    show_default=True, help="How the weights are found.",
)  # fmt: skip
@click.option(
    "--quantile", type=float, default=0.9999, show_default=True, help="Of the quantile methods."
)
@click.option(
    "-o", "--output", type=click.Path(), metavar="WEIGHTS.yaml", help="Write the weights."
)
@click.option(
    "--report", type=click.Path(), metavar="REPORT.html", help="Write a self-contained page."
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def weights(
    ctx: click.Context, files: tuple[str, ...], method: Any, quantile: float,
    output: str | None, report: str | None, as_json: bool, **telemetry: Any,
) -> None:  # fmt: skip
    """Find what each metadata operation costs, from any telemetry that the site has.

    \b
    Examples:
      separatrix weights 2019-*/cscratch.hdf5 -o weights.yaml --report weights.html
      separatrix weights --fs cscratch --from 2019-01-01 --to 2019-07-01 --config site.json
      separatrix weights day.h5lmt --method notebook --json | jq .weights.weights
    """
    from separatrix.weights import CostWeights, save, study

    model = CostWeights(method, quantile=quantile).fit(tables(files, **telemetry))
    found = study(model)
    if output is not None:
        save(found.weights, output)
    if report is not None:
        from separatrix.atomic import write_atomically
        from separatrix.views.weights_page import weights_page

        command = "separatrix " + " ".join(sys.argv[1:])
        write_atomically(report, weights_page(found, command=command))
    if as_json:
        print_json({"schema": "separatrix.weights/1", **found.to_dict()})
    else:
        from separatrix.views.weights_tables import print_study

        print_study(found, console())
        for what, path in (("weights", output), ("report", report)):
            if path is not None:
                click.echo(f"{what}: {path}")
    ctx.exit(0 if found.weights.status == "ok" else EXIT["inconclusive"])


@click.command(short_help="Say who loads the metadata servers.", epilog=EXIT_CODES)
@click.argument("weights_file", type=click.Path(), metavar="WEIGHTS.yaml")
@telemetry_options
@click.option(
    "--by", default="server", show_default=True,
    help="server, job, project, or a field of the job ids such as user.",
)  # fmt: skip
@click.option(
    "--projects",
    type=click.Path(),
    metavar="FILE.csv",
    help="Lines `user,project`, for --by project.",
)
@click.option("--top", type=click.IntRange(1), default=20, show_default=True, help="Rows shown.")
@click.option(
    "-o",
    "--output",
    type=click.Path(),
    metavar="SCORES.parquet",
    help="Write the score of every interval.",
)
@click.option("--json", "as_json", is_flag=True, help="Print all loads as JSON.")
@click.pass_context
def score(
    ctx: click.Context, weights_file: str, files: tuple[str, ...], by: str, projects: str | None,
    top: int, output: str | None, as_json: bool, **telemetry: Any,
) -> None:  # fmt: skip
    """Say who loads the metadata servers, by weights that `separatrix weights` has found.

    \b
    Examples:
      separatrix score weights.yaml 2019-07-01.hdf5
      separatrix score weights.yaml job_stats.txt --jobid '%e.%u' --by user --json
    """
    from separatrix.weights import Ledger, load, read_projects
    from separatrix.weights.scoring import scored

    ledger = Ledger(load(weights_file), by, read_projects(projects) if projects else None)
    found = scored(ledger, tables(files, **telemetry), output)
    if as_json:
        print_json({"schema": "separatrix.scores/1", **found.to_dict()})
    else:
        from separatrix.views.weights_tables import print_scores

        print_scores(found, top, console())
        if output is not None:
            click.echo(f"scores: {output}")
    ctx.exit(0)
