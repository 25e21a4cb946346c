"""Quantities with units at the edge: ``"200ms"``, ``"1.2k/s"``, ``"5%"`` become SI floats.

Inside the house times are seconds, rates are per second and shares are fractions, all plain
floats; a unit is read once, here, and written once, here: `NOTATIONS` holds, for each unit, the
reader, a writer that the reader undoes to the last bit, an example and a pattern for JSON Schema.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from pydantic import BeforeValidator, Field

_PARTS = {"ns": 1e9, "us": 1e6, "µs": 1e6, "μs": 1e6, "ms": 1e3}  # micro sign and Greek mu
_SECONDS = {
    **{unit: 1 / parts for unit, parts in _PARTS.items()}, "s": 1.0, "sec": 1.0,
    "min": 60.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "day": 86400.0, "y": 365.25 * 86400.0,
}  # fmt: skip
_MULTIPLES = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9}
_NUMBER = r"[+-]?(?:[0-9][0-9_]*\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_DURATION = re.compile(rf"\s*({_NUMBER})\s*([a-zA-Zµμ]*)\s*")
_RATE = re.compile(
    rf"\s*({_NUMBER})\s*([kMG]?)\s*(?:(?:/|per)\s*([a-zA-Zµμ]+)|(?:rps|qps|[hH]z))?\s*"
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
        number = float(match[1])
        # a part of a second is not a binary fraction: dividing rounds once, multiplying twice
        number = number / _PARTS[unit] if unit in _PARTS else number * _SECONDS[unit]
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
        number = float(match[1]) * _MULTIPLES[match[2]]
        number = number * _PARTS[unit] if unit in _PARTS else number / _SECONDS[unit]
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
    """A duration for people, in three digits: ``"3.2 min"``, ``"1.5 million years"``."""
    if math.isnan(value):
        return "unknown"
    if math.isinf(value):
        return "forever"
    size = abs(value)
    year = _SECONDS["y"]
    if size >= 1e6 * year:
        scaled = value / year
        if scaled >= 1e10:
            return f"practically forever ({scaled:.0e} years)"
        size, name = (1e9, "billion") if scaled >= 1e9 else (1e6, "million")
        return f"{amount_text(scaled / size, 3)} {name} years"
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


def percent_text(share: float) -> str:
    """A share for people: what is nearly nothing, or nearly all, is said so."""
    if 0 < share < 1e-4:
        return "less than 0.01 %"
    return "more than 99.99 %" if 0.9999 < share < 1 else f"{100 * share:.3g} %"


def amount_text(value: float, digits: int = 4) -> str:
    """A number of things (a second) for people: ``"0.25"``, ``"12,350"``; what is nearly nothing is said so.

    digits : that are shown; an exponent only from 1e15 on.
    """
    if not math.isfinite(value) or value == 0 or abs(value) >= 1e15:
        return f"{value:.{digits}g}"
    if abs(value) < 1e-6:
        return "practically 0"
    rounded = float(f"{value:.{digits}g}")
    decimals = max(digits - 1 - math.floor(math.log10(abs(rounded))), 0)
    text = f"{rounded:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if decimals else text


def unit_text(unit: str) -> str:
    """What stands behind a number: ``"/s"`` for ``"1/s"``, ``" s"`` for ``"s"``, nothing for ``""``."""
    return {"": "", "1/s": "/s"}.get(unit, f" {unit}")


def rate_text(value: float) -> str:
    """A rate for people, in three digits: ``"80/s"``, ``"12,300/s"``."""
    return f"{amount_text(value, 3)}/s"


# --- writing -------------------------------------------------------------------------------------


def number_text(value: float) -> str:
    """The shortest decimal that reads back as `value`; whole numbers without a point."""
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def _exact(
    value: float, units: tuple[tuple[str, float, float], ...], read: Callable[[object], float]
) -> str | None:
    """`value` in the first of `units` (name, size, least value) that is short and loses nothing."""
    for unit, size, least in units:
        digits = number_text(round(value / size, 6)) if value <= 1e15 * size else "e"
        short = value >= least and len(digits) <= 6 and "e" not in digits
        if short and read(digits + unit) == value:
            return digits + unit
    return None


def seconds_text(value: float) -> str:
    """A duration as one writes it in a file, such as ``"200ms"``; `seconds` undoes it exactly."""
    for unit in ("h", "min"):
        if value >= _SECONDS[unit] and value % _SECONDS[unit] == 0 and value < 1e7:
            return number_text(value / _SECONDS[unit]) + unit
    units = (("s", 1.0, 1.0), ("ms", 1e-3, 1e-3), ("us", 1e-6, 1e-6))
    return _exact(value, units, seconds) or number_text(value) + "s"


def per_second_text(value: float) -> str:
    """A rate as one writes it in a file, such as ``"1.2k/s"``; `per_second` undoes it exactly."""
    units = (
        ("M/s", 1e6, 1e6), ("k/s", 1e3, 1e3), ("/s", 1.0, 0.01),
        ("/min", 1 / 60.0, 1e-3), ("/h", 1 / 3600.0, 1e-5),
    )  # fmt: skip
    return _exact(value, units, per_second) or number_text(value) + "/s"


def factor_text(value: float) -> str:
    """A factor as one writes it in a file, such as ``"3x"``."""
    return number_text(value) + "x"


@dataclass(frozen=True)
class Notation:
    """How a quantity looks at the edge.

    Attributes
    ----------
    unit : what a message prints after a bound, such as ``" s"``.
    example : a text that a reader can copy.
    read, text : from the edge, and back.
    pattern : of the texts that are understood (ECMA 262), for JSON Schema.
    """

    unit: str
    example: str
    read: Callable[[object], float]
    text: Callable[[float], str]
    pattern: str


_DIGITS = r"\+?([0-9][0-9_]*\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
_TIME_UNIT = f"({'|'.join(_SECONDS)})"
NOTATIONS = {
    "s": Notation(" s", "3s", seconds, seconds_text, rf"^\s*{_DIGITS}\s*{_TIME_UNIT}?\s*$"),
    "1/s": Notation(
        "/s", "10/s", per_second, per_second_text,
        rf"^\s*{_DIGITS}\s*[kMG]?\s*((/|per)\s*{_TIME_UNIT}|rps|qps|[hH]z)?\s*$",
    ),
    "share": Notation("", "10%", share, number_text, rf"^\s*{_DIGITS}\s*%?\s*$"),
    "factor": Notation("", "3x", factor, factor_text, rf"^\s*{_DIGITS}\s*[x×]?\s*$"),
}  # fmt: skip
"""Unit -> notation; a type names its unit as ``x-unit`` in the extras of its JSON Schema."""

# --- types of fields -----------------------------------------------------------------------------

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
Share = Annotated[
    float, BeforeValidator(share), Field(ge=0, le=1, json_schema_extra={"x-unit": "share"})
]
"""A fraction in 0..1."""
Ratio = Annotated[
    float, BeforeValidator(share), Field(ge=0, le=100, json_schema_extra={"x-unit": "share"})
]
"""A fraction that may be more than the whole."""
Factor = Annotated[
    float, BeforeValidator(factor), Field(gt=0, json_schema_extra={"x-unit": "factor"})
]
"""A factor > 0."""
Count = Annotated[int, Field(ge=1, le=10_000_000, strict=True)]
"""A number of things, at least one."""
CountOrZero = Annotated[int, Field(ge=0, le=10_000_000, strict=True)]
"""A number of things, possibly none."""
NAME_LETTERS = 200
NAME_PATTERN = r"^[^\x00-\x1f\x7f-\x9f]+$"  # no control characters: names are printed on terminals
Name = Annotated[
    str, Field(min_length=1, max_length=NAME_LETTERS, pattern=NAME_PATTERN, strict=True)
]
"""A printable name."""


def is_name(value: object) -> bool:
    """Whether `value` is what `Name` accepts."""
    return (
        isinstance(value, str)
        and 0 < len(value) <= NAME_LETTERS
        and _NAME.search(value) is not None
        and _HALF.search(value) is None
    )


_NAME = re.compile(NAME_PATTERN.replace("$", r"\Z"))
_HALF = re.compile("[\ud800-\udfff]")  # half a character: no text in any encoding
