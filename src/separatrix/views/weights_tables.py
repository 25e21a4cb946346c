"""Weights, agreement and loads as rows of text, for a terminal, a pipe and the page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from separatrix.model.quantities import amount_text, percent_text
from separatrix.weights.agreement import Agreement
from separatrix.weights.result import Basis, Weights
from separatrix.weights.score import Load
from separatrix.weights.scoring import Scores
from separatrix.weights.study import Study
from separatrix.weights.summary import Summary

if TYPE_CHECKING:
    from rich.console import Console

_BASIS: dict[Basis, str] = {
    "measured": "from the CPU load",
    "prior": "believed beforehand; the data say less",
    "dropped": "too rare for the notebook's rule",
    "nested": "counted in another operation",
    "absent": "never seen",
}

WEIGHT_HEADER = ("operation", "weight", "95 % interval", "CPU per 1000/s", "where from")
AGREEMENT_HEADER = ("score", "R² held out", "error held out", "correlation", "rank correlation")
SUMMARY_HEADER = ("operation", "share", "mean [1/s]", "std", "median", "max", "values")
LOAD_HEADER = ("name", "share", "95 % interval", "load", "operations")


def weight_rows(weights: Weights) -> list[tuple[str, ...]]:
    """One row per operation, dearest first."""
    rows: list[tuple[float, tuple[str, ...]]] = []
    for k, operation in enumerate(weights.operations):
        value, low, high = (float(a[k]) for a in (weights.values, weights.low, weights.high))
        told = weights.basis[k] not in ("absent", "nested") and not math.isnan(low)
        interval = f"{low:.3g} to {high:.3g}" if told and math.isfinite(high) else ""
        cost = 1000 * value * weights.unit
        basis = _BASIS[weights.basis[k]]
        if weights.method != "regression" and weights.basis[k] == "measured":
            basis = "from its highest rates"
        rows.append(
            (value, (operation, f"{value:.3g}", interval, _number(cost, "{:.3g} %"), basis))
        )
    return [row for _, row in sorted(rows, key=lambda pair: -pair[0])]


def agreement_rows(found: Sequence[Agreement]) -> list[tuple[str, ...]]:
    """One row per score."""
    names = {"count": "plain count", "opens": "opens alone"}
    return [
        (
            names.get(a.name, f"weights ({a.name})"),
            _number(a.r2, "{:.3f}"),
            _number(a.rmse, "{:.3g} %"),
            _number(a.pearson, "{:.3f}"),
            _number(a.spearman, "{:.3f}"),
        )
        for a in found
    ]


def summary_rows(summary: Summary) -> list[tuple[str, ...]]:
    """One row per operation, largest share first."""
    return [
        (
            row.operation,
            percent_text(row.share),
            _amount(row.mean),
            _amount(row.std, 3),
            _amount(row.quartiles[1], 3),
            _amount(row.maximum),
            f"{row.count:,}",
        )
        for row in summary.table()
    ]


def load_rows(loads: Sequence[Load]) -> list[tuple[str, ...]]:
    """One row per server, job, user or project."""
    return [
        (
            load.label,
            f"{100 * load.share:.3g} %",
            f"{100 * load.share_low:.3g} to {100 * load.share_high:.3g} %",
            amount_text(load.amount),
            amount_text(sum(n for _, n in load.counts)),
        )
        for load in loads
    ]


def print_study(found: Study, console: Console) -> None:
    """Weights, agreement and the data-quality report."""
    weights = found.weights
    mark = "green" if weights.status == "ok" else "magenta"
    console.print(f"[bold {mark}]{weights.status.upper()}[/]  {weights.method}")
    console.print(found.sentence, markup=False)
    print_table("Weights", WEIGHT_HEADER, weight_rows(weights), console)
    print_table(
        "Agreement with the CPU load", AGREEMENT_HEADER, agreement_rows(found.agreements), console
    )
    if found.unjudged:
        console.print(f"not compared with the CPU load: {found.unjudged}", markup=False)
    print_table("Operations", SUMMARY_HEADER, summary_rows(found.summary), console)
    console.print()
    console.print(str(found.summary.quality), markup=False, highlight=False)


def print_scores(found: Scores, top: int, console: Console) -> None:
    """The largest loads, agreement and the data-quality report."""
    rows = load_rows(found.loads[:top])
    rest = len(found.loads) - len(rows)
    print_table(f"Load by {found.by}", LOAD_HEADER, rows, console)
    if rest > 0:
        console.print(f"  and {rest:,} more")
    if found.left_out:
        names = ", ".join(found.left_out)
        console.print(f"not known here, and so not counted: {names}", markup=False)
    print_table(
        "Agreement with the CPU load", AGREEMENT_HEADER, agreement_rows(found.agreements), console
    )
    if found.unjudged:
        console.print(f"not compared with the CPU load: {found.unjudged}", markup=False)
    console.print()
    console.print(str(found.quality), markup=False, highlight=False)


def print_table(
    title: str, header: Sequence[str], rows: Sequence[Sequence[str]], console: Console
) -> None:
    """A titled table; plain columns when piped, nothing where there are no rows."""
    if not rows:
        return
    console.print()
    if console.is_terminal:
        from rich.markup import escape
        from rich.table import Table

        table = Table(title=title, title_justify="left", title_style="bold")
        for k, name in enumerate(header):
            table.add_column(name, style="cyan" if k == 0 else None)
        for row in rows:
            table.add_row(*map(escape, row))
        console.print(table)
        return
    console.print(title, markup=False)
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    for row in (header, *rows):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        console.print("  " + "  ".join(cells).rstrip(), markup=False, highlight=False)


def _amount(value: float, digits: int = 4) -> str:
    return amount_text(value, digits) if math.isfinite(value) else "-"


def _number(value: float, form: str) -> str:
    return form.format(value) if math.isfinite(value) else "-"
