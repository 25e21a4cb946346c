"""A plan of moves as text: targets before and after, the moves, and the commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from separatrix.model.quantities import amount_text

if TYPE_CHECKING:
    from rich.console import Console

    from separatrix.placement import Plan


def print_plan(plan: Plan, console: Console) -> None:
    """Print what the plan reaches, what it moves, and how it would be carried out by hand."""
    from rich.markup import escape

    from separatrix.placement.commands import visible

    def line(text: str = "", style: str | None = None) -> None:
        console.print(escape(text), style=style, highlight=False)

    worst = float(plan.peak_after.max(initial=0.0))
    start = float(plan.peak_before.max(initial=0.0))
    line(
        f"worst peak {amount_text(start, 5)} -> {amount_text(worst, 5)} weighted operations / s",
        "bold",
    )
    line(
        f"no plan within the limits has less than {amount_text(plan.bound, 5)}: proven gap {100 * plan.gap:.2f} %"
    )
    fold = f", averaged by {plan.folded / 3600:g} h" if plan.folded else ""
    line(
        f"peak: mean of the {plan.worst} highest of {plan.before.shape[1]} windows of "
        f"{plan.window:g} s{fold}"
    )
    if plan.z > 0:
        line(
            f"safe for weights off by {plan.z:.3g} standard deviations: exact worst case "
            f"{amount_text(plan.worst_case_before, 5)} -> {amount_text(plan.worst_case_after, 5)}"
        )
    line()
    width = max(map(len, ("target", *map(visible, plan.targets))))
    line(f"{'target':<{width}} {'before':>10} {'after':>10}", "bold")
    for name, before, after in zip(plan.targets, plan.peak_before, plan.peak_after, strict=True):
        line(f"{visible(name):<{width}} {amount_text(before, 5):>10} {amount_text(after, 5):>10}")
    line()
    line(
        f"{len(plan.moves)} moves of at most {plan.limits.moves}, {plan.moved_inodes:,.0f} inodes, "
        f"{bytes_text(plan.moved_size)}",
        "bold",
    )
    for move in plan.moves:
        line(
            f"  {visible(move.user)}: {visible(move.source)} -> {visible(move.target)}, load "
            f"{amount_text(move.load)}, peak {amount_text(move.peak)}"
        )
    if plan.moves:
        line()
        line("# to carry it out, by hand, after reading it:")
    for move in plan.moves:
        for command in move.commands:
            line(command.text or f"# no command: {command.reason}")
    if plan.status != "ok":
        line()
        line(f"inconclusive: {plan.reason}", "yellow")


def bytes_text(size: float) -> str:
    """A size in the unit that suits it."""
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:,.3g} PB"
