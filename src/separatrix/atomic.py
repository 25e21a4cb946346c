"""Writing files so that no reader, and no crash, ever sees half of one."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from separatrix.errors import DataError


@contextmanager
def draft_of(path: str | os.PathLike[str]) -> Generator[Path]:
    """A name beside `path`, with its ending, that becomes `path` when the block ends without an error.

    A link is followed; an existing file keeps its permissions; a pipe or a device is written to, not
    replaced.
    Raises DataError where the place cannot be written to.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not (target.is_file() or target.is_dir()):
        with tempfile.TemporaryDirectory() as place:
            draft = Path(place) / target.name
            try:
                yield draft
                with draft.open("rb") as stream, target.open("wb") as out:
                    shutil.copyfileobj(stream, out)
            except OSError as error:
                raise _refused(path, error) from error
        return
    draft = target.with_name(f".{target.stem}.{os.getpid()}-{secrets.token_hex(4)}{target.suffix}")
    try:
        yield draft
        with draft.open("rb+") as stream:
            os.fsync(stream.fileno())
        if target.exists():
            draft.chmod(target.stat().st_mode & 0o7777)
        draft.replace(target)
    except OSError as error:
        raise _refused(path, error) from error
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def directory_draft_of(path: str | os.PathLike[str]) -> Generator[Path]:
    """A new directory beside `path` that becomes `path` when the block ends without an error.

    Where `path` is there already by then, made by somebody who was quicker, it stays as it is. An error
    of the block goes on as it is, and leaves nothing.
    Raises DataError where the place cannot be written to.
    """
    target = Path(path)
    draft = target.with_name(f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        draft.mkdir(parents=True)
    except OSError as error:
        raise _refused(path, error) from error
    try:
        yield draft
        _settle(draft, target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _settle(draft: Path, target: Path) -> None:
    try:
        for part in draft.iterdir():
            with part.open("rb+") as stream:
                os.fsync(stream.fileno())
        if not target.exists():
            draft.rename(target)
    except OSError as error:
        if not target.exists():
            raise _refused(target, error) from error


def write_atomically(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Put `content` (text as UTF-8) at `path`: the old file or the whole new one, never a part.

    Raises DataError where the place cannot be written to.
    """
    with draft_of(path) as draft:
        draft.write_bytes(content.encode() if isinstance(content, str) else content)


def _refused(path: str | os.PathLike[str], error: OSError) -> DataError:
    reason = error.strerror or str(error)
    return DataError(
        f"cannot be written: {reason}", file=str(path), hint="give another place, or make room"
    )
