"""The files ``data/server1/sim_data.pkl`` ...: a name that Metafor chose, a content that is safe.

They hold arrays and a JSON header in NumPy's ``.npz`` format. Nothing here pickles or unpickles; a
real pickle under that name is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from separatrix.atomic import write_atomically
from separatrix.errors import DataError
from separatrix.simulate.packing import pack, unpack

_FORMAT = "separatrix sim_data 1"


@dataclass(frozen=True)
class SimData:
    """Series of one server in several runs.

    Attributes
    ----------
    step : sampling step [s].
    faults : (start, end) of each fault [s].
    time : (samples,) [s].
    queue : (runs, samples) attempts waiting; orbit : (runs, samples) requests that will come back.
    latency : (runs, samples) mean time at the server of the attempts that left in the step before
        the sample [s]; where none did, that of the step before.
    dropped, served, in_time : (runs, samples) attempts refused, served, and served while their
        client waited, in the step before the sample.
    """

    step: float
    faults: tuple[tuple[float, float], ...]
    time: NDArray[np.float64]
    queue: NDArray[np.float64]
    orbit: NDArray[np.float64]
    latency: NDArray[np.float64]
    dropped: NDArray[np.float64]
    served: NDArray[np.float64]
    in_time: NDArray[np.float64]

    @property
    def pieces(self) -> tuple[tuple[float, float], ...]:
        """(begin, end) of the stretches between faults [s]: from empty, and after each fault."""
        begins = (0.0, *(end for _, end in self.faults))
        ends = (*(start for start, _ in self.faults), float(self.time[-1]))
        return tuple((a, b) for a, b in zip(begins, ends, strict=True) if b > a)


_SERIES = tuple(f.name for f in fields(SimData) if f.name not in ("step", "faults"))


def write_sim_data(path: str | Path, data: SimData) -> None:
    """Write `data`, whole or not at all; DataError where the disk does not take it."""
    header = {"format": _FORMAT, "step": data.step, "faults": [list(f) for f in data.faults]}
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    write_atomically(Path(path), pack(header, {name: getattr(data, name) for name in _SERIES}))


def read_sim_data(path: str | Path) -> SimData:
    """Read what `write_sim_data` wrote; DataError for anything else."""
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise DataError(
            f"cannot be read: {error.strerror}", file=str(path), hint="run data_generation first"
        ) from None
    header, arrays = unpack(content, str(path))
    if header.get("format") != _FORMAT or set(arrays) != set(_SERIES):
        raise DataError(
            "is not simulated data of ours", file=str(path), hint="run data_generation again"
        )
    faults: Any = header["faults"]
    return SimData(float(header["step"]), tuple((float(a), float(b)) for a, b in faults), **arrays)
