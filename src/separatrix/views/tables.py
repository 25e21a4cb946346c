"""Results as text: coloured tables on a terminal, plain lines when piped."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from separatrix.model.quantities import amount_text, duration_text, percent_text, unit_text
from separatrix.questions.limits import Kept
from separatrix.questions.passage import Passage
from separatrix.questions.verdict import Verdict
from separatrix.questions.witnessed import Witnessed

if TYPE_CHECKING:
    from rich.console import Console

Row = tuple[str, str, str]
"""Label, value with unit, remark."""
Group = tuple[str, list[Row]]
"""Title and rows."""

_STYLE = {
    "safe": "bold green",
    "can get stuck": "bold yellow",
    "always stuck": "bold red",
    "inconclusive": "bold magenta",
}


def verdict_rows(verdict: Verdict) -> list[Group]:
    """The verdict's numbers as titled groups of rows; the one source for every text view."""
    groups: list[Group] = []
    times: list[Row] = []
    labels = (
        ("recovery", verdict.recovery, "from stuck back to healthy"),
        ("collapse", verdict.collapse, "from healthy to stuck, without a trigger"),
    )
    for name, passage, remark in labels:
        if passage is not None:
            if name == "recovery" and verdict.collapse is None:
                remark = "from a full queue back to healthy"
            times += _passage(name, passage, remark)
    modes = verdict.spectrum
    remark = "to 1 % of the long-run law, from the spectral gap"
    if modes.status != "ok":
        remark = f"{remark}; not certain: {modes.reason}"
    times.append(("mixing time", duration_text(modes.mixing_time()), remark))
    groups.append(("Times", times))
    for regime in verdict.regimes:
        share = percent_text(regime.goodput_share)
        groups.append(
            (
                f"When {regime.name}",
                [
                    (
                        "goodput",
                        f"{amount_text(regime.goodput)} requests/s",
                        f"{share} of the requests",
                    ),
                    (
                        "queue",
                        f"{amount_text(regime.queue)} attempts",
                        "mean, waiting and in service",
                    ),
                    (
                        "orbit",
                        f"{amount_text(regime.orbit)} requests",
                        "doomed, yet to be given up",
                    ),
                    (
                        "share of time",
                        percent_text(regime.probability),
                        "in the very long run, if nobody helps",
                    ),
                ],
            )
        )
    groups.append(("In the very long run", _steady(verdict)))
    return groups


def passage_lines(verdict: Verdict) -> list[tuple[str, str]]:
    """Recovery and collapse, a line each."""
    return [
        (
            name,
            f"{duration_text(times.mean)} on average; half within {duration_text(times.p50)}, 99 % within "
            f"{duration_text(times.p99)}",
        )
        for name, times in (("recovery", verdict.recovery), ("collapse", verdict.collapse))
        if times is not None
    ]


def _passage(name: str, passage: Passage, remark: str) -> list[Row]:
    return [
        (f"{name} time", duration_text(passage.mean), f"mean, {remark}"),
        ("", duration_text(passage.p50), "p50: half of the times within"),
        ("", duration_text(passage.p99), "p99: 99 % of the times within"),
    ]


def _steady(verdict: Verdict) -> list[Row]:
    steady = verdict.steady
    rows: list[Row] = []
    for kind, count in (("queue", steady.queue), ("orbit", steady.orbit)):
        if count is not None:
            rows.append(
                (
                    kind,
                    amount_text(count.mean),
                    f"mean; standard deviation {amount_text(count.std)}",
                )
            )
    for quantity in steady.averages:
        if "[" not in quantity.name:
            chance = quantity.unit == "1"
            value = (
                percent_text(quantity.value) if chance else _amount(quantity.value, quantity.unit)
            )
            rows.append((quantity.name, value, "of the time" if chance else ""))
    for latency in steady.latencies:
        tail = ", ".join(f"p{100 * p:g} {duration_text(t)}" for p, t in latency.percentiles.items())
        rows.append(
            (
                f"latency[{latency.name}]",
                duration_text(latency.mean),
                f"mean at the server; standard deviation {duration_text(latency.std)}; {tail}",
            )
        )
    return rows


def _amount(value: float, unit: str) -> str:
    return f"{amount_text(value)}{unit_text(unit)}"


def basis(verdict: Verdict) -> list[str]:
    """What the verdict rests on, one line each."""
    population = verdict.population
    size = " x ".join(str(n) for n in population.shape)
    certificate = verdict.law.certificate
    lines = [
        f"exact reading, {population.closure} closure, {population.n_states:,} states ({size}); "
        f"elimination by {verdict.law.method}, entrywise residual {certificate.residual:.1g}",
    ]
    if population.cut > 0:
        bound = ", ".join(f"{axis.name} < {axis.size}" for axis in population.axes if axis.cut > 0)
        edge = max(regime.at_bound for regime in verdict.regimes)
        lines.append(
            f"bounded by us: {bound}; at most {population.cut:.1g} of the mass is cut off, and "
            f"{edge:.1g} of any regime's lies at the bound"
        )
    held = verdict.steady.boundary
    for axis in population.axes:
        if axis.kind == "orbit" and axis.cut == 0 and held.get(axis.name, 0.0) > 1e-6:
            lines.append(
                f"{axis.name} is bounded at {axis.size - 1} by the model and is there "
                f"{100 * held[axis.name]:.2g} % of the time: requests beyond it are lost"
            )
    return [*lines, *population.notes]


def print_answer(
    verdict: Verdict | Witnessed,
    groups: Iterable[Group],
    basis: Iterable[str],
    warnings: Iterable[str],
    console: Console,
) -> None:
    """Verdict, its numbers in groups, what it rests on, and warnings."""
    from rich.markup import escape
    from rich.table import Table

    console.print(f"[{_STYLE[verdict.word]}]{verdict.word.upper()}[/]  {verdict.program.name}")
    console.print(escape(verdict.sentence))
    for title, rows in groups:
        console.print()
        if not console.is_terminal:
            console.print(title)
            width = max(24, *(len(value) for _, value, _ in rows))
            for label, value, remark in rows:
                console.print(escape(f"  {label:<22} {value:<{width}} {remark}".rstrip()))
            continue
        table = Table(title=title, title_justify="left", title_style="bold", show_header=False)
        table.add_column("quantity", style="cyan", no_wrap=True)
        table.add_column("value", justify="right", no_wrap=True)
        table.add_column("remark", style="dim")
        for row in rows:
            table.add_row(*map(escape, row))
        console.print(table)
    console.print()
    for line in basis:
        console.print(escape(f"basis: {line}"))
    for warning in warnings:
        console.print(f"[yellow]warning:[/] {escape(warning)}")


_OUTCOME = {"holds": "green", "fails": "bold red", "unknown": "magenta"}


def print_limits(kept: Iterable[Kept], console: Console) -> None:
    """Each limit with what became of it."""
    from rich.markup import escape

    for k in kept:
        console.print(f"limit: [{_OUTCOME[k.outcome]}]{k.outcome}[/]  {escape(str(k))}")
