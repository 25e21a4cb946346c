"""The verdict alone as a page: what `check -o` writes, at once and without simulations."""

from __future__ import annotations

from collections.abc import Sequence

from separatrix.model.quantities import duration_text, percent_text
from separatrix.questions.limits import Kept
from separatrix.questions.portrait import describe, portrait
from separatrix.questions.verdict import Verdict
from separatrix.questions.witnessed import Witnessed
from separatrix.views.glance_tiles import answer_tiles
from separatrix.views.page import (
    figure,
    figures,
    listed,
    page,
    section,
    table,
    without_word,
)
from separatrix.views.subject import Subject, model_section
from separatrix.views.tables import Group, basis, verdict_rows

MARKS = {
    "safe": "good",
    "can get stuck": "warning",
    "always stuck": "bad",
    "inconclusive": "unknown",
}
SIGNS = {"holds": "✓ holds", "fails": "✗ fails", "unknown": "? unknown"}


def report_html(verdict: Verdict, subject: Subject, kept: Sequence[Kept] = ()) -> str:
    """The page as text. It makes no request and needs no JavaScript.

    Parameters
    ----------
    verdict : the answer.
    subject : the model, and the command that made the page.
    kept : the limits of the model, and what became of them.
    """
    pictures = verdict_figures(verdict)
    return answer_html(verdict, pictures, verdict_rows(verdict), basis(verdict), subject, kept)


def answer_html(
    answer: Verdict | Witnessed,
    pictures: Sequence[str],
    groups: Sequence[Group],
    lines: Sequence[str],
    subject: Subject,
    kept: Sequence[Kept],
) -> str:
    """The page of any answer to `check`: its pictures, numbers in groups, and `lines` on what it rests on."""
    return page(
        name=answer.program.name,
        word=answer.word,
        mark=MARKS[answer.word],
        sentence=without_word(answer.word, answer.sentence),
        tiles=answer_tiles(answer),
        body=[
            limits_section(kept),
            section("Why", figures(pictures)),
            section("Numbers", *(table(title, rows) for title, rows in groups)),
            model_section(subject),
            section("Warnings", listed("", subject.warnings)),
            section("Evidence", listed("", lines)),
        ],
        command=subject.command,
        embedded=("separatrix-verdict", answer.to_dict()),
    )


def limits_section(kept: Sequence[Kept]) -> str:
    """Each limit, whether it is kept, and what was found; nothing where there are none."""
    # what was found, without the promise that stands beside it
    rows = [(str(k.limit), SIGNS[k.outcome], str(k).split(": ", 1)[-1]) for k in kept]
    header = ("promise", "kept?", "found")
    return section("Limits", table("", rows, header, stacked=True)) if rows else ""


def verdict_figures(verdict: Verdict) -> list[str]:
    """Phase portrait and stationary law, each with its finding."""
    from separatrix.views.figures import phase_portrait
    from separatrix.views.figures_canvas import inline_svg

    picture = portrait(verdict.found)
    finding = describe(picture.points, verdict.population)
    title = "Where it tips: the phase portrait"
    return [figure(inline_svg(phase_portrait(picture), title), finding, title), law_figure(verdict)]


def law_figure(verdict: Verdict) -> str:
    """The stationary law, with its finding."""
    from separatrix.views.figures import law_heat_map
    from separatrix.views.figures_canvas import inline_svg

    law = law_heat_map(verdict.population, verdict.law.log_pi)
    title = "Share of time by state"
    return figure(inline_svg(law, title), _law_finding(verdict), title)


def _law_finding(verdict: Verdict) -> str:
    parts = [f"{r.name} {percent_text(r.probability)}" for r in verdict.regimes]
    told = f"In the very long run, if nobody ever helps, it is {', '.join(parts)} of the time."
    if verdict.collapse is None:
        return told
    often = duration_text(verdict.collapse.mean)
    return f"{told} From a healthy start it takes {often}, in the mean, to get stuck."
