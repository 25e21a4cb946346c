"""Values of archived series that are not measurements: markers, negatives, zeros never written.

Works on one day's cube at a time and first asks whether there is anything to do: the bits of a
sound float64 count lie between those of +0.0 and those of infinity, which two passes decide.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from separatrix.telemetry.quality import QualityLog, Repair

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_MINUS_ZERO = np.iinfo(np.int64).min
_INFINITY = int(np.array(np.inf).view(np.int64))
BUSY = 50.0
"""Operations in each neighbouring interval above which an interval of none at all is suspicious:
under Poisson arrivals at the neighbours' rate it has probability exp(-50)."""


def remove_markers(values: Floats, log: QualityLog, file: str, *, carries: bool) -> bool:
    """Set to NaN, in place, what marks absence in `values` (..., n_intervals); tell if there was.

    These are -0.0 (never measured), NaN and infinities, and negative values (a reset that an old
    archiver wrote down). With `carries`, the first value after an absent one is removed too: the
    archiver took it as the difference to the last reading before the gap.
    """
    if values.size == 0:
        return False
    bits = values.view(np.int64)
    if bits.min() >= 0 and bits.max() < _INFINITY:
        return False
    marked = bits == _MINUS_ZERO
    unreal = ~np.isfinite(values)
    negative = values < 0.0
    log.repair(Repair.MISSING_MARKER, int(marked.sum()), file=file)
    log.repair(Repair.NOT_FINITE, int(unreal.sum()), file=file)
    log.repair(Repair.NEGATIVE, int((negative & ~unreal).sum()), file=file)
    absent = marked | unreal
    spoilt = absent | negative
    if carries:
        after = absent[..., :-1] & ~spoilt[..., 1:]
        log.repair(Repair.AFTER_GAP, int(after.sum()), file=file)
        spoilt[..., 1:] |= after
    values[spoilt] = np.nan
    return True


def remove_unwritten(values: Floats, load: Floats | None, log: QualityLog, file: str) -> None:
    """Set to NaN, in place, intervals of plain zeros in a layout without a missing marker (h5lmt).

    An interval was never written where every operation is 0 and the CPU load is exactly 0; where
    no load is known, only the zeros at the end of the file count. The first interval after a hole
    may carry the hole's operations and is removed too.

    Parameters
    ----------
    values : (n_operations, n_targets, n_intervals).
    load : (n_servers, n_intervals) CPU load [percent], or None.
    """
    silent = np.all(values == 0.0, axis=(0, 1))
    if load is not None:
        empty = silent & np.all(load == 0.0, axis=0)
    else:
        written = np.flatnonzero(~silent)
        empty = np.arange(len(silent)) > (written[-1] if len(written) else -1)
    if empty.any():
        log.repair(Repair.UNWRITTEN, int(empty.sum()), file=file)
        after = np.zeros_like(empty)
        after[1:] = empty[:-1] & ~empty[1:]
        log.repair(Repair.AFTER_GAP, int(after.sum()), file=file)
        values[:, :, empty | after] = np.nan
        if load is not None:
            load[:, empty] = np.nan


def note_silent(values: Floats, step: Floats, log: QualityLog, file: str, *, rates: bool) -> None:
    """Count, and keep, single intervals without any operation between two busy ones."""
    total = values.sum(axis=(0, 1))
    total = total * step if rates else total
    busy = total >= BUSY
    odd = (total[1:-1] == 0.0) & busy[:-2] & busy[2:]
    log.repair(Repair.SILENT, int(odd.sum()), file=file)
