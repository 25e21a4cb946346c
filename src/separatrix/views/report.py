"""The report: one HTML file that carries the verdict to somebody who has installed nothing."""

from __future__ import annotations

import html
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from separatrix import __version__
from separatrix.questions.portrait import describe, portrait
from separatrix.questions.verdict import Verdict
from separatrix.views.tables import basis, verdict_rows

_COLOURS = {
    "safe": "#00664b",
    "can get stuck": "#8a5a00",
    "always stuck": "#a33b00",
    "inconclusive": "#6b2f6b",
}

_STYLE = """
:root { color-scheme: light dark; --ink: #1a1a1a; --paper: #fff; --line: #ccc; --dim: #555; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #eee; --paper: #16181c; --line: #444; --dim: #aaa; }
  figure svg { background: #fff; border-radius: 4px; }
}
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 60rem; margin: 0 auto; padding: 1rem; }
.verdict { border-left: .6rem solid var(--mark); padding: .5rem 1rem; }
.verdict strong { color: var(--mark); font-size: 1.6rem; text-transform: uppercase; }
@media (prefers-color-scheme: dark) { .verdict strong { color: inherit; } }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1.5rem; }
th, td { text-align: left; padding: .25rem .6rem; border-bottom: 1px solid var(--line);
  vertical-align: top; overflow-wrap: anywhere; }
td:nth-child(3), .dim { color: var(--dim); }
figure { margin: 1rem 0; } figure svg { max-width: 100%; height: auto; }
figcaption { color: var(--dim); }
pre { overflow-x: auto; border: 1px solid var(--line); padding: .75rem; }
@media print { body { max-width: none; } figure, table { break-inside: avoid; } }
"""


def report_html(
    verdict: Verdict, *, yaml: str, english: Sequence[str], warnings: Sequence[str], command: str
) -> str:
    """The page as text. It makes no request and needs no JavaScript.

    Parameters
    ----------
    verdict : the answer.
    yaml, english : the model as a file and in words.
    warnings : of the model.
    command : the command that made the page.
    """
    from separatrix.views.figures import as_svg, law_heat_map, phase_portrait

    picture = portrait(verdict.found)
    finding = describe(picture.points, verdict.population)
    law_finding = _law_finding(verdict)
    figures = "".join(
        f'<figure role="img" aria-label="{html.escape(caption)}">{svg}'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
        for svg, caption in (
            (as_svg(phase_portrait(picture), "Phase portrait"), finding),
            (
                as_svg(law_heat_map(verdict.population, verdict.law.log_pi), "Stationary law"),
                law_finding,
            ),
        )
    )
    tables = "".join(
        f"<h2>{html.escape(title)}</h2><table><tbody>"
        + "".join(
            f'<tr><th scope="row">{html.escape(a)}</th><td>{html.escape(b)}</td>'
            f"<td>{html.escape(c)}</td></tr>"
            for a, b, c in rows
        )
        + "</tbody></table>"
        for title, rows in verdict_rows(verdict)
    )
    embedded = json.dumps(finite(verdict.to_dict())).replace("<", "\\u003c")
    title = html.escape(f"{verdict.program.name}: {verdict.word}")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{_STYLE}</style>
</head>
<body>
<header>
<h1>{html.escape(verdict.program.name)}</h1>
<div class="verdict" style="--mark: {_COLOURS[verdict.word]}">
<strong>{html.escape(verdict.word)}</strong>
<p>{html.escape(verdict.sentence)}</p>
</div>
</header>
<main>
{figures}
{tables}
<h2>The model</h2>
{"".join(f"<p>{html.escape(paragraph)}</p>" for paragraph in english)}
{_listed("Warnings", warnings)}
<pre>{html.escape(yaml)}</pre>
{_listed("What this rests on", basis(verdict))}
</main>
<footer class="dim">
<p>separatrix {__version__} · <code>{html.escape(command)}</code></p>
</footer>
<script type="application/json" id="separatrix-verdict">{embedded}</script>
</body>
</html>
"""


def finite(value: object) -> object:
    """The same structure with infinities and NaN as text, which JSON cannot hold as numbers."""
    if isinstance(value, dict):
        return {str(k): finite(v) for k, v in cast(dict[object, object], value).items()}
    if isinstance(value, list | tuple):
        return [finite(v) for v in cast(list[object], value)]
    if isinstance(value, float) and (value != value or abs(value) == float("inf")):
        return str(value)
    return value


def write_atomically(path: str | Path, text: str) -> None:
    """Write `text` to `path` so that the file is either the old one or the whole new one."""
    target = Path(path)
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _law_finding(verdict: Verdict) -> str:
    parts = [f"{r.name} {r.probability:.2g}" for r in verdict.regimes]
    return f"Long-run share of time by state; in all: {', '.join(parts)}."


def _listed(title: str, lines: Sequence[str]) -> str:
    if not lines:
        return ""
    items = "".join(f"<li>{html.escape(line)}</li>" for line in lines)
    return f"<h2>{html.escape(title)}</h2><ul>{items}</ul>"
