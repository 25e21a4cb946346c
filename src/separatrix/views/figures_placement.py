"""Picture of a plan: each target's load before and after the moves."""

# matplotlib leaves the types of its keyword arguments open
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from separatrix.errors import DataError

if TYPE_CHECKING:
    from separatrix.placement import Plan

_BEFORE = "#D55E00"  # from Okabe and Ito's palette, told apart by colour-blind readers
_AFTER = "#0072B2"


def load_before_after(path: str | Path, plan: Plan) -> Figure:
    """Draw peaks by target, and every target's load over the windows, before and after.

    Parameters
    ----------
    path : where the picture goes; its ending sets the format.

    Raises DataError where `path` cannot be written.
    """
    figure = Figure(figsize=(9.0, 6.4), layout="constrained")
    axes: Any = figure.subplot_mosaic([["peaks", "peaks"], ["before", "after"]])
    place = np.arange(len(plan.targets))
    axes["peaks"].bar(place - 0.2, plan.peak_before, 0.4, color=_BEFORE, label="before")
    axes["peaks"].bar(place + 0.2, plan.peak_after, 0.4, color=_AFTER, label="after")
    axes["peaks"].axhline(
        plan.bound, color="black", linewidth=1, linestyle="--", label="no plan is lower"
    )
    names = [name.encode("unicode_escape").decode("ascii") for name in plan.targets]
    axes["peaks"].set_xticks(place, names, rotation=30 if len(place) > 6 else 0, fontsize=8)
    for text in axes["peaks"].get_xticklabels():
        text.set_parse_math(False)  # a name with $ is no formula
    axes["peaks"].set_ylabel("peak load [weighted operations / s]")
    axes["peaks"].legend(fontsize=8)
    axes["peaks"].set_title(
        f"{len(plan.moves)} moves; mean of the {plan.worst} highest windows of each target",
        fontsize=9,
    )
    middle = np.arange(plan.before.shape[1], dtype=np.float64) + 0.5
    hours = middle * plan.window / 3600.0
    top = 1.05 * max(float(plan.before.max(initial=0.0)), 1e-300)
    for name, loads, colour in (("before", plan.before, _BEFORE), ("after", plan.after, _AFTER)):
        axes[name].plot(hours, loads.T, color=colour, linewidth=0.9, alpha=0.7)
        axes[name].set_title(f"{name}: one line per target", fontsize=9)
        axes[name].set_ylim(0.0, top)
        axes[name].margins(x=0)
        axes[name].set_xlabel("time of day [h UTC]" if plan.folded else "time [h]")
    axes["before"].set_ylabel("load [weighted operations / s]")
    _save(figure, Path(path))
    return figure


def _save(figure: Figure, path: Path) -> None:
    partial = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    try:
        figure.savefig(partial, dpi=150)
        partial.replace(path)
    except (OSError, ValueError) as error:
        raise DataError(
            f"cannot be written: {error}", file=str(path), hint="give a .png, .svg or .pdf file"
        ) from error
    finally:
        partial.unlink(missing_ok=True)
