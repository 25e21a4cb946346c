r"""How much each state belongs to each of some sets, from the slow right modes (PCCA+).

A state's values in m slow modes are a point of an m-simplex whose corners are states that clearly belong to
one set; its memberships are its barycentric coordinates.

References
----------
P. Deuflhard, M. Weber, Linear Algebra Appl. 398 (2005) 161.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.markov.spectrum import Spectrum

Array: TypeAlias = NDArray[np.float64]
Index: TypeAlias = NDArray[np.int64]


def memberships(modes: Spectrum, m: int) -> Array:
    """(m, n) memberships in the span of m modes, nonnegative, with sums of 1."""
    X = _real_modes(modes, m)
    A = np.linalg.inv(X[_corners(X)])
    # the corners of a cloud that is no perfect simplex leave states outside: widen it until none is
    A[1:, 0] = -A[1:, 1:].sum(axis=1)
    swing = A[1:].T @ X[:, 1:].T
    lift = -swing.min(axis=1)
    chi = (swing + lift[:, None]) / lift.sum() if X.shape[1] > 1 else np.ones((1, X.shape[0]))
    return np.maximum(chi, 0.0)


def _real_modes(modes: Spectrum, m: int) -> Array:
    """(n, m) real basis of the slow modes: a complex pair by its real and its imaginary part."""
    columns: list[Array] = []
    for vector, value in zip(modes.right, modes.eigenvalues, strict=True):
        flat = vector.reshape(-1)
        if value.imag == 0.0:
            columns.append(flat.real)
        elif value.imag > 0.0:
            columns += [flat.real, flat.imag]
    return np.stack(columns[:m], axis=1)


def _corners(X: Array) -> Index:
    """The states at the corners of the simplex that the rows of X fill."""
    rest = X.copy()
    chosen = [int((rest**2).sum(axis=1).argmax())]
    rest = rest - rest[chosen[0]]
    for _ in range(1, X.shape[1]):
        size = (rest**2).sum(axis=1)
        chosen.append(int(size.argmax()))
        axis = rest[chosen[-1]] / np.sqrt(size[chosen[-1]])
        rest = rest - np.multiply.outer(rest @ axis, axis)
    return np.array(chosen, dtype=np.int64)
