"""Answers of the engines side by side, as text."""

from __future__ import annotations

from math import inf, isfinite
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

    from separatrix.questions.answers import Agreement, Answer, Time
    from separatrix.questions.recovery import RecoveryByEngine

COLUMNS = ("engine", "verdict", "recovery", "99 % within", "collapse", "spike of even odds")


def print_agreement(found: Agreement, console: Console) -> None:
    """The question, one row per engine, and what differs and why."""
    from rich.markup import escape
    from rich.table import Table

    console.print(
        escape(
            f"{found.program}: healthy up to {found.healthy:g} attempts and waiting requests, stuck "
            f"from a queue of {found.stuck:g} on"
        )
    )
    rows = [row(answer) for answer in found.answers]
    if console.is_terminal:
        table = Table(*COLUMNS)
        for cells in rows:
            table.add_row(*map(escape, cells))
        console.print(table)
    else:
        for cells in (COLUMNS, *rows):
            console.print(escape("  ".join(f"{c:<22}" for c in cells).rstrip()))
    for difference in found.differences:
        console.print(escape(f"differs: {difference}"), style="yellow")


def print_curves(found: RecoveryByEngine, console: Console) -> None:
    """Recovery over load: for each rate the mean, and the times within which half and 99 % are back."""
    from rich.markup import escape

    console.print(escape(f"{found.source}: {found.finding()}"))

    def line(rate: str, what: str, cells: Iterable[str]) -> None:
        wide = "  ".join(f"{c:<28}" for c in cells)
        console.print(escape(f"{rate:<12}{what:<14}{wide}".rstrip()))

    line("rate", "recovery", found.engines)
    for i, rate in enumerate(found.rates):
        times = [found.curve(engine)[i] for engine in found.engines]
        line(f"{rate:g}/s", "mean", ("-" if time is None else str(time) for time in times))
        line("", "50 % within", (_quantile(time, 0.5) for time in times))
        line("", "99 % within", (_quantile(time, 0.99) for time in times))


def _quantile(time: Time | None, share: float) -> str:
    """A quantile as a cell; of a time of which a bound alone is known there is none."""
    if time is None:
        return "-"
    value = time.p50 if share == 0.5 else time.p99
    return duration(value) if isfinite(value) or time.low == inf else "-"


def row(answer: Answer) -> tuple[str, ...]:
    """One engine's answer as cells."""
    back = answer.recovery
    p99 = "-" if back is None or back.p99 == float("inf") else duration(back.p99)
    return (
        answer.engine, answer.word, "-" if back is None else str(back), p99,
        "-" if answer.collapse is None else str(answer.collapse),
        "-" if answer.margin is None else str(answer.margin),
    )  # fmt: skip


def duration(seconds: float) -> str:
    """A time for people."""
    from separatrix.model.quantities import duration_text

    return duration_text(seconds)
