"""What an experiment on disk is known by: a hash of all that decides its outcome, our version included."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from separatrix import __version__
from separatrix.errors import DataError


def fingerprint(said: Mapping[str, Any], words: bytes = b"") -> str:
    """Hexadecimal SHA-256 of plain data, and of bytes that go with it.

    The order of the keys does not count; a new version of Separatrix is another experiment.
    """
    digest = hashlib.sha256(words)
    digest.update(json.dumps({**said, "version": __version__}, sort_keys=True).encode())
    return digest.hexdigest()


def experiment_directory(directory: str | Path) -> Path:
    """The directory, made if it is not there. Raises DataError where it cannot be."""
    path = Path(directory)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"cannot be made: {error.strerror}",
            file=str(directory),
            hint="give a directory that can be written",
        ) from error
    return path
