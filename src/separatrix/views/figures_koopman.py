"""Pictures of learned models: predictions beside data, latent paths, eigenvalues, settling times."""

# matplotlib leaves the types of its keyword arguments open
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from separatrix.koopman.portrait import LearnedPortrait
from separatrix.koopman.settling import Settling
from separatrix.model.quantities import duration_text

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_MARKS = ("o", "s", "^", "D", "v", "P")
_GREY = "#555555"


def learned_figure(portrait: LearnedPortrait) -> Figure:
    """Predictions against data (a panel for each channel), latent paths, eigenvalues."""
    channels = len(portrait.names)
    figure = Figure(figsize=(4.4 * max(2, channels), 7.4), layout="constrained")
    rows: Any = figure.subfigures(2, 1, height_ratios=(1.0, 1.1))
    above: Any = rows[0].subplots(1, channels, squeeze=False)[0]
    for c, axes in enumerate(above):
        for i, part in enumerate(portrait.comparisons):
            colour = _COLOURS[i % len(_COLOURS)]
            runs = f"{part.runs} run{'s' * (part.runs > 1)} from {part.begin:g} s"
            axes.fill_between(
                part.time, part.low[:, c], part.high[:, c], color=colour, alpha=0.15, linewidth=0
            )
            axes.plot(part.time, part.mean[:, c], color=colour, linewidth=1, label=runs)
            axes.plot(
                part.time, part.predicted[:, c], color=colour, linewidth=2, linestyle="--",
                label="predicted",
            )  # fmt: skip
        axes.set_xlabel("time since the start [s]")
        axes.set_ylabel(portrait.names[c])
        axes.margins(x=0)
    above[0].legend(fontsize=7)
    rows[0].suptitle("mean of the runs (shaded: 80 % of them) and prediction", fontsize=9)
    left, right = rows[1].subplots(1, 2)
    for i, path in enumerate(portrait.paths):
        left.plot(
            path[:, 0], path[:, 1], color=_COLOURS[i % len(_COLOURS)], linewidth=0.6, alpha=0.7
        )
        left.plot(*path[0], color=_COLOURS[i % len(_COLOURS)], marker=_MARKS[i % len(_MARKS)])
    left.set_xlabel("slowest eigenfunction")
    left.set_ylabel("second eigenfunction")
    left.set_title("runs in the latent space (mark: start)", fontsize=9)
    _unit_circle(right, portrait)
    return figure


def _unit_circle(axes: Any, portrait: LearnedPortrait) -> None:
    angle = np.linspace(0.0, 2.0 * np.pi, 400)
    axes.plot(np.cos(angle), np.sin(angle), color=_GREY, linewidth=0.8)
    for i, values in enumerate(portrait.eigenvalues):
        axes.plot(
            values.real, values.imag, linestyle="none", marker=_MARKS[i % len(_MARKS)],
            color=_COLOURS[i % len(_COLOURS)], markerfacecolor="none", label=f"fit {i + 1}",
        )  # fmt: skip
    slowest = duration_text(float(portrait.timescales[0][0]))
    axes.set_title(f"eigenvalues of the step; slowest timescale {slowest}", fontsize=9)
    axes.set_aspect("equal")
    axes.set_xlabel("real part")
    axes.set_ylabel("imaginary part")
    if len(portrait.eigenvalues) > 1:
        axes.legend(fontsize=7, loc="lower left")


def settling_figure(found: Mapping[str, Settling]) -> Figure:
    """Settling time over delta, each reading with its interval; the names go to the legend."""
    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    axes = figure.subplots()
    for i, (name, settling) in enumerate(found.items()):
        colour, mark = _COLOURS[i % len(_COLOURS)], _MARKS[i % len(_MARKS)]
        known = np.isfinite(settling.mean)
        label = name if known.all() else f"{name} (in part inconclusive)"
        axes.plot(
            settling.deltas[known], settling.mean[known], color=colour, marker=mark, label=label,
            linestyle="--" if settling.method == "bound" else "-",
        )  # fmt: skip
        band = known & np.isfinite(settling.low) & np.isfinite(settling.high)
        axes.fill_between(
            settling.deltas[band], settling.low[band], settling.high[band], color=colour, alpha=0.2,
            linewidth=0,
        )  # fmt: skip
    axes.set_xscale("log")
    axes.invert_xaxis()
    axes.set_xlabel("share of the first distance that is left (delta)")
    axes.set_ylabel("settling time [s]")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return figure
