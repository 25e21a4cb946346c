"""A progress bar with the time left, on a terminal only."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Generator


@contextlib.contextmanager
def progress_bar(
    total: int,
    wish: bool | Callable[[int, int], None],
    doing: str = "simulating",
    things: str = "runs",
) -> Generator[Callable[[int], None]]:
    """A function to call with the number of `things` done.

    wish : False for silence; True for a bar on standard error where that is a terminal; or a
        function of (done, total) to call instead.
    """
    if callable(wish):
        yield lambda done: wish(done, total)
        return
    if not wish or not sys.stderr.isatty():
        yield lambda done: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    bar = Progress(
        TextColumn(doing), BarColumn(), MofNCompleteColumn(), TextColumn(f"{things},"),
        TimeRemainingColumn(), TextColumn("left"),
        console=Console(stderr=True), transient=True,
    )  # fmt: skip
    with bar:
        task = bar.add_task("", total=total)
        yield lambda done: bar.update(task, completed=done)
