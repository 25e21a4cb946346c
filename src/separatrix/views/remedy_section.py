"""The report's remedies: ranked, what each does, and the change to the model to copy."""

from __future__ import annotations

import html
from difflib import unified_diff

from separatrix.model.edits import Document, in_units
from separatrix.model.quantities import percent_text
from separatrix.questions.dossier import Dossier
from separatrix.questions.remedies_found import Remedies, Remedy
from separatrix.views.page import folded, listed, section

SHOWN = 3
"""Remedies that are shown at once; the dearer ones are behind a line."""


def remedy_section(dossier: Dossier, yaml: str) -> str:
    """Ranked remedies; nothing where they were not looked for."""
    fixes = dossier.fixes
    if fixes is None:
        return ""
    if not fixes.needed:
        return section("Fix", "<p>None is needed.</p>")
    if not fixes.found:
        return section("Fix", "<p>No single knob makes the service safe.</p>", _rest(fixes))
    best = "".join(_item(r, yaml, opened=i == 0) for i, r in enumerate(fixes.found[:SHOWN]))
    more = "".join(_item(r, yaml) for r in fixes.found[SHOWN:])
    lead = (
        f"<p>Each of these, alone, leaves {html.escape(fixes.goal)}; the cheapest first. Effort 1 is "
        "halving or doubling a client's setting.</p>"
    )
    folds = (
        folded(
            f"{len(fixes.found) - SHOWN} dearer ones",
            f'<ol class="fixes" start="{SHOWN + 1}">{more}</ol>',
        )
        if more
        else ""
    )
    return section("Fix", lead, f'<ol class="fixes">{best}</ol>', folds, _rest(fixes))


def _item(remedy: Remedy, yaml: str, *, opened: bool = False) -> str:
    facts = (
        f"After a long outage {remedy.back}; "
        f"{percent_text(remedy.trapped)} of simulated runs stay stuck (at most "
        f"{percent_text(remedy.trapped_high)}). In normal times {percent_text(remedy.goodput_after)} are "
        f"answered in time (now {percent_text(remedy.goodput_before)}). Effort {remedy.cost:.3g}."
    )
    checked = f"Proposed by {remedy.proposed_by}, confirmed by {', '.join(remedy.confirmed_by)}."
    document = Document(yaml)
    document.set_all(in_units(document.program, remedy.changes))
    patch = (
        f'<pre class="patch" tabindex="0" aria-label="Change to the model">'
        f"{marked(difference(yaml, document.text))}</pre><p class=dim>{html.escape(checked)}</p>"
    )
    return (
        f"<li><h3>{html.escape(remedy.text)}</h3><p>{html.escape(facts)}</p>"
        f"{folded('Change to the model, and who confirms it', patch, opened=opened)}</li>"
    )


def _rest(fixes: Remedies) -> str:
    lines = [f"{r.text}: {r.refuted}" for r in fixes.refuted]
    if fixes.helpless:
        lines.append(f"not enough alone: {', '.join(n.replace('_', ' ') for n in fixes.helpless)}")
    return folded("What does not help", listed("", lines)) if lines else ""


def difference(before: str, after: str) -> str:
    """The lines that differ, as a patch to copy."""
    changed = unified_diff(before.splitlines(), after.splitlines(), "model", "model", "", "", 1, "")
    return "\n".join(changed)


def marked(patch: str) -> str:
    """A patch as HTML: what goes and what comes in colours, with their signs."""
    kinds = {"-": "del", "+": "ins"}
    lines: list[str] = []
    for number, line in enumerate(patch.splitlines()):
        text = html.escape(line)
        kind = kinds.get(line[:1]) if number >= 2 else None  # two lines name the files
        lines.append(f"<{kind}>{text}\n</{kind}>" if kind else f"{text}\n")
    return "".join(lines)
