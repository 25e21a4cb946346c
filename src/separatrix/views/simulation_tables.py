"""A simulation's estimates as text: means with their 95 % intervals."""

from __future__ import annotations

from collections.abc import Mapping
from math import floor, isfinite, log10
from typing import TYPE_CHECKING

from separatrix.model.quantities import amount_text, duration_text

if TYPE_CHECKING:
    from rich.console import Console

    from separatrix.questions.times import PassageTime
    from separatrix.simulate import Estimate, SimulationResult
    from separatrix.simulate.rare import RarePassage


def print_simulation(result: SimulationResult, console: Console) -> None:
    """Every source's, call's and server's estimates, with unit and interval."""
    from rich.markup import escape

    console.print(
        escape(
            f"{result.program}: {result.runs} runs of {duration_text(result.horizon)}, seed "
            f"{result.seed}, {result.events:,} events"
        )
    )
    console.print("means, each ± half of its 95 % interval")
    if result.warmup > 0:
        console.print(f"left out at the start of each run: {duration_text(result.warmup)}")
    for kind, group in (("", result.streams), ("server ", result.servers)):
        for name, estimates in group.items():
            console.print()
            console.print(escape(f"{kind}{name}"), style="bold")
            _estimates(estimates, console)
    if result.status != "ok":
        console.print(escape(f"\ninconclusive: {result.reason}"), style="yellow")


def _estimates(estimates: Mapping[str, Estimate], console: Console) -> None:
    from rich.markup import escape

    for name, e in estimates.items():
        metric = name.replace("_", " ")
        if e.runs == 0:
            console.print(escape(f"  {metric:<16} none seen"))
            continue
        half = 0.5 * (e.high - e.low)
        if not isfinite(half):
            remark = f"seen in {e.runs} run, no interval"
            console.print(escape(f"  {metric:<16} {amount_text(e.mean, 5):<20} {e.unit}; {remark}"))
            continue
        if e.unit == "s":
            value, spread = duration_text(e.mean), duration_text(half)
        else:
            value, spread = rounded(e.mean, half)
            spread = f"{spread} {e.unit}"
        console.print(escape(f"  {metric:<16} {value:>10} ± {spread}"))


def rounded(mean: float, half: float) -> tuple[str, str]:
    """A mean and half of its interval, both to the second digit of the latter."""
    if half == 0:
        return amount_text(mean, 5), "0"
    digits = max(0, 1 - floor(log10(half)))
    return f"{mean:,.{digits}f}", f"{half:,.{digits}f}"


def print_rare(found: RarePassage, program: str, console: Console) -> None:
    """The mean time of a rare passage with its interval, and by what steps it was found."""
    from rich.markup import escape

    where = {
        "collapse": f"a score of {found.healthy:g} to one of {found.stuck:g}",
        "recovery": f"a score of {found.stuck:g} to one of {found.healthy:g}",
    }[found.goal]
    console.print(escape(f"{program}: {found.goal}, from {where}"))
    console.print("the score counts attempts at the servers and requests known to come back")
    console.print(
        escape(
            f"  mean time   {duration_text(found.mean)}   "
            f"(95 %: {duration_text(found.low)} .. {duration_text(found.high)})"
        ),
        style="bold",
    )
    console.print(
        escape(
            f"  by splitting into {len(found.levels) - 1} steps, {found.rate.runs} independent "
            f"runs, {found.events:,} events"
        )
    )
    if found.status != "ok":
        console.print(escape(f"\ninconclusive: {found.reason}"), style="yellow")


def print_passage(found: PassageTime, console: Console) -> None:
    """A recovery or collapse time with its interval, and which method answered."""
    from rich.markup import escape

    way = {
        "recovery": f"stuck to a score of {found.healthy:g}",
        "collapse": f"healthy to a score of {found.stuck:g}",
    }[found.goal]
    console.print(escape(f"{found.program}: {found.goal}, from {way}"))
    if isfinite(found.mean):
        console.print(
            escape(
                f"  mean time   {duration_text(found.mean)}   "
                f"({duration_text(found.low)} .. {duration_text(found.high)})"
            ),
            style="bold",
        )
        console.print(
            escape(f"  half within {duration_text(found.p50)}, 99 % in {duration_text(found.p99)}")
        )
    else:
        console.print(escape(f"  longer than {duration_text(found.low)}"), style="bold")
    console.print(escape(f"  by {found.method}: {found.why}"))
    if found.reason:
        word = "" if found.status == "ok" else "inconclusive: "
        console.print(escape(f"  {word}{found.reason}"))
