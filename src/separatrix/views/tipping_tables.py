"""Tipping curves in the terminal."""

from __future__ import annotations

from math import isfinite

from rich.console import Console
from rich.table import Table

from separatrix.model.quantities import duration_text
from separatrix.questions.tipping import MOST_FACTOR
from separatrix.questions.tipping_curve import SeenTipping, TippingCurve


def print_tipping(curve: TippingCurve, console: Console) -> None:
    """The finding, then a table of the points."""
    console.print(curve.finding(), highlight=False)
    outage = curve.kind == "outage"
    seen = any(point.seen is not None for point in curve.points)
    if not curve.points or (outage and not seen):
        return  # the finding has said it all
    table = Table(box=None, pad_edge=False)
    table.add_column("duration", justify="right")
    if not outage:
        table.add_column("factor", justify="right")
    if seen:
        table.add_column("half of the runs are trapped between", justify="right")
    for point in curve.points:
        row = [duration_text(point.duration) if isfinite(point.duration) else "none"]
        if not outage:
            row.append(f"{point.factor:.3g}x" if isfinite(point.factor) else f"> {MOST_FACTOR:g}x")
        if seen:
            row.append("" if point.seen is None else _interval(point.seen, outage))
        table.add_row(*row)
    console.print(table)
    for note in curve.notes:
        console.print(f"note: {note}", highlight=False)


def _interval(seen: SeenTipping, outage: bool) -> str:
    """Between which sizes half of the runs tip; a side that was not found is said, not left out."""

    def text(size: float) -> str:
        return duration_text(size) if outage else f"{size:.3g}x"

    found_low = seen.low > (0.0 if outage else 1.0)
    if not isfinite(seen.high):
        return f"above {text(seen.low)}" if found_low else "not found"
    return f"{text(seen.low)} .. {text(seen.high)}" if found_low else f"below {text(seen.high)}"
