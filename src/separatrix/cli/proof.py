"""`prove` and `capacity`: a model against a real server on this machine."""

from __future__ import annotations

import sys
from typing import Any

import click

from separatrix.cli.exits import EXIT, EXIT_CODES
from separatrix.cli.models import takes_model
from separatrix.cli.output import console, print_json

_TARGET = click.option(
    "--target", metavar="http://127.0.0.1:PORT/path", help="A server of yours instead of ours."
)


@click.command(short_help="Do a fault to a real server, and compare.", epilog=EXIT_CODES)
@takes_model
@click.option("--spike", metavar="[SOURCE:]3x:4s", help="Multiply a source's rate for a while.")
@click.option("--slowdown", metavar="[SERVER:]4x:10s", help="Slow a server down for a while.")
@click.option("--lengths", metavar="0.2s,1s,4s", help="Try these lengths instead of one.")
@click.option("--repeats", type=int, default=1, show_default=True, help="Real runs of each.")
@click.option("--at-once", type=int, default=1, show_default=True, help="Real runs side by side.")
@click.option("--runs", type=int, default=200, show_default=True, help="Simulated runs of each.")
@click.option("--after", metavar="TIME", help="How long to watch after the fault.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of all random streams.")
@click.option("--burn", is_flag=True, help="Serve by burning a processor, not by sleeping.")
@_TARGET
@click.option("--i-own-this-host", "own_host", metavar="HOST", help="Allow a target elsewhere.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option(
    "-o",
    "--output",
    type=click.Path(),
    metavar="PROOF.html",
    help="Also write a self-contained page.",
)
@click.pass_context
def prove(
    ctx: click.Context,
    program: Any,
    spike: str | None,
    slowdown: str | None,
    lengths: str | None,
    repeats: int,
    at_once: int,
    runs: int,
    after: str | None,
    seed: int,
    burn: bool,
    target: str | None,
    own_host: str | None,
    as_json: bool,
    output: str | None,
) -> None:
    """Predict what a fault does, do it to a real server, and compare.

    The model becomes a real HTTP server and a real client, on 127.0.0.1 only. Exit code 0: they
    agree; 10: they do not; 4: the machine was too busy to tell.

    \b
    Examples:
      separatrix prove service.yaml --spike 3x:4s
      separatrix prove service.yaml --spike web:3x:4s --lengths 0.2s,0.6s,1s --repeats 10 --at-once 4
      separatrix prove service.yaml --spike 3x:4s --target http://127.0.0.1:8000/search
    """
    from separatrix.emulate import parse_target
    from separatrix.errors import ModelError, Problem
    from separatrix.model.quantities import seconds
    from separatrix.questions.prove import prove_lengths
    from separatrix.questions.trial import parse_trial

    def read(option: str, text: str) -> float:
        try:
            return float(seconds(text))
        except ValueError as error:
            raise ModelError(Problem(str(error), option)) from None

    fault = parse_trial(program, spike=spike, slowdown=slowdown)
    wanted = (
        (fault.duration,)
        if lengths is None
        else tuple(read("--lengths", text) for text in lengths.split(","))
    )
    total = repeats * len(wanted)

    def progress(done: int) -> None:
        click.echo(f"real run {done} of {total} is over", err=True)

    proofs = prove_lengths(
        program, fault, wanted,
        repeats=repeats, runs=runs, seed=seed, at_once=at_once,
        after=None if after is None else read("--after", after),
        service="burn" if burn else "sleep",
        target=None if target is None else parse_target(target, own_host=own_host),
        progress=progress if sys.stderr.isatty() else None,
    )  # fmt: skip
    if output is not None:
        from separatrix.atomic import write_atomically
        from separatrix.views.proof_page import proof_html
        from separatrix.views.subject import subject_of

        page = proof_html(proofs, subject_of(program, "separatrix " + " ".join(sys.argv[1:])))
        write_atomically(output, page)
    if as_json:
        documents = [proof.to_dict() for proof in proofs]
        print_json(documents if lengths else documents[0])
    else:
        from separatrix.views.proof_tables import print_proofs

        print_proofs(proofs, console())
        if output is not None:
            click.echo(f"report: {output}")
    told = [proof.agrees for proof in proofs]
    ctx.exit(10 if False in told else EXIT["inconclusive"] if None in told else 0)


@click.command(
    short_help="Measure the threads and the speed of a server of yours.", epilog=EXIT_CODES
)
@click.argument("url", metavar="http://127.0.0.1:PORT/path")
@click.option("--for", "duration", default="2s", show_default=True, help="Length of each rung.")
@click.option("--clients", type=int, default=64, show_default=True, help="The last rung.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def capacity(ctx: click.Context, url: str, duration: str, clients: int, as_json: bool) -> None:
    """Measure the service rate and the threads of a server of yours on this machine.

    It loads the server to its limit with 1, 2, 4, ... clients that each wait for their answer.

    \b
    Example:
      separatrix capacity http://127.0.0.1:8000/search --clients 32
    """
    from separatrix.emulate import parse_target
    from separatrix.emulate.capacity import measure_capacity
    from separatrix.errors import ModelError, Problem
    from separatrix.model.quantities import seconds

    try:
        length = float(seconds(duration))
    except ValueError as error:
        raise ModelError(Problem(str(error), "--for")) from None
    found: Any = measure_capacity(parse_target(url), seconds=length, most_clients=clients)
    if as_json:
        print_json(found.to_dict())
    else:
        low, high = found.threads_range
        click.echo(
            f"thread_pool: {found.threads} ({low} to {high}); processing_rate: "
            f"{found.service_rate:.4g}/s of each, ± {100 * found.relative_error:.2g} %"
        )
        for n, rate in zip(found.clients, found.throughput, strict=True):
            click.echo(f"{n:>6} clients: {rate:10.4g} responses/s")
        if found.reason:
            click.echo(f"inconclusive: {found.reason}")
    ctx.exit(0 if found.status == "ok" else EXIT["inconclusive"])
