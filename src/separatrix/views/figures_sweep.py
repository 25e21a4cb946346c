"""Pictures over parameters: the risk map over two, and recovery over load by every engine."""

# matplotlib leaves the types of its keyword arguments open
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownLambdaType=false

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter

from separatrix.model.quantities import duration_text
from separatrix.questions.recovery import RecoveryByEngine
from separatrix.questions.sweep_result import SweepResult
from separatrix.views.figures_canvas import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PAPER,
    RED,
    canvas,
    legend_below,
)
from separatrix.views.sweep_tables import LETTERS, shown

_COLOURS = dict(zip(LETTERS, (GREEN, ORANGE, RED, GREY), strict=True))
_MOST_LABELS = 12


def risk_map(
    found: SweepResult,
    *,
    here: tuple[float, float] | None = None,
    names: tuple[str, str] | None = None,
    titled: bool = True,
) -> Figure:
    """Verdict over two parameters by colour and by a letter in each cell.

    Parameters
    ----------
    here : where the model stands, ringed.
    names : of the axes, with units; by default the parameters' paths.
    titled : the finding above, where the picture stands alone.

    Raises ValueError where the sweep has not two parameters.
    """
    if len(found.names) != 2:
        raise ValueError(f"a map needs two parameters, got {len(found.names)}")
    words = found.array("verdict")
    codes = np.vectorize(list(LETTERS).index, otypes=[np.int64])(words)
    rows, columns = found.shape
    figure, axes = canvas(1.4 + 0.2 * min(max(rows, 8), 16))
    colours = ListedColormap(list(_COLOURS.values()))
    edges = np.arange(columns + 1) - 0.5, np.arange(rows + 1) - 0.5
    axes.pcolormesh(*edges, codes, cmap=colours, vmin=0, vmax=3, alpha=0.6, edgecolor=PAPER)
    if rows * columns <= 200:
        for i in range(rows):
            for j in range(columns):
                axes.text(j, i, LETTERS[words[i, j]], ha="center", va="center", fontsize=9)
    titles = names or found.names
    for axis, name, values in (
        (axes.yaxis, titles[0], found.values[0]),
        (axes.xaxis, titles[1], found.values[1]),
    ):
        step = -(-len(values) // _MOST_LABELS)
        places = range(0, len(values), step)
        axis.set_ticks(list(places), [shown(values[k]) for k in places])
        axis.set_label_text(name)
    entries: list[Any] = [
        Patch(facecolor=_COLOURS[w], alpha=0.6, label=f"{LETTERS[w]}  {w}")
        for w in LETTERS
        if w in set(words.ravel())
    ]
    if here is not None:
        at = [_place(v, value) for v, value in zip(found.values, here, strict=True)]
        ring = axes.plot(
            at[1], at[0], "o", markersize=15, markerfacecolor="none", markeredgecolor=INK,
            markeredgewidth=2, linestyle="none", label="you are here",
        )  # fmt: skip
        entries += ring
    figure.legend(handles=entries, loc="outside lower center", ncols=2, frameon=False)
    if titled:
        axes.set_title(f"{found.program}: {found.finding()}", fontsize=9)
    return figure


def _place(values: Sequence[float], value: float) -> float:
    """Where a value stands on an axis of cells."""
    return float(np.interp(value, values, np.arange(len(values))))


_MARKS = {"fluid": "^", "staged": "o", "geometric": "s", "simulation": "D"}
_LINES = {"fluid": ORANGE, "staged": BLUE, "geometric": GREEN, "simulation": RED}


def recovery_engines(found: RecoveryByEngine) -> Figure:
    """Mean recovery over the arrival rate by every engine, log scale; bars are intervals.

    Times that an engine does not know, or that never end, are left out.
    """
    figure, axes = canvas(3.6)
    for engine in found.engines:
        points = [
            (rate, time)
            for rate, time in zip(found.rates, found.curve(engine), strict=True)
            if time is not None and np.isfinite(time.mean) and time.mean > 0
        ]
        if not points:
            continue
        means = np.array([time.mean for _, time in points])
        bars = np.abs(np.array([(t.mean - t.low, t.high - t.mean) for _, t in points]).T)
        axes.errorbar(
            [rate for rate, _ in points], means, yerr=bars, marker=_MARKS[engine], markersize=5,
            color=_LINES[engine], capsize=3, linewidth=1.2, label=engine,
        )  # fmt: skip
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: duration_text(value)))
    axes.set_xlabel(f"arrival rate of {found.source} [requests/s]")
    axes.set_ylabel("mean recovery after a long outage")
    axes.grid()
    legend_below(figure, axes, 2)
    axes.set_title(found.finding(), fontsize=9)
    return figure
