"""Pictures of the exact answer: phase portrait, stationary law, recovery over load, tornado.

Each returns a matplotlib Figure; nothing here computes or shows.
"""

# matplotlib leaves the types of its keyword arguments open
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownLambdaType=false

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from separatrix.model.quantities import duration_text, unit_text
from separatrix.population import Array, Population
from separatrix.questions.forever import FOREVER
from separatrix.questions.portrait import Portrait
from separatrix.questions.recovery import RecoveryOverLoad
from separatrix.questions.tornado import Tornado
from separatrix.views.figures_canvas import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PAPER,
    RED,
    canvas,
    captioned,
    legend_below,
)


def phase_portrait(portrait: Portrait, caption: str = "") -> Figure:
    """Drift field over queue x orbit, zero-drift curves, fixed points by stability.

    Arrows give the direction, their width the speed. Filled circles attract, open ones repel.
    """
    figure, axes = canvas(3.9)
    grid = (portrait.queue, portrait.orbit)
    if len(portrait.orbit) == 2:
        axes.plot(portrait.queue, portrait.queue_drift[0], color=BLUE, label="queue drift")
        axes.axhline(0, color=GREY, linewidth=0.8)
        axes.set_ylabel("mean change of the queue [attempts/s]")
    else:
        speed = np.hypot(
            portrait.queue_drift / portrait.queue[-1], portrait.orbit_drift / portrait.orbit[-1]
        )
        speed = np.sqrt(speed / max(float(speed.max()), 1e-300))
        axes.streamplot(
            *grid, portrait.queue_drift, portrait.orbit_drift, color=GREY, density=0.9,
            linewidth=0.4 + 1.1 * speed, arrowsize=0.8,
        )  # fmt: skip
        _curve(axes, portrait, portrait.queue_drift, BLUE, "-", "queue at rest")
        _curve(axes, portrait, portrait.orbit_drift, ORANGE, "--", "orbit at rest")
        if portrait.ridge is not None:
            axes.contour(*grid, portrait.ridge, levels=[0.5], colors=[RED], linewidths=2)
            axes.plot([], [], color=RED, linewidth=2, label="separatrix (even odds)")
        axes.set_ylabel("orbit [requests that come back]")
        axes.set_ylim(0, portrait.orbit[-1])
    for stable in (True, False):
        places = np.array([_place(p.state) for p in portrait.points if p.stable == stable])
        if len(places):
            axes.scatter(
                places[:, 0],
                places[:, 1] if len(portrait.orbit) > 2 else 0 * places[:, 0],
                s=55, zorder=5, clip_on=False, facecolor=GREEN if stable else PAPER,
                edgecolor=INK, label="attracts" if stable else "repels",
            )  # fmt: skip
    axes.set_xlabel("queue [attempts]")
    axes.set_xlim(portrait.queue[0], portrait.queue[-1])
    legend_below(figure, axes, 2)
    return captioned(figure, caption)


def law_heat_map(population: Population, log_pi: Array, caption: str = "") -> Figure:
    """Stationary law over queue x orbit, as decades of probability.

    Parameters
    ----------
    log_pi : natural logarithm of the probability of each state, of the box's shape; orbits beyond
        the first are summed over.
    """
    figure, axes = canvas(3.5)
    table = log_pi
    while table.ndim > 2:
        table = np.logaddexp.reduce(table, axis=-1)
    decades = table / np.log(10.0)
    if decades.ndim == 1:
        axes.plot(np.arange(len(decades)), decades, color=BLUE)
        axes.set_ylabel("probability [log10]")
    else:
        top = float(np.max(decades))
        image = axes.imshow(
            decades.T,
            origin="lower",
            aspect="auto",
            cmap="cividis",
            vmin=max(top - 16, float(np.min(decades[np.isfinite(decades)]))),
            vmax=top,
        )
        figure.colorbar(image, ax=axes, pad=0.02).set_label("probability [log10]")
        axes.set_ylabel("orbit [requests]")
    axes.set_xlabel("queue [attempts]")
    return captioned(figure, caption)


_YEAR = 365.25 * 86_400.0
ROUND_TIMES = (
    0.001, 0.01, 0.1, 1.0, 10.0, 60.0, 600.0, 3_600.0, 36_000.0, 86_400.0, 864_000.0, 0.25 * _YEAR,
    _YEAR, 10 * _YEAR, 100 * _YEAR, 1_000 * _YEAR,
)  # fmt: skip
"""Where a time axis has its marks [s]: a power of ten of seconds is no round time past a minute."""


def recovery_curve(found: RecoveryOverLoad, caption: str = "") -> Figure:
    """Recovery time over the arrival rate, p50 and p99, log scale.

    What never ends, or only after a thousand years (`FOREVER`), is a cross at the top.
    """
    figure, axes = canvas(3.4)
    rates = np.array(found.rates)
    p50, p99 = np.array(found.p50s), np.array(found.p99s)
    known = (p50 > 0) & (p50 < FOREVER) & np.isfinite(p99)
    axes.plot(rates[known], p99[known], color=RED, marker="s", markersize=5, linestyle="--",
              label="p99: 99 % are back within")  # fmt: skip
    axes.plot(rates[known], p50[known], color=BLUE, marker="o", markersize=5,
              label="p50: half are back within")  # fmt: skip
    axes.set_yscale("log")
    never = rates[~known]
    if len(never):
        axes.plot(
            never, np.full(len(never), 0.97), "x", color=INK, markersize=8, markeredgewidth=2,
            transform=axes.get_xaxis_transform(), linestyle="none", clip_on=False,
            label="does not come back",
        )  # fmt: skip
    # some decades are a must, or the scale shows no round value
    if known.any():
        low, high = float(p50[known].min()), float(p99[known].max())
        axes.set_ylim(10.0 ** np.floor(np.log10(low)), 10.0 ** np.ceil(np.log10(high) + 0.2))
    bottom, top = axes.get_ylim()
    shown = [time for time in ROUND_TIMES if bottom <= time <= top]
    axes.yaxis.set_major_locator(FixedLocator(shown[:: 1 + len(shown) // 8]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: duration_text(value)))
    axes.set_xlim(0, 1.06 * rates.max())
    axes.set_xlabel(f"arrival rate of {found.source} [requests/s]")
    axes.set_ylabel("time until it is back")
    axes.grid()
    legend_below(figure, axes, 1)
    return captioned(figure, caption)


def tornado_bars(found: Tornado, caption: str = "") -> Figure:
    """Where danger begins [requests/s] when each knob is turned down and up by a quarter.

    Knobs that move nothing are left out. A bar that ends in an arrow goes on: no load is dangerous then.
    """
    bars = [bar for bar in found.bars if bar.moves]
    figure, axes = canvas(1.25 + 0.52 * max(len(bars), 1))
    ends = [d for b in bars for d in (b.danger_lower, b.danger_upper)]
    finite = [d for d in (*ends, found.danger, found.rate) if np.isfinite(d)]
    top = 1.15 * max(finite)
    middle = min(found.danger, top)
    for row, bar in enumerate(bars):
        told: list[str] = []
        for end, colour, value in (
            (bar.danger_lower, ORANGE, bar.lower),
            (bar.danger_upper, BLUE, bar.upper),
        ):
            if np.isnan(end):
                continue
            axes.barh(row, min(end, top) - middle, left=middle, color=colour, height=0.36)
            unit = unit_text(bar.unit)
            told.append(f"{value:.3g}{unit} → {'never' if np.isinf(end) else f'{end:.3g}'}")
        words = f"{bar.label}:  {',   '.join(told)}"
        axes.text(
            0, row - 0.26, words, va="bottom", fontsize=9, transform=axes.get_yaxis_transform()
        )
    axes.set_yticks([])
    axes.set_ylim(max(len(bars), 1) - 0.5, -0.75)
    rows = np.arange(len(bars))
    for at, colour, width in ((middle, INK, 1.0), (found.rate, GREEN, 2.5)):
        axes.vlines(np.full(len(bars), at), rows - 0.2, rows + 0.2, color=colour, linewidth=width)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("load at which danger begins [requests/s]")
    axes.set_xlim(0, 1.05 * top)
    figure.legend(
        handles=[
            Patch(color=ORANGE, label="turned down"), Patch(color=BLUE, label="turned up"),
            Patch(color=GREEN, label=f"load now: {found.rate:.4g}"),
        ],
        loc="outside lower center", ncols=3, frameon=False, columnspacing=1.2,
    )  # fmt: skip
    return captioned(figure, caption)


def _curve(
    axes: Axes, portrait: Portrait, values: Array, color: str, style: str, label: str
) -> None:
    axes.contour(
        portrait.queue, portrait.orbit, values, levels=[0], colors=[color], linestyles=style
    )
    axes.plot([], [], color=color, linestyle=style, label=label)


def _place(state: Array) -> tuple[float, float]:
    return float(state[0]), float(state[1:].sum())
