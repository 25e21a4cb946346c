r"""The action of the matrix exponential of a killed chain, by a shift-and-invert Krylov space.

With :math:`R = (I + \gamma M)^{-1}`, one subtraction-free elimination of the chain with extra killing
:math:`1/\gamma` gives all products; Arnoldi's relation :math:`R V_k = V_k H_k + \ldots` then yields

.. math:: e^{-tM} b \approx \|b\|\, V_k \exp\!\big(-\tfrac{t}{\gamma}(H_k^{-1} - I)\big) e_1,

accurate for t from about :math:`\gamma / 10` to everything that is slower, whatever the norm of M
(J. van den Eshof, M. Hochbruck, SIAM J. Sci. Comput. 27 (2006) 1438). Errors are absolute, not entrywise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]


class ExponentialAction:
    """Krylov space of one vector, grown on demand, that evaluates ``exp(-t M) b`` for many t.

    Parameters
    ----------
    resolvent : f -> ``(I + gamma M)^{-1} f``.
    b : (n,) the vector.
    gamma : the shift [s]; choose it between a tenth of and about the times t of interest.
    """

    def __init__(self, resolvent: Callable[[Array], Array], b: Array, gamma: float) -> None:
        self.gamma = gamma
        self._apply = resolvent
        self._norm = float(np.linalg.norm(b))
        self.basis: list[Array] = [b / self._norm] if self._norm > 0.0 else []
        self._h = np.zeros((1, 0))
        self.complete = self._norm == 0.0

    @property
    def dimension(self) -> int:
        """Number of Arnoldi steps done."""
        return self._h.shape[1]

    def grow(self, steps: int) -> None:
        """Enlarge the space; stops early where it has become invariant."""
        for _ in range(steps):
            if self.complete:
                return
            w = self._apply(self.basis[-1])
            k = self.dimension
            column = np.zeros(k + 2)
            for _again in range(2):  # the second pass restores orthogonality
                for j, q in enumerate(self.basis):
                    part = float(q @ w)
                    column[j] += part
                    w = w - part * q
            column[k + 1] = np.linalg.norm(w)
            grown = np.zeros((k + 2, k + 1))
            grown[: k + 1, :k] = self._h
            grown[:, k] = column
            self._h = grown
            if column[k + 1] <= 1e-14 * np.abs(column).max(initial=0.0):
                self.complete = True
            else:
                self.basis.append(w / column[k + 1])

    def coefficients(self, t: float, dimension: int | None = None) -> Array:
        """Coordinates of ``exp(-t M) b`` in the first `dimension` basis vectors.

        NaN where the projected operator is no contraction, so that the space is too small.
        """
        k = self.dimension if dimension is None else min(dimension, self.dimension)
        if k == 0:
            return np.zeros(0)
        from scipy.linalg import expm

        try:
            projected = (np.linalg.inv(self._h[:k, :k]) - np.eye(k)) / self.gamma
        except np.linalg.LinAlgError:
            return np.full(k, np.nan)
        if np.linalg.eigvals(projected).real.min() * t < -1e-6:
            return np.full(k, np.nan)
        action = np.asarray(cast(Any, expm(-t * projected)), dtype=np.float64)
        return self._norm * action[:, 0]

    def vector(self, t: float, dimension: int | None = None) -> Array:
        """``exp(-t M) b`` itself."""
        weights = self.coefficients(t, dimension)
        return np.sum([c * q for c, q in zip(weights, self.basis, strict=False)], axis=0)
