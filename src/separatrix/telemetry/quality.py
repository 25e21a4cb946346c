"""What was wrong with the telemetry and what was done about it: counted, by kind, with files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, cast

from separatrix.notebook import Shown

EXAMPLES = 8
"""Number of file names and messages kept per kind of repair; the counts are always complete."""


class Repair(StrEnum):
    """Kinds of repairs; the value is the name in reports, `meaning` says what was done."""

    MISSING_MARKER = "missing marker"
    NOT_FINITE = "not finite"
    NEGATIVE = "negative value"
    COUNTER_RESET = "counter reset"
    GAP = "gap"
    AFTER_GAP = "after a gap"
    FIRST_SAMPLE = "first sample"
    UNWRITTEN = "never written"
    SILENT = "suspicious zero"
    SHIFTED_OPERATIONS = "right-aligned operations"
    SHIFTED_CPU = "right-aligned CPU"
    DUPLICATE = "duplicate interval"
    CONFLICT = "conflicting values"
    UNSORTED = "unsorted stamps"
    OVERLAP = "overlapping interval"
    STEP = "different step"
    RESAMPLED = "resampled"
    NO_STAMP = "no time of its own"
    AMBIGUOUS_TIME = "ambiguous local time"
    NO_SUCH_TIME = "skipped local time"
    COLUMNS = "columns renamed"
    ABSENT_DATASET = "absent dataset"
    NO_DATA = "listed without data"
    ABSENT_FILE = "absent file"
    UNREADABLE = "unreadable file"
    CHANGED_FILE = "file changed while read"
    DIRECTORY = "directory skipped"
    BROKEN_LINE = "broken line"
    BROKEN_ID = "broken job id"
    CACHE = "cache rebuilt"

    @property
    def meaning(self) -> str:
        """What was done, in one line."""
        return _MEANING[self]


_MEANING = {
    Repair.MISSING_MARKER: "values stored as -0.0, the mark of 'never measured', read as missing",
    Repair.NOT_FINITE: "values stored as NaN or infinity read as missing",
    Repair.NEGATIVE: "negative counts, rates or loads read as missing",
    Repair.COUNTER_RESET: "a counter went down (restart): its interval is missing, not negative",
    Repair.GAP: "intervals for which no sample exists",
    Repair.AFTER_GAP: "first sample after a gap would carry the whole gap's operations: missing",
    Repair.FIRST_SAMPLE: "first sample of a series has no predecessor to subtract: missing",
    Repair.UNWRITTEN: "intervals that were never written (plain zeros everywhere): missing",
    Repair.SILENT: "single intervals of zero operations between busy ones: kept as they are",
    Repair.SHIFTED_OPERATIONS: "rows stamped with the end of their interval moved to its start",
    Repair.SHIFTED_CPU: "CPU samples stamped with the end of their interval moved to its start",
    Repair.DUPLICATE: "intervals given more than once: the first kept, its holes filled",
    Repair.CONFLICT: "values that differ between two files for the same interval: the first kept",
    Repair.UNSORTED: "stamps out of order, sorted",
    Repair.OVERLAP: "intervals that begin before the previous one ends: dropped",
    Repair.STEP: "intervals whose length is not the usual one: kept with their own length",
    Repair.RESAMPLED: "readings shared out to common intervals in proportion to time",
    Repair.NO_STAMP: "readings without a time: the file's time of modification is taken",
    Repair.AMBIGUOUS_TIME: "local times that occur twice (end of daylight saving): put in order",
    Repair.NO_SUCH_TIME: "local times that do not exist (start of daylight saving): moved on",
    Repair.COLUMNS: "columns in another order, number or without a name: matched by name",
    Repair.ABSENT_DATASET: "operations or loads that the file does not hold: missing",
    Repair.NO_DATA: "servers or targets that are listed and have no sample",
    Repair.ABSENT_FILE: "days for which no file exists",
    Repair.UNREADABLE: "files that could not be read and were left out",
    Repair.CHANGED_FILE: "files that were written to while they were read, read again",
    Repair.DIRECTORY: "directories among the files, skipped",
    Repair.BROKEN_LINE: "lines that fit no known form, skipped",
    Repair.BROKEN_ID: "job ids that are empty or damaged, kept under a readable name",
    Repair.CACHE: "damaged cache files, read again from the source",
}


@dataclass(frozen=True)
class RepairCount:
    """How often one kind of repair was made, and where.

    Attributes
    ----------
    count : number of repaired values, rows, stamps or files (the unit that the kind's name says).
    files : up to `EXAMPLES` names of files concerned.
    messages : up to `EXAMPLES` particulars, without repetition.
    """

    count: int
    files: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()


@dataclass(frozen=True)
class DataQuality(Shown):
    """The report that is printed with every reading of telemetry and kept with its result.

    Attributes
    ----------
    repairs : kind of repair -> how often and where.
    failures : every file that was left out, with its reason (never shortened).
    files : number of files (or database or HTTP answers) read.
    intervals : number of (interval, target) cells looked at.
    missing : number of those in which no operation at all is known.
    notes : sentences such as the time zone in which local days were walked.
    """

    repairs: Mapping[Repair, RepairCount] = field(default_factory=dict[Repair, RepairCount])
    failures: tuple[tuple[str, str], ...] = ()
    files: int = 0
    intervals: int = 0
    missing: int = 0
    notes: tuple[str, ...] = ()

    def count(self, kind: Repair) -> int:
        """Number of repairs of this kind, 0 where there was none."""
        found = self.repairs.get(kind)
        return found.count if found else 0

    def merge(self, other: DataQuality) -> DataQuality:
        """Return the report on both readings together."""
        log = QualityLog()
        log.add(self)
        log.add(other)
        return log.report()

    @staticmethod
    def merged(reports: Iterable[DataQuality]) -> DataQuality:
        """Return one report of many."""
        log = QualityLog()
        for report in reports:
            log.add(report)
        return log.report()

    def __str__(self) -> str:
        lines = [
            f"data quality: {self.files} file(s) read, {self.intervals} interval(s) x target(s), "
            f"{self.missing} without any operation"
        ]
        for kind, entry in self.repairs.items():
            where = f" [{', '.join(entry.files)}]" if entry.files else ""
            lines.append(f"  {entry.count:>9} {kind.value}: {kind.meaning}{where}")
            lines.extend(f"            - {message}" for message in entry.messages)
        lines.extend(f"  left out  {file}: {why}" for file, why in self.failures)
        lines.extend(f"  note      {note}" for note in self.notes)
        if not self.repairs and not self.failures:
            lines.append("  nothing to repair")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Return plain dictionaries and lists for ``--json``, YAML provenance and the cache."""
        return {
            "files": self.files,
            "intervals": self.intervals,
            "missing": self.missing,
            "repairs": {
                kind.value: {
                    "count": entry.count,
                    "files": list(entry.files),
                    "messages": list(entry.messages),
                }
                for kind, entry in self.repairs.items()
            },
            "failures": [list(pair) for pair in self.failures],
            "notes": list(self.notes),
        }

    @staticmethod
    def from_dict(plain: Mapping[str, Any]) -> DataQuality:
        """Rebuild a report from what `to_dict` returned."""
        repairs = cast(Mapping[str, Mapping[str, Any]], plain["repairs"])
        failures = cast(list[list[str]], plain["failures"])
        return DataQuality(
            repairs={
                Repair(kind): RepairCount(
                    int(entry["count"]), tuple(entry["files"]), tuple(entry["messages"])
                )
                for kind, entry in repairs.items()
            },
            failures=tuple((file, why) for file, why in failures),
            files=int(plain["files"]),
            intervals=int(plain["intervals"]),
            missing=int(plain["missing"]),
            notes=tuple(plain["notes"]),
        )


class QualityLog:
    """Collects repairs while a reader works; `report` freezes them.

    Memory is bounded: per kind at most `EXAMPLES` file names and messages are kept; only the
    failures, which are lost data, are kept in full.
    """

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._counts: dict[Repair, int] = {}
        self._files: dict[Repair, dict[str, None]] = {}
        self._messages: dict[Repair, dict[str, None]] = {}
        self._failures: dict[tuple[str, str], None] = {}
        self._notes: dict[str, None] = {}
        self.files = 0
        self.intervals = 0
        self.missing = 0

    def repair(self, kind: Repair, count: int = 1, *, file: str = "", message: str = "") -> None:
        """Count `count` repairs of one kind; nothing happens where `count` is 0."""
        if count <= 0:
            return
        self._counts[kind] = self._counts.get(kind, 0) + int(count)
        _keep(self._files.setdefault(kind, {}), file)
        _keep(self._messages.setdefault(kind, {}), message)

    def failure(self, file: str, reason: str) -> None:
        """Record a file that was left out, and why."""
        self._failures[(file, reason)] = None
        self.repair(Repair.UNREADABLE, 1, file=file)

    def note(self, sentence: str) -> None:
        """Add a sentence that the reader of the report must know."""
        self._notes[sentence] = None

    def add(self, other: DataQuality) -> None:
        """Add everything that another report says."""
        for kind, entry in other.repairs.items():
            self.repair(kind, entry.count)
            for file in entry.files:
                _keep(self._files[kind], file)
            for message in entry.messages:
                _keep(self._messages[kind], message)
        self._failures.update(dict.fromkeys(other.failures))
        self._notes.update(dict.fromkeys(other.notes))
        self.files += other.files
        self.intervals += other.intervals
        self.missing += other.missing

    def report(self) -> DataQuality:
        """Return what was collected so far."""
        return DataQuality(
            repairs={
                kind: RepairCount(
                    self._counts[kind],
                    tuple(self._files.get(kind, {})),
                    tuple(self._messages.get(kind, {})),
                )
                for kind in Repair
                if kind in self._counts
            },
            failures=tuple(self._failures),
            files=self.files,
            intervals=self.intervals,
            missing=self.missing,
            notes=tuple(self._notes),
        )


def _keep(examples: dict[str, None], text: str) -> None:
    if text and (len(examples) < EXAMPLES):
        examples[text] = None
