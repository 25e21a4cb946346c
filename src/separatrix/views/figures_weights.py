"""Pictures of metadata load: rates, shares, weights, and the score beside the CPU load."""

# matplotlib leaves the types of its keyword arguments open
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownLambdaType=false

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from separatrix.model.quantities import amount_text
from separatrix.views.figures_canvas import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    RED,
    canvas,
    legend_below,
    legend_inside,
    panels,
)
from separatrix.weights.study import Relative, Study
from separatrix.weights.summary import Summary

_MOST_OPERATIONS = 12
_FEW_DAYS = 4
_LOOK = {
    "regression": (BLUE, "o"),
    "quantile": (ORANGE, "s"),
    "notebook": (RED, "^"),
}
_PLAIN = FuncFormatter(lambda value, _: amount_text(value))
_GROUPS = (BLUE, ORANGE, GREEN, RED, "#CC79A7", "#56B4E9", GREY)


def rate_histogram(summary: Summary) -> Figure:
    """Intervals by decade of rate, one bar per operation in each decade; logarithmic."""
    rows = [row for row in summary.table() if row.count][: len(_GROUPS)]
    figure, axes = canvas(3.8)
    used = max((i for row in rows for i, n in enumerate(row.histogram) if n), default=0)
    places = np.arange(used + 1)
    width = 0.84 / max(len(rows), 1)
    hatches = ("", "///", "...", "xxx", "", "\\\\\\", "+++")
    for k, row in enumerate(rows):
        axes.bar(
            places + (k - (len(rows) - 1) / 2) * width,
            row.histogram[: used + 1],
            width,
            color=_GROUPS[k],
            hatch=hatches[k],
            edgecolor="white",
            linewidth=0,
            label=row.operation,
        )
    axes.set_yscale("symlog", linthresh=1)
    axes.set_ylim(bottom=0)
    names = ["0 to 1", *(f"{10**d:,} to\n{10 ** (d + 1):,}" for d in range(used))]
    axes.set_xticks(places, names, fontsize=8)
    axes.yaxis.set_major_formatter(_PLAIN)
    axes.set_xlabel("rate [operations/s]")
    axes.set_ylabel("intervals of a target")
    if rows:
        legend_below(figure, axes)
    return figure


def cumulative_share(summary: Summary) -> Figure:
    """Share of each operation, and of it and all larger ones together."""
    rows = summary.table()[:_MOST_OPERATIONS]
    upto = dict(summary.cumulative())
    names = [row.operation for row in rows]
    figure, axes = canvas(3.4)
    axes.bar(names, [100 * row.share for row in rows], color=BLUE, alpha=0.6, label="alone")
    axes.plot(
        names, [100 * upto[o] for o in names], color=RED, marker="o", markersize=4,
        label="with all larger ones",
    )  # fmt: skip
    axes.set_ylabel("share of all operations [%]")
    axes.set_ylim(0, 105)
    axes.tick_params(axis="x", rotation=40, labelsize=8)
    axes.grid(axis="y")
    legend_inside(axes, fontsize=8, loc="center right")
    return figure


def weights_by_method(methods: Mapping[str, Mapping[str, Relative]]) -> Figure:
    """Weight of each operation by each method, in units of the average operation; 95 % bars.

    The dearest by the first method stands above. Logarithmic; a weight of 0 stands hollow at the left edge, and an
    interval that reaches 0 or is not bounded ends in an arrow.
    """
    names = _dearest_first(methods)
    values = [
        v for found in methods.values() for r in found.values() for v in (r.weight, r.high)
        if np.isfinite(v) and v > 0
    ]  # fmt: skip
    left = 10.0 ** np.floor(np.log10(min(values, default=1.0)) - 0.3)
    right = 10.0 ** np.ceil(np.log10(max(values, default=1.0)) + 0.1)
    figure, axes = canvas(1.2 + 0.36 * len(names))
    for k, (method, found) in enumerate(methods.items()):
        colour, marker = _LOOK[method]
        shift = 0.24 * (k - (len(methods) - 1) / 2)
        for operation, r in found.items():
            y = names.index(operation) + shift
            if not np.isnan(r.low):
                high = r.high if np.isfinite(r.high) else right
                axes.plot([max(r.low, left), high], [y, y], color=colour, linewidth=1.2, alpha=0.7)
                if r.low <= left:
                    axes.plot(left, y, color=colour, marker="<", markersize=4, clip_on=False)
                if not np.isfinite(r.high):
                    axes.plot(right, y, color=colour, marker=">", markersize=4, clip_on=False)
            at = min(max(r.weight, left), right)
            axes.plot(
                at, y, color=colour, marker=marker, markersize=5, linestyle="none", clip_on=False,
                markerfacecolor=colour if r.weight > 0 else "white",
            )  # fmt: skip
        axes.plot([], [], color=colour, marker=marker, linestyle="none", label=method)
    axes.axvline(1.0, color=GREY, linewidth=0.8, linestyle=":")
    axes.set_xscale("log")
    axes.set_xlim(left, right)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.invert_yaxis()
    axes.grid(axis="x")
    axes.xaxis.set_major_formatter(_PLAIN)
    axes.set_xlabel("weight [average operations]")
    legend_below(figure, axes)
    return figure


def _dearest_first(methods: Mapping[str, Mapping[str, Relative]]) -> list[str]:
    """Every operation that a method knows, by its weight in the first method that does."""
    weight: dict[str, float] = {}
    for found in methods.values():
        for operation, r in found.items():
            weight.setdefault(operation, r.weight)
    return sorted(weight, key=lambda operation: -weight[operation])


def score_against_load(found: Study) -> Figure:
    """CPU load over load score, interval by interval, with the fitted response."""
    score, cpu, expected = found.dots
    figure, axes = canvas(3.8)
    axes.plot(
        score, cpu, color=BLUE, marker=".", markersize=3, linestyle="none", alpha=0.4,
        rasterized=True, label="one interval",
    )  # fmt: skip
    if np.isfinite(expected).any():
        axes.plot(
            score, expected, color=RED, marker=".", markersize=2, linestyle="none",
            rasterized=True, label="expected at a steady score",
        )  # fmt: skip
    if len(score) and score.max() > 0:
        axes.set_xscale("symlog", linthresh=max(float(np.quantile(score, 0.02)), 1e-9))
        axes.xaxis.set_major_formatter(_PLAIN)
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("load score [weighted operations/s]")
    axes.set_ylabel("CPU load [%]")
    axes.grid()
    legend_inside(axes, fontsize=8, loc="upper left", markerscale=3)
    return figure


def score_over_time(found: Study) -> Figure:
    """Load score and CPU load over time, one above the other."""
    time, score, cpu, expected = found.times
    stamps: list[Any] = [datetime.fromtimestamp(t, ZoneInfo(found.summary.zone)) for t in time]
    figure, (upper, lower) = panels(3.8, 2)
    upper.plot(stamps, score, color=BLUE, linewidth=1)
    upper.set_ylabel("score [operations/s]")
    upper.yaxis.set_major_formatter(_PLAIN)
    lower.plot(stamps, cpu, color=ORANGE, linewidth=1.4, label="measured")
    if np.isfinite(expected).any():
        lower.plot(stamps, expected, color=BLUE, linewidth=1, linestyle="--", label="expected")
        legend_inside(lower, fontsize=8)
    lower.set_ylabel("CPU load [%]")
    lower.set_xlabel(f"time, {found.summary.zone}")
    for axes in (upper, lower):
        axes.set_ylim(bottom=0)
        axes.grid()
    _dated(lower, found.summary.zone)
    return figure


def daily_ratio(found: Study) -> Figure:
    """CPU load over load score, one point a local day."""
    days = list(found.daily_ratio)
    figure, axes = canvas(3.0)
    stamps: list[Any] = [datetime.fromisoformat(day) for day in days]
    percent = [1000.0 * ratio for ratio in found.daily_ratio.values()]
    axes.plot(stamps, percent, color=BLUE, marker="o", markersize=4, clip_on=False)
    if len(days) <= _FEW_DAYS:  # a mark between two days would stand for nothing
        axes.set_xticks(stamps, days)
    else:
        _dated(axes, None)
    axes.set_ylim(0, 1.25 * max(percent, default=1.0) or 1.0)
    axes.set_xlabel(f"day, {found.summary.zone}")
    axes.set_ylabel("CPU load [%] at a score of 1,000/s", fontsize=9)
    axes.grid()
    return figure


def _dated(axes: Axes, zone: str | None) -> None:
    where = ZoneInfo(zone) if zone else None
    locator = AutoDateLocator(tz=where)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=where))
