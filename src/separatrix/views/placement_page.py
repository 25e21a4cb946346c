"""The page on a plan of moves: what it gains, whom it moves, and the commands to read before running."""

from __future__ import annotations

import html

from separatrix.model.quantities import amount_text
from separatrix.placement import Plan
from separatrix.placement.commands import visible
from separatrix.views.page import Tile, figure, figures, listed, page, section, table


def placement_page(plan: Plan, *, quality: str, command: str) -> str:
    """The page as text.

    Parameters
    ----------
    quality : of the telemetry that the demand was read from.
    command : the command that made the page.
    """
    before = float(plan.peak_before.max(initial=0.0))
    after = float(plan.peak_after.max(initial=0.0))
    good = plan.status == "ok"
    gain = f"{100 * (1 - after / before):.3g} %" if before > 0 else "nothing"
    return page(
        name="Placement of users on metadata targets",
        word="plan found" if good else plan.status,
        mark="good" if good else "unknown",
        sentence=(
            f"{len(plan.moves)} moves lower the worst peak by {gain}; no plan within the limits lowers it "
            f"by {100 * plan.gap:.2g} % more."
        ),
        tiles=_tiles(plan, before, after),
        body=[
            section("Moves", _moves(plan)),
            section("Commands", _commands(plan)),
            section("Why", figures(_figures(plan))),
            section("Targets", table("", _targets(plan), ("target", "peak before", "peak after"))),
            section("Evidence", listed("", _evidence(plan))),
            section("Data", listed("Quality", [line.strip() for line in quality.splitlines()])),
        ],
        command=command,
        embedded=("separatrix-plan", plan.to_dict()),
    )


def _tiles(plan: Plan, before: float, after: float) -> list[Tile]:
    unit = "weighted operations/s"
    return [
        ("Worst peak", f"{amount_text(before)} → {amount_text(after)}", unit),
        ("Lowest possible", amount_text(plan.bound), f"{unit}; proven gap {100 * plan.gap:.2f} %"),
        (
            "To be moved",
            f"{len(plan.moves)} of at most {plan.limits.moves}",
            f"{amount_text(plan.moved_inodes)} inodes, {amount_text(plan.moved_size)} bytes",
        ),
    ]


def _moves(plan: Plan) -> str:
    rows = [
        (
            visible(move.user),
            visible(move.source),
            visible(move.target),
            amount_text(move.load),
            amount_text(move.peak),
            amount_text(move.inodes),
        )
        for move in plan.moves
    ]
    if not rows:
        return "<p>None: nothing within the limits is better than what is.</p>"
    return table("", rows, ("who", "from", "to", "mean load", "peak", "inodes"), stacked=True)


def _commands(plan: Plan) -> str:
    lines = [
        command.text or f"# no command: {command.reason}"
        for move in plan.moves
        for command in move.commands
    ]
    if not lines:
        return ""
    text = html.escape("\n".join(lines))
    return (
        "<p>Nothing was run. Read them first.</p>"
        f'<pre tabindex="0" aria-label="Commands">{text}</pre>'
    )


def _figures(plan: Plan) -> list[str]:
    from separatrix.views.figures_canvas import inline_svg
    from separatrix.views.figures_placement import load_before_after, peaks

    first, second = "Peak of each target", "Load of each target over time"
    return [
        figure(
            inline_svg(peaks(plan), first),
            f"A peak is the mean of the {plan.worst} highest windows.",
            first,
        ),
        figure(
            inline_svg(load_before_after(plan), second),
            "One line a target: the closer together they are below, the better the plan.",
            second,
        ),
    ]


def _targets(plan: Plan) -> list[tuple[str, ...]]:
    found = zip(plan.targets, plan.peak_before, plan.peak_after, strict=True)
    return [(visible(name), f"{before:.5g}", f"{after:.5g}") for name, before, after in found]


def _evidence(plan: Plan) -> list[str]:
    lines = [
        f"no plan within the limits has a worst peak below {plan.bound:.5g}: proven gap "
        f"{100 * plan.gap:.2f} %",
        f"peak: mean of the {plan.worst} highest of {plan.before.shape[1]} windows of {plan.window:g} s"
        + (f", averaged by {plan.folded / 3600:g} h" if plan.folded else ""),
    ]
    if plan.z > 0:
        lines.append(
            f"safe for weights off by {plan.z:.3g} standard deviations: exact worst case "
            f"{plan.worst_case_before:.5g} → {plan.worst_case_after:.5g}"
        )
    if plan.pinned:
        lines.append(f"stay where they are: {', '.join(map(visible, plan.pinned))}")
    if plan.status != "ok":
        lines.append(f"{plan.status}: {plan.reason}")
    return lines
