"""Faults written in one word, as on the command line: ``client:3x@600s+60s``."""

from __future__ import annotations

import re
from collections.abc import Iterable

from separatrix.errors import ModelError, Problem
from separatrix.model import Outage, Program, Schedule, Slowdown, Spike
from separatrix.model.faults import Fault

_FORM = re.compile(
    r"(?P<name>.+?)(?::(?P<factor>[^:@+]+))?@(?P<start>[^@+]+)\+(?P<duration>[^@+]+)"
)


def parse_spike(text: str) -> Spike:
    """``SOURCE:FACTOR@START+DURATION``, such as ``client:3x@600s+60s``."""
    name, factor, start, duration = _parts(text, "spike", "client:3x@600s+60s")
    return Spike(name, factor, start, duration)  # pyright: ignore[reportArgumentType] - read there


def parse_slowdown(text: str) -> Slowdown:
    """``SERVER:FACTOR@START+DURATION``, such as ``db:4x@10min+90s``."""
    name, factor, start, duration = _parts(text, "slowdown", "db:4x@10min+90s")
    return Slowdown(name, factor, start, duration)  # pyright: ignore[reportArgumentType]


def parse_outage(text: str) -> Outage:
    """``SERVER@START+DURATION``, such as ``db@10min+90s``."""
    name, factor, start, duration = _parts(text, "outage", "db@10min+90s")
    if factor:
        raise _wrong(text, "outage", "db@10min+90s")
    return Outage(name, start, duration)  # pyright: ignore[reportArgumentType]


def with_faults(program: Program, faults: Iterable[Fault]) -> Program:
    """`program` with `faults` added to its schedule, checked."""
    return program.under(Schedule((*program.faults.faults, *faults))).check()


def _parts(text: str, kind: str, example: str) -> tuple[str, str, str, str]:
    match = _FORM.fullmatch(text.strip())
    if match is None or (match["factor"] is None and kind != "outage"):
        raise _wrong(text, kind, example)
    return match["name"], match["factor"] or "", match["start"], match["duration"]


def _wrong(text: str, kind: str, example: str) -> ModelError:
    return ModelError(Problem(f"{text!r} is not a {kind}", f"--{kind}", f"write {example!r}"))
