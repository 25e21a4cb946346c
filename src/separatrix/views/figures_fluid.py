"""Pictures of the fluid reading: basins, hysteresis with the margin, tipping curves.

Each returns a matplotlib Figure and computes nothing. Colours and rules as in `figures`.
"""

# matplotlib leaves the types of its keyword arguments open
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

from math import isfinite

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from separatrix.fluid.basins import Basins
from separatrix.fluid.continuation import Hysteresis
from separatrix.fluid.stretches import MetastableRange
from separatrix.model.quantities import duration_text
from separatrix.population import Array
from separatrix.questions.portrait import Portrait
from separatrix.questions.tipping_curve import TippingCurve
from separatrix.views.figures import phase_portrait
from separatrix.views.figures_canvas import (
    BLUE,
    GREEN,
    INK,
    ORANGE,
    PAPER,
    RED,
    VIOLET,
    canvas,
    captioned,
    legend_below,
)


def basin_portrait(
    portrait: Portrait, found: Basins, caption: str = "", *, path: Array | None = None,
    through: str = "your faults",
) -> Figure:  # fmt: skip
    """The phase portrait with the separatrix of the mean dynamics, and the stuck basin shaded.

    path : (n, 2) states that the service passes through faults, drawn across.
    through : whose they are, in words.
    """
    figure = phase_portrait(portrait, caption)
    axes = figure.axes[0]
    line = found.separatrix
    if len(line):
        # above its end the line has met the axis of the orbit: nothing there comes back
        above = [[0.0, line[:, 1].max()], [0.0, portrait.orbit[-1]]]
        line = np.concatenate([line, above])
        order = np.argsort(line[:, 1])
        axes.fill_betweenx(
            line[order, 1], line[order, 0], portrait.queue[-1], color=RED, alpha=0.12, linewidth=0,
            label="does not come back",
        )  # fmt: skip
        axes.plot(*found.separatrix.T, color=RED, linewidth=2.2, label="separatrix")
    if path is not None:
        axes.plot(*path.T, color=VIOLET, linewidth=2.6, label=f"through {through}")
        _arrow(axes, path)
    legend_below(figure, axes, 2)
    return figure


def _arrow(axes: Axes, path: Array) -> None:
    """The way in which a path runs, at the middle of its length."""
    size = np.ptp(path, axis=0)
    steps = np.hypot(*(np.diff(path, axis=0) / np.where(size > 0, size, 1.0)).T)
    if not steps.sum() > 0:
        return
    at = min(int(np.searchsorted(np.cumsum(steps), 0.5 * steps.sum())), len(steps) - 1)
    middle = 0.5 * (path[at] + path[at + 1])
    begin = middle - 0.01 * (path[at + 1] - path[at])
    axes.annotate(
        "", middle, begin, arrowprops={"arrowstyle": "-|>", "color": VIOLET, "mutation_scale": 18}
    )


def hysteresis_curve(
    found: Hysteresis,
    spread: MetastableRange,
    unit: str = "",
    caption: str = "",
    *,
    name: str = "",
) -> Figure:
    """The queue at rest over a parameter; solid where it attracts, dashed where it repels.

    The metastable range is shaded, the present value marked, and its margin to the range written.
    name : of the parameter, instead of its path.
    """
    figure, axes = canvas(3.6)
    queues = list(found.queues)
    for branch in found.branches:
        height = branch.states[:, queues].sum(axis=1)
        stable = branch.stable
        for which, style, width in ((stable, "-", 2.2), (~stable, "--", 1.6)):
            # a step past the change keeps the pieces joined
            shown = which | np.roll(which, 1) | np.roll(which, -1) if style == "--" else which
            axes.plot(
                branch.values, np.where(shown, height, np.nan), style, linewidth=width,
                color=BLUE if style == "-" else ORANGE,
            )  # fmt: skip
    axes.plot([], [], "-", color=BLUE, label="rests (attracts)")
    axes.plot([], [], "--", color=ORANGE, label="divides (repels)")
    right = 2.0 * spread.value
    if spread.exists:
        for i, stretch in enumerate(spread.stretches):
            label = None if i else "can get stuck"
            axes.axvspan(stretch.low, stretch.high, color=RED, alpha=0.1, linewidth=0, label=label)
        # where danger reaches far beyond the present load, what is near it is what matters
        right = min(
            max(1.35 * spread.high, 1.2 * spread.value), 4.0 * max(spread.low, spread.value)
        )
        _margin(axes, spread, unit, right)
    axes.axvline(spread.value, color=GREEN, linewidth=2.0)
    axes.text(
        spread.value, 1.01, f"you are here: {spread.value:.4g}", va="bottom", fontsize=9,
        transform=axes.get_xaxis_transform(), ha="center",
    )  # fmt: skip
    axes.set_xlim(0.0, right)
    axes.set_ylim(bottom=0.0)
    title = name or found.parameter
    axes.set_xlabel(f"{title} [{unit}]" if unit else title)
    axes.set_ylabel("queue at rest [attempts]")
    axes.grid()
    legend_below(figure, axes)
    return captioned(figure, caption)


def _margin(axes: Axes, spread: MetastableRange, unit: str, right: float) -> None:
    """An arrow from the present value to the safe edge of the range, with its length."""
    edge = spread.edge
    if edge is None:
        return
    axes.annotate(
        "", (edge, 0.4), (spread.value, 0.4), xycoords=axes.get_xaxis_transform(),
        textcoords=axes.get_xaxis_transform(),
        arrowprops={"arrowstyle": "-|>", "color": INK, "shrinkA": 0, "shrinkB": 0},
    )  # fmt: skip
    words = "margin" if spread.margin > 0 else "too much"
    middle = 0.5 * (edge + spread.value)
    # words about a short arrow near the axis begin at it, so that they do not cover the axis
    beside = middle < 0.25 * right
    axes.text(
        min(edge, spread.value) if beside else middle, 0.42, f"{words} {abs(spread.margin):.3g} {unit}".rstrip(),
        transform=axes.get_xaxis_transform(), ha="left" if beside else "center", va="bottom", fontsize=9,
        bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1.5, "alpha": 0.8},
    )  # fmt: skip


def tipping_figure(curve: TippingCurve, caption: str = "") -> Figure:
    """Smallest factor over duration: below the line the service comes back, above it is trapped.

    Bars are the intervals of simulation, where half of the runs are trapped.
    """
    figure, axes = canvas(3.6)
    there = [p for p in curve.points if isfinite(p.factor)]
    durations, factors = [p.duration for p in there], [p.factor for p in there]
    axes.set_xscale("log")
    axes.set_yscale("log")
    if there:
        top = 2.0 * max(factors)
        axes.fill_between(durations, factors, top, color=RED, alpha=0.12, linewidth=0)
        axes.plot(durations, factors, color=RED, linewidth=2.0, label="fluid")
        axes.text(durations[-1], top / 1.3, "trapped", ha="right", va="top", color=RED, fontsize=10)
        axes.text(durations[0], 1.05, "comes back", ha="left", va="bottom", color=BLUE, fontsize=10)
        axes.set_ylim(1.0, top)
    seen = [
        (p.duration, p.seen.low, p.seen.high)
        for p in curve.points
        if p.seen is not None and isfinite(p.seen.high)
    ]
    if seen:
        at, low, high = (np.array(column) for column in zip(*seen, strict=True))
        middle = np.sqrt(low * high)
        axes.errorbar(
            at, middle, yerr=[middle - low, high - middle], fmt="o", markersize=4, capsize=3,
            color=BLUE, label="simulated: half of the runs",
        )  # fmt: skip
    axes.xaxis.set_major_formatter(FuncFormatter(_seconds))
    axes.yaxis.set_major_formatter(FuncFormatter(_times))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(f"duration of the {curve.kind}")
    axes.set_ylabel(f"{curve.kind} of {curve.where}")
    axes.grid(which="both")
    if there or seen:
        legend_below(figure, axes)
    return captioned(figure, caption or curve.finding())


def _seconds(value: float, _: object) -> str:
    return duration_text(value)


def _times(value: float, _: object) -> str:
    return f"{value:g}x"
