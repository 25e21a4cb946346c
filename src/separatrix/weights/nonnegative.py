"""Small quadratic programmes in which some variables must not be negative."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def minimise_quadratic(H: Floats, b: Floats, n_free: int) -> Floats:
    """Return the x that minimises x'Hx/2 - b'x with ``x[n_free:] >= 0``.

    H = R'R turns the problem into least squares |R x - R^-T b|^2; the free variables are projected
    out and the others found by active sets (Lawson and Hanson, Solving Least Squares Problems,
    1974, chapter 23).

    Parameters
    ----------
    H : (n, n) symmetric, positive semidefinite (a trace of ridge makes it definite).
    b : (n,).
    n_free : number of leading variables without a bound.
    """
    from scipy.optimize import nnls

    scale = 1.0 / np.sqrt(np.maximum(np.diag(H), 1e-300))
    scaled = H * np.outer(scale, scale)
    target = b * scale
    ridge = 1e-12
    while True:
        try:
            L = np.linalg.cholesky(scaled + ridge * np.eye(len(b)))
            break
        except np.linalg.LinAlgError:
            ridge *= 100.0
    R = L.T
    rhs = np.linalg.solve(L, target)
    if n_free == 0:
        return nnls(R, rhs, maxiter=30 * len(b))[0] * scale
    free, bound = R[:, :n_free], R[:, n_free:]
    Q = np.linalg.qr(free, mode="complete")[0]
    rest = Q[:, n_free:].T
    x = np.empty(len(b))
    if bound.shape[1]:
        x[n_free:] = nnls(rest @ bound, rest @ rhs, maxiter=30 * len(b))[0]
    left = rhs - bound @ x[n_free:]
    # R is upper triangular: the free variables, which come first, see only their own rows
    x[:n_free] = np.linalg.solve(R[:n_free, :n_free], left[:n_free])
    return x * scale
