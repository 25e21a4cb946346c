"""Writing files so that no reader, and no crash, ever sees half of one."""

from __future__ import annotations

import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from separatrix.errors import DataError


@contextmanager
def draft_of(path: str | os.PathLike[str]) -> Generator[Path]:
    """A name beside `path`, with its ending, that becomes `path` when the block ends without an error.

    A link is followed; an existing file keeps its permissions.
    Raises DataError where the place cannot be written to.
    """
    target = Path(os.path.realpath(path))
    draft = target.with_name(f".{target.stem}.{os.getpid()}-{secrets.token_hex(4)}{target.suffix}")
    try:
        yield draft
        with draft.open("rb+") as stream:
            os.fsync(stream.fileno())
        if target.exists():
            draft.chmod(target.stat().st_mode & 0o7777)
        draft.replace(target)
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataError(
            f"cannot be written: {reason}", file=str(path), hint="give another place, or make room"
        ) from error
    finally:
        draft.unlink(missing_ok=True)


def write_atomically(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Put `content` (text as UTF-8) at `path`: the old file or the whole new one, never a part.

    Raises DataError where the place cannot be written to.
    """
    with draft_of(path) as draft:
        draft.write_bytes(content.encode() if isinstance(content, str) else content)
