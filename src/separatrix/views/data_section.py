"""What the telemetry behind a page was: how much was read, what was repaired, what was left out."""

from __future__ import annotations

from collections.abc import Iterator

from separatrix.telemetry.quality import DataQuality
from separatrix.views.page import listed, section


def data_section(quality: DataQuality, *more: str) -> str:
    """The section on the data; `more` are pieces of HTML that follow."""
    return section("Data", listed("", list(_lines(quality))), *more)


def _lines(quality: DataQuality) -> Iterator[str]:
    read = "One file was read" if quality.files == 1 else f"{quality.files:,} files were read"
    without = f"{quality.missing:,}" if quality.missing else "none"
    yield (
        f"{read}: {quality.intervals:,} intervals of single targets, {without} of them without any operation "
        "that is known."
    )
    for kind, entry in quality.repairs.items():
        where = f" ({', '.join(entry.files)})" if entry.files else ""
        often = "once" if entry.count == 1 else f"{entry.count:,} times"
        yield f"{kind.value[0].upper()}{kind.value[1:]}, {often}: {kind.meaning}{where}."
        yield from entry.messages
    yield from (f"Left out {file}: {why}." for file, why in quality.failures)
    yield from (f"{note[0].upper()}{note[1:]}." for note in quality.notes if note)
    if not quality.repairs and not quality.failures:
        yield "Nothing had to be repaired."
