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
    if not curve.points:
        return
    outage = curve.kind == "outage"
    seen = any(point.seen is not None for point in curve.points)
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
    low, high = (
        "-" if not isfinite(v) else duration_text(v) if outage else f"{v:.3g}x"
        for v in (seen.low, seen.high)
    )
    return f"{low} .. {high}"
