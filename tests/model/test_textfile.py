from __future__ import annotations

import io
from pathlib import Path

import pytest

from separatrix.errors import ModelError
from separatrix.model.textfile import MOST_BYTES, read_text


def test_exactly_the_limit_is_read() -> None:
    text, name = read_text(io.BytesIO(b"x" * MOST_BYTES))
    assert (len(text), name) == (MOST_BYTES, "<stream>")
    with pytest.raises(ModelError, match="is longer than"):
        read_text(io.StringIO("x" * (MOST_BYTES + 1)))


def test_a_stream_that_gives_little_at_a_time() -> None:
    class Slow(io.RawIOBase):
        left = 10

        def readinto(self, buffer: memoryview) -> int:
            self.left -= 1
            buffer[:1] = b"x"
            return int(self.left >= 0)

        def readable(self) -> bool:
            return True

    assert read_text(Slow())[0] == "x" * 10


def test_what_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "model.yaml").write_text("")
    with pytest.raises(
        ModelError, match=r"cannot be read: No such file.*did you mean '.*model.yaml'\?"
    ):
        read_text(tmp_path / "modle.yaml")
    with pytest.raises(ModelError, match=r"cannot be read: No such file.*; check the path"):
        read_text(tmp_path / "zzz")
    with pytest.raises(ModelError, match=r"cannot be read: No such file.*; check the path"):
        read_text(str(tmp_path / "nowhere" / "model.yaml"))
    with pytest.raises(ModelError, match="cannot be read: Is a directory"):
        read_text(tmp_path)
    with pytest.raises(ModelError, match="cannot be read: embedded null byte"):
        read_text("a\0b")
