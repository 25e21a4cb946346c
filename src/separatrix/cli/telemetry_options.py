"""Options that every command over telemetry has, and what `telemetry.read` makes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from separatrix.telemetry import Counters

_OPTIONS = (
    click.argument("files", nargs=-1, type=click.Path(), metavar="FILES..."),
    click.option("--fs", help="File system; with --config its files are found by date."),
    click.option("--from", "start", metavar="DATE", help="First moment, such as 2019-01-01."),
    click.option("--to", "end", metavar="DATE", help="End, excluded."),
    click.option("--tz", default="UTC", show_default=True, help="Zone of dates and local days."),
    click.option(
        "--config", type=click.Path(), metavar="SITE.json", help="Where files lie by date."
    ),
    click.option("--jobid", metavar="TEMPLATE", help="The site's jobid_name, such as '%e.%u'."),
    click.option(
        "--cache",
        type=click.Path(),
        metavar="DIR",
        help="Keep what was read here, for the next time.",
    ),
    click.option("--strict", is_flag=True, help="Fail where any file cannot be read."),
)


def telemetry_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options; the command gets them as keywords, for `tables`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def tables(
    files: tuple[str, ...],
    *,
    fs: str | None,
    start: str | None,
    end: str | None,
    tz: str,
    config: str | None,
    jobid: str | None,
    cache: str | None,
    strict: bool,
) -> Iterator[Counters]:
    """Return the tables of the named files, or of the store, one at a time."""
    from separatrix.telemetry import read

    if not files and (fs is None or config is None):
        raise click.UsageError("name FILES, or give --fs, --from, --to and --config")
    return read(
        files, fs=fs, start=start, end=end, tz=tz, config=config, jobid=jobid, cache=cache,
        strict=strict,
    )  # fmt: skip
