r"""Is a fixed point missing? Brouwer's degree says so.

At the bounds of its box the velocity of a population points inwards or along them: no rate lets a jump
leave. The homotopy :math:`(1-t) f(x) + t\,(x_0 - x)` with an inner :math:`x_0` therefore never vanishes there,
and for t < 1 and a non-singular Jacobian at every fixed point,

.. math:: \sum_i \operatorname{sign} \det(-J(x_i)) = 1 .

A sum that is not 1 proves that points are missing. A sum of 1 leaves one gap: points missing in pairs of
opposite index. The sign of a determinant is taken after rows and columns are brought to one size, and does not
count where the smallest singular value could be an error of the differences: the rounding of all that flows
through a coordinate, over the width of the difference, brought to the same size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from separatrix.fluid.field import DIFFERENCE, jacobians
from separatrix.fluid.newton import flows, imbalance
from separatrix.population import Array, Population

SURE = 1e-6
"""Least singular value, of a Jacobian whose rows and columns are of size one, that has a sign."""
ROUNDING = 4e-16
"""Relative rounding of a flow."""
ROUGH = 1e-5
"""A state of more imbalance is not at rest."""


@dataclass(frozen=True)
class Certificate:
    """What the degree says of a set of fixed points.

    Attributes
    ----------
    indices : (m,) sign of det(-J); 0 where rounding hides it.
    reason : empty where they are certified; else what fails.
    """

    indices: NDArray[np.int_]
    reason: str

    @property
    def degree(self) -> int:
        """Sum of the indices."""
        return int(self.indices.sum())

    @property
    def missing(self) -> bool:
        """Whether points must be missing: whatever the signs that are not sure, the sum is not 1."""
        unsure = int((self.indices == 0).sum())
        return abs(1 - self.degree) > unsure or (1 - self.degree - unsure) % 2 == 1


def certified(population: Population, states: Array) -> Certificate:
    """The certificate of fixed points at `states`, shape (m, n_axes)."""
    found = indices(population, states)
    away = imbalance(population, states) if len(states) else np.zeros(0)
    reason = ""
    if len(states) and float(away.max()) > ROUGH:
        reason = f"a point is out of balance by {float(away.max()):.2g}"
    elif not found.all():
        reason = "the sign of a Jacobian's determinant is lost in rounding"
    elif found.sum() != 1:
        reason = f"the indices add up to {int(found.sum())} instead of 1"
    return Certificate(found, reason)


def indices(population: Population, states: Array) -> NDArray[np.int_]:
    """(m,) sign of det(-J) at each state; 0 where it is not sure."""
    if len(states) == 0:
        return np.zeros(0, dtype=np.int_)
    scaled = -jacobians(population, states)
    # what rounding of the flows makes of a difference of velocities
    _, gross = flows(population, states)
    error = ROUNDING * gross[:, :, None] / (DIFFERENCE * (1.0 + states[:, None, :]))
    for _ in range(4):
        for axis in (2, 1):
            size = np.abs(scaled).max(axis=axis, keepdims=True)
            by = np.sqrt(np.where(size > 0, size, 1.0))
            scaled, error = scaled / by, error / by
    least = np.linalg.svd(scaled, compute_uv=False)[:, -1]
    signs, _ = np.linalg.slogdet(scaled)
    hidden = np.maximum(SURE, np.linalg.norm(error, axis=(1, 2)))
    return np.where(least > hidden, np.rint(signs), 0).astype(np.int_)
