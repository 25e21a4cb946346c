"""The request log of a run: one line per request that ended, written in chunks to Parquet."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import DataError

OUTCOMES = ("answered", "late", "failed")


def arrow() -> tuple[Any, Any]:
    """pyarrow and its Parquet part, which have no types."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    return cast(Any, pa), cast(Any, pq)


def log_path(directory: str | Path, run: int) -> Path:
    """The file of one run."""
    return Path(directory) / f"requests-{run:06d}.parquet"


class RequestLog:
    """Writes the log of one run; the file appears under its name only when it is complete.

    Columns: ``run``; ``request`` (number in order of begin); ``stream`` (a source, or a call);
    ``attempts`` (sent); ``outcome`` (answered, late, failed); ``start`` and ``end`` [s].
    """

    def __init__(self, directory: str | Path, run: int, streams: tuple[str, ...]) -> None:
        pa, _ = arrow()
        self.path = log_path(directory, run)
        self._partial = self.path.with_name(f".{self.path.name}.{os.getpid()}.partial")
        self._run = run
        self._streams = pa.array(streams, pa.string())
        self._outcomes = pa.array(OUTCOMES, pa.string())
        words = pa.dictionary(pa.int32(), pa.string())
        fields: list[tuple[str, Any]] = [
            ("run", pa.int32()), ("request", pa.int64()), ("stream", words),
            ("attempts", pa.int16()), ("outcome", words), ("start", pa.float64()),
            ("end", pa.float64()),
        ]  # fmt: skip
        self._schema = pa.schema(fields, metadata={"time_unit": "s"})
        self._writer: Any = None

    def __enter__(self) -> RequestLog:
        _, pq = arrow()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = pq.ParquetWriter(str(self._partial), self._schema)
        except OSError as error:
            raise self._failure(error) from error
        return self

    def take(self, lines: NDArray[np.int64]) -> None:
        """Write a chunk of lines as the event loop left them."""
        pa, _ = arrow()
        times = lines.view(np.float64)
        dictionary = pa.DictionaryArray.from_arrays
        table = pa.table(
            [
                pa.array(np.full(len(lines), self._run, np.int32)),
                pa.array(lines[:, 0]),
                dictionary(pa.array(lines[:, 1].astype(np.int32)), self._streams),
                pa.array(lines[:, 2].astype(np.int16)),
                dictionary(pa.array(lines[:, 3].astype(np.int32)), self._outcomes),
                pa.array(times[:, 4]),
                pa.array(times[:, 5]),
            ],
            schema=self._schema,
        )
        try:
            self._writer.write_table(table)
        except OSError as error:
            raise self._failure(error) from error

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._writer.close()
            if kind is None:
                self._partial.replace(self.path)
        except OSError as error:
            if kind is None:
                raise self._failure(error) from error
        finally:
            self._partial.unlink(missing_ok=True)

    def _failure(self, error: OSError) -> DataError:
        return DataError(
            f"the request log cannot be written: {error}",
            file=str(self.path),
            hint="make room and run again: the runs that ended are kept; or simulate without a log",
        )
