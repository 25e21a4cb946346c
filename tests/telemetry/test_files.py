from __future__ import annotations

import json
from pathlib import Path

import pytest

from separatrix.errors import DataError
from separatrix.telemetry import QualityLog, Repair
from separatrix.telemetry.files import (
    dated_files,
    expanded,
    fingerprint,
    is_url,
    store_templates,
)

DAY = 86_400.0
START = 1_546_300_800.0


def _touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def test_lists_and_globs(tmp_path: Path) -> None:
    _touch(tmp_path, "b.h5", "a.h5", "sub/c.h5")
    log = QualityLog()
    found = expanded([str(tmp_path / "*"), tmp_path / "a.h5", "http://x/"], log)
    assert [Path(f).name for f in found[:2]] == ["a.h5", "b.h5"]
    assert found[2] == "http://x/"
    assert len(found) == 3
    assert log.report().count(Repair.DIRECTORY) == 1


def test_a_name_with_magic_letters_is_still_a_file(tmp_path: Path) -> None:
    _touch(tmp_path, "day[1].h5")
    assert len(expanded(tmp_path / "day[1].h5", QualityLog())) == 1


def test_a_name_without_file_is_a_failure_or_an_error(tmp_path: Path) -> None:
    log = QualityLog()
    assert expanded([str(tmp_path / "no*")], log) == []
    assert log.report().failures[0][1] == "no such file"
    with pytest.raises(DataError, match="no such file"):
        expanded([str(tmp_path / "none")], log, strict=True)
    with pytest.raises(DataError, match="cannot be read"):
        fingerprint(str(tmp_path / "none"))


def test_first_existing_template_wins_each_day(tmp_path: Path) -> None:
    _touch(tmp_path, "2019-01-01/new.h5", "2019-01-01/old.h5", "2019-01-02/old.h5")
    store = {"fs": [f"{tmp_path}/%Y-%m-%d/new.h5", f"{tmp_path}/%Y-%m-%d/old.h5"]}
    log = QualityLog()
    found = dated_files(store, "fs", START, START + 2 * DAY, "UTC", log)
    assert [Path(f).relative_to(tmp_path).as_posix() for f in found] == [
        "2019-01-01/new.h5",
        "2019-01-02/old.h5",
    ]
    assert log.report().count(Repair.ABSENT_FILE) == 1
    assert log.report().repairs[Repair.ABSENT_FILE].messages == ("2019-01-03",)


def test_the_zone_decides_the_days(tmp_path: Path) -> None:
    _touch(tmp_path, "2018-12-31.h5", "2019-01-01.h5")
    store = f"{tmp_path}/%Y-%m-%d.h5"
    utc = dated_files(store, None, START, START + 3_600, "UTC", QualityLog())
    west = dated_files(store, None, START, START + 3_600, "America/Los_Angeles", QualityLog())
    assert [Path(f).stem for f in utc] == ["2019-01-01"]
    assert [Path(f).stem for f in west] == ["2018-12-31"]


def test_a_file_of_two_days_is_read_once(tmp_path: Path) -> None:
    _touch(tmp_path, "2019.h5")
    found = dated_files(f"{tmp_path}/%Y.h5", None, START, START + 5 * DAY, "UTC", QualityLog())
    assert len(found) == 1


def test_unknown_and_ambiguous_file_systems() -> None:
    store = {"b": "x", "a": "y"}
    with pytest.raises(DataError, match=r"no file system 'c'.*a, b"):
        dated_files(store, "c", START, START, "UTC", QualityLog())
    with pytest.raises(DataError, match="several file systems: a, b"):
        dated_files(store, None, START, START, "UTC", QualityLog())


def test_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tmp_path / "site.json"
    site.write_text(json.dumps({"hdf5_files": {"fs": "/a/%d"}}))
    monkeypatch.delenv("PYTOKIO_HDF5_FILES", raising=False)
    monkeypatch.delenv("PYTOKIO_CONFIG", raising=False)
    assert store_templates(site) == {"fs": "/a/%d"}
    assert store_templates({"hdf5_files": "/b"}) == "/b"
    with pytest.raises(DataError, match="no files and no store"):
        store_templates(None)
    monkeypatch.setenv("PYTOKIO_CONFIG", str(site))
    assert store_templates(None) == {"fs": "/a/%d"}
    monkeypatch.setenv("PYTOKIO_HDF5_FILES", '{"fs": "/c"}')
    assert store_templates(None) == {"fs": "/c"}
    monkeypatch.setenv("PYTOKIO_HDF5_FILES", "/plain/%Y")
    assert store_templates(None) == "/plain/%Y"


@pytest.mark.parametrize(
    ("text", "message"), [("{", "is not JSON"), ("[]", "no key"), ('{"x": 1}', "no key")]
)
def test_bad_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, message: str
) -> None:
    monkeypatch.delenv("PYTOKIO_HDF5_FILES", raising=False)
    site = tmp_path / "site.json"
    site.write_text(text)
    with pytest.raises(DataError, match=message):
        store_templates(site)
    with pytest.raises(DataError, match="cannot be read"):
        store_templates(tmp_path / "absent.json")
    with pytest.raises(DataError, match="no key 'hdf5_files'"):
        store_templates({})


def test_fingerprints_tell_states_apart(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("1")
    before = fingerprint(str(path))
    assert fingerprint(str(path)) == before
    path.write_text("22")
    assert fingerprint(str(path)) != before


def test_addresses() -> None:
    assert is_url("mysql://u@h/db")
    assert is_url("https://x")
    assert not is_url("/a/b.h5")
