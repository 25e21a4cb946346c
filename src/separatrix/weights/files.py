"""Weights in a YAML file, with where they came from; written in one step, read without trust.

Every line but those of mappings is ``key: value`` with the value in JSON, which is YAML too. The
reader is that of models: bounded in size and depth, without tags.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any, cast

from separatrix.errors import DataError, ModelError
from separatrix.weights.result import Weights

_BLOCKS = 3  # deeper mappings are written on one line


def dumps(weights: Weights) -> str:
    """Return weights as YAML text; `loads` undoes it exactly."""
    head = "# Cost weights of metadata operations, made by `separatrix weights`.\n"
    return head + "\n".join(_lines(weights.to_dict(), 0)) + "\n"


def loads(text: str, name: str = "<text>") -> Weights:
    """Read weights from YAML text; `name` stands for the file in messages.

    Raises
    ------
    DataError : where it is not YAML, not of weights, or damaged.
    """
    from separatrix.model.files import compose
    from separatrix.model.tree import plain

    try:
        root, problems = compose(text, name)
    except ModelError as wrong:
        raise DataError(str(wrong.problems[0])) from wrong
    if problems:
        raise DataError(str(problems[0]))
    try:  # the top of what `compose` lets through is a mapping
        return Weights.from_dict(cast(Mapping[str, Any], plain(root)))
    except DataError as wrong:
        raise DataError(str(wrong), file=name) from wrong


def save(weights: Weights, path: str | os.PathLike[str]) -> None:
    """Write weights to `path` in one step; raises OSError where that cannot be done."""
    from separatrix.atomic import write_atomically

    write_atomically(path, dumps(weights))


def load(path: str | os.PathLike[str]) -> Weights:
    """Read weights from `path`.

    Raises
    ------
    DataError : where there is no such file, or it is damaged.
    """
    from separatrix.model.textfile import read_text

    try:
        text, name = read_text(path)
    except ModelError as wrong:
        raise DataError(str(wrong.problems[0])) from wrong
    return loads(text, name)


def _lines(record: Mapping[str, Any], depth: int) -> Iterator[str]:
    indent = "  " * depth
    for key, value in record.items():
        if isinstance(value, Mapping) and value and depth < _BLOCKS - (key == "weights") - 1:
            yield f"{indent}{_key(key)}:"
            yield from _lines(cast(Mapping[str, Any], value), depth + 1)
        else:
            text = json.dumps(value, ensure_ascii=True, allow_nan=False)
            yield f"{indent}{_key(key)}: {text}"


def _key(key: str) -> str:
    safe = key.replace("_", "").isalnum() and key.isascii() and not key[0].isdigit()
    return key if safe and key not in {"y", "n", "yes", "no", "on", "off"} else json.dumps(key)
