from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from separatrix.errors import DataError
from separatrix.telemetry import QualityLog, Repair
from separatrix.telemetry.zones import epochs, instant, local_days, naive_local, stamp

ZONES = ("UTC", "America/Los_Angeles", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kolkata")


def test_instants() -> None:
    assert instant(12.5, "UTC") == 12.5
    assert instant("2019-01-01", "America/Los_Angeles") == 1_546_329_600
    assert instant(dt.date(2019, 1, 1), "UTC") == 1_546_300_800
    assert instant(dt.datetime(2019, 1, 1), "UTC") == 1_546_300_800
    assert instant("2019-01-01T00:00:00+02:00", "Asia/Tokyo") == 1_546_293_600
    assert stamp(1_546_329_600, "America/Los_Angeles") == "2019-01-01T00:00:00-08:00"
    with pytest.raises(DataError, match="'yesterday' is not a date"):
        instant("yesterday", "UTC")
    with pytest.raises(DataError, match="unknown time zone 'PST8PDX'"):
        instant("2019-01-01", "PST8PDX")


def test_the_zone_decides_which_days_are_walked() -> None:
    start, end = 1_518_134_400.0, 1_518_220_800.0  # 2018-02-09 in UTC
    utc = [f"{d:%d}" for d in local_days(start, end, "UTC")]
    west = [f"{d:%d}" for d in local_days(start, end, "America/Los_Angeles")]
    assert utc == ["09", "10"]
    assert west == ["08", "09"]
    with pytest.raises(DataError, match="before it begins"):
        list(local_days(end, start, "UTC"))


@given(
    st.sampled_from(ZONES),
    st.integers(1_500_000_000, 1_600_000_000),
    st.integers(1, 4_000),
    st.integers(2, 60),
)
def test_clock_readings_in_order_come_back(zone: str, first: int, step: int, n: int) -> None:
    truth = first + step * np.arange(n, dtype=np.float64)
    clock = np.array([naive_local(t, zone).replace(tzinfo=dt.UTC).timestamp() for t in truth])
    back = epochs(clock, zone, QualityLog())
    # a reading may be ambiguous, but never differs by anything else than the change of the clock
    wrong = back != truth
    assert set(np.abs(back - truth)[wrong].tolist()) <= {1_800.0, 3_600.0}
    if step * (n - 1) < 1_800 or step > 600:
        return
    assert not wrong.any() or n < 8


def test_end_of_daylight_saving_is_told_apart_by_the_order() -> None:
    zone = "America/Los_Angeles"
    edge = dt.datetime(2018, 11, 4, 1, 59, 55, tzinfo=ZoneInfo(zone)).timestamp()
    truth = edge - 7_200 + 5.0 * np.arange(4_000)
    clock = np.array([naive_local(t, zone).replace(tzinfo=dt.UTC).timestamp() for t in truth])
    log = QualityLog()
    assert np.array_equal(epochs(clock, zone, log), truth)
    assert log.report().count(Repair.AMBIGUOUS_TIME) == 1_440  # two hours of 5 s


def test_start_of_daylight_saving_skips_times() -> None:
    log = QualityLog()
    clock = np.array([dt.datetime(2018, 3, 11, 2, 30, tzinfo=dt.UTC).timestamp()])
    moved = epochs(clock, "America/Los_Angeles", log)
    assert naive_local(float(moved[0]), "America/Los_Angeles").hour == 3
    assert log.report().count(Repair.NO_SUCH_TIME) == 1
    assert epochs(np.empty(0), "UTC", log).size == 0


def test_only_the_second_pass_of_the_repeated_hour_is_there() -> None:
    zone = "Europe/Berlin"
    second = dt.datetime(2019, 10, 27, 2, 10, fold=1, tzinfo=ZoneInfo(zone)).timestamp()
    truth = np.array([second - 3_600 + 2_900, second, second + 60])
    clock = np.array([naive_local(t, zone).replace(tzinfo=dt.UTC).timestamp() for t in truth])
    assert np.array_equal(epochs(clock, zone, QualityLog()), truth)
