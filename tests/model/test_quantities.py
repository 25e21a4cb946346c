from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from separatrix.model.quantities import (
    amount_text,
    duration_text,
    factor,
    factor_text,
    number_text,
    per_second,
    per_second_text,
    rate_text,
    seconds,
    seconds_text,
    share,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (3, 3.0), ("3", 3.0), ("200ms", 0.2), (" 200 ms ", 0.2), ("1.5s", 1.5), ("1.5 sec", 1.5),
        ("5min", 300.0), ("5m", 300.0), ("2h", 7200.0), ("1d", 86400.0), ("1 day", 86400.0),
        ("1y", 31557600.0), ("7us", 7e-6), ("7µs", 7e-6), ("7μs", 7e-6), ("7ns", 7e-9), ("1e3ms", 1.0),
        (".5s", 0.5), ("5.s", 5.0), ("1_000s", 1000.0), ("-2s", -2.0), ("+2s", 2.0), (0, 0.0),
    ],
)  # fmt: skip
def test_durations(text: object, value: float) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (9.5, 9.5), ("80/s", 80.0), ("1.2k/s", 1200.0), ("1.2 k / s", 1200.0), ("3M/s", 3e6),
        ("2G/s", 2e9), ("90/min", 1.5), ("3600/h", 1.0), ("5 per s", 5.0), ("5 rps", 5.0),
        ("5qps", 5.0), ("50Hz", 50.0), ("5k", 5000.0), ("10/d", 10 / 86400),
    ],
)  # fmt: skip
def test_rates(text: object, value: float) -> None:
    assert per_second(text) == pytest.approx(value, rel=1e-15)


def test_shares_and_factors() -> None:
    assert share("10%") == share(0.1) == share("0.1") == 0.1
    assert factor("3x") == factor("3 ×") == factor(3) == 3.0


@pytest.mark.parametrize("read", [seconds, per_second, share, factor])
@pytest.mark.parametrize(
    "value",
    ["", "ten", "1,5", "1s 2ms", "--3", "0x10", "1e", "nan", "inf", "٣", "9" * 65, "1" + "e9" * 30,
     None, True, [1], {}, b"3", 1 + 2j, float("nan"), float("inf"), -math.inf, 10**400],
)  # fmt: skip
def test_nonsense_is_refused(read: object, value: object) -> None:
    with pytest.raises(ValueError):
        read(value)  # type: ignore[operator]


@pytest.mark.parametrize("text", ["9e999s", "1e400"])
def test_text_beyond_floats_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=f"must be finite, got {text}"):
        seconds(text)


@pytest.mark.parametrize("text", ["3/s", "3 lightyears", "3MS", "3 Min"])
def test_wrong_units_of_time_name_the_right_ones(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration; write for example 3, '200ms'"):
        seconds(text)


finite = st.floats(min_value=0, allow_nan=False, allow_infinity=False)


@given(finite)
@example(0.0)
@example(5e-324)
@example(1.7976931348623157e308)
@example(0.1 + 0.2)
def test_reading_undoes_writing_to_the_last_bit(value: float) -> None:
    assert seconds(seconds_text(value)) == value
    assert per_second(per_second_text(value)) == value
    assert factor(factor_text(value)) == value
    assert float(number_text(value)) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0s"), (0.2, "200ms"), (0.0005, "500us"), (1.5, "1.5s"), (60.0, "1min"), (90.0, "90s"),
     (600.0, "10min"), (3600.0, "1h"), (1 / 3, "0.3333333333333333s")],
)  # fmt: skip
def test_durations_as_one_would_write_them(value: float, text: str) -> None:
    assert seconds_text(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0/s"), (80.0, "80/s"), (9.5, "9.5/s"), (1200.0, "1.2k/s"), (3e6, "3M/s"),
     (0.5, "0.5/s"), (1 / 60, "1/min"), (1 / 3600, "1/h")],
)  # fmt: skip
def test_rates_as_one_would_write_them(value: float, text: str) -> None:
    assert per_second_text(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0 s"), (2e-7, "2e-07 s"), (3.2e-6, "3.2 µs"), (0.2, "200 ms"), (1.0, "1 s"),
     (192.0, "3.2 min"), (7200.0, "2 h"), (200000.0, "2.31 days"), (1e8, "3.17 years"),
     (3.15576e10, "1,000 years"), (1e15, "31.7 million years"), (4e16, "1.27 billion years"),
     (9.996e8 * 3.15576e7, "1,000 million years"), (1e20, "practically forever (3e+12 years)"),
     (math.inf, "forever"), (math.nan, "unknown")],
)  # fmt: skip
def test_durations_for_people(value: float, text: str) -> None:
    assert duration_text(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0/s"), (80.0, "80/s"), (98.76, "98.8/s"), (1234.0, "1,230/s"), (12345.0, "12,300/s"),
     (1e20, "1e+20/s"), (math.inf, "inf/s")],
)  # fmt: skip
def test_rates_for_people(value: float, text: str) -> None:
    assert rate_text(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1.168e-14, "practically 0"),
        (2.34567e-5, "0.00002346"),
        (0.25, "0.25"),
        (999.96, "1,000"),
        (12345.6, "12,350"),
        (-3.2, "-3.2"),
        (float("inf"), "inf"),
    ],
)
def test_an_amount_for_people_has_no_exponent(value, text):
    assert amount_text(value) == text
    assert rate_text(value).endswith("/s")
