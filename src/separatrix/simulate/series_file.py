"""The series of every run in one Parquet file: a row per run and sample, a column per series."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from separatrix.errors import DataError
from separatrix.simulate.record import SERIES, Columns
from separatrix.simulate.replication import Batch
from separatrix.simulate.request_log import arrow


def column_names(columns: Columns) -> list[str]:
    """Names such as ``queue[web]``, ``drops[web,full]``, ``orbit[client,0]``, in cell order."""
    compiled = columns.compiled
    names: list[str] = []
    for series in SERIES:
        for who in compiled.servers if series.of == "server" else compiled.streams:
            if series.labels:
                names.extend(f"{series.name}[{who},{label}]" for label in series.labels)
            else:
                names.append(f"{series.name}[{who}]")
    for i, who in enumerate(compiled.streams):
        first, end = compiled.orbit_columns[i], compiled.orbit_columns[i + 1]
        names.extend(f"orbit[{who},{k}]" for k in range(end - first))
    return names


@contextmanager
def _interrupted_after() -> Generator[None]:
    """Let Ctrl-C wait for the end of a write: inside, pyarrow now and then loses it, and the run goes on."""
    usual = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(usual):
        yield
        return
    pressed: list[tuple[int, FrameType | None]] = []
    signal.signal(signal.SIGINT, lambda number, frame: pressed.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
    if pressed:
        usual(*pressed[0])


class SeriesFile:
    """Writes runs in their order; the file appears under its name when it is complete.

    Columns ``run`` and ``time`` [s], then the series: levels as sampled, counts over the step that
    ends at ``time`` (not divided by it).
    """

    def __init__(self, path: str | Path, columns: Columns, step: float) -> None:
        self.path = Path(path)
        self._partial = self.path.with_name(f".{self.path.name}.{os.getpid()}.partial")
        self._names = column_names(columns)
        self._step = step
        self._writer: Any = None

    def take(self, batch: Batch) -> None:
        """Write the runs of `batch`."""
        pa, pq = arrow()
        for i, cells in enumerate(batch.cells):
            time = np.arange(len(cells)) * self._step
            arrays = [pa.array(np.full(len(cells), batch.first + i, np.int32)), pa.array(time)]
            arrays.extend(pa.array(np.ascontiguousarray(column)) for column in cells.T)
            table = pa.table(arrays, names=["run", "time", *self._names])
            table = table.replace_schema_metadata({"time_unit": "s", "step": repr(self._step)})
            try:
                with _interrupted_after():
                    if self._writer is None:
                        self._writer = pq.ParquetWriter(str(self._partial), table.schema)
                    self._writer.write_table(table)
            except OSError as error:
                raise self._failure(error) from error

    def close(self) -> None:
        """Finish the file and give it its name."""
        try:
            self._writer.close()
            self._partial.replace(self.path)
        except OSError as error:
            raise self._failure(error) from error

    def discard(self) -> None:
        """Remove what is unfinished."""
        self._partial.unlink(missing_ok=True)

    def _failure(self, error: OSError) -> DataError:
        return DataError(
            f"the series cannot be written: {error}",
            file=str(self.path),
            hint="make room and run again; with a store, runs that ended are not made again",
        )
