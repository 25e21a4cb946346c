"""The frame of every page: one self-contained file, readable without JavaScript, asking for nothing.

A page is made of ready pieces of HTML; whoever makes a piece escapes what it puts in.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Sequence
from importlib.resources import files
from itertools import zip_longest
from typing import cast

from separatrix import __version__

MARKS = {
    "good": ("#00664b", "✓"),
    "warning": ("#8a5a00", "⚠"),
    "bad": ("#a33b00", "✗"),
    "unknown": ("#6b2f6b", "?"),
}
"""Colour and sign of a page's first word; the word itself says the same. White on each reads at 5:1 or more."""

LIBRARY = "plotly-cartesian.min.js"
"""The drawing library; a page carries it as text, which costs nothing until a figure is asked for."""

Tile = tuple[str, str, str]
"""What it is, its value, a remark; plain texts."""


def page(
    *,
    name: str,
    word: str,
    mark: str,
    sentence: str,
    body: Iterable[str],
    command: str,
    embedded: tuple[str, object],
    tiles: Sequence[Tile] = (),
    scripts: Sequence[str] = (),
) -> str:
    """The whole file.

    Parameters
    ----------
    name, word, sentence : heading, verdict in a word, and in a sentence; plain text.
    mark : a key of `MARKS`.
    body : pieces of HTML; each `<h2 id=...>` in them becomes a link at the top.
    command : the command that made the page; plain text.
    embedded : id and value of the JSON that the page carries.
    tiles : what matters most, below the verdict.
    scripts : names of assets that run in the page, in order.
    """
    key, value = embedded
    document = json.dumps(finite(value)).replace("<", "\\u003c")
    content = "".join(body)
    links = re.findall(r'<h2 id="([a-z-]+)">(.*?)</h2>', content)
    way = "".join(f'<a href="#{place}">{title}</a>' for place, title in links)
    colour, sign = MARKS[mark]
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(f"{name}: {word}")}</title>
<style>{asset("page.css")}</style>
</head>
<body style="--mark: {colour}">
<header>
<div class="top"><h1>{html.escape(name)}</h1>{f'<nav aria-label="Sections">{way}</nav>' if way else ""}</div>
<div class="verdict">
<strong data-sign="{sign}">{html.escape(word)}</strong>
<p>{html.escape(sentence)}</p>
</div>
{_tiles(tiles)}</header>
<main>
{content}
</main>
<footer class="dim">
<p>separatrix {__version__} · <code>{html.escape(command)}</code></p>
</footer>
<script type="application/json" id="{html.escape(key)}">{document}</script>
{_scripts(scripts)}</body>
</html>
"""


def asset(name: str) -> str:
    """The text of a file that comes with the package."""
    return (files("separatrix.views") / "assets" / name).read_text(encoding="utf-8")


def _scripts(names: Sequence[str]) -> str:
    # inside a page, a script ends at the first of its end tags, wherever that stands
    safe = {name: asset(name).replace("</script", "<\\/script") for name in names}
    lazy = (
        f'<script type="text/plain" id="drawing-library">{safe.pop(LIBRARY)}</script>\n'
        if LIBRARY in safe
        else ""
    )
    return lazy + "".join(f"<script>{text}</script>\n" for text in safe.values())


def without_word(word: str, sentence: str) -> str:
    """A verdict's sentence without the word that stands above it."""
    said, _, rest = sentence.partition(": ")
    return rest[0].upper() + rest[1:] if rest and said.lower() == word else sentence


def _tiles(tiles: Sequence[Tile]) -> str:
    if not tiles:
        return ""
    cells = "".join(
        f"<div><dt>{html.escape(what)}</dt><dd><b>{html.escape(value)}</b>"
        f"<span>{html.escape(remark)}</span></dd></div>"
        for what, value, remark in tiles
    )
    return f'<dl class="tiles">{cells}</dl>\n'


def section(title: str, *pieces: str) -> str:
    """A part of the page that the links at its top lead to; nothing where it is empty."""
    content = "".join(pieces)
    place = re.sub(r"[^a-z]+", "-", title.lower()).strip("-")
    return f'<h2 id="{place}">{html.escape(title)}</h2>{content}' if content else ""


def figure(drawn: str, caption: str, title: str = "") -> str:
    """A picture (HTML) with a caption that states its finding; `title` says what it shows."""
    head = f"<h3>{html.escape(title)}</h3>" if title else ""
    return f"<figure>{head}{drawn}<figcaption>{html.escape(caption)}</figcaption></figure>"


def figures(drawn: Iterable[str]) -> str:
    """Pictures side by side where there is room."""
    content = "".join(drawn)
    return f'<div class="figures">{content}</div>' if content else ""


def table(
    title: str, rows: Iterable[Sequence[str]], header: Sequence[str] = (), *, stacked: bool = False
) -> str:
    """A titled table of plain texts; the first cell of a row is its heading.

    stacked : on a telephone, a row's cells go below each other, each beside the heading of its column.
    """
    head = "".join(f'<th scope="col">{html.escape(cell)}</th>' for cell in header)
    heads = [f' data-head="{html.escape(cell)}"' if stacked else "" for cell in header[1:]]
    lines = "".join(
        f'<tr><th scope="row">{html.escape(first)}</th>'
        + "".join(
            f"<td{of}>{html.escape(cell)}</td>"
            for of, cell in zip_longest(heads, rest, fillvalue="")
        )
        + "</tr>"
        for first, *rest in rows
    )
    return (
        f'<div class="wide"><table{" class=stacked" if stacked else ""}>'
        + (f"<caption>{html.escape(title)}</caption>" if title else "")
        + (f"<thead><tr>{head}</tr></thead>" if head else "")
        + f"<tbody>{lines}</tbody></table></div>"
    )


def listed(title: str, lines: Sequence[str]) -> str:
    """A titled list of plain texts; nothing where there are none."""
    if not lines:
        return ""
    items = "".join(f"<li>{html.escape(line)}</li>" for line in lines)
    head = f"<h3>{html.escape(title)}</h3>" if title else ""
    return f"{head}<ul>{items}</ul>"


def folded(summary: str, content: str, *, opened: bool = False) -> str:
    """A piece of HTML behind a line that opens it; printed it is open."""
    return (
        f"<details{' open' if opened else ''}><summary>{html.escape(summary)}</summary>"
        f"{content}</details>"
    )


def finite(value: object) -> object:
    """The same structure with infinities and NaN as text, which JSON cannot hold as numbers."""
    if isinstance(value, dict):
        return {str(k): finite(v) for k, v in cast(dict[object, object], value).items()}
    if isinstance(value, list | tuple):
        return [finite(v) for v in cast(list[object], value)]
    if isinstance(value, float) and (value != value or abs(value) == float("inf")):
        return str(value)
    return value
