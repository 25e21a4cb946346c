"""Finished replications on disk: an interrupted experiment goes on where it stopped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from separatrix.atomic import write_atomically
from separatrix.errors import DataError
from separatrix.fingerprint import experiment_directory
from separatrix.simulate.replication import Batch, Job


class Store:
    """A directory with the batches of one job, one file each, written atomically.

    A file is read back only if it belongs to the same program, settings, seed and version.
    """

    def __init__(self, directory: str | Path, job: Job) -> None:
        self.directory = experiment_directory(directory)
        self._note = self.directory / "experiment.json"
        identity = job.identity + ("+cells" if job.keep else "")
        if self._note.exists():
            try:
                known = json.loads(self._note.read_text(encoding="utf-8"))["identity"]
            except (ValueError, KeyError, TypeError, OSError):
                raise DataError(
                    "is not the note of an experiment", file=str(self._note), hint="remove it"
                ) from None
            if known != identity:
                raise DataError(
                    "holds runs of another program, other settings, another seed or version",
                    file=str(directory),
                    hint="give another directory, or empty this one",
                )
        else:
            note = {"identity": identity, "horizon": job.horizon, "seed": job.seed}
            write_atomically(self._note, json.dumps(note, indent=2).encode())

    def put(self, batch: Batch, packed: bytes | None = None) -> None:
        """Keep `batch`."""
        last = batch.first + batch.count - 1
        name = f"runs-{batch.first:06d}-{last:06d}.npz"
        write_atomically(self.directory / name, packed if packed is not None else batch.pack())

    def spans(self) -> list[tuple[int, int, Path]]:
        """(first, count, file) of what is there, in order and without overlap."""
        found: list[tuple[int, int, Path]] = []
        end = 0
        for path in sorted(self.directory.glob("runs-*-*.npz")):
            try:
                first, last = (int(part) for part in path.stem.split("-")[1:])
            except ValueError:
                continue
            if first >= end:
                found.append((first, last - first + 1, path))
                end = last + 1
        return found

    def get(self, path: Path) -> Batch:
        """Read one batch; DataError where the file is not what its name says."""
        batch = Batch.unpack(path.read_bytes(), str(path))
        if path.name != f"runs-{batch.first:06d}-{batch.first + batch.count - 1:06d}.npz":
            raise DataError("holds other runs than it says", file=str(path), hint="remove it")
        return batch

    def __iter__(self) -> Iterator[Batch]:
        return (self.get(path) for _, _, path in self.spans())
