"""A file is the old one or the whole new one, whatever happens while it is written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from separatrix.atomic import directory_draft_of, draft_of, write_atomically
from separatrix.errors import DataError


def test_text_and_bytes_arrive_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "text"
    write_atomically(path, "a\r\nb\nü")
    assert path.read_bytes() == b"a\r\nb\n\xc3\xbc"
    write_atomically(path, b"\x00\xff")
    assert path.read_bytes() == b"\x00\xff"


def test_permissions_and_links_survive(tmp_path: Path) -> None:
    real, link = tmp_path / "real.yaml", tmp_path / "link.yaml"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)
    write_atomically(link, "new")
    assert link.is_symlink()
    assert real.read_text() == "new"
    assert real.stat().st_mode & 0o777 == 0o640


def test_a_new_file_can_be_read_by_those_whom_the_umask_lets(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    before = os.umask(0o022)
    try:
        write_atomically(path, "x")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.yaml"
    path.write_text("old")

    def full(_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError, match=r"model\.yaml: cannot be written: No space left"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["model.yaml"]


def test_an_error_of_the_writer_leaves_nothing_and_goes_on(tmp_path: Path) -> None:
    def write_half() -> None:
        with draft_of(tmp_path / "a.png") as draft:
            assert draft.suffix == ".png"
            draft.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_half()
    assert list(tmp_path.iterdir()) == []


def test_no_directory_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file or directory"):
        write_atomically(tmp_path / "nowhere" / "model.yaml", "text")


def test_a_directory_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    place = tmp_path / "below" / "entry"
    with directory_draft_of(place) as draft:
        (draft / "a").write_text("1")
        assert not place.exists()
    assert (place / "a").read_text() == "1"

    def fail() -> None:
        with directory_draft_of(place.with_name("other")) as draft:
            (draft / "a").write_text("2")
            raise OSError("the block's own")

    with pytest.raises(OSError, match="the block's own"):
        fail()
    assert [p.name for p in place.parent.iterdir()] == ["entry"]


def test_the_first_of_two_directories_stays(tmp_path: Path) -> None:
    place = tmp_path / "entry"
    with directory_draft_of(place) as slow:
        (slow / "a").write_text("slow")
        with directory_draft_of(place) as quick:
            (quick / "a").write_text("quick")
    assert (place / "a").read_text() == "quick"
    assert [p.name for p in tmp_path.iterdir()] == ["entry"]


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(DataError, match=r"file/entry: cannot be written"),
        directory_draft_of(tmp_path / "file" / "entry"),
    ):
        pass


def test_a_pipe_is_written_to_and_stays_one(tmp_path):
    place = tmp_path / "pipe"
    os.mkfifo(place)
    reader = os.open(place, os.O_RDWR | os.O_NONBLOCK)
    try:
        write_atomically(place, "all of it")
        assert os.read(reader, 100) == b"all of it"
    finally:
        os.close(reader)
    assert place.is_fifo()
    assert list(tmp_path.iterdir()) == [place]
