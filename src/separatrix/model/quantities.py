"""Quantities with units at the edge: ``"200ms"``, ``"1.2k/s"``, ``"5%"`` become SI floats.

Inside the house times are seconds, rates are per second and shares are fractions, all plain
floats; a unit is read once, here.
"""

from __future__ import annotations

import math
import re
from typing import Annotated

from pydantic import BeforeValidator, Field

_SECONDS = {
    "ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "sec": 1.0,
    "min": 60.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "day": 86400.0, "y": 365.25 * 86400.0,
}  # fmt: skip
_MULTIPLES = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9}
_NUMBER = r"[+-]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_DURATION = re.compile(rf"\s*({_NUMBER})\s*([a-zA-Zµ]*)\s*")
_RATE = re.compile(
    rf"\s*({_NUMBER})\s*([kMG]?)\s*(?:(?:/|per)\s*([a-zA-Zµ]+)|(?:rps|qps|[hH]z))?\s*"
)
_SHARE = re.compile(rf"\s*({_NUMBER})\s*(%?)\s*")
_FACTOR = re.compile(rf"\s*({_NUMBER})\s*[x×]?\s*")


def _number(value: object, what: str, example: str) -> float | str:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        kind = type(value).__name__
        raise ValueError(f"a {what} is a number or text such as {example!r}, got {kind}")
    if isinstance(value, str):
        if len(value) > 64:
            raise ValueError(
                f"a {what} is a short text such as {example!r}, got {len(value)} letters"
            )
        return value
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"{what} is beyond the range of a float") from None


def _finite(number: float, given: object) -> float:
    if not math.isfinite(number):
        raise ValueError(f"must be finite, got {given}")
    return number


def seconds(value: object) -> float:
    """Read a duration: a number of seconds, or text such as ``"200ms"``, ``"5min"``, ``"1.5 h"``.

    Raises ValueError naming the value and the units that are understood.
    """
    number = _number(value, "duration", "200ms")
    if isinstance(number, str):
        match = _DURATION.fullmatch(number)
        unit = (match[2] or "s") if match else ""
        if match is None or unit not in _SECONDS:
            raise ValueError(
                f"{number!r} is not a duration; write for example 3, '200ms', '5min' or '1h'"
            )
        number = float(match[1]) * _SECONDS[unit]
    return _finite(number, value)


def per_second(value: object) -> float:
    """Read a rate: a number per second, or text such as ``"80/s"``, ``"1.2k/s"``, ``"90/min"``.

    Raises ValueError naming the value and the units that are understood.
    """
    number = _number(value, "rate", "1.2k/s")
    if isinstance(number, str):
        match = _RATE.fullmatch(number)
        unit = (match[3] or "s") if match else ""
        if match is None or unit not in _SECONDS:
            raise ValueError(
                f"{number!r} is not a rate; write for example 9.5, '80/s', '1.2k/s' or '90/min'"
            )
        number = float(match[1]) * _MULTIPLES[match[2]] / _SECONDS[unit]
    return _finite(number, value)


def share(value: object) -> float:
    """Read a share: a fraction such as 0.1, or text such as ``"10%"``."""
    number = _number(value, "share", "10%")
    if isinstance(number, str):
        match = _SHARE.fullmatch(number)
        if match is None:
            raise ValueError(f"{number!r} is not a share; write for example 0.1 or '10%'")
        number = float(match[1]) / (100.0 if match[2] else 1.0)
    return _finite(number, value)


def factor(value: object) -> float:
    """Read a factor: a number, or text such as ``"3x"``."""
    number = _number(value, "factor", "3x")
    if isinstance(number, str):
        match = _FACTOR.fullmatch(number)
        if match is None:
            raise ValueError(f"{number!r} is not a factor; write for example 3 or '3x'")
        number = float(match[1])
    return _finite(number, value)


def duration_text(value: float) -> str:
    """A duration for people, in three significant digits: ``"3.2 min"``, ``"1.5 million years"``."""
    if math.isnan(value):
        return "unknown"
    if math.isinf(value):
        return "forever"
    size = abs(value)
    year = _SECONDS["y"]
    if size >= 1e6 * year:
        exponent = math.floor(math.log10(size / year))
        scaled = value / year
        return f"{scaled:.2e} years" if exponent >= 9 else f"{scaled / 1e6:.3g} million years"
    for unit, length in (
        ("years", year),
        ("days", 86400.0),
        ("h", 3600.0),
        ("min", 60.0),
        ("s", 1.0),
    ):
        if size >= length * (2 if unit in ("years", "days") else 1):
            return (
                f"{value / length:.3g} {unit}"
                if value / length < 1000
                else f"{value / length:,.0f} {unit}"
            )
    for unit, length in (("ms", 1e-3), ("µs", 1e-6)):
        if size >= length:
            return f"{value / length:.3g} {unit}"
    return f"{value:.3g} s"


Seconds = Annotated[float, BeforeValidator(seconds), Field(gt=0, json_schema_extra={"x-unit": "s"})]
"""A duration > 0 [s]."""
SecondsOrZero = Annotated[
    float, BeforeValidator(seconds), Field(ge=0, json_schema_extra={"x-unit": "s"})
]
"""A duration >= 0 [s]."""
PerSecond = Annotated[
    float, BeforeValidator(per_second), Field(gt=0, json_schema_extra={"x-unit": "1/s"})
]
"""A rate > 0 [1/s]."""
PerSecondOrZero = Annotated[
    float, BeforeValidator(per_second), Field(ge=0, json_schema_extra={"x-unit": "1/s"})
]
"""A rate >= 0 [1/s]."""
Share = Annotated[float, BeforeValidator(share), Field(ge=0, le=1)]
"""A fraction in 0..1."""
Factor = Annotated[float, BeforeValidator(factor), Field(gt=0)]
"""A factor > 0."""
Count = Annotated[int, Field(ge=1, le=10_000_000, strict=True)]
"""A number of things, at least one."""
CountOrZero = Annotated[int, Field(ge=0, le=10_000_000, strict=True)]
"""A number of things, possibly none."""
Name = Annotated[
    str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$", strict=True)
]
"""A printable name."""
