"""Pictures of results. Each returns a matplotlib Figure; nothing here computes or shows.

Colours are those of Okabe and Ito (2008), which colour-blind readers can tell apart; meaning is
always carried by shape or word as well.
"""

# matplotlib leaves the types of its keyword arguments open
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownLambdaType=false

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from separatrix.model.quantities import duration_text
from separatrix.population import Array, Population
from separatrix.questions.portrait import Portrait
from separatrix.questions.tornado import Tornado

BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#555555"
VIOLET = "#CC79A7"
_WIDTH = 7.2


def phase_portrait(portrait: Portrait, caption: str = "") -> Figure:
    """Drift field over queue x orbit, zero-drift curves, fixed points by stability.

    Arrows give the direction, colour the speed. Filled circles attract, open ones repel.
    """
    figure, axes = _blank(4.6)
    speed = np.hypot(portrait.queue_drift, portrait.orbit_drift)
    grid = (portrait.queue, portrait.orbit)
    if len(portrait.orbit) == 2:
        axes.plot(portrait.queue, portrait.queue_drift[0], color=BLUE, label="queue drift")
        axes.axhline(0, color=GREY, linewidth=0.8)
        axes.set_ylabel("mean change of the queue [attempts/s]")
    else:
        field = axes.streamplot(
            *grid,
            portrait.queue_drift,
            portrait.orbit_drift,
            color=np.log10(np.maximum(speed, 1e-3)),
            cmap="cividis",
            density=1.1,
            linewidth=0.8,
            arrowsize=0.9,
        )
        bar = figure.colorbar(field.lines, ax=axes, pad=0.02)
        bar.set_label("speed [1/s], log10")
        _curve(axes, portrait, portrait.queue_drift, BLUE, "-", "queue at rest")
        _curve(axes, portrait, portrait.orbit_drift, ORANGE, "--", "orbit at rest")
        if portrait.ridge is not None:
            axes.contour(*grid, portrait.ridge, levels=[0.5], colors=[RED], linewidths=2)
            axes.plot([], [], color=RED, linewidth=2, label="separatrix (even odds)")
        axes.set_ylabel("orbit [requests]")
        axes.set_ylim(0, portrait.orbit[-1])
    for stable in (True, False):
        places = np.array([_place(p.state) for p in portrait.points if p.stable == stable])
        if len(places):
            axes.scatter(
                places[:, 0],
                places[:, 1] if len(portrait.orbit) > 2 else 0 * places[:, 0],
                s=70,
                zorder=5,
                clip_on=False,
                facecolor=GREEN if stable else "white",
                edgecolor="black",
                label="attracts" if stable else "repels",
            )
    axes.set_xlabel("queue [attempts]")
    axes.set_xlim(portrait.queue[0], portrait.queue[-1])
    axes.legend(loc="upper left", fontsize=8, framealpha=0.9)
    return _captioned(figure, caption)


def law_heat_map(population: Population, log_pi: Array, caption: str = "") -> Figure:
    """Stationary law over queue x orbit, as decades of probability.

    Parameters
    ----------
    log_pi : natural logarithm of the probability of each state, of the box's shape; orbits beyond
        the first are summed over.
    """
    figure, axes = _blank(4.2)
    table = log_pi
    while table.ndim > 2:
        table = np.logaddexp.reduce(table, axis=-1)
    decades = table / np.log(10.0)
    if decades.ndim == 1:
        axes.plot(np.arange(len(decades)), decades, color=BLUE)
        axes.set_ylabel("probability [log10]")
    else:
        top = float(np.max(decades))
        image = axes.imshow(
            decades.T,
            origin="lower",
            aspect="auto",
            cmap="cividis",
            vmin=max(top - 16, float(np.min(decades[np.isfinite(decades)]))),
            vmax=top,
        )
        figure.colorbar(image, ax=axes, pad=0.02).set_label("probability [log10]")
        axes.set_ylabel("orbit [requests]")
    axes.set_xlabel(f"{population.axes[0].name} [attempts]")
    return _captioned(figure, caption)


def recovery_curve(
    loads: Sequence[float], means: Sequence[float], p99s: Sequence[float], caption: str = ""
) -> Figure:
    """Recovery time [s] over the arrival rate [1/s], mean and 99th percentile, log scale."""
    figure, axes = _blank(3.8)
    axes.plot(loads, means, color=BLUE, marker="o", markersize=4, label="mean")
    axes.plot(loads, p99s, color=RED, marker="s", markersize=4, linestyle="--", label="99 % within")
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: duration_text(value)))
    axes.set_xlabel("arrival rate [requests/s]")
    axes.set_ylabel("recovery time")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return _captioned(figure, caption)


def tornado_bars(found: Tornado, caption: str = "") -> Figure:
    """Where danger begins [requests/s] when each knob is turned down and up by a quarter.

    A bar that ends in an arrow goes on: no load is dangerous then.
    """
    figure, axes = _blank(0.5 + 0.42 * max(len(found.bars), 1))
    ends = [d for b in found.bars for d in (b.danger_lower, b.danger_upper)]
    finite = [d for d in (*ends, found.danger, found.rate) if np.isfinite(d)]
    top = 1.15 * max(finite)
    middle = min(found.danger, top)
    for row, bar in enumerate(found.bars):
        for end, colour, word in (
            (bar.danger_lower, ORANGE, f"{bar.lower:.3g}"),
            (bar.danger_upper, BLUE, f"{bar.upper:.3g}"),
        ):
            if np.isnan(end):
                continue
            reach = min(end, top)
            axes.barh(row, reach - middle, left=middle, color=colour, height=0.55, alpha=0.85)
            beside = "left" if reach >= middle else "right"
            text = f" {word}{' →' if np.isinf(end) else ''} "
            axes.text(reach, row, text, ha=beside, va="center", fontsize=8)
    axes.set_yticks(range(len(found.bars)), [bar.label for bar in found.bars], fontsize=8)
    axes.invert_yaxis()
    axes.axvline(middle, color=GREY, linewidth=1)
    axes.axvline(found.rate, color=GREEN, linewidth=1.5, label="now")
    axes.set_xlabel(f"arrival rate of {found.source} at which danger begins [requests/s]")
    axes.set_xlim(0, 1.08 * top)
    axes.legend(fontsize=8, loc="lower right")
    return _captioned(figure, caption)


def as_svg(figure: Figure, title: str) -> str:
    """The figure as an inline SVG element with a title for screen readers."""
    buffer = StringIO()
    style: dict[str, Any] = {"Date": None, "Title": title}
    figure.savefig(buffer, format="svg", metadata=style)
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def _blank(height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(_WIDTH, height), layout="constrained")
    return figure, figure.subplots()


def _captioned(figure: Figure, caption: str) -> Figure:
    if caption:
        figure.supxlabel(caption, fontsize=9, wrap=True)
    return figure


def _curve(
    axes: Axes, portrait: Portrait, values: Array, color: str, style: str, label: str
) -> None:
    axes.contour(
        portrait.queue, portrait.orbit, values, levels=[0], colors=[color], linestyles=style
    )
    axes.plot([], [], color=color, linestyle=style, label=label)


def _place(state: Array) -> tuple[float, float]:
    return float(state[0]), float(state[1:].sum())
