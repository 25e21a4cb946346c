"""What every picture is drawn on, and how it leaves: the palette, the paper, SVG and files.

Colours are those of Okabe and Ito (2008), which colour-blind readers can tell apart; meaning is
always carried by shape or word as well. A picture is as wide as half a page, so that its letters are
readable on a telephone, too.
"""

# matplotlib leaves the types of its keyword arguments open
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from io import StringIO
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from separatrix.atomic import draft_of
from separatrix.errors import DataError

BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#777777"
VIOLET = "#CC79A7"
INK, PAPER = "#101214", "#FEFFFE"
"""Of lines and letters, and of what lies behind them; a page puts its own two in their place."""
WIDTH = 4.8
"""Inches; at 360 px the letters of a picture of this width are still 9 px high."""

_STYLE: dict[str, Any] = {
    "font.size": 10,
    "axes.labelsize": 10,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.fontsize": 9,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": GREY,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.6,
    "figure.facecolor": PAPER,
    "axes.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "legend.facecolor": PAPER,
    "legend.edgecolor": "none",
    "legend.framealpha": 0.85,
    "legend.borderpad": 0.3,
    "legend.handlelength": 1.6,
    # letters stay letters: they can be searched, and are drawn in the page's own type
    "svg.fonttype": "none",
    # the same picture has the same text, whenever it is drawn
    "svg.hashsalt": "separatrix",
}


def _styled() -> AbstractContextManager[None]:
    """What is drawn inside wears our style; nobody else's pictures do."""
    library: Any = matplotlib  # its list of known settings is no mapping's type
    return library.rc_context(_STYLE)


def canvas(height: float, *, width: float = WIDTH) -> tuple[Figure, Axes]:
    """An empty picture with one pair of axes; sizes in inches."""
    with _styled():
        figure = Figure(figsize=(width, height), layout="constrained")
        return figure, figure.subplots()


def panels(height: float, rows: int, *, width: float = WIDTH) -> tuple[Figure, list[Axes]]:
    """An empty picture with `rows` pairs of axes over one common horizontal axis."""
    with _styled():
        figure = Figure(figsize=(width, height), layout="constrained")
        found: Any = figure.subplots(rows, 1, sharex=True, squeeze=False)
        return figure, list(found[:, 0])


def legend_inside(axes: Axes, **settings: Any) -> None:
    """The legend where the picture leaves room for it, on the picture's own paper; `settings` as matplotlib's."""
    with _styled():
        axes.legend(**settings)


def legend_below(figure: Figure, axes: Axes, columns: int = 3) -> None:
    """The legend under the picture, where it covers nothing; one that was there goes."""
    for old in figure.legends:
        old.remove()
    with _styled():
        figure.legend(
            *axes.get_legend_handles_labels(), loc="outside lower center", ncols=columns,
            columnspacing=1.2, handletextpad=0.5, frameon=False,
        )  # fmt: skip


def captioned(figure: Figure, caption: str) -> Figure:
    """The picture with its finding below it, where it stands alone."""
    if caption:
        figure.supxlabel(caption, fontsize=9, wrap=True)
    return figure


def as_svg(figure: Figure, title: str) -> str:
    """The picture as an SVG document of its own, with a title for screen readers."""
    buffer = StringIO()
    with _styled():
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Title": title})
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def inline_svg(figure: Figure, title: str) -> str:
    """The picture as a part of a page: in the page's colours and type, its names its own.

    title : said by screen readers; also makes the names unlike those of the page's other pictures.
    """
    text = as_svg(figure, title)
    text = re.sub(INK, "currentColor", text, flags=re.I)
    text = re.sub(PAPER, "var(--paper)", text, flags=re.I)
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.S)
    used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', text))
    text = re.sub(r' id="([^"]+)"', lambda m: m[0] if m[1] in used else "", text)
    own = re.sub(r"[^a-z0-9]+", "-", title.lower())
    text = re.sub(r'( id="|url\(#|href="#)', lambda m: f"{m[1]}{own}-", text)
    return re.sub(r"<svg ", '<svg role="img" ', text, count=1)


def save_figure(figure: Figure, path: str | Path, *, dpi: int = 150) -> None:
    """Write the picture to `path` in one step; the ending of the name says the format.

    Directories that are missing are made.
    Raises DataError where the place cannot be written to, or no such format is known.
    """
    known = figure.canvas.get_supported_filetypes()
    if Path(path).suffix.removeprefix(".").lower() not in known:
        raise DataError(
            "its ending names no kind of picture",
            file=str(path),
            hint=f"end it with one of .{', .'.join(sorted(known))}",
        )
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"cannot be written: {error.strerror}", file=str(path), hint="give another place"
        ) from error
    with _styled(), draft_of(path) as draft:
        figure.savefig(draft, dpi=dpi)
