"""What a stored experiment is known by."""

from __future__ import annotations

import pytest

import separatrix.fingerprint as module
from separatrix.errors import DataError
from separatrix.fingerprint import experiment_directory, fingerprint


def test_it_depends_on_content_and_version_not_on_order(monkeypatch):
    one = fingerprint({"a": 1, "b": [2, 3]})
    assert one == fingerprint({"b": [2, 3], "a": 1})
    assert (
        len({one, fingerprint({"a": 1, "b": [3, 2]}), fingerprint({"a": 1, "b": [2, 3]}, b"x")})
        == 3
    )
    monkeypatch.setattr(module, "__version__", "another")
    assert fingerprint({"a": 1, "b": [2, 3]}) != one


def test_a_directory_is_made_or_refused(tmp_path):
    assert experiment_directory(tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be made"):
        experiment_directory(tmp_path / "file" / "in")
