"""Learned models and settling times as tables for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from separatrix.koopman.autoencoder import Koopman
from separatrix.koopman.ensemble import TimescaleInterval
from separatrix.koopman.settling import Settling
from separatrix.model.quantities import duration_text


def print_learned(
    models: Sequence[Koopman], intervals: Sequence[TimescaleInterval], console: Console
) -> None:
    """Slowest timescales and where the system comes to rest."""
    first = models[0]
    table = Table(title=escape(f"Learned from {', '.join(first.names_)}"), title_justify="left")
    for column in ("mode", "timescale", "95 % over fits"):
        table.add_column(column, justify="right" if column != "mode" else "left")
    for i, found in enumerate(intervals, 1):
        table.add_row(str(i), _time(found.mean), _range(found.low, found.high))
    console.print(table)
    for name, value in zip(first.names_, first.limit_, strict=True):
        console.print(escape(f"{name} comes to rest at {value:.4g}"))
    console.print(
        f"validation: {100 * first.validation_loss_:.1f} % of the variance is not predicted, mean over "
        f"{first.step_:g} s to {first.lags_[-1] * first.step_:g} s ahead"
    )


def print_settling(found: Mapping[str, Settling], console: Console) -> None:
    """Settling times by delta, a column for each reading, and what they rest on."""
    table = Table(title="Settling time", title_justify="left")
    table.add_column("share left")
    for name in found:
        table.add_column(name, justify="right")
    for i, delta in enumerate(next(iter(found.values())).deltas):
        cells = [
            f"{_time(float(s.mean[i]))} {_range(float(s.low[i]), float(s.high[i]), empty='')}".strip()
            for s in found.values()
        ]
        table.add_row(f"{delta:g}", *cells)
    console.print(table)
    for name, settling in found.items():
        console.print(f"{name}: {settling.assumptions}")
        if settling.status != "ok":
            console.print(escape(f"{name}: in part inconclusive: {settling.reason}"))


def _time(seconds: float) -> str:
    return duration_text(seconds) if isfinite(seconds) else "not known"


def _range(low: float, high: float, empty: str = "one fit") -> str:
    return f"({_time(low)} to {_time(high)})" if isfinite(low) and isfinite(high) else empty
