"""The verdict alone as a page: what `check -o` writes, at once and without simulations."""

from __future__ import annotations

from collections.abc import Sequence

from separatrix.questions.portrait import describe, portrait
from separatrix.questions.verdict import Verdict
from separatrix.questions.witnessed import Witnessed
from separatrix.views.page import figure, figures, listed, model_section, page, section, table
from separatrix.views.tables import Group, basis, verdict_rows

MARKS = {
    "safe": "good",
    "can get stuck": "warning",
    "always stuck": "bad",
    "inconclusive": "unknown",
}


def report_html(
    verdict: Verdict, *, yaml: str, english: Sequence[str], warnings: Sequence[str], command: str
) -> str:
    """The page as text. It makes no request and needs no JavaScript.

    Parameters
    ----------
    verdict : the answer.
    yaml, english : the model as a file and in words.
    warnings : of the model.
    command : the command that made the page.
    """
    return answer_html(
        verdict,
        verdict_figures(verdict),
        verdict_rows(verdict),
        basis(verdict),
        yaml=yaml,
        english=english,
        warnings=warnings,
        command=command,
    )


def answer_html(
    answer: Verdict | Witnessed,
    pictures: Sequence[str],
    groups: Sequence[Group],
    lines: Sequence[str],
    *,
    yaml: str,
    english: Sequence[str],
    warnings: Sequence[str],
    command: str,
) -> str:
    """The page of any answer to `check`: its pictures, numbers in groups, and `lines` on what it rests on."""
    return page(
        name=answer.program.name,
        word=answer.word,
        mark=MARKS[answer.word],
        sentence=answer.sentence,
        body=[
            section("Why", figures(pictures)),
            section("Numbers", *(table(title, rows) for title, rows in groups)),
            model_section(yaml, english),
            section("Warnings", listed("", warnings)),
            section("Evidence", listed("", lines)),
        ],
        command=command,
        embedded=("separatrix-verdict", answer.to_dict()),
    )


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
    parts = [f"{r.name} {r.probability:.2g}" for r in verdict.regimes]
    return f"Long-run share of time by state; in all: {', '.join(parts)}."
