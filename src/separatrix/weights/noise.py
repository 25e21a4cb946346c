"""How much, and for how long, the CPU load strays from what the operations explain."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from separatrix.weights.system import Curve, Noise, System

Floats = npt.NDArray[np.float64]

LONGEST_MEMORY = 8
"""Most intervals over which noise is whitened."""
HUBER = 1.5
"""Residuals beyond this many standard deviations count linearly, not squared (Huber 1964)."""
_MAD = 1.4826  # median absolute deviation of a normal law to its standard deviation


def huber_loss(z: Floats) -> Floats:
    """Return z^2/2 for |z| <= c and c|z| - c^2/2 beyond, with c = `HUBER`."""
    a = np.abs(z)
    return np.where(a <= HUBER, 0.5 * a * a, HUBER * a - 0.5 * HUBER * HUBER)


def huber_weight(z: Floats) -> Floats:
    """Return the weight min(1, c / |z|) of iteratively reweighted least squares."""
    return HUBER / np.maximum(np.abs(z), HUBER)


def flat(system: System) -> Noise:
    """Return noise of one size and no memory, to start with."""
    spread = float(np.median(np.abs(system.cpu - np.median(system.cpu)))) * _MAD
    spread = spread or float(system.cpu.std()) or 1e-9
    return Noise(np.full(system.n, spread), np.empty(0))


def estimated(system: System, curve: Curve) -> Noise:
    """Return the noise that is left over by a fitted curve.

    Its variance is sigma0^2 + phi^2 (load - lowest load)^2, fitted to medians in bins of load (a few
    wild intervals must not decide); its memory an autoregression whose order minimises BIC; and it is
    scaled so that whitened residuals have unit median deviation.
    """
    expected = system.predicted(curve)
    residual = np.where(system.use, system.cpu - expected, 0.0)
    sigma = _spread(expected, residual)
    memory = _memory(system, residual / sigma)
    z = system.whitened(residual / sigma, memory)[system.use]
    left = float(np.median(np.abs(z))) * _MAD
    return Noise(sigma * max(left, 1e-6), memory)


def _spread(expected: Floats, residual: Floats) -> Floats:
    from scipy.optimize import nnls

    n = len(expected)
    above = expected - expected.min()
    order = np.argsort(above)
    bins = min(50, max(5, n // 50))
    first = np.linspace(0, n, bins + 1)[:-1].astype(np.int64)
    last = n // bins  # the busiest intervals are few and matter: halve the last bin twice
    first = np.unique(np.concatenate([first, [n - last // 2, n - last // 4]]))
    pieces = np.split(np.abs(residual[order]), first[1:].tolist())
    middle = np.array([above[i].mean() for i in np.split(order, first[1:].tolist())])
    size = np.array([len(p) for p in pieces], dtype=np.float64)
    variance = np.array([(np.median(p) * _MAD) ** 2 for p in pieces])
    good = variance > 0.0
    if good.sum() < 3:
        overall = float(residual.std()) or 1e-9
        return np.full(n, overall)
    trust = np.sqrt(size[good]) / variance[good]
    design = np.column_stack([np.ones(int(good.sum())), middle[good] ** 2])
    base, growth = nnls(design * trust[:, None], variance[good] * trust)[0].tolist()
    fitted = base + growth * above**2
    return np.sqrt(np.maximum(fitted, 1e-3 * float(np.median(fitted)) + 1e-18))


def _memory(system: System, e: Floats) -> Floats:
    """Return the autoregression of the series by Yule and Walker, with the order of least BIC."""
    from scipy.linalg import solve_toeplitz

    e = np.clip(e, -3.0, 3.0)
    e = np.where(system.use, e - e[system.use].mean(), 0.0)
    n = int(system.use.sum())
    cov = np.empty(LONGEST_MEMORY + 1)
    for i in range(LONGEST_MEMORY + 1):
        both = system.age[i:] >= i
        cov[i] = float(np.mean(e[i:][both] * e[: system.n - i][both])) if both.any() else 0.0
    best, chosen = n * np.log(max(cov[0], 1e-300)), np.empty(0)
    for order in range(1, LONGEST_MEMORY + 1):
        if n < 20 * order:
            break
        phi = solve_toeplitz(cov[:order], cov[1 : order + 1])
        left = float(cov[0] - phi @ cov[1 : order + 1])
        if left <= 0.0 or np.abs(phi).sum() > 10.0:
            break
        score = n * np.log(left) + order * np.log(n)
        if score < best:
            best, chosen = score, phi
    return chosen
