"""Picture of a plan: each target's load before and after the moves."""

# matplotlib leaves the types of its keyword arguments open
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from separatrix.views.figures_canvas import BLUE, INK, RED, canvas, panels

if TYPE_CHECKING:
    from separatrix.placement import Plan


def peaks(plan: Plan) -> Figure:
    """Peak load of each target, before and after."""
    count = len(plan.targets)
    figure, axes = canvas(1.3 + 0.42 * count)
    place = np.arange(count)
    axes.barh(place - 0.2, plan.peak_before, 0.38, color=RED, label="before")
    axes.barh(place + 0.2, plan.peak_after, 0.38, color=BLUE, label="after")
    axes.axvline(plan.bound, color=INK, linewidth=1.2, linestyle="--", label="no plan is lower")
    names = [name.encode("unicode_escape").decode("ascii") for name in plan.targets]
    axes.set_yticks(place, names)
    for text in axes.get_yticklabels():
        text.set_parse_math(False)  # a name with $ is no formula
    axes.invert_yaxis()
    axes.set_xlabel("peak load [weighted operations/s]")
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    return figure


def load_before_after(plan: Plan) -> Figure:
    """Every target's load over the windows, before and after the moves, on one scale."""
    figure, (before, after) = panels(4.0, 2)
    middle = np.arange(plan.before.shape[1], dtype=np.float64) + 0.5
    hours = middle * plan.window / 3600.0
    top = 1.05 * max(float(plan.before.max(initial=0.0)), 1e-300)
    for axes, name, loads, colour in (
        (before, "before", plan.before, RED),
        (after, "after", plan.after, BLUE),
    ):
        single = "o" if len(hours) == 1 else None  # one window makes no line
        axes.plot(hours, loads.T, color=colour, linewidth=1.1, alpha=0.8, marker=single)
        axes.set_ylabel(f"{name} [operations/s]", fontsize=9)
        axes.set_ylim(0.0, top)
        axes.margins(x=0)
        axes.grid()
    after.set_xlabel("time of day [h UTC]" if plan.folded else "time [h]")
    return figure
