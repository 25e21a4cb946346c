"""Finished points of a sweep on disk: an interrupted sweep goes on where it stopped."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from separatrix.atomic import write_atomically
from separatrix.errors import DataError
from separatrix.fingerprint import experiment_directory, fingerprint


class SweepStore:
    """A directory with one small JSON file per finished point.

    A point is known by the program, its changes, the engine, its options and our version, so that one
    directory may serve several sweeps and a record is never taken for another's.
    """

    def __init__(self, directory: str | Path, common: Mapping[str, Any]) -> None:
        self.directory = experiment_directory(directory)
        self._common = dict(common)

    def get(self, changes: Mapping[str, Any]) -> dict[str, Any] | None:
        """The record of the point with these changes; None where it is not finished.

        Raises DataError for a file that is not one of ours.
        """
        path = self._path(changes)
        if not path.exists():
            return None
        try:
            kept: Any = json.loads(path.read_text(encoding="utf-8"))
            record = kept["record"]
            if not isinstance(record, dict) or kept["changes"] != _plain(changes):
                raise ValueError("holds another point")
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise DataError(
                f"is no record of a sweep: {error}", file=str(path), hint="remove it"
            ) from None
        found = cast("dict[str, Any]", record)
        return {k: _number(v) for k, v in found.items()}

    def put(self, changes: Mapping[str, Any], record: Mapping[str, Any]) -> None:
        """Keep a record, in one step."""
        body = {"changes": _plain(changes), "record": {k: _text(v) for k, v in record.items()}}
        write_atomically(self._path(changes), json.dumps(body, indent=1).encode())

    def _path(self, changes: Mapping[str, Any]) -> Path:
        known_by = fingerprint({**self._common, "changes": _plain(changes)})
        return self.directory / f"point-{known_by[:32]}.json"


def _plain(changes: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v if isinstance(v, int | float | str) else str(v) for k, v in changes.items()}


def _text(value: object) -> object:
    """JSON has no infinity and no NaN."""
    if isinstance(value, float) and not abs(value) < float("inf"):
        return {"number": str(value)}
    return value


def _number(value: Any) -> Any:
    return float(cast("dict[str, str]", value)["number"]) if isinstance(value, dict) else value
