from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from separatrix.telemetry import Accounts, Counters, QualityLog, Repair, concat
from separatrix.telemetry.cache import CacheKey, cached, default_folder
from separatrix.telemetry.files import fingerprint

Make = Callable[..., Counters]


class Source:
    """Gives tables and counts how often it was asked."""

    def __init__(self, tables: list[Counters]) -> None:
        self.tables = tables
        self.asked = 0

    def __call__(self) -> Iterator[Counters]:
        self.asked += 1
        return iter(self.tables)


def _key(*files: Path, **change: object) -> CacheKey:
    plain = CacheKey(tuple(fingerprint(str(f)) for f in files), "fs", "UTC", None, None, None, {})
    return replace(plain, **change)  # type: ignore[arg-type]


def _same(one: Counters, other: Counters) -> None:
    for name in ("start", "step", "values", "cpu"):
        assert np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True), name
    for name in (
        "targets",
        "operations",
        "stored",
        "servers",
        "server_of",
        "fs",
        "zone",
        "sources",
        "quality",
    ):
        assert getattr(one, name) == getattr(other, name), name
    for name in ("latency_sum", "latency_samples"):
        a, b = getattr(one, name), getattr(other, name)
        assert (a is None) == (b is None)
        assert a is None or np.array_equal(a, b, equal_nan=True)


@pytest.fixture
def tables(table: Make) -> list[Counters]:
    log = QualityLog()
    log.repair(Repair.GAP, 3, file="a", message="m")
    first = table([0, 5], [[1, np.nan], [3, 4]], operations=("open", "close"), quality=log.report())
    odd = table([10, 15, 20], [[0.5, 1e12, np.nan]], targets=("other",), fs="fs")
    timed = replace(
        table([25], [[2.0]]),
        stored="rates",
        latency_sum=np.array([[[7.5]]]),
        latency_samples=np.array([[[2.0]]]),
        sources=("x", "y"),
    )
    return [first, first, odd, timed]


def test_a_second_reading_is_the_same_and_asks_nobody(tmp_path: Path, tables: list) -> None:
    source = Source(tables)
    fresh = list(cached(tmp_path, _key(), source))
    again = list(cached(tmp_path, _key(), source))
    assert source.asked == 1
    assert len(again) == len(tables)
    for a, b, c in zip(tables, fresh, again, strict=True):
        _same(a, b)
        _same(a, c)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30
)
@given(
    values=st.lists(
        st.floats(allow_nan=True, allow_infinity=False) | st.integers(-2, 2**33).map(float),
        min_size=1,
        max_size=8,
    ),
    number=st.integers(0, 10**9),
)
def test_any_values_survive(tmp_path: Path, table: Make, values: list[float], number: int) -> None:
    made = table(5 * np.arange(len(values)), [values])
    key = _key(start=float(number), options={"values": repr(values)})
    list(cached(tmp_path, key, Source([made])))
    (back,) = cached(tmp_path, key, Source([]))
    _same(made, back)


@pytest.mark.parametrize(
    "change",
    [
        {"fs": "x"},
        {"zone": "Asia/Tokyo"},
        {"start": 1.0},
        {"end": 2.0},
        {"operations": ("open",)},
        {"options": {"strict": True}},
    ],
)
def test_every_part_of_the_key_counts(tmp_path: Path, tables: list, change: dict) -> None:
    source = Source(tables)
    list(cached(tmp_path, _key(), source))
    list(cached(tmp_path, _key(**change), source))
    assert source.asked == 2


def test_a_changed_file_is_another_key(tmp_path: Path, tables: list) -> None:
    file = tmp_path / "f"
    file.write_text("1")
    source = Source(tables)
    list(cached(tmp_path / "c", _key(file), source))
    os.utime(file, ns=(1, 1))
    list(cached(tmp_path / "c", _key(file), source))
    file.write_text("22")
    list(cached(tmp_path / "c", _key(file), source))
    assert source.asked == 3


def test_a_file_that_changed_while_it_was_read_is_not_kept(tmp_path: Path, tables: list) -> None:
    file = tmp_path / "f"
    file.write_text("1")
    key = _key(file)
    file.write_text("22")
    list(cached(tmp_path / "c", key, Source(tables)))
    assert list((tmp_path / "c").iterdir()) == []


def _damages() -> list[tuple[str, Callable[[Path], None]]]:
    def flip(part: Path) -> None:
        data = bytearray(part.read_bytes())
        data[len(data) // 3] ^= 0xFF
        part.write_bytes(data)

    return [
        ("flipped byte", flip),
        ("truncated", lambda p: p.write_bytes(p.read_bytes()[:-20])),
        ("gone", Path.unlink),
        ("no manifest", lambda p: (p.parent / "manifest.json").unlink()),
        ("bad manifest", lambda p: (p.parent / "manifest.json").write_text("{")),
        (
            "other manifest",
            lambda p: (p.parent / "manifest.json").write_text('{"key": "", "parts": []}'),
        ),
    ]


@pytest.mark.parametrize("damage", [d for _, d in _damages()], ids=[n for n, _ in _damages()])
def test_a_damaged_entry_is_rebuilt_with_a_warning(
    tmp_path: Path, tables: list, damage: Callable[[Path], None]
) -> None:
    source = Source(tables)
    list(cached(tmp_path, _key(), source))
    part = sorted(tmp_path.glob("*/part-*.parquet"))[0]
    damage(part)
    with pytest.warns(UserWarning, match="damaged cache"):
        back = list(cached(tmp_path, _key(), source))
    assert source.asked == 2
    assert [t.n_intervals for t in back] == [t.n_intervals for t in tables]
    for a, b in zip(tables, back, strict=True):
        assert np.array_equal(a.values, b.values, equal_nan=True)
    assert sum(t.quality.count(Repair.CACHE) for t in back) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        list(cached(tmp_path, _key(), source))
    assert source.asked == 2


def test_a_reading_that_stops_early_leaves_no_entry(tmp_path: Path, tables: list) -> None:
    reading = cached(tmp_path, _key(), Source(tables))
    next(reading)
    reading.close()  # type: ignore[attr-defined]
    assert list(tmp_path.iterdir()) == []

    def failing() -> Iterator[Counters]:
        yield tables[0]
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        list(cached(tmp_path, _key(), failing))
    assert list(tmp_path.iterdir()) == []


def test_failures_and_accounts_are_not_kept(tmp_path: Path, table: Make) -> None:
    log = QualityLog()
    log.failure("bad.h5", "truncated")
    empty = np.zeros(0, np.int32)
    accounts = Accounts((), (), (), empty, empty, np.zeros(0), np.zeros(0), np.zeros((0, 0)))
    for made in (table([0], [[1]], quality=log.report()), table([0], [[1]], accounts=accounts)):
        list(cached(tmp_path, _key(), Source([made])))
        assert list(tmp_path.iterdir()) == []


def test_default_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/c")
    assert default_folder() == Path("/c/separatrix/telemetry")


def test_joined_entries_equal_joined_tables(tmp_path: Path, tables: list) -> None:
    key = _key()
    list(cached(tmp_path, key, Source(tables)))
    back = concat(t for t in cached(tmp_path, key, Source([])) if t.targets == ("m0",))
    direct = concat(t for t in tables if t.targets == ("m0",))
    assert np.array_equal(back.values, direct.values, equal_nan=True)
