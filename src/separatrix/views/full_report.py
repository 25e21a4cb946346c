"""The full report: the verdict, the fix and the reasons, on one page that needs nothing else.

From top to bottom it answers what somebody on call asks: is it bad, how bad, what do I change, why, and
how far can I believe it.
"""

from __future__ import annotations

from separatrix.questions.dossier import Dossier
from separatrix.views.evidence import evidence
from separatrix.views.full_report_figures import reasons
from separatrix.views.glance_tiles import tiles
from separatrix.views.page import (
    LIBRARY,
    folded,
    listed,
    page,
    section,
    table,
    without_word,
)
from separatrix.views.remedy_section import remedy_section
from separatrix.views.report import MARKS, limits_section
from separatrix.views.subject import Subject, model_section
from separatrix.views.tables import verdict_rows
from separatrix.views.witnessed_page import witnessed_rows


def full_report(dossier: Dossier, subject: Subject, *, seed: int, interactive: bool = True) -> str:
    """The page as text.

    Parameters
    ----------
    subject : the model, and the command that made the page.
    seed : of all random streams, for provenance.
    interactive : carry the drawing library (1.5 MB), so that figures can be zoomed and read off.
    """
    return page(
        name=dossier.program.name,
        word=dossier.word,
        mark=MARKS[dossier.word],
        sentence=without_word(dossier.word, dossier.sentence),
        tiles=tiles(dossier),
        body=[
            limits_section(dossier.limits),
            remedy_section(dossier, subject.yaml),
            section("Why", *reasons(dossier)),
            _numbers(dossier),
            model_section(subject),
            section("Warnings", listed("", subject.warnings)),
            *evidence(dossier, subject, seed),
        ],
        command=subject.command,
        embedded=("separatrix-report", dossier.to_dict()),
        scripts=(LIBRARY, "figures.js", "report.js") if interactive else (),
    )


def _numbers(dossier: Dossier) -> str:
    if dossier.verdict is None:
        if dossier.witness is None:
            return ""
        return section("Numbers", *(table(*group) for group in witnessed_rows(dossier.witness)))
    groups = verdict_rows(dossier.verdict)
    first, rest = groups[0], groups[1:]
    more = "".join(table(title, rows) for title, rows in rest)
    return section(
        "Numbers", table(*first), folded("When healthy, when stuck, in the long run", more)
    )
