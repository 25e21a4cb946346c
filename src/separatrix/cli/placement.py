"""`place`: weights and per-user telemetry to a plan of moves between metadata targets."""

from __future__ import annotations

import sys
from typing import Any

import click

from separatrix.cli.exits import EXIT
from separatrix.cli.output import console, print_json


def _duration(ctx: click.Context, param: click.Parameter, value: str) -> float:
    """Return seconds of text such as ``1h``, 0 for ``none``; wrong usage for anything else."""
    from separatrix.model.quantities import seconds

    if value == "none" and param.name == "fold":
        return 0.0
    try:
        return seconds(value)
    except ValueError as wrong:
        raise click.BadParameter(str(wrong), ctx, param) from wrong


@click.command(
    short_help="Plan which users to move to which metadata target.",
    epilog="Exit codes: 0 gap proven; 4 not proven in time; 2 wrong usage; 3 wrong data.",
)
@click.argument("weights", type=click.Path(), metavar="WEIGHTS.yaml")
@click.argument("sources", nargs=-1, required=True, type=click.Path(), metavar="COUNTERS...")
@click.option(
    "--users",
    type=click.Path(),
    metavar="USERS.csv",
    help="user,target,inodes,bytes,project,path,pinned.",
)
@click.option("--by", default="user", show_default=True, help="job, or a field of the job id.")
@click.option("--projects", is_flag=True, help="Place the users' file's projects, not users.")
@click.option("--moves", default=50, show_default=True, help="Most users that may move.")
@click.option("--inodes", type=float, default=float("inf"), help="Most inodes that may move.")
@click.option("--bytes", "size", type=float, default=float("inf"), help="Most bytes that may move.")
@click.option("--pin", multiple=True, metavar="USER", help="A user that stays (repeatable).")
@click.option(
    "--window",
    callback=_duration,
    default="1h",
    show_default=True,
    help="Length of a window.",
)
@click.option(
    "--fold",
    callback=_duration,
    default="24h",
    show_default=True,
    help="Average windows by this period; none keeps each.",
)
@click.option(
    "--peak-share", default=0.05, show_default=True, help="Share of windows that make a peak."
)
@click.option(
    "--deviations", default=1.96, show_default=True, help="Weights' errors to be safe against."
)
@click.option("--gap", default=0.01, show_default=True, help="Relative gap to prove.")
@click.option("--seconds", default=30.0, show_default=True, help="Time to spend at most.")
@click.option("--seed", default=0, show_default=True, help="Seed of the random search.")
@click.option("--path", "template", metavar="TEMPLATE", help="Such as '/scratch/users/{user}'.")
@click.option("--fs", help="File system, where the sources hold several.")
@click.option("--from", "start", help="Begin of the range, local time of --tz.")
@click.option("--to", "end", help="End of the range.")
@click.option("--tz", default="UTC", show_default=True, help="Time zone of local times.")
@click.option("--jobid", metavar="TEMPLATE", help="The site's jobid_name, such as '%e.%u'.")
@click.option("--strict", is_flag=True, help="One bad file is an error.")
@click.option(
    "--figure", type=click.Path(), metavar="PICTURE.png", help="Also draw loads before and after."
)
@click.option(
    "--report", type=click.Path(), metavar="REPORT.html", help="Write a self-contained page."
)
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON.")
@click.pass_context
def place(
    ctx: click.Context,
    weights: str,
    sources: tuple[str, ...],
    users: str | None,
    by: str,
    projects: bool,
    moves: int,
    inodes: float,
    size: float,
    pin: tuple[str, ...],
    window: float,
    fold: float,
    peak_share: float,
    deviations: float,
    gap: float,
    seconds: float,
    seed: int,
    template: str | None,
    figure: str | None,
    report: str | None,
    as_json: bool,
    **reading: Any,
) -> None:
    """Plan which users to move to which metadata target, and print the commands; run nothing.

    \b
    Examples:
      separatrix place weights.yaml job_stats.* --moves 50 --json
      separatrix place weights.yaml job_stats.* --users users.csv --inodes 2e8 \\
          --path '/scratch/users/{user}' --figure plan.png
    """
    from separatrix.placement import Limits, checked_template, demand, read_users
    from separatrix.placement import place as plan_moves
    from separatrix.telemetry import DataQuality, read
    from separatrix.weights.files import load

    costs = load(weights)
    if template is not None:
        checked_template(template)
    limits = Limits(moves, inodes, size)
    facts = read_users(users) if users is not None else {}
    tables = list(read(sources, **reading))
    quality = DataQuality.merged(table.quality for table in tables)
    asked = demand(
        costs,
        tables,
        by=by,
        facts=facts,
        projects=projects,
        window=window,
        fold=fold,
    )
    plan = plan_moves(
        asked,
        limits,
        pinned=pin,
        peak_share=peak_share,
        z=deviations,
        gap=gap,
        seconds=seconds,
        seed=seed,
        template=template,
    )
    if figure is not None:
        from separatrix.views.figures_canvas import save_figure
        from separatrix.views.figures_placement import load_before_after

        save_figure(load_before_after(plan), figure)
    if report is not None:
        from separatrix.atomic import write_atomically
        from separatrix.views.placement_page import placement_page

        command = "separatrix " + " ".join(sys.argv[1:])
        write_atomically(report, placement_page(plan, quality=quality, command=command))
    if as_json:
        print_json({**plan.to_dict(), "data_quality": quality.to_dict()})
    else:
        from separatrix.views.placement_tables import print_plan

        click.echo(str(quality), err=True)
        print_plan(plan, console())
    ctx.exit(0 if plan.status == "ok" else EXIT["inconclusive"])
