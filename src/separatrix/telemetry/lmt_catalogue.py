"""Names of file systems, servers and operations in an LMT database."""

from __future__ import annotations

from dataclasses import dataclass

from separatrix.errors import DataError
from separatrix.telemetry.lmt_connection import Database
from separatrix.telemetry.quality import QualityLog, Repair


@dataclass(frozen=True)
class Catalogue:
    """What the numbers in the data tables mean.

    Attributes
    ----------
    fs : name of the file system.
    mds : ``MDS_ID`` -> names of target and host.
    operation : ``OPERATION_ID`` -> name, of the wanted operations only, in the wanted order.
    timed : operations whose ``SUM`` is in microseconds.
    """

    fs: str
    mds: dict[int, tuple[str, str]]
    operation: dict[int, str]
    timed: frozenset[str]


def catalogue_of(
    database: Database, fs: str | None, wanted: tuple[str, ...], log: QualityLog
) -> Catalogue:
    """Read the catalogue of file system `fs`.

    Raises
    ------
    DataError : not LMT's schema, unknown or ambiguous file system, no server, no wanted operation.
    """
    systems = {
        int(number): str(name)
        for number, name in database.all(
            "SELECT FILESYSTEM_ID, FILESYSTEM_NAME FROM FILESYSTEM_INFO"
        )
    }
    servers = database.all("SELECT MDS_ID, FILESYSTEM_ID, MDS_NAME, HOSTNAME FROM MDS_INFO")
    if fs is not None and systems and fs not in systems.values():
        raise DataError(
            f"has no file system {fs!r}",
            file=database.name,
            hint=f"it has {', '.join(sorted(systems.values()))}",
        )
    held = {systems.get(int(row[1]), "") for row in servers}
    if fs is None and len(held) > 1:
        raise DataError(
            f"holds several file systems: {', '.join(sorted(held))}",
            file=database.name,
            hint="choose one with --fs",
        )
    mds = {
        int(row[0]): (str(row[2] or row[3]), str(row[3] or ""))
        for row in servers
        if fs is None or not systems or systems.get(int(row[1])) == fs
    }
    if not mds:
        raise DataError("lists no metadata server (MDS_INFO is empty)", file=database.name)
    info = database.all("SELECT OPERATION_ID, OPERATION_NAME, UNITS FROM OPERATION_INFO")
    operation = {int(number): str(name) for number, name, _ in info if str(name) in wanted}
    if not operation:
        raise DataError(
            f"knows none of the operations {', '.join(wanted)}",
            file=database.name,
            hint=f"OPERATION_INFO lists {', '.join(str(row[1]) for row in info) or 'nothing'}",
        )
    absent = [name for name in wanted if name not in operation.values()]
    log.repair(Repair.ABSENT_DATASET, len(absent), file=database.name, message=", ".join(absent))
    return Catalogue(
        fs=fs or next(iter(held), ""),
        mds=mds,
        operation={
            k: operation[k] for k in sorted(operation, key=lambda i: wanted.index(operation[i]))
        },
        timed=frozenset(str(name) for _, name, units in info if str(units).startswith("usec")),
    )
