r"""Limits: what a service promises about itself, checked like a test.

    limits:
      - recovery_p99 < 5min
      - tipping_spike > 2x for 60s
      - goodput > 0.99

A limit bounds one quantity from the side on which trouble lies; `QUANTITIES` names them. One that
is a smallest trigger (``tipping_...``) says for how long the trigger is on.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from separatrix.errors import ModelError, Problem
from separatrix.model.findings import nearest, shown
from separatrix.model.quantities import NOTATIONS, seconds, seconds_text

LIMIT_LETTERS = 200


@dataclass(frozen=True)
class Quantity:
    """What a limit can bound.

    Attributes
    ----------
    unit : key of `NOTATIONS`.
    sign : ``"<"`` where much is bad, ``">"`` where little is.
    lasting : whether the limit says for how long a trigger is on.
    meaning : in words.
    """

    unit: str
    sign: str
    lasting: bool
    meaning: str


QUANTITIES = {
    "recovery_mean": Quantity("s", "<", False, "mean time from stuck back to healthy"),
    "recovery_p50": Quantity("s", "<", False, "time within which half of the recoveries end"),
    "recovery_p99": Quantity("s", "<", False, "time within which 99 % of the recoveries end"),
    "collapse_mean": Quantity("s", ">", False, "mean time until it gets stuck without a trigger"),
    "goodput": Quantity("share", ">", False, "share of the requests answered in time, normally"),
    "tipping_spike": Quantity("factor", ">", True, "smallest spike of the arrivals that traps it"),
    "tipping_slowdown": Quantity("factor", ">", True, "smallest slowdown that traps it"),
}
"""Name -> what it is."""

_LIMIT = re.compile(r"\s*([A-Za-z_0-9]+)\s*([<>]=?|=+)\s*([^<>=]*?)(?:\s+for\s+([^<>=]*?))?\s*")


@dataclass(frozen=True)
class Limit:
    """A bound on one quantity.

    Attributes
    ----------
    quantity : a key of `QUANTITIES`.
    value : the bound, in the quantity's SI unit.
    duration : how long the trigger of a ``tipping_...`` limit is on [s]; None for the others.

    Raises ModelError for an unknown quantity, a bound that is none, and a duration too much or
    too few.
    """

    quantity: str
    value: float
    duration: float | None = None

    def __post_init__(self) -> None:
        problem = _problem(self.quantity, self.value, self.duration)
        if problem:
            message, _, hint = problem.partition("; ")
            raise ModelError(Problem(message, f"Limit.{self.quantity}", hint))

    @property
    def sign(self) -> str:
        """``"<"`` or ``">"``."""
        return QUANTITIES[self.quantity].sign

    def holds(self, value: float) -> bool:
        """Whether `value` keeps the limit."""
        return value < self.value if self.sign == "<" else value > self.value

    def __str__(self) -> str:
        text = NOTATIONS[QUANTITIES[self.quantity].unit].text(self.value)
        lasting = "" if self.duration is None else f" for {seconds_text(self.duration)}"
        return f"{self.quantity} {self.sign} {text}{lasting}"


def as_limit(given: object) -> Limit:
    """Read a limit such as ``"recovery_p99 < 5min"``; `str` undoes it.

    Raises ValueError naming what is wrong and the remedy.
    """
    if isinstance(given, Limit):
        return given
    if not isinstance(given, str):
        raise ValueError(f"must be text, got {shown(given)}; write it as {_EXAMPLE!r}")
    match = _LIMIT.fullmatch(given) if len(given) <= LIMIT_LETTERS else None
    if match is None:
        raise ValueError(f"{shown(given)} is no limit; write it as {_EXAMPLE!r}")
    name, sign, bound, lasting = match.groups()
    known = QUANTITIES.get(name)
    if known is None:
        raise ValueError(f"unknown quantity {shown(name)}; {nearest(name, list(QUANTITIES))}")
    if sign != known.sign:
        raise ValueError(
            f"{name} is bounded with {known.sign!r}, got {sign!r}; write "
            f'"{name} {known.sign} {bound}"'
        )
    value = _read(NOTATIONS[known.unit].read, bound)
    duration = None if lasting is None else _read(seconds, lasting)
    problem = _problem(name, value, duration)
    if problem:
        raise ValueError(problem)
    return Limit(name, value, duration)


def _read(reader: Callable[[object], float], text: str) -> float:
    try:
        return reader(text)
    except ValueError as error:
        message, _, hint = str(error).partition("; ")
        raise ValueError(f"{message}; {hint or f'write it as {_EXAMPLE!r}'}") from None


def _problem(name: str, value: float, duration: float | None) -> str:
    known = QUANTITIES.get(name)
    if known is None:
        return f"unknown quantity {shown(name)}; {nearest(name, list(QUANTITIES))}"
    notation = NOTATIONS[known.unit]
    if not value > 0:
        return f"{name}: the bound must be > 0{notation.unit}, got {value:g}; give a positive one"
    if known.unit == "share" and value >= 1:
        return f"{name}: a share above 1 cannot be, got {value:g}; write for example 0.99"
    if known.unit == "factor" and value <= 1:
        return f"{name}: a factor of {value:g} makes nothing worse, so that it always holds; give one > 1"
    if known.lasting and (duration is None or not duration > 0):
        return f'{name}: for how long is the trigger on?; write "{name} > 2x for 60s"'
    if not known.lasting and duration is not None:
        return f'{name} takes no duration; remove "for {seconds_text(duration)}"'
    return ""


_EXAMPLE = "recovery_p99 < 5min"


def _pattern() -> str:
    """Of the texts that are limits, as far as a pattern can tell (ECMA 262)."""
    alternatives: list[str] = []
    for name, known in QUANTITIES.items():
        bound = NOTATIONS[known.unit].pattern.removeprefix(r"^\s*").removesuffix(r"\s*$")
        lasting = NOTATIONS["s"].pattern.removeprefix(r"^\s*").removesuffix(r"\s*$")
        end = rf"\s+for\s+{lasting}" if known.lasting else ""
        alternatives.append(rf"{name}\s*{known.sign}\s*{bound}{end}")
    return rf"^\s*({'|'.join(alternatives)})\s*$"


LimitText: Any = Annotated[
    str,
    Field(
        max_length=LIMIT_LETTERS,
        pattern=_pattern(),
        examples=["recovery_p99 < 5min", "tipping_spike > 2x for 60s", "goodput > 0.99"],
    ),
]
"""How a file holds a limit."""
