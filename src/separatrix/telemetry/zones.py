"""Instants, local days and local stamps: every conversion names its time zone.

LMT databases stamp rows with naive local time, and date-templated stores walk local days; the same
call under another ``TZ`` must not give other rows, so the zone is always an argument, and the
machine's own zone is never consulted.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import numpy.typing as npt

from separatrix.errors import DataError
from separatrix.telemetry.quality import QualityLog, Repair

Floats = npt.NDArray[np.float64]
Instant = datetime | date | str | int | float


def zone_of(name: str) -> ZoneInfo:
    """Return the IANA zone called `name`; a `DataError` says how to write one."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError, TypeError) as wrong:
        raise DataError(
            f"unknown time zone {name!r}",
            hint="give an IANA name such as 'UTC' or 'America/Los_Angeles'",
        ) from wrong


def instant(value: Instant, zone: str) -> float:
    """Return `value` as seconds since 1970 UTC.

    Parameters
    ----------
    value : epoch seconds, an aware datetime, or a naive datetime, date or ISO 8601 text, which are
        local times of `zone`.

    Raises
    ------
    DataError : where a text is not ISO 8601.
    """
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError as wrong:
            raise DataError(
                f"{value!r} is not a date or time", hint="write 2019-01-31 or 2019-01-31T23:59:55"
            ) from wrong
    if isinstance(value, (int, float)):
        return float(value)
    if not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if value.tzinfo is None:
        value = value.replace(tzinfo=zone_of(zone))
    return value.timestamp()


def local_days(start: float, end: float, zone: str) -> Iterator[datetime]:
    """Yield each local day from the day of `start` to the day of `end`, both included.

    Each is the naive local time of day of `start` on that day, as TOKIO's file templates expect.

    Raises
    ------
    DataError : where `end` is before `start`.
    """
    if end < start:
        raise DataError(
            f"the range ends ({stamp(end, zone)}) before it begins ({stamp(start, zone)})",
            hint="swap --from and --to",
        )
    place = zone_of(zone)
    first = datetime.fromtimestamp(start, place).replace(tzinfo=None)
    last = datetime.fromtimestamp(end, place).date()
    day = first
    while day.date() <= last:
        yield day
        day += timedelta(days=1)


def stamp(epoch: float, zone: str) -> str:
    """Return the instant as local ISO 8601 text with its offset."""
    return datetime.fromtimestamp(epoch, zone_of(zone)).isoformat()


def naive_local(epoch: float, zone: str) -> datetime:
    """Return the instant as the zone's clock shows it, without an offset."""
    return datetime.fromtimestamp(epoch, zone_of(zone)).replace(tzinfo=None)


def epochs(naive: npt.NDArray[np.float64], zone: str, log: QualityLog, file: str = "") -> Floats:
    """Return local clock readings as seconds since 1970 UTC.

    A reading that the clock shows twice (end of daylight saving) is the first one until the
    readings jump back, then the second; one that the clock never shows is moved on by the skipped
    time. Both are counted.

    Parameters
    ----------
    naive : (n,) clock readings, in the order in which they were taken, as seconds since
        1970-01-01 00:00 of that clock.
    """
    if len(naive) == 0:
        return naive.copy()
    low, high = float(np.min(naive)) - 90_000.0, float(np.max(naive)) + 90_000.0
    turns = _turns(zone, int(low // 86_400), int(high // 86_400) + 1)
    edges = np.array([t for t, _, _ in turns])
    offsets = np.array([turns[0][1] if turns else _offset(low, zone_of(zone))])
    offsets = np.concatenate([offsets, [after for _, _, after in turns]])
    before = np.array([was for _, was, _ in turns])
    # the first of two readings, and readings never shown, take the offset valid before the turn
    out = naive - offsets[np.searchsorted(edges + before, naive, side="right")]
    for edge, was, after in turns:
        twice = (naive >= edge + after) & (naive < edge + was)
        skipped = (naive >= edge + was) & (naive < edge + after)
        if twice.any():
            out[twice] = _unfolded(naive, twice, was, after, log, file)
        if skipped.any():
            out[skipped] = naive[skipped] - was
            log.repair(Repair.NO_SUCH_TIME, int(skipped.sum()), file=file)
    return out


def _unfolded(
    naive: Floats,
    twice: npt.NDArray[np.bool_],
    was: float,
    after: float,
    log: QualityLog,
    file: str,
) -> Floats:
    at = np.flatnonzero(twice)
    readings = naive[at]
    back = np.flatnonzero(np.diff(readings) < 0)
    second = np.zeros(len(at), dtype=np.bool_)
    if len(back):
        second[back[0] + 1 :] = True
    elif at[0] > 0 and naive[at[0] - 1] >= readings[0]:
        second[:] = True  # the whole first pass is absent: the clock had already jumped back
    log.repair(Repair.AMBIGUOUS_TIME, len(at), file=file)
    return np.where(second, readings - after, readings - was)


@lru_cache(maxsize=64)
def _turns(zone: str, first_day: int, last_day: int) -> tuple[tuple[float, float, float], ...]:
    """Offset changes between two days since 1970: (instant, offset before, offset after) [s]."""
    place = zone_of(zone)
    found: list[tuple[float, float, float]] = []
    was = _offset(first_day * 86_400, place)
    for day in range(first_day, last_day):
        after = _offset((day + 1) * 86_400, place)
        if after != was:
            low, high = day * 86_400, (day + 1) * 86_400
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if _offset(middle, place) == was else (low, middle)
            found.append((float(high), was, after))
            was = after
    return tuple(found)


def _offset(epoch: float, place: ZoneInfo) -> float:
    offset = datetime.fromtimestamp(epoch, UTC).astimezone(place).utcoffset()
    return offset.total_seconds() if offset is not None else 0.0
