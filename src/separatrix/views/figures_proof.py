"""Two time lines over each other: what simulation predicts, and what the real server did."""

# matplotlib leaves the types of its keyword arguments open
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from separatrix.population import Array
from separatrix.questions.prove import Proof
from separatrix.views.figures_canvas import BLUE, GREY, ORANGE, RED, canvas, legend_below, panels

_SHOWN = 20
"""Real runs drawn one by one; more would be a smear."""


def time_lines(proof: Proof) -> Figure:
    """Goodput, attempts and queue over time: a band of simulated runs, a line for each real one.

    The band holds 95 % of the simulated runs at each moment.
    """
    dataset = proof.band.to_xarray(runs=True)
    sources = list(proof.runs[0].latencies) if proof.runs else []
    time = np.asarray(dataset.time.values, dtype=np.float64)
    rows: list[tuple[str, Array, list[Array]]] = []
    for label, names in (
        ("answered in time [1/s]", ("goodput", "accepted_late")),
        ("attempts sent [1/s]", ("attempts",)),
    ):
        own = [s for s in dataset.stream.values if str(s) in sources or not sources]
        band = sum(np.asarray(dataset[n].sel(stream=own).sum("stream").values) for n in names)
        real = [
            np.sum([run.streams[s][n] for s in sources for n in names], axis=0) / run.step
            for run in proof.runs
        ]
        rows.append((label, np.asarray(band, dtype=np.float64), real))
    if proof.runs and proof.runs[0].servers:
        band = np.asarray(dataset.queue.sum("server").values, dtype=np.float64)
        real = [
            np.sum([of["queue"] for of in run.servers.values()], axis=0).astype(np.float64)
            for run in proof.runs
        ]
        rows.append(("waiting [attempts]", band, real))
    figure, axes = panels(1.5 * len(rows) + 1.2, len(rows))
    for ax, (label, band, real) in zip(axes, rows, strict=True):
        low, middle, high = np.quantile(band, (0.025, 0.5, 0.975), axis=0)
        ax.axvspan(proof.phases.fault, proof.phases.over, color=RED, alpha=0.15, linewidth=0)
        ax.fill_between(time, low, high, color=BLUE, alpha=0.25, linewidth=0)
        ax.plot(time, middle, color=BLUE, linewidth=1.2)
        for run, series in zip(proof.runs[:_SHOWN], real[:_SHOWN], strict=True):
            valid = run.status == "ok"
            colour, style = (ORANGE, "-") if valid else (GREY, ":")
            ax.plot(time[: len(series)], series, color=colour, linestyle=style, linewidth=1.0)
        ax.set_ylabel(label, fontsize=9)
        ax.set_ylim(bottom=0)
        ax.margins(x=0)
    top = axes[0]
    top.fill_between([], [], color=BLUE, alpha=0.25, label="simulated: 95 % of the runs, median")
    if any(run.status == "ok" for run in proof.runs):
        top.plot([], [], color=ORANGE, label="real")
    top.axvspan(0, 0, color=RED, alpha=0.15, label="fault")
    if any(run.status != "ok" for run in proof.runs):
        top.plot([], [], color=GREY, linestyle=":", label="real, its timers late: not compared")
    legend_below(figure, top, 1)
    axes[-1].set_xlabel("time [s]")
    return figure


def odds(lengths: Array, chance: Array, measured: Array, runs: Array) -> Figure:
    """Chance to get stuck over the length of the fault, simulated and measured.

    Parameters
    ----------
    lengths : (n,) [s].
    chance : (n, 3) simulated probability and the ends of its 95 % interval.
    measured : (n,) share of the real runs that got stuck; NaN where none was valid.
    runs : (n,) valid real runs.
    """
    figure, ax = canvas(3.4)
    ax.fill_between(lengths, chance[:, 1], chance[:, 2], color=BLUE, alpha=0.25, linewidth=0)
    ax.plot(lengths, chance[:, 0], color=BLUE, marker="o", markersize=3, label="simulated")
    known = ~np.isnan(measured)
    half = 1.96 * np.sqrt(np.maximum(chance[:, 0] * (1 - chance[:, 0]), 0.25 / (runs + 1)) / runs)
    ax.errorbar(
        lengths[known], measured[known], yerr=half[known], color=ORANGE, fmt="s", capsize=3,
        label="real server",
    )  # fmt: skip
    ax.axhline(0.5, color=GREY, linewidth=0.8, linestyle="--")
    ax.set_ylim(-0.03, 1.03)
    ax.set_xlabel("length of the fault [s]")
    ax.set_ylabel("share of runs that get stuck")
    legend_below(figure, ax)
    return figure
