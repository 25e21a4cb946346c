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
    """Counter readings of one target, in the order in which they were taken.

    Attributes
    ----------
    stamps : (n,) instants of the readings [s since 1970 UTC].
    counts : (n_operations, n) counter values; NaN = absent from the reading.
    latency : (n_operations, n) handler time so far [us], or None.
    """

    stamps: Floats
    counts: Floats
    latency: Floats | None = None


def ordered(readings: Readings, log: QualityLog, file: str = "") -> Readings:
    """Return the readings sorted by time, with repeated stamps dropped (the first is kept)."""
    stamps = readings.stamps
    if np.all(np.diff(stamps) > 0):
        return readings
    log.repair(Repair.UNSORTED, int(np.sum(np.diff(stamps) < 0)), file=file)
    order = np.argsort(stamps, kind="stable")
    fresh = np.concatenate([[True], np.diff(stamps[order]) > 0]) if len(order) else order > 0
    log.repair(Repair.DUPLICATE, int(np.sum(~fresh)), file=file, message="readings of one instant")
    keep = order[fresh]
    return Readings(
        stamps[keep],
        readings.counts[:, keep],
        None if readings.latency is None else readings.latency[:, keep],
    )


def usual_step(stamps: Floats) -> float:
    """Return the median distance of the stamps [s]; NaN for fewer than two."""
    return float(np.median(np.diff(stamps))) if len(stamps) > 1 else float("nan")


def differences(
    readings: Readings, log: QualityLog, file: str = "", *, step: float | None = None
) -> tuple[Floats, Floats | None]:
    """Return operations and handler time [us] of each of the n - 1 intervals between readings.

    Parameters
    ----------
    readings : in increasing time (see `ordered`).
    step : usual distance of readings [s]; default their median.
    """
    counts = np.diff(readings.counts, axis=1)
    latency = None if readings.latency is None else np.diff(readings.latency, axis=1)
    if counts.shape[1] == 0:
        return counts, latency
    reset = np.any(counts < 0, axis=0)
    if latency is not None:
        reset |= np.any(latency < 0, axis=0)
    usual = usual_step(readings.stamps) if step is None else step
    gap = np.diff(readings.stamps) > GAP * usual
    log.repair(Repair.COUNTER_RESET, int(reset.sum()), file=file)
    log.repair(Repair.AFTER_GAP, int((gap & ~reset).sum()), file=file)
    if usual > 0 and gap.any():
        lost = np.round(np.diff(readings.stamps)[gap] / usual) - 1
        log.repair(Repair.GAP, int(lost.sum()), file=file)
    spoilt = reset | gap
    counts[:, spoilt] = np.nan
    if latency is not None:
        latency[:, spoilt] = np.nan
    return counts, latency


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


def common_edges(groups: list[Floats], log: QualityLog) -> tuple[Floats, bool]:
    """Return interval edges for several targets, and whether their readings must be resampled.

    Where all targets were read at the same instants (within 1 % of the usual step), these are the
    edges. Otherwise the edges are multiples of the usual step, over the time that they share.
    """
    longest = max(groups, key=len)
    step = usual_step(longest)
    same = all(
        len(g) == len(longest) and bool(np.all(np.abs(g - longest) <= 0.01 * step)) for g in groups
    )
    if same or len(longest) < 2:
        return longest, False
    low, high = min(g[0] for g in groups), max(g[-1] for g in groups)
    grid = max(1.0, float(np.round(step)))
    edges = np.arange(np.ceil(low / grid) * grid, high + 1e-6, grid)
    log.note(
        f"{len(groups)} targets were read at different instants: counts are shared out "
        f"to intervals of {grid:g} s in proportion to time"
    )
    return (edges, True) if len(edges) > 1 else (longest, True)
