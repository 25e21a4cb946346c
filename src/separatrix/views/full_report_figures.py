"""The report's pictures, each with its question as a title and its finding as a caption."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

from separatrix.model.quantities import duration_text, rate_text
from separatrix.questions.dossier import Dossier
from separatrix.questions.glance import Glance
from separatrix.questions.recovery import RecoveryOverLoad
from separatrix.views.glance_tiles import load_caption
from separatrix.views.page import figure, figures, folded
from separatrix.views.report import law_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def reasons(dossier: Dossier) -> list[str]:
    """Every picture there is an answer for; the long-run law, which explains least, is folded away."""
    from separatrix.views.figures_canvas import inline_svg

    def drawn(name: str, title: str, picture: Figure, caption: str) -> str:
        svg = inline_svg(picture, title)
        return figure(f'<div data-figure="{name}">{svg}</div>', caption, title)

    found: list[str] = []
    quick, course = dossier.quick, dossier.course
    if course is not None:
        from separatrix.views.figures_simulation import through_faults

        title = "What a spike does" if dossier.supposed else "What your fault does"
        found.append(drawn("timeline", title, through_faults(course), _course(dossier)))
    if quick is not None and quick.portrait is not None:
        title = "Where it tips: the separatrix"
        found.append(drawn("portrait", title, _portrait(dossier, quick), _tipping(dossier, quick)))
    if quick is not None and quick.curve is not None and quick.range is not None:
        from separatrix.views.figures_fluid import hysteresis_curve

        picture = hysteresis_curve(quick.curve, quick.range, "requests/s", name=_rate_name(dossier))
        found.append(
            drawn("hysteresis", "How much load is too much", picture, load_caption(quick.range))
        )
    if dossier.curve is not None:
        from separatrix.views.figures import recovery_curve

        picture = recovery_curve(dossier.curve)
        caption = _recovery(dossier, dossier.curve)
        found.append(drawn("recovery", "How long it takes to come back", picture, caption))
    if dossier.map is not None:
        found.append(drawn("map", "Which loads and retries are safe", *_map(dossier)))
    if dossier.knobs is not None and dossier.knobs.bars:
        from separatrix.views.figures import tornado_bars

        title = "Which knob matters"
        found.append(drawn("tornado", title, tornado_bars(dossier.knobs), dossier.knobs.finding()))
    pieces = [figures(found)]
    if dossier.verdict is not None:
        law = figures([law_figure(dossier.verdict)])
        pieces.append(folded("Where it spends its time in the very long run", law))
    return pieces


def _portrait(dossier: Dossier, quick: Glance) -> Figure:
    """The plane with its separatrix, and the path that the model's own faults take across it."""
    from separatrix.views.figures import phase_portrait
    from separatrix.views.figures_fluid import basin_portrait

    assert quick.portrait is not None  # noqa: S101 - the caller has looked
    if quick.basins is None:
        return phase_portrait(quick.portrait)
    path = dossier.course.path if dossier.course is not None else None
    on_plane = path is not None and len(path.population.axes) == 2
    return basin_portrait(
        quick.portrait,
        quick.basins,
        path=path.states if path is not None and on_plane else None,
        through="the spike" if dossier.supposed else "your faults",
    )


def _course(dossier: Dossier) -> str:
    assert dossier.course is not None  # noqa: S101 - the caller has looked
    bands = "Bands hold 95 % of the runs"
    line = ", the dashed lines are the mean dynamics" if dossier.course.mean else ""
    return f"{dossier.course.finding()} {dossier.supposed} {bands}{line}.".replace("  ", " ")


def _tipping(dossier: Dossier, quick: Glance) -> str:
    """The finding of the portrait, and whether the model's own faults cross the line."""
    course = dossier.course
    if quick.basins is None or len(quick.basins.separatrix) == 0 or course is None:
        return quick.finding
    if course.path is None or len(course.path.population.axes) != 2:
        return quick.finding
    end = max((end for _, end, _ in course.faults), default=0.0)
    after = course.path.states[course.path.times >= end]
    if len(after) == 0:
        return quick.finding
    crossed = not bool(quick.basins.recovers(after[-1:])[0])
    told = "ends beyond it" if crossed else "ends on the safe side"
    whose = "this spike" if dossier.supposed else "your faults"
    return f"{quick.finding} The path of {whose} {told}."


def _rate_name(dossier: Dossier) -> str:
    return f"arrival rate of {dossier.program.sources[0].name}"


def _recovery(dossier: Dossier, curve: RecoveryOverLoad) -> str:
    """The finding, with the load at which danger begins from where it is known best."""
    back = [
        (rate, p99)
        for rate, word, p99 in zip(curve.rates, curve.words, curve.p99s, strict=True)
        if word == "safe" and isfinite(p99)
    ]
    told = ""
    if back:
        rate, p99 = max(back)
        told = f"At {rate_text(rate)}, 99 % of recoveries end within {duration_text(p99)}. "
    spread = dossier.quick.range if dossier.quick is not None else None
    if spread is not None and spread.exists:
        told += f"From {rate_text(spread.low)} on an overload can stay. "
    if curve.engine == "markov":
        return f"{told}After a long outage, by the exact chain at each load."
    here = "" if dossier.verdict is None else "; at the present load by the exact chain"
    return f"{told}Simulated after a long outage{here}."


def _map(dossier: Dossier) -> tuple[Figure, str]:
    from separatrix.views.figures_sweep import risk_map

    assert dossier.map is not None  # noqa: S101 - the caller has looked
    source = dossier.program.sources[0]
    picture = risk_map(
        dossier.map,
        here=(source.mean_rate, source.retries),
        names=(f"arrival rate of {source.name} [requests/s]", f"retries of {source.name}"),
        titled=False,
    )
    words = dossier.map.array("verdict")
    safe = [
        (retries, max((r for r, w in zip(dossier.map.values[0], column, strict=True) if w == "safe"), default=0.0))
        for retries, column in zip(dossier.map.values[1], words.T, strict=True)
    ]  # fmt: skip
    told = ", ".join(
        f"{rate_text(rate) if rate > 0 else 'none'} with {n:.0f} {'retry' if n == 1 else 'retries'}"
        for n, rate in safe[:4]
    )
    return picture, f"Highest safe load on the map: {told}. By the mean dynamics."
