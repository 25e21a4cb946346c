"""Reading back what a page carries, and comparing two of them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, TypeAlias, cast

from separatrix.errors import DataError

Difference: TypeAlias = tuple[str, object, object]
"""Place, value before, value after."""

MOST_BYTES = 64_000_000
_CARRIED = re.compile(
    r'<script type="application/json" id="(separatrix-[a-z]+)">(.*?)</script>', re.S
)


def carried(path: str | Path) -> dict[str, Any]:
    """The JSON that a page of ours carries.

    Raises DataError where the file cannot be read, is too large, or is no page of ours.
    """
    try:
        size = Path(path).stat().st_size
        if size > MOST_BYTES:
            raise DataError(f"{size:,} bytes are more than a page has", file=str(path))
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", file=str(path)) from None
    except UnicodeDecodeError as error:
        raise DataError(f"cannot be read: {error}", file=str(path)) from None
    match = _CARRIED.search(text)
    if match is None:
        raise DataError(
            "is no page of ours", file=str(path), hint="give one that `separatrix report` wrote"
        )
    try:
        value: Any = json.loads(match[2])
    except (json.JSONDecodeError, RecursionError):
        raise DataError("carries damaged data", file=str(path)) from None
    return cast(dict[str, Any], value if isinstance(value, dict) else {"parts": value})


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[Difference]:
    """(place, before, after) of every number and text that differs.

    Items of a list are compared by their `name`, where all have one; any other list counts as one value.
    Numbers that differ by less than a part in 1e9 are the same.
    """
    found: list[Difference] = []
    _compare("", before, after, found)
    return found


def _compare(place: str, before: Any, after: Any, found: list[Difference]) -> None:
    one, other = _mapping(before), _mapping(after)
    if one is not None and other is not None:
        for key in dict.fromkeys([*one, *other]):
            _compare(f"{place}.{key}" if place else key, one.get(key), other.get(key), found)
    elif not _same(before, after):
        found.append((place, before, after))


def _mapping(value: Any) -> dict[str, Any] | None:
    """A mapping, or a list as one where its items have names; None for anything else."""
    if isinstance(value, dict):
        return cast(dict[str, Any], value)
    if not isinstance(value, list):
        return None
    items = [_mapping(item) for item in cast(list[Any], value)]
    named = {str(item["name"]): item for item in items if item is not None and "name" in item}
    return named if items and len(named) == len(items) else None


def _same(before: object, after: object) -> bool:
    if isinstance(before, int | float) and isinstance(after, int | float):
        return abs(before - after) <= 1e-9 * max(abs(before), abs(after))
    return before == after
