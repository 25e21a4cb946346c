"""`calibrate`: a model file of a server that already runs on this machine."""

from __future__ import annotations

import click

from separatrix.cli.exits import EXIT, EXIT_CODES
from separatrix.cli.output import print_json


@click.command(short_help="Measure a server of yours, and write its model.", epilog=EXIT_CODES)
@click.option(
    "--target", required=True, metavar="http://127.0.0.1:PORT/path", help="The running server."
)
@click.option(
    "--model",
    type=click.Path(),
    metavar="MODEL.yaml",
    help="What is known already; else from --rate on.",
)
@click.option("--rate", default="10/s", show_default=True, help="Requests of the clients.")
@click.option("--timeout", default="1s", show_default=True, help="Patience of the clients.")
@click.option("--retries", type=int, default=0, show_default=True, help="Of the clients.")
@click.option(
    "--qsize", type=int, default=100, show_default=True, help="Attempts that the server holds."
)
@click.option("--for", "duration", default="2s", show_default=True, help="Length of each rung.")
@click.option("--clients", type=int, default=64, show_default=True, help="The last rung.")
@click.option(
    "-o",
    "--output",
    type=click.Path(),
    metavar="MODEL.yaml",
    help="Write the model here, not to stdout.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the measurement as JSON.")
@click.pass_context
def calibrate(
    ctx: click.Context,
    target: str,
    model: str | None,
    rate: str,
    timeout: str,
    retries: int,
    qsize: int,
    duration: str,
    clients: int,
    output: str | None,
    as_json: bool,
) -> None:
    """Fit service rate and threads of a server of yours, and write the model.

    It loads the server to its limit with 1, 2, 4, ... clients that each wait for their answer; only
    this machine can be the target. What cannot be measured from outside comes from --model, or from
    the options.

    \b
    Examples:
      separatrix calibrate --target http://127.0.0.1:8000/search --rate 80/s --retries 3 -o mine.yaml
      separatrix calibrate --target http://127.0.0.1:8000/search --model service.yaml -o mine.yaml
    """
    from separatrix.emulate import parse_target
    from separatrix.errors import ModelError, Problem
    from separatrix.model.files import dumps, load, save
    from separatrix.model.quantities import seconds
    from separatrix.questions.measured import measured, plain_program

    try:
        length = float(seconds(duration))
    except ValueError as error:
        raise ModelError(Problem(str(error), "--for")) from None
    address = parse_target(target)
    if model is None:
        program = plain_program(
            address, arrival_rate=rate, timeout=timeout, retries=retries, qsize=qsize
        )
    else:
        program = load(model)
    found = measured(program, address, seconds=length, most_clients=clients)
    if output is not None:
        save(found.program, output)
    capacity = found.capacity
    if as_json:
        print_json(found.to_dict())
    elif output is None:
        click.echo(dumps(found.program), nl=False)
    low, high = capacity.threads_range
    click.echo(
        f"thread_pool: {capacity.threads} ({low} to {high}); processing_rate: "
        f"{capacity.service_rate:.4g}/s of each, ± {100 * capacity.relative_error:.2g} %",
        err=True,
    )
    if capacity.reason:
        click.echo(f"inconclusive: {capacity.reason}", err=True)
    ctx.exit(0 if capacity.status == "ok" else EXIT["inconclusive"])
