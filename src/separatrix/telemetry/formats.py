"""What a file holds, told from its first bytes and not from its name."""

from __future__ import annotations

import re
from enum import StrEnum

from separatrix.errors import DataError
from separatrix.telemetry.files import is_url
from separatrix.telemetry.textfiles import head_of


class Kind(StrEnum):
    """Kinds of sources."""

    ARCHIVE = "TOKIO HDF5"
    LMT = "LMT database"
    MD_STATS = "md_stats"
    JOB_STATS = "job_stats"
    EXPOSITION = "text exposition"
    SAVED = "saved Prometheus answer"
    SERVER = "Prometheus"
    TABLE = "table"


_HDF5 = b"\x89HDF\r\n\x1a\n"
_MD_STATS = re.compile(
    rb"^\s*\w+\s+\d+ samples \[|^snapshot_time:?\s|^\w+\.[^\s=]+\.md_stats=", re.M
)
_JOB_STATS = re.compile(rb"^\s*- job_id:|^job_stats:|^\w+\.[^\s=]+\.job_stats=", re.M)
_EXPOSITION = re.compile(rb"^# (?:HELP|TYPE) |^[a-zA-Z_:][\w:]*\{[^}]*\} ", re.M)


def kind_of(source: str) -> Kind:
    """Return what a file or address is.

    Raises
    ------
    DataError : an empty or unreadable file, or one of no known kind.
    """
    if is_url(source):
        return Kind.SERVER if source.startswith("http") else Kind.LMT
    head = head_of(source)
    if not head:
        raise DataError("is empty (0 bytes)", file=source)
    if head.startswith(_HDF5):
        return Kind.ARCHIVE
    if head.startswith(b"SQLite format 3\x00"):
        return Kind.LMT
    if head.startswith(b"PAR1"):
        return Kind.TABLE
    if head.lstrip()[:1] == b"{":
        return Kind.SAVED
    if _JOB_STATS.search(head):
        return Kind.JOB_STATS
    if _MD_STATS.search(head):
        return Kind.MD_STATS
    if _EXPOSITION.search(head):
        return Kind.EXPOSITION
    first = head.split(b"\n", 1)[0]
    if b"\x00" not in head and any(first.count(mark) for mark in (b",", b"\t", b";")):
        return Kind.TABLE
    if source.endswith((".hdf5", ".h5", ".h5lmt")):
        raise DataError("is no HDF5 file: its signature is damaged", file=source)
    raise DataError(
        f"is of no known kind (it begins with {head[:16]!r})",
        file=source,
        hint=f"known are {', '.join(kind.value for kind in Kind)}",
    )
