"""What a site knows of its users besides their counters: sizes, project, directory, and who stays.

A table (CSV or Parquet) with one row per user and the columns ``user`` (or ``project``, ``name``)
and, each optional, ``target``, ``inodes``, ``bytes``, ``project``, ``path`` and ``pinned``.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass

from separatrix.errors import DataError
from separatrix.telemetry.columns import Table, loaded
from separatrix.telemetry.quality import QualityLog

_NAME = ("user", "name", "account", "job", "project")
_YES = frozenset({"1", "1.0", "true", "yes", "y", "x", "pinned"})
_NO = frozenset({"", "0", "0.0", "false", "no", "n"})


@dataclass(frozen=True)
class UserFacts:
    """One user (or project).

    Attributes
    ----------
    target : name of the target it lives on, "" to take that with most of its load.
    inodes, size : what moving it moves; `size` in bytes.
    project : "" for none.
    paths : its directories.
    pinned : whether it must stay.
    """

    target: str = ""
    inodes: float = 0.0
    size: float = 0.0
    project: str = ""
    paths: tuple[str, ...] = ()
    pinned: bool = False

    def joined(self, other: UserFacts) -> UserFacts:
        """Return the facts of both as those of one project.

        Raises
        ------
        DataError : they live on different targets.
        """
        if self.target and other.target and self.target != other.target:
            raise DataError(
                f"users of project {self.project!r} live on {self.target} and {other.target}",
                hint="leave the target empty to take the one with most of the load",
            )
        return UserFacts(
            self.target or other.target,
            self.inodes + other.inodes,
            self.size + other.size,
            self.project,
            (*self.paths, *other.paths),
            self.pinned or other.pinned,
        )


def read_users(path: str | os.PathLike[str]) -> dict[str, UserFacts]:
    """Read a table of users.

    Raises
    ------
    DataError : no such file or table, no column of names, a name twice, or a value out of range.
    """
    file = os.fspath(path)
    if not os.path.isfile(file):
        raise DataError("is no file", file=file, hint="give a CSV or Parquet table of users")
    log = QualityLog()
    table = loaded(file, log)
    broken = log.report()
    if broken.repairs:
        raise DataError(f"has broken lines: {broken}", file=file)
    name = table.first(_NAME)
    if name is None:
        raise DataError(
            f"has no column of names: it has {', '.join(table.columns) or 'none'}",
            file=file,
            hint=f"name one of them {' or '.join(_NAME)}",
        )
    words = {
        column: table.words(column) if column in table.columns else [""] * table.n
        for column in ("target", "path", "pinned")
    }
    project = table.words("project") if "project" in table.columns else [""] * table.n
    inodes, size = _amounts(table, "inodes", file), _amounts(table, "bytes", file)
    found: dict[str, UserFacts] = {}
    for row, user in enumerate(table.words(name)):
        if user in found:
            raise DataError(f"names {user!r} twice", file=file, hint="give each user one row")
        pinned = words["pinned"][row].strip().lower()
        if pinned not in _YES | _NO:
            raise DataError(f"pinned is {pinned!r} for {user!r}", file=file, hint="give yes or no")
        place = words["path"][row]
        found[user] = UserFacts(
            words["target"][row].strip(),
            inodes[row],
            size[row],
            project[row],
            (place,) if place else (),
            pinned in _YES,
        )
    return found


def _amounts(table: Table, column: str, file: str) -> list[float]:
    if column not in table.columns:
        return [0.0] * table.n
    values = [0.0 if math.isnan(v) else v for v in table.numbers(column).tolist()]
    for value in values:
        if value < 0 or math.isinf(value):
            raise DataError(f"{column} must be >= 0 and finite, got {value:g}", file=file)
    return values
