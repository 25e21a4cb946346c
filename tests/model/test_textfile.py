from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from separatrix.errors import ModelError
from separatrix.model.textfile import MOST_BYTES, read_text, write_text


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


def test_line_ends_are_kept_both_ways(tmp_path: Path) -> None:
    path = tmp_path / "text"
    write_text(path, "a\r\nb\nü")
    assert path.read_bytes() == b"a\r\nb\n\xc3\xbc"
    assert read_text(path) == ("a\r\nb\nü", str(path))


def test_permissions_and_links_survive(tmp_path: Path) -> None:
    real, link = tmp_path / "real.yaml", tmp_path / "link.yaml"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)
    write_text(link, "new")
    assert link.is_symlink()
    assert real.read_text() == "new"
    assert real.stat().st_mode & 0o777 == 0o640


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.yaml"
    path.write_text("old")

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        write_text(path, "new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["model.yaml"]
    with pytest.raises(FileNotFoundError):
        write_text(tmp_path / "nowhere" / "model.yaml", "text")
