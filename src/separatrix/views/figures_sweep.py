"""Pictures over parameters: the risk map over two, and recovery over load by every engine."""

# matplotlib leaves the types of its keyword arguments open
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownLambdaType=false

from __future__ import annotations

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter

from separatrix.model.quantities import duration_text
from separatrix.questions.recovery import RecoveryByEngine
from separatrix.questions.sweep import SweepResult
from separatrix.views.figures import BLUE, GREEN, GREY, ORANGE, RED
from separatrix.views.sweep_tables import LETTERS, shown

_COLOURS = dict(zip(LETTERS, (GREEN, ORANGE, RED, GREY), strict=True))
_MOST_LABELS = 12


def risk_map(found: SweepResult) -> Figure:
    """Verdict over two parameters by colour, with a letter and the recovery time in each cell.

    Raises ValueError where the sweep has not two parameters.
    """
    if len(found.names) != 2:
        raise ValueError(f"a map needs two parameters, got {len(found.names)}")
    words, times = found.array("verdict"), found.array("recovery_mean_s")
    codes = np.vectorize(list(LETTERS).index, otypes=[np.int64])(words)
    rows, columns = found.shape
    figure = Figure(figsize=(7.2, 4.8), layout="constrained")
    axes = figure.add_subplot()
    colours = ListedColormap(list(_COLOURS.values()))
    axes.imshow(codes, cmap=colours, vmin=0, vmax=3, origin="lower", aspect="auto", alpha=0.55)
    if rows * columns <= 200:
        for i in range(rows):
            for j in range(columns):
                time = f"\n{duration_text(times[i, j])}" if np.isfinite(times[i, j]) else ""
                axes.text(
                    j, i, f"{LETTERS[words[i, j]]}{time}", ha="center", va="center", fontsize=6
                )
    for axis, name, values in (
        (axes.yaxis, found.names[0], found.values[0]),
        (axes.xaxis, found.names[1], found.values[1]),
    ):
        step = -(-len(values) // _MOST_LABELS)
        places = range(0, len(values), step)
        axis.set_ticks(list(places), [shown(values[k]) for k in places])
        axis.set_label_text(name)
    present = [w for w in LETTERS if w in set(words.ravel())]
    axes.legend(
        handles=[
            Patch(facecolor=_COLOURS[w], alpha=0.55, edgecolor=BLUE, label=f"{LETTERS[w]}  {w}")
            for w in present
        ],
        loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8,
    )  # fmt: skip
    axes.set_title(f"{found.program}: {found.finding()}", fontsize=9)
    return figure


_MARKS = {"fluid": "^", "staged": "o", "geometric": "s", "simulation": "D"}
_LINES = {"fluid": ORANGE, "staged": BLUE, "geometric": GREEN, "simulation": RED}


def recovery_engines(found: RecoveryByEngine) -> Figure:
    """Mean recovery over the arrival rate by every engine, log scale; bars are intervals.

    Times that an engine does not know, or that never end, are left out.
    """
    figure = Figure(figsize=(7.2, 4.2), layout="constrained")
    axes = figure.add_subplot()
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
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    axes.set_title(found.finding(), fontsize=9)
    return figure
