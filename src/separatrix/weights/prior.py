"""What is believed about costs before the CPU load is looked at.

The prior of operation k is w_k = c (p_k + tau q_k z_k), z_k standard normal, w_k >= 0: costs p up to
a common scale c that the data choose, and a doubt of tau in units of the scales q.

* ``"equal"``: p_k = q_k = 1. Shrinking towards it pulls scores towards the plain operation count.
* ``"handler"``: p_k = q_k is the mean time that the server's handler took, over its mean over all
  operations. It includes waits for locks, journal and disk: a prior, not the CPU's cost.

Nesting. A rename counts again in one of the finer rename classes: those never get a weight where
the rename itself is counted. In the releases of Lustre that time their handlers, an open that
creates a file counts in ``mknod`` too; there the weight of mknod is a *surcharge* on that of open,
with p = 0, so that a creation is not paid for twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from separatrix.errors import DataError
from separatrix.telemetry import NESTED

Floats = npt.NDArray[np.float64]

EXCEEDS = 1e-3
"""Largest share of intervals in which a nested count may exceed its parent's (they are read one
after the other, so a sample may catch the child first)."""


@dataclass(frozen=True, eq=False)
class Prior:
    """Prior costs up to a common scale.

    Attributes
    ----------
    name : ``"equal"``, ``"handler"`` or ``"given"``.
    centre : (K,) p >= 0, of mean about 1.
    scale : (K,) q > 0.
    """

    name: str
    centre: Floats
    scale: Floats

    def common(self, w: Floats) -> float:
        """Return the scale c that brings c p closest to the weights w."""
        v = self.centre / self.scale
        return max(float((w / self.scale) @ v / (v @ v)), 0.0)

    def precision(self) -> Floats:
        """Return the (K, K) matrix P with min over c of |(w - c p) / q|^2 = w'Pw."""
        v = self.centre / self.scale
        inner = np.eye(len(v)) - np.outer(v, v) / (v @ v)
        return inner / np.outer(self.scale, self.scale)


def duplicates(operations: Sequence[str]) -> dict[str, str]:
    """Return finer rename class -> ``"rename"`` for the classes whose parent is present too."""
    return {
        child: parent
        for child, parent in NESTED.items()
        if parent == "rename" and child in operations and parent in operations
    }


def surcharges(operations: Sequence[str], rates: Floats, timed: Mapping[str, float]) -> set[str]:
    """Return the operations whose counts are contained in another's, and so cost only the extra.

    Asked only where both are timed, because only those releases count a creation twice, and only
    as long as the counts do not contradict it.

    Parameters
    ----------
    rates : (n, K) [1/s].
    timed : operation -> mean handler time.
    """
    found: set[str] = set()
    for child, parent in NESTED.items():
        names = (child, parent)
        if parent != "rename" and all(o in operations and o in timed for o in names):
            inner, outer = (rates[:, operations.index(o)] for o in names)
            if np.mean(inner > outer) <= EXCEEDS:
                found.add(child)
    return found


def equal(operations: Sequence[str], extra: set[str]) -> Prior:
    """Return the prior of equal costs; operations in `extra` are surcharges, expected to be 0."""
    centre = np.array([0.0 if o in extra else 1.0 for o in operations])
    return Prior("equal", centre, np.ones(len(operations)))


def handler(
    operations: Sequence[str], rates: Floats, timed: Mapping[str, float], extra: set[str]
) -> Prior | None:
    """Return the prior of measured handler times, or None where fewer than two are known.

    An operation that was never timed is expected to cost the average.
    """
    known = [o for o in operations if timed.get(o, 0.0) > 0.0]
    if len(known) < 2:
        return None
    counts = rates.sum(axis=0)
    columns = [operations.index(o) for o in known if o not in extra]
    times = np.array([timed[operations[k]] for k in columns])
    mean = float(times @ counts[columns] / counts[columns].sum())
    scale = np.array([timed[o] / mean if o in known else 1.0 for o in operations])
    return Prior("handler", np.where([o in extra for o in operations], 0.0, scale), scale)


def given(operations: Sequence[str], costs: Mapping[str, float]) -> Prior:
    """Return a prior from costs by name (any unit); an operation not named costs their mean.

    Raises
    ------
    DataError : where no cost is positive, or one is negative or not finite.
    """
    values = np.array([costs[o] for o in operations if o in costs], dtype=np.float64)
    if not len(values) or not np.all(np.isfinite(values)) or values.min() < 0 or values.max() <= 0:
        raise DataError(
            f"prior costs must be >= 0 and some > 0, got {dict(costs)}",
            hint=f"name some of {list(operations)}",
        )
    mean = float(values.mean())
    centre = np.array([costs.get(o, mean) / mean for o in operations], dtype=np.float64)
    return Prior("given", centre, np.maximum(centre, 0.1))
