"""Connections to LMT databases: an SQLite file, or MySQL and MariaDB over pymysql."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np
import numpy.typing as npt

from separatrix.errors import DataError

_BLOCK = 20_000


@dataclass(frozen=True)
class Database:
    """An open database.

    Attributes
    ----------
    name : what reports call it; never holds a password.
    mark : how its driver writes a parameter, ``?`` or ``%s``.
    """

    name: str
    mark: str
    _connection: Any
    _failures: tuple[type[Exception], ...]

    def all(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return all rows of a small answer."""
        cursor = self._connection.cursor()
        try:
            cursor.execute(query, tuple(values))
            return list(cursor.fetchall())
        except self._failures as wrong:
            raise self._error(wrong) from wrong
        finally:
            cursor.close()

    def blocks(self, query: str, values: Sequence[object]) -> Iterator[npt.NDArray[np.float64]]:
        """Yield a large answer of numbers as (rows, columns) arrays; NULL becomes NaN."""
        cursor = self._connection.cursor()
        try:
            cursor.execute(query, tuple(values))
            while rows := cursor.fetchmany(_BLOCK):
                yield np.array(rows, dtype=np.float64)
        except self._failures as wrong:
            raise self._error(wrong) from wrong
        finally:
            cursor.close()

    def _error(self, wrong: Exception) -> DataError:
        return DataError(
            f"the database refused: {wrong}",
            file=self.name,
            hint="is it an LMT database, complete and readable?",
        )


@contextmanager
def connected(source: str) -> Generator[Database]:
    """Open a database for reading.

    Parameters
    ----------
    source : an SQLite file, or ``mysql://user:password@host:port/database``. Options after ``?``:
        ``unix_socket``, ``timeout`` [s] (default 30, for connecting and for each answer), and
        ``password_env``, the name of an environment variable that holds the password.

    Raises
    ------
    DataError : where it cannot be opened.
    """
    if not source.startswith(("mysql://", "mariadb://")):
        with _sqlite(source) as database:
            yield database
        return
    with _mysql(source) as database:
        yield database


@contextmanager
def _sqlite(path: str) -> Generator[Database]:
    if not os.path.isfile(path):
        raise DataError("no such file", file=path)
    try:
        uri = f"{Path(path).resolve().as_uri()}?mode=ro"
        connection = sqlite3.connect(uri, uri=True)
        try:
            connection.execute("SELECT 1 FROM sqlite_master")
        except sqlite3.OperationalError:
            # a copy on a read-only medium, which was never closed, cannot be opened otherwise
            connection.close()
            connection = sqlite3.connect(f"{uri}&immutable=1", uri=True)
    except sqlite3.Error as wrong:
        raise DataError(f"SQLite cannot open it: {wrong}", file=path) from wrong
    try:
        yield Database(path, "?", connection, (sqlite3.Error, ValueError))
    finally:
        connection.close()


@contextmanager
def _mysql(url: str) -> Generator[Database]:
    try:
        import pymysql
        import pymysql.cursors
    except ImportError as wrong:
        raise DataError(
            "MySQL needs the package pymysql", hint="pip install 'separatrix[mysql]'"
        ) from wrong
    parts = urlsplit(url)
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    unknown = set(options) - {"unix_socket", "timeout", "password_env"}
    if unknown:
        raise DataError(
            f"unknown database option(s) {', '.join(sorted(unknown))}",
            hint="known are unix_socket, timeout and password_env",
        )
    user, host, schema = unquote(parts.username or ""), parts.hostname, parts.path.strip("/")
    name = f"mysql://{user}@{host or 'localhost'}/{schema}"
    password = unquote(parts.password or "")
    if "password_env" in options:
        held = os.environ.get(options["password_env"])
        if held is None:
            raise DataError(f"the environment has no variable {options['password_env']}", file=name)
        password = held
    timeout = float(options.get("timeout", "30"))
    try:
        connection: Any = pymysql.connect(
            host=host or "localhost",
            port=parts.port or 3306,
            user=user or None,
            password=password,
            database=schema or None,
            unix_socket=options.get("unix_socket"),
            connect_timeout=max(1, int(timeout)),
            read_timeout=timeout,
            charset="utf8mb4",
            cursorclass=pymysql.cursors.SSCursor,  # rows are streamed, not collected
        )
    except (pymysql.err.MySQLError, OSError, RuntimeError) as wrong:
        raise DataError(
            f"cannot connect: {wrong}",
            file=name,
            hint="check host, port, user, password and database name",
        ) from wrong
    try:
        yield Database(name, "%s", connection, (pymysql.err.MySQLError, OSError, ValueError))
    finally:
        connection.close()
