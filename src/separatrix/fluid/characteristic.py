r"""The rightmost roots of the characteristic equation of a scalar linear delay equation.

.. math:: x'(t) = \sum_i \kappa_i\,x(t - \tau_i) \qquad\Rightarrow\qquad z = \sum_i \kappa_i e^{-z\tau_i}

The generator of the solution semigroup is discretised on Chebyshev points over the longest delay (Breda,
Maset and Vermiglio, SIAM J. Sci. Comput. 27, 2005); its eigenvalues start Newton's method on the equation
itself, whose residual certifies each root.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import NotConverged
from separatrix.population import Array

_EXPONENT = 700.0  # of the largest exponential that a float64 holds, a little less


def characteristic_roots(
    weights: Array, delays: Array, *, count: int = 4, points: int = 48
) -> NDArray[np.complex128]:
    r"""The `count` rightmost roots z [1/s], by falling real part.

    Parameters
    ----------
    weights : (n,) :math:`\kappa_i` [1/s]. delays : (n,) :math:`\tau_i \ge 0` [s].
    count : roots wanted; fewer come back where the equation has fewer (without delays it has one).
    points : Chebyshev points over the longest delay.

    Raises NotConverged where no root satisfies the equation.
    """
    weights, delays = np.asarray(weights, dtype=np.float64), np.asarray(delays, dtype=np.float64)
    longest = float(delays.max(initial=0.0))
    if longest == 0.0:
        return np.array([weights.sum()], dtype=np.complex128)
    matrix, at = _chebyshev(points, longest)
    matrix[0] = 0.0
    for weight, delay in zip(weights, delays, strict=True):
        matrix[0] += weight * _lagrange(at, -float(delay))
    guesses = np.linalg.eigvals(matrix)
    guesses = guesses[np.argsort(-guesses.real)]
    roots: list[complex] = []
    size = 1.0 + float(np.abs(weights).sum())
    for guess in guesses[: 3 * count + 4]:
        root = _newton(complex(guess), weights, delays)
        if root is None:
            continue
        residual = abs(root - np.sum(weights * np.exp(-root * delays)))
        far = all(abs(root - other) > 1e-7 * (1.0 + abs(root)) for other in roots)
        if residual < 1e-9 * size and far:
            roots.append(root)
    if not roots:
        raise NotConverged(
            "no root of the characteristic equation was found; ask for more points",
            partial=guesses[:count],
            certificate=f"residual below {1e-9 * size:.3g}/s",
        )
    return np.array(sorted(roots, key=lambda z: (-z.real, -z.imag))[:count])


def _newton(z: complex, weights: Array, delays: Array) -> complex | None:
    """A root near z; None where the way leads too far to the left."""
    leftmost = -_EXPONENT / float(delays.max())
    for _ in range(30):
        if z.real < leftmost:
            return None
        terms = weights * np.exp(-z * delays)
        slope = 1.0 + complex(np.sum(delays * terms))
        if slope == 0:
            break
        change = (z - complex(np.sum(terms))) / slope
        z -= change
        if abs(change) < 1e-15 * (1.0 + abs(z)):
            break
    return z if z.real >= leftmost else None


def _chebyshev(n: int, length: float) -> tuple[Array, Array]:
    """Differentiation matrix and points from 0 down to -`length` (Trefethen, Spectral Methods, ch. 6)."""
    x = np.cos(np.pi * np.arange(n + 1) / n)
    c = np.ones(n + 1)
    c[0] = c[-1] = 2.0
    c *= (-1.0) ** np.arange(n + 1)
    gap = x[:, None] - x[None, :]
    matrix = np.outer(c, 1.0 / c) / (gap + np.eye(n + 1))
    matrix -= np.diag(matrix.sum(axis=1))
    return matrix * 2.0 / length, (x - 1.0) * length / 2.0


def _lagrange(points: Array, at: float) -> Array:
    """Values at `at` of the polynomials that are 1 at one Chebyshev point and 0 at the others."""
    away = at - points
    near = np.abs(away) < 1e-14 * (1.0 + np.abs(points).max())
    if near.any():
        return near.astype(np.float64)
    weights = (-1.0) ** np.arange(len(points))
    weights[0] /= 2.0
    weights[-1] /= 2.0
    terms = weights / away
    return terms / terms.sum()
