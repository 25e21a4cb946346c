"""Remedies as text: what to change, what it costs, who confirms it, and what it does in normal times."""

from __future__ import annotations

from typing import TYPE_CHECKING

from separatrix.model.quantities import percent_text

if TYPE_CHECKING:
    from rich.console import Console

    from separatrix.questions.remedies_found import Remedies, Remedy


def print_remedies(found: Remedies, console: Console) -> None:
    """The goal, the remedies by cost, and what does not help."""
    from rich.markup import escape

    console.print(escape(f"{found.program}: looking for {found.goal}"))
    if not found.needed:
        console.print("It has none as it is: nothing to mend.", style="green")
        return
    if not found.found:
        console.print("No single knob and no pair of knobs does it.", style="bold red")
    for i, remedy in enumerate(found.found, 1):
        console.print()
        console.print(escape(f"{i}. {remedy.text}"), style="bold")
        for line in lines(remedy):
            console.print(escape(f"   {line}"))
    for remedy in found.refuted:
        console.print()
        console.print(escape(f"refuted: {remedy.text}: {remedy.refuted}"), style="dim")
    if found.helpless:
        console.print()
        console.print(escape(f"not enough alone: {', '.join(found.helpless)}"))


def lines(remedy: Remedy) -> list[str]:
    """What is known of one remedy, line by line."""
    before, after = percent_text(remedy.goodput_before), percent_text(remedy.goodput_after)
    return [
        f"cost {remedy.cost:.3g}; proposed by {remedy.proposed_by}; confirmed by "
        f"{', '.join(remedy.confirmed_by)}",
        f"after a long outage {remedy.back}; trapped: "
        f"{100 * remedy.trapped:.2g} % of the runs (at most {100 * remedy.trapped_high:.2g} %)",
        f"at normal load {after} of the requests are answered in time (now {before})",
    ]
