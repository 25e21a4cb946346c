r"""The action of the matrix exponential of a killed chain, by a shift-and-invert Krylov space.

With :math:`R = (I + \gamma M)^{-1}`, one subtraction-free elimination of the chain with extra
killing :math:`1/\gamma` gives all products; Arnoldi's :math:`R V_k = V_k H_k + \ldots` then yields

.. math:: e^{-tM} b \approx \|b\|\, V_k \exp\!\big(-\tfrac{t}{\gamma}(H_k^{-1} - I)\big) e_1,

accurate for t from about :math:`\gamma / 10` to everything that is slower, whatever the norm of M
(J. van den Eshof, M. Hochbruck, SIAM J. Sci. Comput. 27 (2006) 1438). Errors are absolute.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from separatrix.markov.arnoldi import Arnoldi

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
        self.space = Arnoldi(resolvent, b)

    def evaluator(self, functional: Array, dimension: int) -> Callable[[float], Array] | None:
        """The function ``t -> functional @ exp(-t M) b``, or None where the space is too small.

        Parameters
        ----------
        functional : (dimension,) or (dimension, m): products of row vectors with the basis.
        dimension : how many basis vectors to use.
        """
        k = min(dimension, self.space.dimension)
        if k == 0:
            shape = functional.shape[1:]
            return lambda t: np.zeros(shape)
        H = self.space.projection[:k, :k]
        values = np.linalg.eigvals(H)
        live = np.abs(values) > 1e-300
        rates = (1.0 / values[live] - 1.0) / self.gamma
        if bool((rates.real < -1e-9 / self.gamma).any()):
            return None  # the projected operator is no contraction
        return self._by_modes(functional[:k]) or self._by_matrix(functional[:k])

    def _by_modes(self, functional: Array) -> Callable[[float], Array] | None:
        """A sum of exponentials, unless the eigenvectors are too close to dependent."""
        k = functional.shape[0]
        values, vectors = np.linalg.eig(self.space.projection[:k, :k])
        try:
            start = np.linalg.solve(vectors, np.eye(k, 1)[:, 0].astype(np.complex128))
        except np.linalg.LinAlgError:
            return None
        if float(np.abs(start).sum()) * float(np.abs(vectors).max()) > 1e5:
            return None
        live = np.abs(values) > 1e-300
        rates = ((1.0 / values[live] - 1.0) / self.gamma).astype(np.complex128)
        weights = (self.space.norm * (functional.T @ vectors) * start)[..., live]

        def value(t: float) -> Array:
            # far beyond what a space has resolved, rounding may grow: not finite, as whoever asks must see
            with np.errstate(over="ignore", invalid="ignore"):
                return np.asarray((weights @ np.exp(-rates * t)).real, dtype=np.float64)

        return value

    def _by_matrix(self, functional: Array) -> Callable[[float], Array] | None:
        from scipy import linalg

        k = functional.shape[0]
        try:
            projected = (np.linalg.inv(self.space.projection[:k, :k]) - np.eye(k)) / self.gamma
        except np.linalg.LinAlgError:
            return None
        rows = self.space.norm * functional.T

        def value(t: float) -> Array:
            with np.errstate(over="ignore", invalid="ignore"):
                return np.asarray(rows @ cast(Any, linalg).expm(-t * projected)[:, 0])

        return value
