"""Text files, plain or gzipped, as lines and as blocks of bytes."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from typing import BinaryIO, cast

from separatrix.errors import DataError

_GZIP = b"\x1f\x8b"


def head_of(path: str, size: int = 65_536) -> bytes:
    """Return the first bytes of a file, unzipped.

    Raises
    ------
    DataError : the file cannot be read or its compression is damaged.
    """
    with binary(path) as file:
        return _read(file, size, path)


def lines_of(path: str) -> Iterator[str]:
    """Yield the lines of a file; bytes that are not UTF-8 become replacement marks."""
    with binary(path) as file:
        try:
            for line in file:
                yield line.decode("utf-8", "replace")
        except (OSError, EOFError) as wrong:
            raise DataError(f"cannot be read to its end: {wrong}", file=path) from wrong


def blocks_of(path: str, size: int) -> Iterator[bytes]:
    """Yield a file as blocks of `size` bytes."""
    with binary(path) as file:
        while block := _read(file, size, path):
            yield block


def binary(path: str) -> BinaryIO:
    """Open a file for reading bytes, unzipping it where it begins like a gzip file."""
    try:
        file = open(path, "rb")  # noqa: SIM115  (handed to the caller, who closes it)
        if file.read(2) == _GZIP:
            file.close()
            return cast(BinaryIO, gzip.open(path, "rb"))
        file.seek(0)
    except OSError as wrong:
        raise DataError(f"cannot be read: {wrong.strerror}", file=path) from wrong
    return file


def _read(file: BinaryIO, size: int, path: str) -> bytes:
    try:
        return file.read(size)
    except (OSError, EOFError) as wrong:
        raise DataError(f"cannot be read to its end: {wrong}", file=path) from wrong
