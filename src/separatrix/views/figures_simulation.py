"""Pictures of simulated series: averages over runs, and how far runs lie apart."""

# matplotlib leaves the types of its keyword arguments open
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from separatrix.questions.timeline import Timeline
from separatrix.views.figures_canvas import BLUE, GREEN, INK, ORANGE, RED, panels


def queue_and_latency(
    time: NDArray[np.float64],
    servers: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]],
    faults: Sequence[tuple[float, float]] = (),
) -> Figure:
    """Average queue length and latency of each server over time, plus or minus one deviation.

    Parameters
    ----------
    time : (samples,) [s].
    servers : name -> (queue [attempts], latency [s]), each (runs, samples).
    faults : (start, end) of what is shaded [s].
    """
    figure = Figure(figsize=(4.6 * len(servers), 6.0), layout="constrained")
    axes: Any = figure.subplots(2, len(servers), sharex=True, squeeze=False)
    for column, (name, (queue, latency)) in enumerate(servers.items()):
        _deviation(axes[0][column], time, queue)
        _deviation(axes[1][column], time, latency)
        runs = "1 run" if len(queue) == 1 else f"{len(queue)} runs"
        axes[0][column].set_title(f"{name}: mean of {runs}, ± one standard deviation", fontsize=9)
        axes[0][column].set_ylabel("waiting [attempts]")
        axes[1][column].set_ylabel("time at the server [s]")
        axes[1][column].set_xlabel("time [s]")
        for row in range(2):
            for start, end in faults:
                axes[row][column].axvspan(start, end, color=RED, alpha=0.25, linewidth=0)
            axes[row][column].set_ylim(bottom=0)
            axes[row][column].margins(x=0)
    return figure


def through_faults(found: Timeline) -> Figure:
    """Load, goodput, retries and queue over time: where 95 % of the runs lie, over the mean dynamics."""
    figure, axes = panels(4.6, 3)
    rows: tuple[tuple[tuple[str, str, str], ...], ...] = (
        (("load", ORANGE, "new requests"), ("goodput", GREEN, "answered in time")),
        (("retries", RED, "retries"),),
        (("queue", BLUE, "at the servers"),),
    )
    units = ("requests/s", "retries/s", "attempts")
    for panel, row, unit in zip(axes, rows, units, strict=True):
        for name, colour, label in row:
            _band(panel, found, name, colour, label)
        for start, end, _ in found.faults:
            panel.axvspan(start, end, color=RED, alpha=0.15, linewidth=0)
        panel.set_ylabel(unit)
        panel.set_ylim(bottom=0)
        panel.margins(x=0)
        panel.grid()
        panel.locator_params(axis="y", nbins=4)
    for start, _, words in found.faults:
        axes[0].text(
            start, 1.02, words, transform=axes[0].get_xaxis_transform(), color=INK, fontsize=9
        )
    if found.mean:
        axes[0].plot([], [], "--", color=INK, linewidth=1.3, label="mean dynamics")
    figure.legend(
        *_entries(axes),
        loc="outside lower center",
        ncols=3,
        columnspacing=1.2,
        handletextpad=0.5,
        frameon=False,
    )
    axes[-1].set_xlabel("time [s]")
    figure.align_ylabels(axes)
    return figure


def _entries(axes: Sequence[Axes]) -> tuple[list[Any], list[str]]:
    found = [axes[i].get_legend_handles_labels() for i in (0, 1, 2)]
    return [h for handles, _ in found for h in handles], [n for _, names in found for n in names]


def _band(axes: Axes, found: Timeline, name: str, colour: str, label: str) -> None:
    low, middle, high = found.seen[name]
    axes.fill_between(found.times, low, high, color=colour, alpha=0.3, linewidth=0)
    axes.plot(found.times, middle, color=colour, linewidth=1.4, label=label)
    if found.mean:
        axes.plot(found.mean_times, found.mean[name], "--", color=INK, linewidth=1.1)


def _deviation(axes: Any, time: NDArray[np.float64], runs: NDArray[np.float64]) -> None:
    mean, spread = runs.mean(axis=0), runs.std(axis=0)
    low = np.maximum(mean - spread, 0)
    # tens of thousands of points would make a vector picture of megabytes
    dense = len(time) > 2000
    axes.fill_between(
        time, low, mean + spread, color=BLUE, alpha=0.25, linewidth=0, rasterized=dense
    )
    axes.plot(time, mean, color=BLUE, linewidth=1, rasterized=dense)
