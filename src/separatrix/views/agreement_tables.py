"""Answers of the engines side by side, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from separatrix.questions.answers import Agreement, Answer
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
    """Recovery over load, one row per rate."""
    from rich.markup import escape

    console.print(escape(f"{found.source}: {found.finding()}"))
    head = ("rate", *found.engines)
    console.print(escape("  ".join(f"{c:<28}" for c in head).rstrip()))
    for i, rate in enumerate(found.rates):
        cells = [f"{rate:g}/s"]
        for engine in found.engines:
            time = found.curve(engine)[i]
            cells.append("-" if time is None else str(time))
        console.print(escape("  ".join(f"{c:<28}" for c in cells).rstrip()))


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
