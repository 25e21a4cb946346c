"""Who loads the servers, over any number of tables: counts added up, then weighed once."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from separatrix.errors import DataError
from separatrix.telemetry import Counters
from separatrix.weights.result import Weights
from separatrix.weights.score import Load, LoadScore, counts_of, grouped, loads_of, score

MOST_BYTES = 16 * 2**20
"""Largest file of projects that is read."""


class Ledger:
    """Operations by server, job, user or project.

    Parameters
    ----------
    weights : what an operation weighs.
    by : ``"server"``, ``"job"``, ``"project"``, or a field of the job id template (``"user"``).
    projects : user -> project, needed for ``"project"``.
    """

    def __init__(
        self, weights: Weights, by: str = "server", projects: Mapping[str, str] | None = None
    ) -> None:
        if by == "project" and not projects:
            raise DataError(
                "load by project needs to know whose users are in which",
                hint="give --projects FILE.csv with lines `user,project`",
            )
        self.weights, self.by, self.projects = weights, by, projects
        self._counts: dict[str, dict[str, float]] = {}
        self._seen = False

    def add(self, table: Counters) -> LoadScore | None:
        """Take one table in, and return the score of its intervals; None where it has none."""
        found = score(self.weights, table) if table.n_intervals and table.targets else None
        if self.by == "server":
            self._seen = True
            for load in found.loads if found else ():
                self._book(load.label, load.counts)
        elif table.accounts is not None and table.accounts.n_rows:
            self._seen = True
            field = "user" if self.by == "project" else self.by
            accounts = grouped(table.accounts, field, self.projects)
            for label, row in zip(accounts.labels, counts_of(accounts).tolist(), strict=True):
                self._book(label, tuple(zip(accounts.operations, row, strict=True)))
        return found

    def loads(self) -> tuple[Load, ...]:
        """Return the load of each, largest first.

        Raises
        ------
        DataError : no table held counts per job.
        """
        if not self._seen:
            grouped(None, self.by, None)
        operations = tuple(dict.fromkeys(o for row in self._counts.values() for o in row))
        counts = np.array(
            [[row.get(o, 0.0) for o in operations] for row in self._counts.values()]
        ).reshape(len(self._counts), len(operations))
        return loads_of(self.weights, tuple(self._counts), operations, counts)

    def _book(self, label: str, counts: tuple[tuple[str, float], ...]) -> None:
        row = self._counts.setdefault(label, {})
        for operation, count in counts:
            row[operation] = row.get(operation, 0.0) + count


def read_projects(path: str | os.PathLike[str]) -> dict[str, str]:
    """Read a file of lines ``user,project``; a first line of just these words is skipped.

    Raises
    ------
    DataError : unreadable, too large, a line of other than two fields, or a user in two projects.
    """
    name = os.fspath(path)
    try:
        if Path(path).stat().st_size > MOST_BYTES:
            raise DataError(f"is larger than {MOST_BYTES:,} bytes", file=name)
        with Path(path).open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.reader(file) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as wrong:
        raise DataError(f"cannot be read: {wrong}", file=name) from wrong
    found: dict[str, str] = {}
    for number, row in enumerate(rows, 1):
        if len(row) != 2:
            raise DataError(
                f"entry {number} has {len(row)} fields, expected user,project", file=name
            )
        user, project = row[0].strip(), row[1].strip()
        if number == 1 and (user, project) == ("user", "project"):
            continue
        if found.setdefault(user, project) != project:
            raise DataError(f"puts user {user!r} in {found[user]!r} and in {project!r}", file=name)
    return found
