"""From counters that only grow to operations per interval: resets, gaps and grids.

With counter readings n_k(t_0), n_k(t_1) ... of one target, the operations of [t_{i-1}, t_i) are
n_k(t_i) - n_k(t_{i-1}). That difference means nothing where the counters were reset in between
(some counter of the target went down), and it must not stand for one ordinary interval where
readings are absent in between (a gap): both are missing, and counted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from separatrix.telemetry.quality import QualityLog, Repair

Floats = npt.NDArray[np.float64]

GAP = 1.5
"""An interval longer than this many usual (median) intervals is a gap."""


@dataclass(frozen=True, eq=False)
class Readings:
    """Counter readings of targets that were read at the same instants.

    Attributes
    ----------
    stamps : (n,) instants of the readings [s since 1970 UTC].
    counts : (n_operations, n_targets, n) counter values; NaN = absent from the reading.
    latency : same shape, handler time so far [us], or None.
    """

    stamps: Floats
    counts: Floats
    latency: Floats | None = None

    def rows(self, index: npt.NDArray[np.intp] | slice) -> Readings:
        """Return the readings that `index` selects."""
        return Readings(
            self.stamps[index],
            self.counts[:, :, index],
            None if self.latency is None else self.latency[:, :, index],
        )


@dataclass(frozen=True, eq=False)
class Operations:
    """Operations (and handler time [us]) of the intervals [start, start + step)."""

    start: Floats
    step: Floats
    counts: Floats
    latency: Floats | None


def ordered(readings: Readings, log: QualityLog, file: str = "") -> Readings:
    """Return the readings sorted by time, with repeated stamps dropped (the first is kept)."""
    distance = np.diff(readings.stamps)
    if np.all(distance > 0):
        return readings
    log.repair(Repair.UNSORTED, int(np.sum(distance < 0)), file=file)
    order = np.argsort(readings.stamps, kind="stable")
    fresh = np.concatenate([[True], np.diff(readings.stamps[order]) > 0])
    log.repair(Repair.DUPLICATE, int(np.sum(~fresh)), file=file, message="readings of one instant")
    return readings.rows(order[fresh])


def usual_step(stamps: Floats) -> float:
    """Return the median distance of the stamps [s]; NaN for fewer than two."""
    return float(np.median(np.diff(stamps))) if len(stamps) > 1 else float("nan")


def differences(
    readings: Readings, log: QualityLog, file: str = "", *, step: float | None = None
) -> Operations:
    """Return the operations of the intervals between readings.

    Intervals longer than `GAP` usual ones are left out; where a target was reset, or one of the two
    readings lacks it, its operations are NaN.

    Parameters
    ----------
    readings : in increasing time (see `ordered`).
    step : usual distance of readings [s]; default their median.
    """
    length = np.diff(readings.stamps)
    usual = usual_step(readings.stamps) if step is None else step
    counts = np.diff(readings.counts, axis=2)
    latency = None if readings.latency is None else np.diff(readings.latency, axis=2)
    with np.errstate(invalid="ignore"):
        reset = np.any(counts < 0, axis=0)
        if latency is not None:
            reset |= np.any(latency < 0, axis=0)
    gap = length > GAP * usual
    if gap.any():
        log.repair(Repair.GAP, int(np.sum(np.round(length[gap] / usual) - 1)), file=file)
    unknown = np.asarray(np.isnan(readings.counts).all(axis=0))
    log.repair(Repair.GAP, int(unknown.sum()), file=file)
    late = unknown[:, :-1] & ~unknown[:, 1:]
    log.repair(Repair.AFTER_GAP, int((late | gap).sum()), file=file)
    log.repair(Repair.COUNTER_RESET, int((reset & ~gap).sum()), file=file)
    counts[:, reset] = np.nan
    keep = np.flatnonzero(~gap)
    if latency is not None:
        latency[:, reset] = np.nan
        latency = latency[:, :, keep]
    return Operations(readings.stamps[:-1][keep], length[keep], counts[:, :, keep], latency)


def shared_out(stamps: Floats, per_interval: Floats, edges: Floats) -> Floats:
    """Return (n_operations, n_edges - 1) operations between `edges`, in proportion to time.

    Operations are conserved: each interval's count is spread evenly over it. An edge interval that
    is not covered by known intervals is NaN.

    Parameters
    ----------
    stamps : (n,) instants of the readings [s].
    per_interval : (n_operations, n - 1) operations between readings; NaN = missing.
    """
    length = np.diff(stamps)
    missing = np.isnan(per_interval)
    out = np.empty((len(per_interval), len(edges) - 1))
    inside = np.clip(edges, stamps[0], stamps[-1])
    outside = np.diff(edges) - np.diff(inside) > 1e-9
    for k, (row, lost) in enumerate(zip(per_interval, missing, strict=True)):
        total = np.concatenate([[0.0], np.cumsum(np.where(lost, 0.0, row))])
        dark = np.concatenate([[0.0], np.cumsum(np.where(lost, length, 0.0))])
        out[k] = np.diff(np.interp(inside, stamps, total))
        out[k, (np.diff(np.interp(inside, stamps, dark)) > 0) | outside] = np.nan
    return out
