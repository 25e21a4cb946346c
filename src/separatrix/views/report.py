"""The report: one HTML file that carries the verdict to somebody who has installed nothing."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from separatrix.questions.portrait import describe, portrait
from separatrix.questions.verdict import Verdict
from separatrix.views.page import figure, listed, model_section, page, table
from separatrix.views.tables import basis, verdict_rows

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
    return page(
        name=verdict.program.name,
        word=verdict.word,
        mark=MARKS[verdict.word],
        sentence=verdict.sentence,
        body=[
            *verdict_figures(verdict),
            *(table(title, rows) for title, rows in verdict_rows(verdict)),
            model_section(yaml, english),
            listed("Warnings", warnings),
            listed("What this rests on", basis(verdict)),
        ],
        command=command,
        embedded=("separatrix-verdict", verdict.to_dict()),
    )


def verdict_figures(verdict: Verdict) -> list[str]:
    """Phase portrait and stationary law, each with its finding."""
    from separatrix.views.figures import as_svg, phase_portrait

    picture = portrait(verdict.found)
    finding = describe(picture.points, verdict.population)
    return [figure(as_svg(phase_portrait(picture), "Phase portrait"), finding), law_figure(verdict)]


def law_figure(verdict: Verdict) -> str:
    """The stationary law, with its finding."""
    from separatrix.views.figures import as_svg, law_heat_map

    law = law_heat_map(verdict.population, verdict.law.log_pi)
    return figure(as_svg(law, "Stationary law"), _law_finding(verdict))


def write_atomically(path: str | Path, text: str) -> None:
    """Write `text` to `path` so that the file is either the old one or the whole new one."""
    target = Path(path)
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _law_finding(verdict: Verdict) -> str:
    parts = [f"{r.name} {r.probability:.2g}" for r in verdict.regimes]
    return f"Long-run share of time by state; in all: {', '.join(parts)}."
