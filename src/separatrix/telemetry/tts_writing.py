"""Write TOKIO Time Series files, as LMT's archiver does: for examples, tests and benchmarks."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from separatrix.atomic import draft_of
from separatrix.errors import DataError
from separatrix.telemetry import tokio

Floats = npt.NDArray[np.float64]


def write_tts(
    path: str | os.PathLike[str],
    stamps: npt.NDArray[np.int64],
    counts: Mapping[str, Floats],
    targets: Sequence[str],
    *,
    cpu: Floats | None = None,
    servers: Sequence[str] = (),
    source: str = "lmt",
) -> None:
    """Write one TTS file (schema "1"), atomically.

    Parameters
    ----------
    path : file to write; replaced where it exists.
    stamps : (n,) begin of each interval [epoch s], evenly spaced, n >= 2.
    counts : operation in the singular -> (n_targets, n) operations per step; NaN is written as the
        missing marker -0.0.
    targets : names of the columns of `counts`.
    cpu : (n_servers, n) load [percent] *as stored*: where `source` is ``"lmt"``, the value at
        stamp t is the load of the interval that ends at t.
    servers : names of the columns of `cpu`.

    Raises
    ------
    DataError : where a shape does not fit.
    """
    n = len(stamps)
    if n < 2:
        raise DataError(f"needs two stamps to tell the step, got {n}", file=os.fspath(path))
    for name, table in (*counts.items(), ("cpu", cpu)):
        wanted = (len(servers) if name == "cpu" else len(targets), n)
        if table is not None and table.shape != wanted:
            raise DataError(f"{name} has shape {table.shape}, expected {wanted}")
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with draft_of(path) as draft, tokio.opened(str(draft), "w") as file:
        file.attrs["version"] = tokio.KNOWN_VERSION
        file.attrs["start"] = np.int64(stamps[0])
        file.attrs["end"] = np.int64(2 * stamps[-1] - stamps[-2])
        groups = {"mdtargets": ({f"{k}s": v for k, v in counts.items()}, targets, "ops")}
        if cpu is not None:
            groups["mdservers"] = ({"cpuload": cpu}, servers, "%")
        for group, (tables, columns, units) in groups.items():
            place = file.create_group(group)
            place.attrs["source"] = source
            place.create_dataset("timestamps", data=stamps.astype(np.int64))
            for name, table in tables.items():
                marked = np.where(np.isnan(table), -0.0, table).T
                data = place.create_dataset(
                    name, data=marked, dtype="f8", chunks=True, compression="gzip"
                )
                data.attrs["columns"] = np.array([c.encode() for c in columns])
                data.attrs["units"] = units
                data.attrs["version"] = "None"  # as real files have it
                data.attrs["updated"] = np.int64(stamps[-1])
