r"""How long an accepted attempt stays at a first-in-first-out server with exponential service.

An attempt that finds `n` others at a server with `c` threads of rate :math:`\mu` waits for
:math:`k = \max(n - c + 1, 0)` departures at rate :math:`a = c\mu` and is then served:
:math:`S = W + B`, :math:`W \sim \mathrm{Erlang}(k, a)`, :math:`B \sim \mathrm{Exp}(\mu)`.
Formulas hold for real `n`, so that the fluid reading can use them between integers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from separatrix.population.expression import SOJOURN_TAIL, UPPER_GAMMA, operation
from separatrix.population.lattice import Array
from separatrix.population.remembered import remembered


@operation(SOJOURN_TAIL, (0, 2, 1, 3))
@remembered
def sojourn_tail(n: ArrayLike, t: float, rate: ArrayLike, threads: int) -> Array:
    r"""P(sojourn > t) for an attempt that finds `n` others.

    .. math:: P(S > t) = Q(k, at) + r_k, \qquad
       r_k = \sum_{j \ge 0} \Bigl(1 - \frac1c\Bigr)^{j} \frac{(at)^{k+j} e^{-at}}{\Gamma(k+j+1)}

    with Q the regularised upper incomplete gamma function. No term is ever subtracted.

    Parameters
    ----------
    n : attempts found at the server, any real >= 0, any shape.
    t : time [s], >= 0.
    rate : service rate of one thread [1/s], > 0; may differ from state to state.
    threads : number of threads c.

    Returns
    -------
    Probabilities, in the common shape of `n` and `rate`.
    """
    from scipy.special import gammainc, gammaincc, gammaln

    found, mu = np.asarray(n, dtype=np.float64), np.asarray(rate, dtype=np.float64)
    k = np.maximum(found - threads + 1.0, 0.0)
    if t <= 0:
        return np.ones(np.broadcast_shapes(k.shape, mu.shape))
    at = threads * mu * t
    log_poisson = k * np.log(at) - at - gammaln(k + 1.0)
    if threads == 1:
        return np.minimum(gammaincc(k, at) + np.exp(log_poisson), 1.0)
    ratio = 1.0 - 1.0 / threads
    x = at * ratio
    # r_k = e^{-mu t} ratio^{-k} P(k, x): exact, and safe while P does not underflow
    with np.errstate(divide="ignore"):
        log_lower = np.log(gammainc(np.maximum(k, 1e-300), x))
    direct = np.exp(np.minimum(-mu * t - k * float(np.log(ratio)) + log_lower, 0.0))
    series = np.exp(log_poisson) * _kummer_sum(k, x)
    remainder = np.where(k == 0, np.exp(-mu * t), np.where(k > x, series, direct))
    return np.minimum(gammaincc(k, at) + remainder, 1.0)


def matched_tail(mean: Array, variance: Array, t: float) -> Array:
    r"""P(G > t) for the gamma law G of this mean [s] and variance [s²], which may vary with state.

    Exact where a sojourn is a sum of equal exponential stages: one thread, Erlang service.
    """
    m, v = mean, variance
    if t <= 0:
        return np.ones(np.broadcast_shapes(np.shape(m), np.shape(v)))
    return upper_gamma(m * m / v, m * t / v)


@operation(UPPER_GAMMA, (0, 1))
def upper_gamma(a: Array, x: Array) -> Array:
    """The regularised upper incomplete gamma function Q(a, x)."""
    from scipy.special import gammaincc

    return np.asarray(gammaincc(a, x), dtype=np.float64)


def _kummer_sum(k: Array, x: Array) -> Array:
    r""":math:`\sum_{j\ge0} x^j / ((k+1)\cdots(k+j))` where k > x; elsewhere unused."""
    # infinite where it is not used: such terms would be the last to get small
    base = np.where(k > x, k, np.inf)
    x = np.asarray(x)[..., None]
    term = np.ones_like(base)
    total = np.ones_like(base)
    # terms fall at least like a Gaussian of width sqrt(x) past j = 0; some at a time, where few states
    # would else cost a call for each
    some = max(1, min(32, 100_000 // max(base.size, 1)))
    for first in range(1, int(10 * np.sqrt(float(np.max(x, initial=0.0)))) + 60, some):
        factors = x / (base[..., None] + np.arange(first, first + some))
        terms = term[..., None] * np.cumprod(factors, axis=-1)
        total = total + terms.sum(axis=-1)
        term = terms[..., -1]
        if float(np.max(term / total, initial=0.0)) < 1e-17:
            break
    return total


def sojourn_moments(n: ArrayLike, rate: float, threads: int) -> tuple[Array, Array]:
    r"""First two moments of the sojourn time [s], [s²] of an attempt that finds `n` others.

    .. math:: E S = \frac{k}{a} + \frac1\mu, \qquad \mathrm{Var}\,S = \frac{k}{a^2} + \frac1{\mu^2}
    """
    k = np.maximum(np.asarray(n, dtype=np.float64) - threads + 1.0, 0.0)
    a = threads * rate
    mean = k / a + 1.0 / rate
    return mean, k / a**2 + 1.0 / rate**2 + mean**2
