"""The frame of every page: one self-contained file, readable without JavaScript, asking for nothing.

A page is made of ready pieces of HTML; whoever makes a piece escapes what it puts in.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Sequence
from typing import cast

from separatrix import __version__

MARKS = {
    "good": "#00664b",
    "warning": "#8a5a00",
    "bad": "#a33b00",
    "unknown": "#6b2f6b",
}
"""Colours of a page's first word; the word itself says the same."""

_STYLE = """
:root { color-scheme: light dark; --ink: #1a1a1a; --paper: #fff; --line: #ccc; --dim: #555; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #eee; --paper: #16181c; --line: #444; --dim: #aaa; }
  figure svg { background: #fff; border-radius: 4px; }
}
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 60rem; margin: 0 auto; padding: 1rem; overflow-wrap: anywhere; }
.verdict { border-left: .6rem solid var(--mark); padding: .5rem 1rem; }
.verdict strong { color: var(--mark); font-size: 1.6rem; text-transform: uppercase; }
@media (prefers-color-scheme: dark) { .verdict strong { color: inherit; } }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1.5rem; }
th, td { text-align: left; padding: .25rem .6rem; border-bottom: 1px solid var(--line);
  vertical-align: top; }
td:last-child, .dim { color: var(--dim); }
figure { margin: 1rem 0; } figure svg { max-width: 100%; height: auto; }
figcaption { color: var(--dim); }
pre { overflow-x: auto; border: 1px solid var(--line); padding: .75rem; }
a:focus-visible, button:focus-visible, [tabindex]:focus-visible { outline: 3px solid var(--mark); }
@media print { body { max-width: none; } figure, table { break-inside: avoid; } }
"""


def page(
    *,
    name: str,
    word: str,
    mark: str,
    sentence: str,
    body: Iterable[str],
    command: str,
    embedded: tuple[str, object],
) -> str:
    """The whole file.

    Parameters
    ----------
    name, word, sentence : heading, verdict in a word, and in a sentence; plain text.
    mark : a key of `MARKS`.
    body : pieces of HTML.
    command : the command that made the page; plain text.
    embedded : id and value of the JSON that the page carries.
    """
    key, value = embedded
    document = json.dumps(finite(value)).replace("<", "\\u003c")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(f"{name}: {word}")}</title>
<style>{_STYLE}</style>
</head>
<body style="--mark: {MARKS[mark]}">
<header>
<h1>{html.escape(name)}</h1>
<div class="verdict">
<strong>{html.escape(word)}</strong>
<p>{html.escape(sentence)}</p>
</div>
</header>
<main>
{"".join(body)}
</main>
<footer class="dim">
<p>separatrix {__version__} · <code>{html.escape(command)}</code></p>
</footer>
<script type="application/json" id="{html.escape(key)}">{document}</script>
</body>
</html>
"""


def figure(svg: str, caption: str) -> str:
    """A picture with a caption that states its finding."""
    text = html.escape(caption)
    return f'<figure role="img" aria-label="{text}">{svg}<figcaption>{text}</figcaption></figure>'


def table(title: str, rows: Iterable[Sequence[str]], header: Sequence[str] = ()) -> str:
    """A titled table of plain texts; the first cell of a row is its heading."""
    head = "".join(f'<th scope="col">{html.escape(cell)}</th>' for cell in header)
    lines = "".join(
        f'<tr><th scope="row">{html.escape(first)}</th>'
        + "".join(f"<td>{html.escape(cell)}</td>" for cell in rest)
        + "</tr>"
        for first, *rest in rows
    )
    return (
        f'<h2>{html.escape(title)}</h2><div class="wide"><table>'
        + (f"<thead><tr>{head}</tr></thead>" if head else "")
        + f"<tbody>{lines}</tbody></table></div>"
    )


def listed(title: str, lines: Sequence[str]) -> str:
    """A titled list of plain texts; nothing where there are none."""
    if not lines:
        return ""
    items = "".join(f"<li>{html.escape(line)}</li>" for line in lines)
    return f"<h2>{html.escape(title)}</h2><ul>{items}</ul>"


def model_section(yaml: str, english: Sequence[str]) -> str:
    """The model in English and as its file."""
    paragraphs = "".join(f"<p>{html.escape(paragraph)}</p>" for paragraph in english)
    return f'<h2>The model</h2>{paragraphs}<pre tabindex="0">{html.escape(yaml)}</pre>'


def finite(value: object) -> object:
    """The same structure with infinities and NaN as text, which JSON cannot hold as numbers."""
    if isinstance(value, dict):
        return {str(k): finite(v) for k, v in cast(dict[object, object], value).items()}
    if isinstance(value, list | tuple):
        return [finite(v) for v in cast(list[object], value)]
    if isinstance(value, float) and (value != value or abs(value) == float("inf")):
        return str(value)
    return value
