"""Results in notebooks: a small table made of what `to_dict` says, every text escaped.

Long lists are counted, not shown; the picture of a result is in `separatrix.views`, its page is written
by `separatrix report`.
"""

from __future__ import annotations

import html
from typing import Any, cast

DEEPEST = 3
"""Groups within groups that are shown; deeper ones are counted."""
MOST_ROWS = 40
MOST_COLUMNS = 8
FEW = 6
"""Values that stand in one line."""
LONG = 40
"""Letters from which a text is a paragraph of its own."""
_SAID = ("verdict", "sentence", "finding", "status", "reason")
"""Fields that stand above the table where a result has them."""


class Shown:
    """A result that notebooks show as a table; it has a `to_dict`."""

    def to_dict(self) -> dict[str, Any]:
        """What is shown; every result has its own."""
        raise NotImplementedError(f"{type(self).__name__} says nothing of itself")

    def _repr_html_(self) -> str:
        return table_of(type(self).__name__, self.to_dict())


def table_of(name: str, data: dict[str, Any]) -> str:
    """HTML of a named result.

    >>> table_of("Load", {"verdict": "safe", "rate_per_s": 80.0})
    '<div role="region" aria-label="Load: safe" tabindex="0" style="overflow-x:auto"><strong>Load: \
safe</strong><table><tr><th scope="row">rate [1/s]</th><td>80</td></tr></table></div>'
    """
    word = data.get("verdict")
    title = html.escape(f"{name}: {word}" if isinstance(word, str) else name)
    said = [str(data[key]) for key in _SAID[1:3] if isinstance(data.get(key), str)]
    why = data.get("reason")
    if data.get("status") not in (None, "ok"):
        said.append(f"{data['status']}: {why}")
    rest = {key: value for key, value in data.items() if key not in (*_SAID, "schema")}
    lines = "".join(f"<p>{html.escape(text)}</p>" for text in said if text)
    # a wide table scrolls inside its own box, which the keyboard reaches
    box = f'<div role="region" aria-label="{title}" tabindex="0" style="overflow-x:auto">'
    return f"{box}<strong>{title}</strong>{lines}{_table(rest, DEEPEST)}</div>"


def _table(data: dict[str, Any], depth: int) -> str:
    rows = [
        f'<tr><th scope="row">{_name(key)}</th><td>{_cell(value, depth - 1)}</td></tr>'
        for key, value in list(data.items())[:MOST_ROWS]
    ]
    if len(data) > MOST_ROWS:
        rows.append(f'<tr><th scope="row">…</th><td>and {len(data) - MOST_ROWS} more</td></tr>')
    return f"<table>{''.join(rows)}</table>"


def _name(key: object) -> str:
    """The field in words, its unit as such: ``mean_s`` is "mean [s]"."""
    words = str(key)
    for ending, unit in (("_per_s", " [1/s]"), ("_s", " [s]")):
        if words.endswith(ending):
            words = words.removesuffix(ending) + unit
            break
    return html.escape(words.replace("_", " "))


def _cell(value: Any, depth: int) -> str:
    if isinstance(value, dict):
        group = cast(dict[str, Any], value)
        return _table(group, depth) if depth > 0 and group else _counted(len(group), "entries")
    if isinstance(value, list | tuple):
        items = cast(list[Any], value)
        if any(isinstance(i, str) and len(i) > LONG for i in items) and len(items) <= MOST_ROWS:
            return "".join(f"<p>{html.escape(_text(i))}</p>" for i in items)
        if len(items) <= FEW and not any(isinstance(i, dict | list | tuple) for i in items):
            return html.escape(", ".join(map(_text, items))) or "none"
        return _columns(items) or _counted(len(items), "values")
    return html.escape(_text(value))


def _columns(items: list[Any]) -> str:
    """Like records as a table with a head; nothing where they are no few like records."""
    if not 0 < len(items) <= MOST_ROWS or not all(isinstance(item, dict) for item in items):
        return ""
    keys = list(cast(dict[str, Any], items[0]))
    cells = [value for item in items for value in item.values()]
    if not 0 < len(keys) <= MOST_COLUMNS or any(_inline(cell) is None for cell in cells):
        return ""
    head = "".join(f'<th scope="col">{_name(key)}</th>' for key in keys)
    lines = (
        "".join(f"<td>{html.escape(_inline(item.get(key)) or '')}</td>" for key in keys)
        for item in items
    )
    return f"<table><tr>{head}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def _inline(value: Any) -> str | None:
    """One line of a value, also of a few named or listed ones; None where that is too much."""
    if not isinstance(value, dict | list | tuple):
        return _text(value)
    parts = cast(dict[str, Any] | list[Any], value)
    inner = list(parts.values()) if isinstance(parts, dict) else list(parts)
    if len(inner) > FEW or any(isinstance(i, dict | list | tuple) for i in inner):
        return None
    texts = [f"{k} {_text(v)}" for k, v in parts.items()] if isinstance(parts, dict) else inner
    return ", ".join(map(_text, texts)) or "none"


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}"


def _text(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)
