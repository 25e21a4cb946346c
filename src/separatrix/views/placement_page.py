"""The page on a plan of moves: what it gains, whom it moves, and the commands to read before running."""

from __future__ import annotations

import html

from separatrix.model.quantities import amount_text, duration_text, percent_text
from separatrix.placement import Plan
from separatrix.placement.commands import visible
from separatrix.telemetry.quality import DataQuality
from separatrix.views.data_section import data_section
from separatrix.views.page import Tile, figure, figures, listed, page, section, table
from separatrix.views.placement_tables import bytes_text

_UNIT = "weighted operations/s"


def placement_page(plan: Plan, *, quality: DataQuality, command: str) -> str:
    """The page as text.

    Parameters
    ----------
    quality : of the telemetry that the demand was read from.
    command : the command that made the page.
    """
    before = float(plan.peak_before.max(initial=0.0))
    after = float(plan.peak_after.max(initial=0.0))
    good = plan.status == "ok"
    count = len(plan.moves)
    moves = "1 move lowers" if count == 1 else f"{count} moves lower"
    gain = percent_text(1 - after / before) if before > 0 else "nothing"
    return page(
        name="Placement of users on metadata targets",
        word="plan found" if good else plan.status,
        mark="good" if good else "unknown",
        sentence=(
            f"{moves} the worst peak by {gain}. No plan within the limits has a worst peak more than "
            f"{percent_text(plan.gap)} below that."
            if count
            else "Nothing within the limits lowers the worst peak."
        ),
        tiles=_tiles(plan, before, after),
        body=[
            section("Moves", _moves(plan)),
            section("Commands", _commands(plan)),
            section("Why", figures(_figures(plan))),
            section("Targets", _targets(plan)),
            section("Evidence", listed("", _evidence(plan))),
            data_section(quality),
        ],
        command=command,
        embedded=("separatrix-plan", plan.to_dict()),
    )


def _tiles(plan: Plan, before: float, after: float) -> list[Tile]:
    return [
        ("Worst peak", f"{amount_text(before)} → {amount_text(after)}", _UNIT),
        (
            "Lowest possible",
            amount_text(plan.bound),
            f"{_UNIT}; proven gap {percent_text(plan.gap)}",
        ),
        (
            "To be moved",
            f"{len(plan.moves)} of at most {plan.limits.moves}",
            f"{amount_text(plan.moved_inodes)} inodes, {bytes_text(plan.moved_size)}, as far as known",
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
            amount_text(move.inodes) if move.inodes > 0 else "not known",
        )
        for move in plan.moves
    ]
    if not rows:
        return "<p>None: nothing within the limits is better than what is.</p>"
    header = ("who", "from", "to", "mean load", "own peak", "inodes")
    return table(f"Loads in {_UNIT}", rows, header, stacked=True)


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
            f"{_worst(plan)} A peak is {_peak(plan)}.",
            first,
        ),
        figure(
            inline_svg(load_before_after(plan), second),
            "One line a target: the closer together they are after the moves, the better the plan.",
            second,
        ),
    ]


def _worst(plan: Plan) -> str:
    """Which target has the worst peak, before and after."""
    if not plan.targets:
        return ""
    first, last = plan.targets[plan.peak_before.argmax()], plan.targets[plan.peak_after.argmax()]
    who = (
        f"{visible(first)} stays the worst"
        if first == last
        else f"{visible(first)} was the worst, {visible(last)} would be"
    )
    return f"{who}."


def _peak(plan: Plan) -> str:
    windows = f"windows of {duration_text(plan.window)}"
    folded = f", averaged by {duration_text(plan.folded)}" if plan.folded else ""
    if plan.worst == 1:
        return f"the highest of {plan.before.shape[1]} {windows}{folded}"
    return f"the mean of the {plan.worst} highest of {plan.before.shape[1]} {windows}{folded}"


def _targets(plan: Plan) -> str:
    found = zip(plan.targets, plan.peak_before, plan.peak_after, strict=True)
    rows = [
        (visible(name), amount_text(before), amount_text(after)) for name, before, after in found
    ]
    return table(f"In {_UNIT}", rows, ("target", "peak before", "peak after"))


def _evidence(plan: Plan) -> list[str]:
    lines = [
        f"No plan within the limits has a worst peak below {amount_text(plan.bound)} {_UNIT}: proven gap "
        f"{percent_text(plan.gap)}.",
        f"A peak is {_peak(plan)}.",
    ]
    if plan.z > 0:
        lines.append(
            f"Loads are raised for weights that are off by {plan.z:.3g} standard deviations; the exact worst case "
            f"goes from {amount_text(plan.worst_case_before)} to {amount_text(plan.worst_case_after)}."
        )
    if plan.pinned:
        lines.append(f"Stay where they are: {', '.join(map(visible, plan.pinned))}.")
    if plan.status != "ok":
        lines.append(f"{plan.status}: {plan.reason}.")
    return lines
