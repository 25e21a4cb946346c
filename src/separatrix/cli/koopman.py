"""`learn` and `settle`: models from series alone, and how fast the system comes to rest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from separatrix.cli.exits import EXIT, EXIT_CODES
from separatrix.cli.output import console, print_json

if TYPE_CHECKING:
    from separatrix.koopman.dataset import Trajectories

_FITS = "fit*.safetensors"


def _data_options(command: Any) -> Any:
    for option in (
        click.option("--series", multiple=True, help="A column to take; repeat it for several."),
        click.option("--step", metavar="TIME", help="Sample so often; a multiple of the data's."),
        click.option(
            "--leave-out", multiple=True, metavar="60s+4s", help="Cut out a fault: at + for."
        ),
        click.option("--cut", type=int, metavar="N", help="Cut one long run into N."),
    ):
        command = option(command)
    return command


@click.command(short_help="Learn how fast a system settles, from series alone.", epilog=EXIT_CODES)
@click.argument("data", nargs=-1, required=True, type=click.Path(), metavar="DATA...")
@click.option(
    "-o",
    "--output",
    type=click.Path(),
    metavar="DIR",
    default="model",
    show_default=True,
    help="Directory of the model.",
)
@_data_options
@click.option(
    "--latent", type=int, default=16, show_default=True, help="Latent coordinates at most."
)
@click.option("--delays", type=int, default=1, show_default=True, help="Samples that make a state.")
@click.option("--epochs", type=int, default=200, show_default=True, help="At most.")
@click.option("--fits", type=int, default=1, show_default=True, help="Fits to parts of the runs.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of all random streams.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda ...")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def learn(
    data: tuple[str, ...],
    output: str,
    series: tuple[str, ...],
    step: str | None,
    leave_out: tuple[str, ...],
    cut: int | None,
    latent: int,
    delays: int,
    epochs: int,
    fits: int,
    seed: int,
    device: str,
    as_json: bool,
) -> None:
    """Learn the slow dynamics from recorded series: simulated, tables, or telemetry.

    \b
    Examples:
      separatrix simulate service.yaml -o series.parquet
      separatrix learn series.parquet -o model/
      separatrix learn series.parquet --fits 5 --leave-out 600s+60s --json
    """
    import sys

    from separatrix.koopman.ensemble import fit_ensemble, timescale_intervals
    from separatrix.koopman.portrait import learned_portrait
    from separatrix.views.figures_canvas import save_figure
    from separatrix.views.figures_koopman import learned_figure
    from separatrix.views.koopman_tables import print_learned

    found = _read(data, series, step, leave_out, cut)

    def advance(done: int, total: int) -> None:
        if not as_json and sys.stderr.isatty():
            click.echo(f"\repoch {done} of at most {total}", nl=False, err=True)

    models = fit_ensemble(
        found, fits, seed=seed, latent=latent, delays=delays, epochs=epochs, device=device,
        progress=advance,
    )  # fmt: skip
    place = Path(output)
    for old in place.glob(_FITS):
        old.unlink()
    for i, model in enumerate(models):
        model.save(place / f"fit{i}.safetensors")
    save_figure(learned_figure(learned_portrait(models, found)), place / "learned.png")
    intervals = timescale_intervals(models)
    if as_json:
        content = {
            "schema": "separatrix.learned/1",
            "fits": [model.to_dict() for model in models],
            "timescales": [_interval(i.mean, i.low, i.high) for i in intervals],
        }
        print_json(content)
        return
    print_learned(models, intervals, console())
    click.echo(f"model: {place}, picture: {place / 'learned.png'}")


@click.command(
    short_help="Say how long until it has settled, by a learned model.", epilog=EXIT_CODES
)
@click.argument("model", type=click.Path(), metavar="MODEL/", nargs=-1, required=True)
@click.option(
    "--data",
    multiple=True,
    type=click.Path(),
    metavar="DATA",
    help="Runs to measure it on as well.",
)
@_data_options
@click.option("--delta", multiple=True, type=float, help="Share left; repeat it for several.")
@click.option(
    "-o",
    "--output",
    type=click.Path(),
    metavar="PICTURE",
    help="Default: settling.png in the model.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def settle(
    ctx: click.Context,
    model: tuple[str, ...],
    data: tuple[str, ...],
    series: tuple[str, ...],
    step: str | None,
    leave_out: tuple[str, ...],
    cut: int | None,
    delta: tuple[float, ...],
    output: str | None,
    as_json: bool,
) -> None:
    """How long until the system has settled: from the model, bounded, and from data.

    Several models (one for each server) are taken together: settled when the last has settled.

    \b
    Examples:
      separatrix settle model/ --data series.parquet
      separatrix settle web/ database/ --delta 0.1 --json
    """

    from separatrix.koopman.contraction import bound
    from separatrix.koopman.empirical import empirical
    from separatrix.koopman.settling import DELTAS, learned, together
    from separatrix.views.figures_canvas import save_figure
    from separatrix.views.figures_koopman import settling_figure
    from separatrix.views.koopman_tables import print_settling

    deltas = delta or DELTAS
    fits = {name: _models(name) for name in model}
    found = {
        "learned": together({name: learned(some, deltas) for name, some in fits.items()}),
        "bound": together({name: bound(some, deltas) for name, some in fits.items()}),
    }
    if data:
        measured = _read(data, series, step, leave_out, cut)
        if not series:
            measured = measured.select(
                list(dict.fromkeys(n for f in fits.values() for n in f[0].names_))
            )
        found["empirical"] = empirical(measured, deltas)
    place = Path(output) if output else Path(model[0]).with_suffix("") / "settling.png"
    save_figure(settling_figure(found), place)
    if as_json:
        content = {"schema": "separatrix.settling/1", **{k: v.to_dict() for k, v in found.items()}}
        print_json(content)
    else:
        print_settling(found, console())
        click.echo(f"picture: {place}")
    ctx.exit(EXIT["inconclusive"] if any(s.status != "ok" for s in found.values()) else 0)


def _read(
    files: tuple[str, ...],
    series: tuple[str, ...],
    step: str | None,
    leave_out: tuple[str, ...],
    cut: int | None,
) -> Trajectories:
    from separatrix.errors import DataError
    from separatrix.koopman.reading import combined, read_trajectories
    from separatrix.model.quantities import seconds

    def time(text: str, option: str) -> float:
        try:
            return seconds(text)
        except ValueError as error:
            raise DataError(f"{option}: {error}", hint='write "60s"') from None

    spans: list[tuple[float, float]] = []
    for text in leave_out:
        at, plus, length = text.partition("+")
        if not plus:
            raise DataError(f"--leave-out: {text!r} has no length", hint='write "60s+4s"')
        begin = time(at, "--leave-out")
        spans.append((begin, begin + time(length, "--leave-out")))
    wanted = None if step is None else time(step, "--step")
    found = combined([read_trajectories(name, series=series, step=wanted) for name in files])
    if spans:
        found = found.without(spans)
    return found if cut is None else found.cut(cut)


def _models(name: str) -> list[Any]:
    from separatrix.errors import DataError
    from separatrix.koopman.model_file import load

    place = Path(name)
    files = sorted(place.glob(_FITS)) if place.is_dir() else [place]
    if not files:
        raise DataError(
            "holds no learned model", file=name, hint="make one: `separatrix learn DATA -o model/`"
        )
    return [load(file) for file in files]


def _interval(mean: float, low: float, high: float) -> dict[str, Any]:
    return {"mean": mean, "low": low, "high": high, "unit": "s"}
