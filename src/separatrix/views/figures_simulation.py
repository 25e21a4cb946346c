"""Pictures of simulated series: averages over runs, and how far runs lie apart."""

# matplotlib leaves the types of its keyword arguments open
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from separatrix.errors import DataError

_COLOUR = "#0072B2"  # from Okabe and Ito's palette, told apart by colour-blind readers
_FAULT = "#D55E00"


def queue_and_latency(
    path: str | Path,
    time: NDArray[np.float64],
    servers: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]],
    faults: Sequence[tuple[float, float]] = (),
) -> Figure:
    """Average queue length and latency of each server over time, plus or minus one deviation.

    Parameters
    ----------
    path : where the picture goes; its ending sets the format.
    time : (samples,) [s].
    servers : name -> (queue [attempts], latency [s]), each (runs, samples).
    faults : (start, end) of what is shaded [s].

    Raises DataError where `path` cannot be written.
    """
    figure = Figure(figsize=(4.6 * len(servers), 6.0), layout="constrained")
    axes: Any = figure.subplots(2, len(servers), sharex=True, squeeze=False)
    for column, (name, (queue, latency)) in enumerate(servers.items()):
        _band(axes[0][column], time, queue)
        _band(axes[1][column], time, latency)
        runs = "1 run" if len(queue) == 1 else f"{len(queue)} runs"
        axes[0][column].set_title(f"{name}: mean of {runs}, ± one standard deviation", fontsize=9)
        axes[0][column].set_ylabel("waiting [attempts]")
        axes[1][column].set_ylabel("time at the server [s]")
        axes[1][column].set_xlabel("time [s]")
        for row in range(2):
            for start, end in faults:
                axes[row][column].axvspan(start, end, color=_FAULT, alpha=0.25, linewidth=0)
            axes[row][column].set_ylim(bottom=0)
            axes[row][column].margins(x=0)
    _save(figure, Path(path))
    return figure


def through_faults(series: Mapping[str, Any], faults: Sequence[tuple[float, float]] = ()) -> Figure:
    """Goodput, attempts and queue over time: the middle run, and where 95 % of the runs lie.

    Parameters
    ----------
    series : ``time`` (samples,) [s]; ``goodput``, ``attempts`` [1/s] and ``queue`` [attempts], each
        (3, samples): the ends of the band with the median between them.
    faults : (start, end) of what is shaded [s].
    """
    figure = Figure(figsize=(7.2, 6.0), layout="constrained")
    panels: Any = figure.subplots(3, 1, sharex=True)
    labels = ("answered in time [1/s]", "attempts sent [1/s]", "waiting [attempts]")
    for axes, name, label in zip(panels, ("goodput", "attempts", "queue"), labels, strict=True):
        low, middle, high = np.array(series[name])
        axes.fill_between(series["time"], low, high, color=_COLOUR, alpha=0.25, linewidth=0)
        axes.plot(series["time"], middle, color=_COLOUR, linewidth=1.2)
        for start, end in faults:
            axes.axvspan(start, end, color=_FAULT, alpha=0.2, linewidth=0)
        axes.set_ylabel(label, fontsize=9)
        axes.set_ylim(bottom=0)
        axes.margins(x=0)
    panels[-1].set_xlabel("time [s]")
    return figure


def _band(axes: Any, time: NDArray[np.float64], runs: NDArray[np.float64]) -> None:
    mean, spread = runs.mean(axis=0), runs.std(axis=0)
    low = np.maximum(mean - spread, 0)
    # tens of thousands of points would make a vector picture of megabytes
    dense = len(time) > 2000
    axes.fill_between(
        time, low, mean + spread, color=_COLOUR, alpha=0.25, linewidth=0, rasterized=dense
    )
    axes.plot(time, mean, color=_COLOUR, linewidth=1, rasterized=dense)


def _save(figure: Figure, path: Path) -> None:
    partial = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    try:
        figure.savefig(partial, dpi=200)
        partial.replace(path)
    except OSError as error:
        raise DataError(
            f"cannot be written: {error.strerror}", file=str(path), hint="give another place"
        ) from error
    finally:
        partial.unlink(missing_ok=True)
