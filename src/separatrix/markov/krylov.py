r"""The action of the matrix exponential of a killed chain, by a shift-and-invert Krylov space.

With :math:`R = (I + \gamma M)^{-1}`, one subtraction-free elimination of the chain with extra
killing :math:`1/\gamma` gives all products; Arnoldi's :math:`R V_k = V_k H_k + \ldots` then yields

.. math:: e^{-tM} b \approx \|b\|\, V_k \exp\!\big(-\tfrac{t}{\gamma}(H_k^{-1} - I)\big) e_1,

accurate for t from about :math:`\gamma / 10` to everything that is slower, whatever the norm of M
(J. van den Eshof, M. Hochbruck, SIAM J. Sci. Comput. 27 (2006) 1438). Errors are absolute.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.markov.arnoldi import Arnoldi

Array: TypeAlias = NDArray[np.float64]
Complex: TypeAlias = NDArray[np.complex128]


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

    def modes(self, functional: Array, dimension: int) -> tuple[Complex, Complex]:
        """Decay rates and weights with ``functional @ exp(-t M) b = sum(w * exp(-rate * t))``.

        Both are empty where the space is still too small: the projected operator is then no
        contraction, or its eigenvectors are too close to dependent to be summed.

        Parameters
        ----------
        functional : (dimension,) or (dimension, m): products of row vectors with the basis.
        dimension : how many basis vectors to use.
        """
        k = min(dimension, self.space.dimension)
        none = np.zeros(0, dtype=np.complex128)
        if k == 0:
            return none, none
        try:
            values, vectors = np.linalg.eig(self.space.projection[:k, :k])
            start = np.linalg.solve(vectors, np.eye(k, 1)[:, 0].astype(np.complex128))
        except np.linalg.LinAlgError:
            return none, none
        tiny = np.abs(values) < 1e-300
        rates = (1.0 / np.where(tiny, 1.0, values) - 1.0) / self.gamma
        unstable = bool((rates.real[~tiny] < -1e-9 / self.gamma).any())
        if unstable or float(np.abs(start).sum()) * float(np.abs(vectors).max()) > 1e6:
            return none, none
        weights = self.space.norm * (functional[:k].T @ vectors) * start
        return rates[~tiny].astype(np.complex128), weights[..., ~tiny].astype(np.complex128)
