r"""A small perceptron with a linear bypass, in NumPy: what training leaves and prediction needs.

.. math:: f(x) = S x + W_n \tanh(\cdots \tanh(W_1 x + b_1) \cdots) + b_n

Since tanh never steepens, :math:`\|S\| + \prod_i \|W_i\|` (spectral norms) bounds its Lipschitz
constant from above, everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Perceptron:
    """Weights of the layers.

    Attributes
    ----------
    weights : (outputs, inputs) of each layer; biases : (outputs,) of each.
    bypass : (outputs of the last, inputs of the first) linear part.
    """

    weights: tuple[Array, ...]
    biases: tuple[Array, ...]
    bypass: Array

    def __call__(self, x: Array) -> Array:
        """(n, inputs) to (n, outputs)."""
        h = x
        for w, b in zip(self.weights[:-1], self.biases[:-1], strict=True):
            h = np.tanh(h @ w.T + b)
        return h @ self.weights[-1].T + self.biases[-1] + x @ self.bypass.T

    def jacobian(self, x: Array) -> Array:
        """(n, inputs) to (n, outputs, inputs)."""
        h = x
        made = np.broadcast_to(np.eye(x.shape[1]), (len(x), x.shape[1], x.shape[1]))
        for w, b in zip(self.weights[:-1], self.biases[:-1], strict=True):
            h = np.tanh(h @ w.T + b)
            made = (1.0 - h**2)[:, :, None] * (w @ made)
        return self.weights[-1] @ made + self.bypass

    @property
    def lipschitz_bound(self) -> float:
        """No two inputs are torn apart by more than this factor (Euclidean norms)."""
        norms = [float(np.linalg.norm(w, 2)) for w in self.weights]
        return float(np.linalg.norm(self.bypass, 2)) + float(np.prod(norms))

    def beside(self, linear: Array) -> Perceptron:
        """x -> (linear x, f(x))."""
        nothing = np.zeros((len(linear), self.weights[-1].shape[1]))
        return Perceptron(
            (*self.weights[:-1], np.concatenate([nothing, self.weights[-1]])),
            (*self.biases[:-1], np.concatenate([np.zeros(len(linear)), self.biases[-1]])),
            np.concatenate([linear, self.bypass]),
        )

    def after(self, transform: Array, shift: Array) -> Perceptron:
        """x -> transform f(x) + shift."""
        return Perceptron(
            (*self.weights[:-1], transform @ self.weights[-1]),
            (*self.biases[:-1], transform @ self.biases[-1] + shift),
            transform @ self.bypass,
        )
