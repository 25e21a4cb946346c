"""The full report: the verdict, the reasons and the fix, on one page that needs nothing else."""

from __future__ import annotations

import hashlib
import html
from collections.abc import Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from separatrix.model.edits import Document
from separatrix.model.quantities import duration_text
from separatrix.questions.dossier import Dossier
from separatrix.questions.glance import Glance
from separatrix.views.page import figure, listed, model_section, page, table
from separatrix.views.remedy_tables import lines
from separatrix.views.report import MARKS, law_figure
from separatrix.views.tables import basis, verdict_rows

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def full_report(
    dossier: Dossier,
    *,
    yaml: str,
    english: Sequence[str],
    warnings: Sequence[str],
    command: str,
    seed: int,
    interactive: bool = True,
) -> str:
    """The page as text.

    Parameters
    ----------
    yaml, english, warnings : the model as its file, in words, and what in it looks like a mistake.
    command, seed : what made the page, for provenance.
    interactive : carry the drawing library (1.5 MB), so that figures can be zoomed and read off.
    """
    verdict = dossier.verdict
    body = [
        _limits(dossier),
        *_figures(dossier),
        *([table(t, rows) for t, rows in verdict_rows(verdict)] if verdict is not None else []),
        _fixes(dossier, yaml),
        model_section(yaml, english),
        listed("Warnings", warnings),
        _engines(dossier),
        listed(
            "What this rests on",
            [
                *(basis(verdict) if verdict is not None else []),
                f"model {hashlib.sha256(yaml.encode()).hexdigest()[:16]}, seed {seed}",
            ],
        ),
        listed("What could not be concluded", [f"{k}: {v}" for k, v in dossier.open.items()]),
    ]
    document = dossier.to_dict()
    if dossier.course is not None:
        document["simulation_series"] = bands(dossier.course)
    if dossier.path is not None and document["mean_dynamics"] is not None:
        path = dossier.path
        course = {"queue": path.total("queue").tolist(), "orbit": path.total("orbit").tolist()}
        (document["mean_dynamics"]["portrait"] or {})["course"] = course
    text = page(
        name=dossier.program.name,
        word=dossier.word,
        mark=MARKS[dossier.word],
        sentence=dossier.sentence,
        body=body,
        command=command,
        embedded=("separatrix-report", document),
    )
    return text.replace("</body>", f"{_script()}</body>") if interactive else text


def _script() -> str:
    """The drawing library and what draws with it, inside the page."""
    assets = files("separatrix.views") / "assets"
    parts = [
        (assets / name).read_text(encoding="utf-8")
        for name in ("plotly-cartesian.min.js", "figures.js", "report.js")
    ]
    # inside a page, a script ends at the first of its end tags, wherever that stands
    safe = (part.replace("</script", "<\\/script") for part in parts)
    return "".join(f"<script>{part}</script>" for part in safe)


def _limits(dossier: Dossier) -> str:
    if not dossier.limits:
        return ""
    rows = [(kept.outcome, str(kept.limit), str(kept)) for kept in dossier.limits]
    return table("Limits", rows, ("", "promise", "found"))


def _figures(dossier: Dossier) -> list[str]:
    from separatrix.views.figures import as_svg, recovery_curve, tornado_bars

    found: list[str] = []
    quick = dossier.quick
    if quick is not None and quick.portrait is not None:
        svg = as_svg(_portrait(dossier, quick), "Phase portrait")
        found.append(_plot("portrait", svg, quick.finding))
    if quick is not None and quick.curve is not None and quick.range is not None:
        from separatrix.views.figures_fluid import hysteresis_curve

        svg = as_svg(hysteresis_curve(quick.curve, quick.range, "requests/s"), "Hysteresis")
        found.append(_plot("hysteresis", svg, quick.range.finding()))
    if dossier.verdict is not None:
        found.append(law_figure(dossier.verdict))
    if dossier.course is not None:
        from separatrix.views.figures_simulation import through_faults

        series = bands(dossier.course)
        faults = [(f.start, f.start + f.duration) for f in dossier.program.faults.faults]
        svg = as_svg(through_faults(series, faults), "Through the faults")
        found.append(_plot("timeline", svg, _course_finding(dossier, series)))
    if dossier.curve is not None:
        curve = dossier.curve
        svg = as_svg(recovery_curve(curve.rates, curve.means, curve.p99s), "Recovery over load")
        found.append(figure(svg, curve.finding()))
    if dossier.knobs is not None and dossier.knobs.bars:
        svg = as_svg(tornado_bars(dossier.knobs), "Knobs")
        found.append(figure(svg, dossier.knobs.finding()))
    if dossier.map is not None:
        from separatrix.views.figures_sweep import risk_map

        found.append(figure(as_svg(risk_map(dossier.map), "Risk map"), _map_finding(dossier)))
    return found


def _portrait(dossier: Dossier, quick: Glance) -> Figure:
    """The plane with its separatrix, and the path that the model's own faults take across it."""
    from separatrix.views.figures import phase_portrait
    from separatrix.views.figures_fluid import basin_portrait

    assert quick.portrait is not None  # noqa: S101 - the caller has looked
    if quick.basins is None:
        return phase_portrait(quick.portrait)
    on_plane = dossier.path is not None and len(dossier.path.population.axes) == 2
    path = dossier.path.states if on_plane and dossier.path is not None else None
    return basin_portrait(quick.portrait, quick.basins, path=path)


def _plot(name: str, svg: str, caption: str) -> str:
    """A static picture in a place that the page's script may draw over."""
    return figure(f'<div class="plot" data-figure="{name}">{svg}</div>', caption)


def _course_finding(dossier: Dossier, series: dict[str, Any]) -> str:
    end = dossier.program.faults.end
    time, goodput = np.array(series["time"]), np.array(series["goodput"][1])
    first = min(f.start for f in dossier.program.faults.faults)
    before = goodput[(time > 0) & (time <= first)].mean() if first > 0 else goodput.max()
    after = goodput[time > time[-1] - (time[-1] - end) / 3].mean()
    state = "is back at" if after > 0.9 * before else "stays at"
    return (
        f"Through the model's own faults, simulated: {before:.3g} requests/s are answered in time "
        f"before; at the end the middle run {state} {after:.3g}."
    )


def _map_finding(dossier: Dossier) -> str:
    assert dossier.map is not None  # noqa: S101 - the caller has looked
    rate, retries = (name.rsplit(".", 1)[1].replace("_", " ") for name in dossier.map.names)
    return f"Verdict of the mean dynamics over {rate} and {retries}; the model stands where it is."


def _fixes(dossier: Dossier, yaml: str) -> str:
    fixes = dossier.fixes
    if fixes is None:
        return ""
    if not fixes.needed:
        return "<h2>Remedies</h2><p>None is needed.</p>"
    parts = ["<h2>Remedies</h2><ol>"]
    for remedy in fixes.found:
        document = Document(yaml)
        document.set_all(remedy.changes)
        parts.append(
            f"<li><p><strong>{html.escape(remedy.text)}</strong></p>"
            + "".join(f"<p>{html.escape(line)}</p>" for line in lines(remedy))
            + f'<pre tabindex="0">{html.escape(difference(yaml, document.text))}</pre></li>'
        )
    return "".join([*parts, "</ol>"])


def difference(before: str, after: str) -> str:
    """The lines that differ, as a patch to copy."""
    from difflib import unified_diff

    changed = unified_diff(before.splitlines(), after.splitlines(), "model", "model", "", "", 1, "")
    return "\n".join(changed)


def _engines(dossier: Dossier) -> str:
    engines = dossier.engines
    if engines is None:
        return ""
    rows = [
        (
            answer.engine,
            answer.word,
            "-" if answer.recovery is None else duration_text(answer.recovery.mean),
            "-" if answer.collapse is None else duration_text(answer.collapse.mean),
            answer.reason,
        )
        for answer in engines.answers
    ]
    title = "The engines agree" if engines.agreed else "The engines do not agree"
    head = ("engine", "verdict", "recovery", "collapse", "")
    return table(title, rows, head) + listed("Where they differ", engines.differences)


def bands(result: Any) -> dict[str, Any]:
    """Median and 95 % band over the runs of what the time line shows."""
    dataset = result.to_xarray(runs=True)
    sources = dataset.stream.values[: result.columns.compiled.sources]
    found: dict[str, Any] = {"time": dataset.time.values.tolist()}
    for name, of in (("goodput", "stream"), ("attempts", "stream"), ("queue", "server")):
        part = dataset[name].sel(stream=sources) if of == "stream" else dataset[name]
        found[name] = part.sum(of).quantile([0.025, 0.5, 0.975], dim="run").values.tolist()
    return found
